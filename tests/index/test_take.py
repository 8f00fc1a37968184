"""Harvests in batches: the records and the place to go on are kept together."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import portal.index.terms
from portal.core.contracts import Batch
from portal.core.item import Item
from portal.core.query import Query
from portal.errors import InvalidItem
from portal.index import Index

KILLED = """
import os, signal, sys
import portal.index.terms
from portal.core.contracts import Batch
from portal.core.item import Item
from portal.index import Index
index = Index(sys.argv[1])
for number in range(int(index.cursor("anl", "c") or 0), 100):
    made = Item.build("anl", f"r{number}", title="Turbidity", created="2020-01-01T00:00:00Z")
    index.take("anl", "c", Batch((made,), str(number + 1)))
    print(number, flush=True)
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def item(local, title="Turbidity", facility="anl"):
    return Item.build(facility, local, title=title, created="2020-01-01T00:00:00Z")


def batch(*names, cursor, removed=()):
    return Batch(tuple(item(name) for name in names), cursor, removed)


def total(index):
    return index.search(Query.of("turbidity")).total


@pytest.fixture
def index(tmp_path):
    with Index(tmp_path / "index") as index:
        yield index


def test_records_come_with_their_cursor_and_are_found_after_a_flush(index):
    assert index.cursor("anl", "c") is None
    index.take("anl", "c", batch("a", "b", cursor="2"))
    assert index.cursor("anl", "c") == "2"
    assert index.cursor("anl", "other") is None
    assert index.get("anl:a") == (item("a"), "c")
    assert total(index) == 0
    index.flush()
    assert total(index) == 2
    index.take("anl", "c", batch("c", cursor="3", removed=("a", "unknown")))
    index.take("anl", "c", batch("c", cursor="3", removed=("a", "unknown")))
    index.flush()
    assert (total(index), index.count(), index.get("anl:a")) == (2, 2, None)


def test_another_change_or_opening_the_index_shows_what_was_taken(tmp_path):
    with Index(tmp_path) as index:
        index.take("anl", "c", batch("a", cursor="1"))
        index.upsert([item("b")], catalog="d")
        assert total(index) == 2
        index.take("anl", "c", batch("c", cursor="2"))
        assert total(index) == 2
    with Index(tmp_path) as index:
        assert total(index) == 3


def test_many_records_or_a_while_show_what_was_taken(index, monkeypatch):
    monkeypatch.setattr(portal.index.terms, "_FEW", 3)
    for number in range(3):
        index.take("anl", "c", batch(f"r{number}", cursor=str(number)))
    assert total(index) == 0
    index.take("anl", "c", batch("r3", cursor="3"))
    assert total(index) == 4
    index.take("anl", "c", batch("r4", cursor="4"))
    assert total(index) == 4
    monkeypatch.setattr(portal.index.terms, "LAG", 0.0)
    assert total(index) == 5


def test_another_process_sees_what_the_one_that_takes_has_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(portal.index.terms, "_FEW", 1)
    with Index(tmp_path) as index, Index(tmp_path) as other:
        index.take("anl", "c", batch("a", cursor="1"))
        assert total(other) == 0
        index.take("anl", "c", batch("b", cursor="2"))
        assert total(other) == 2
        index.take("anl", "c", batch("c", cursor="3"))
        assert total(other) == 2
        monkeypatch.setattr(portal.index.terms, "LAG", 0.0)
        assert total(other) == 3
        assert total(index) == 3


def test_counts_are_never_those_of_before(index):
    for number in range(4):
        index.upsert([item(f"r{number}")], catalog="c")
        for limit in (20, 1, 0):
            found = index.search(Query.of("turbidity", limit=limit))
            assert (found.total, found.facets["facility"]) == (number + 1, (("anl", number + 1),))
            found.facets.clear()


def test_a_batch_of_another_facility_changes_nothing(index):
    index.take("anl", "c", batch("a", cursor="1"))
    with pytest.raises(InvalidItem, match="another facility"):
        index.take("anl", "c", Batch((item("b"), item("x", facility="bnl")), "2"))
    assert (index.cursor("anl", "c"), index.count()) == ("1", 1)


def test_a_batch_removes_records_of_its_own_catalog_only(index):
    index.take("anl", "other", batch("a", cursor="1"))
    index.take("anl", "c", batch("b", cursor="1", removed=("a",)))
    assert index.count() == 2


def test_batches_and_whole_harvests_forget_what_the_other_knew(index):
    index.replace("anl", "c", [item("a"), item("b")], "print")
    assert (index.fingerprint("anl", "c"), index.cursor("anl", "c")) == ("print", None)
    index.take("anl", "c", batch("c", cursor="1"))
    assert (index.fingerprint("anl", "c"), index.cursor("anl", "c")) == (None, "1")
    index.replace("anl", "c", [item("a")], "next")
    assert (index.fingerprint("anl", "c"), index.cursor("anl", "c")) == ("next", None)
    assert (total(index), index.count()) == (1, 1)


def test_a_harvest_that_was_killed_goes_on_where_it_was(tmp_path):
    def harvest():
        return subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path)],
            check=False, capture_output=True, text=True, timeout=100, cwd=Path(__file__).parents[2],
        )  # fmt: skip

    assert harvest().returncode == -signal.SIGKILL
    with Index(tmp_path) as index:
        assert (index.cursor("anl", "c"), index.count(), total(index)) == ("4", 4, 4)
    again = harvest()
    assert again.returncode == 0, again.stderr
    assert again.stdout.split() == [str(n) for n in range(4, 100)]
    with Index(tmp_path) as index:
        assert (index.cursor("anl", "c"), index.count(), total(index)) == ("100", 100, 100)


def test_a_database_of_the_first_version_is_brought_on_without_loss(tmp_path):
    with Index(tmp_path) as index:
        index.replace("anl", "c", [item("a"), item("b")], "print")
    connection = sqlite3.connect(tmp_path / "items.sqlite")
    connection.executescript(
        "ALTER TABLE catalogs DROP COLUMN cursor; ALTER TABLE state DROP COLUMN due;"
        "PRAGMA user_version = 1;"
    )
    connection.close()
    state = (tmp_path / "terms.json").read_text()
    (tmp_path / "terms.json").write_text(
        state.replace(f'"schema": {portal.index.terms.SCHEMA}', '"schema": 1')
    )
    with Index(tmp_path) as index:
        assert (total(index), index.fingerprint("anl", "c")) == (2, "print")
        assert index.cursor("anl", "c") is None
        index.take("anl", "c", batch("c", cursor="1"))
        index.flush()
        assert (total(index), index.cursor("anl", "c")) == (3, "1")
