"""One record by its id: from the index, from what was lately seen, from the catalogs themselves."""

from __future__ import annotations

import threading

import pytest

from portal.core.item import Item
from portal.core.query import Query
from portal.errors import Unavailable, UnknownItem
from tests.federation.little import Live, Shelf, federation, gives, item


def test_a_live_hit_opens_here_and_in_another_process(tmp_path):
    def live():
        return Live(lambda query: [item("bnl", "b")], {"b": item("bnl", "b")}.get)

    here = live()
    with federation(tmp_path, {("bnl", "live"): here}) as fed:
        hit = fed.find(Query())[0]
        assert fed.open(hit) == fed.open("bnl:b") == "bnl:b"
        assert fed.item("bnl:b") == hit
        assert here.wanted == []
    there = live()
    with federation(tmp_path, {("bnl", "live"): there}) as fed:
        assert fed.open(hit) == "bnl:b"
        assert fed.open("bnl:b") == "bnl:b"
        assert there.wanted == ["b"]
        assert [e.kind for e in fed.gate.journal.events()] == ["open"] * 4


def test_a_run_takes_a_live_record_with_its_catalogs_configuration(tmp_path):
    catalogs = {("bnl", "other"): gives(), ("bnl", "live"): gives(item("bnl", "b"))}
    with federation(tmp_path, catalogs) as fed:
        reference = fed._input("data", "bnl:b")
        assert reference.item == item("bnl", "b")
        assert reference.opener is fed.facilities["bnl"].catalogs["live"]


def test_the_catalogs_of_a_facility_are_asked_side_by_side(tmp_path):
    together = threading.Barrier(2)

    def meet(local_id):
        together.wait(60)
        return item("bnl", local_id) if threading.current_thread().name.endswith("two") else None

    catalogs = {("bnl", name): Live(None, meet) for name in ("one", "two")}
    with federation(tmp_path, catalogs) as fed:
        assert fed.records.get("bnl:b") == (item("bnl", "b"), "two")


def test_an_unknown_record_is_said_to_be_unknown(tmp_path):
    catalogs = {
        ("bnl", "live"): gives(item("bnl", "b")),
        ("bnl", "s"): Shelf(item("bnl", "shelved")),
    }
    with federation(tmp_path, catalogs) as fed, pytest.raises(UnknownItem) as caught:
        fed.open("bnl:shelve")
    assert caught.value.found == "bnl has bnl:shelved and more"
    assert caught.value.advice == "Did you mean bnl:shelved?"


def down(local_id):
    raise Unavailable("The connection was refused")


@pytest.mark.parametrize(
    ("get", "said"),
    [
        (down, "The connection was refused"),
        (lambda local_id: 1 / 0, "ZeroDivisionError"),
        (lambda local_id: {"id": local_id}, "It gave a wrong record: dict instead of Item"),
        (lambda local_id: item("anl", local_id), "records of another facility"),
        (lambda local_id: item("bnl", "other"), "its id is 'bnl:other'"),
        (lambda local_id: Item("bnl", "{}"), "cannot be read"),
    ],
)
def test_a_catalog_at_fault_says_so_and_not_that_there_is_none(tmp_path, get, said):
    catalogs = {("bnl", "live"): Live(None, get), ("bnl", "also"): gives(item("bnl", "good"))}
    with federation(tmp_path, catalogs) as fed:
        assert fed.item("bnl:good").local_id == "good"
        with pytest.raises(Unavailable) as caught:
            fed.item("bnl:bad")
    assert "It cannot be said whether there is a dataset 'bnl:bad'" in str(caught.value)
    assert said in str(caught.value)
    assert "bnl (live)" in str(caught.value)


def test_a_catalog_that_cannot_be_built_says_why(tmp_path):
    said = pytest.raises(Unavailable, match="no driver 'no-such-driver'")
    with federation(tmp_path, {("bnl", "live"): None}) as fed, said:
        fed.item("bnl:b")


def test_a_catalog_that_hangs_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("portal.federation.records.DEADLINE", 0.3)
    release = threading.Event()
    with federation(tmp_path, {("bnl", "live"): Live(None, lambda x: release.wait(60))}) as fed:
        with pytest.raises(Unavailable, match="It does not answer"):
            fed.item("bnl:b")
        release.set()


def test_what_is_remembered_of_live_records_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("portal.federation.records.REMEMBERED", 3)
    live = gives(*(item("bnl", f"b{n}") for n in range(5)))
    with federation(tmp_path, {("bnl", "live"): live}) as fed:
        fed.find(Query())
        assert len(fed.records._seen._items) == 3
        assert fed.item("bnl:b0") == item("bnl", "b0")
        assert live.wanted == ["b0"]
