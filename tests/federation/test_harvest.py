"""Catalogs are taken into the index whole or not at all."""

from __future__ import annotations

import warnings

import pytest

from portal.core.item import Item
from portal.core.query import Query
from portal.errors import Unavailable
from portal.federation.harvest import harvest
from portal.index import Index


def item(local, facility="anl"):
    return Item.build(facility, local, title=f"Turbidity {local}", created="2020-01-01T00:00:00Z")


class Shelf:
    """A catalog whose records are what the test puts on it."""

    def __init__(self, *items):
        self.held = list(items)
        self.read = 0

    def items(self):
        self.read += 1
        for held in self.held:
            if isinstance(held, Exception):
                raise held
            if isinstance(held, str):
                warnings.warn(held, stacklevel=2)
            else:
                yield held

    def open(self, item):
        raise AssertionError("nothing is opened by a harvest")


class Marked(Shelf):
    mark = "1"

    def fingerprint(self):
        return self.mark


@pytest.fixture
def index(tmp_path):
    with Index(tmp_path / "index") as index:
        yield index


def ids(index):
    return {hit.item.id for hit in index.search(Query.of("turbidity")).hits}


def test_records_come_change_and_go(index):
    shelf = Shelf(item("a"), item("b"))
    assert harvest(index, "anl", "shelf", shelf) == ()
    assert ids(index) == {"anl:a", "anl:b"}
    shelf.held = [item("b"), item("c")]
    harvest(index, "anl", "shelf", shelf)
    assert ids(index) == {"anl:b", "anl:c"}
    assert shelf.read == 2


def test_a_catalog_that_says_it_is_the_same_is_not_read(index):
    shelf = Marked(item("a"))
    harvest(index, "anl", "shelf", shelf)
    harvest(index, "anl", "shelf", shelf)
    assert shelf.read == 1
    shelf.mark, shelf.held = "2", []
    harvest(index, "anl", "shelf", shelf)
    assert (shelf.read, ids(index)) == (2, set())


def test_an_empty_catalog_with_a_fingerprint_is_read_once(index):
    shelf = Marked()
    harvest(index, "anl", "shelf", shelf)
    harvest(index, "anl", "shelf", shelf)
    assert shelf.read == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [(Unavailable("The directory /x has gone"), "/x has gone"), (KeyError("x"), "KeyError"),
     (item("x", "bnl"), "another facility"), (AttributeError("no"), "AttributeError: no")],
)  # fmt: skip
def test_a_broken_catalog_loses_nothing_and_is_named(index, fault, said):
    shelf = Marked(item("a"))
    harvest(index, "anl", "shelf", shelf)
    shelf.mark, shelf.held = "2", [item("b"), fault]
    (problem,) = harvest(index, "anl", "shelf", shelf)
    assert (problem.facility, problem.catalog) == ("anl", "shelf")
    assert said in problem.reason
    assert "may be out of date" in problem.reason
    assert ids(index) == {"anl:a"}
    assert index.fingerprint("anl", "shelf") == "1"
    shelf.held = [item("b")]
    assert harvest(index, "anl", "shelf", shelf) == ()
    assert ids(index) == {"anl:b"}


def test_what_a_catalog_warns_of_is_returned(index):
    (problem,) = harvest(index, "anl", "shelf", Shelf(item("a"), "b.nc is corrupt", item("c")))
    assert str(problem) == "anl (shelf): b.nc is corrupt"
    assert ids(index) == {"anl:a", "anl:c"}


def test_what_is_no_item_is_named(index):
    (problem,) = harvest(index, "anl", "shelf", Shelf({"id": "a"}))
    assert "AttributeError" in problem.reason
