"""The search files come back from the records, whatever happened to them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

import portal.index.terms
from portal.core.item import Item
from portal.core.query import Query
from portal.errors import InvalidItem, Unavailable, Unreadable
from portal.index import Index

MADE = "2020-01-01T00:00:00Z"


def item(number, facility="anl", title="Turbidity"):
    return Item.build(facility, f"r{number}", title=f"{title} {number}", created=MADE)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An index of thirty records, closed."""
    with Index(tmp_path / "index") as index:
        index.upsert([item(n) for n in range(20)], catalog="c")
        index.upsert([item(n) for n in range(20, 30)], catalog="c")
    return tmp_path / "index"


def files(place):
    (directory,) = place.glob("terms-*")
    return directory


def total(place):
    with Index(place) as index:
        return index.search(Query.of("turbidity")).total


def delete_all(place):
    shutil.rmtree(files(place))


def delete_state(place):
    (place / "terms.json").unlink()


def spoil_state(place):
    (place / "terms.json").write_bytes(b"\0\xff" * 50)


def other_version(place):
    state = json.loads((place / "terms.json").read_text())
    (place / "terms.json").write_text(json.dumps(state | {"schema": 99}))


def ahead(place):
    state = json.loads((place / "terms.json").read_text())
    (place / "terms.json").write_text(json.dumps(state | {"generation": 10_000}))


def delete_some(place):
    for path in files(place).glob("*.term"):
        path.unlink()


def delete_meta(place):
    (files(place) / "meta.json").unlink()


def truncate(place):
    for path in files(place).iterdir():
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)


def overwrite(place):
    for path in files(place).iterdir():
        size = path.stat().st_size
        path.write_bytes(b"\xa5" * size)


def mark_as_being_written(place):
    state = json.loads((place / "terms.json").read_text())
    (place / "terms.json").write_text(json.dumps(state | {"files": None}))
    truncate(place)


@pytest.mark.parametrize(
    "damage",
    [delete_all, delete_state, spoil_state, other_version, ahead, delete_some, delete_meta,
     truncate, overwrite, mark_as_being_written],
)  # fmt: skip
def test_damaged_files_are_built_anew(place, damage):
    assert total(place) == 30
    before = files(place)
    damage(place)
    assert total(place) == 30
    assert files(place) != before
    with Index(place) as index:
        index.upsert([item(99)], catalog="c")
        assert index.search(Query.of("turbidity")).total == 31


@pytest.mark.parametrize("damage", [delete_all, delete_some, truncate, overwrite, other_version])
def test_orders_copies_and_the_time_line_come_back(tmp_path, damage):
    def made(facility, year):
        return Item.build(facility, f"y{year}", title=f"Year {year}", time=f"{year}/{year + 3}",
                          doi="10.1/x" if year == 2000 else "")  # fmt: skip

    def told():
        with Index(tmp_path) as index:
            hits = index.search(Query(sort="newest")).hits
            found = [(hit.item.id, [copy.id for copy in hit.copies]) for hit in hits]
            return found, index.timeline(Query())

    with Index(tmp_path) as index:
        index.upsert([made("anl", 1990), made("anl", 2000), made("bnl", 2000)], catalog="c")
    before = told()
    damage(tmp_path)
    assert told() == before
    assert before[0] == [("anl:y2000", ["bnl:y2000"]), ("anl:y1990", [])]
    assert [b.start for b in before[1] if b.records == 2] == [2000, 2001, 2002, 2003]


def test_files_that_are_whole_are_not_built_anew(place):
    before = files(place)
    assert total(place) == 30
    assert files(place) == before


def test_damage_behind_an_open_index_is_mended_at_the_next_change(place):
    with Index(place) as index:
        assert index.search(Query.of("turbidity")).total == 30
        shutil.rmtree(files(place))
        index.upsert([item(99)], catalog="c")
        assert index.search(Query.of("turbidity")).total == 31


@pytest.mark.parametrize("step", ["before", "after"])
def test_a_failure_between_the_two_commits_is_mended(place, step, monkeypatch):
    class Stopped(BaseException):
        pass

    write = portal.index.terms.Terms._write

    def stop(self, state):
        if (state.files is None) == (step == "before"):
            raise Stopped
        write(self, state)

    before = files(place)
    with monkeypatch.context() as patch, Index(place) as index:
        patch.setattr(portal.index.terms.Terms, "_write", stop)
        with pytest.raises(Stopped):
            index.remove(["anl:r3"])
        with pytest.raises(Stopped):
            index.upsert([item(99), item(4, title="Altitude")], catalog="c")
    assert total(place) == 29
    assert files(place) == before


def test_replace_drops_what_the_catalog_no_longer_has(place):
    with Index(place) as index:
        index.upsert([item(1, title="Other")], catalog="other")
        index.replace("anl", "c", [item(n) for n in range(2, 5)], "two")
        assert index.count() == 4
        assert index.search(Query.of("turbidity")).total == 3
        assert index.search(Query.of("other")).total == 1
        assert index.fingerprint("anl", "c") == "two"
        assert index.fingerprint("anl", "other") is None
        assert index.get("anl:r9") is None
        with pytest.raises(InvalidItem, match="facility:local-id"):
            index.get("nonsense")


def test_replace_happens_whole_or_not_at_all(place):
    def broken():
        yield item(500)
        raise OSError("the disk has gone")

    with Index(place) as index:
        with pytest.raises(OSError, match="gone"):
            index.replace("anl", "c", broken(), "next")
        with pytest.raises(InvalidItem, match="another facility"):
            index.replace("anl", "c", [item(1, "bnl")], "next")
        assert (index.count(), index.fingerprint("anl", "c")) == (30, None)
        assert index.search(Query.of("turbidity")).total == 30


def test_a_record_that_moves_is_replaced_not_doubled(place):
    with Index(place) as index:
        index.upsert([item(3, title="Altitude")], catalog="c")
        assert index.search(Query.of("turbidity")).total == 29
        assert [hit.item.id for hit in index.search(Query.of("altitude")).hits] == ["anl:r3"]
        assert index.count() == 30


def test_a_database_that_is_none_is_named(place):
    for path in place.glob("items.sqlite*"):
        path.unlink()
    (place / "items.sqlite").write_bytes(b"not a database" * 500)
    with pytest.raises(Unreadable, match="Move its directory away"):
        Index(place)


def test_a_database_of_another_version_is_left_alone(place):
    connection = sqlite3.connect(place / "items.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Unreadable, match="version 99"):
        Index(place)


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be made"):
        Index(tmp_path / "file" / "index")
