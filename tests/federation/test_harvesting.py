"""Harvests on request: in steps that are kept, gone on with, and not taken twice."""

from __future__ import annotations

import json
import os
import threading
import warnings

import pytest

from portal.core.contracts import Batch
from portal.core.policy import Policy
from portal.errors import Denied, InvalidInput, InvalidParameter, Unavailable
from portal.federation import ndjson
from portal.federation.sources import FRESH_WHOLE
from tests.federation.little import Shelf, federation, gives, item


class Archive:
    """A catalog that gives its records in batches; the cursor is the number of those given."""

    def __init__(self, *batches):
        self.given = list(batches)
        self.cursors = []

    def items(self):
        raise AssertionError("it gives batches")

    def open(self, item):
        return item.id

    def batches(self, cursor):
        self.cursors.append(cursor)
        for number, made in enumerate(self.given[int(cursor or 0) :], int(cursor or 0) + 1):
            if isinstance(made, Exception):
                raise made
            items, more = made if isinstance(made, tuple) else (made, {})
            yield Batch(tuple(items), str(number), **more)


def archive(*ids):
    return [item("anl", name, title=f"Record {name}") for name in ids]


def found(fed):
    return {hit.local_id for hit in fed.search("Record", limit=100, wait=0)}


def harvest(fed, **more):
    (report,) = fed.harvest("anl", **more)
    return report


def test_every_record_is_found_and_counted(tmp_path):
    catalog = Archive(archive("a", "b"), (archive("c"), {"faults": ("d is broken",)}))
    told = []
    with federation(tmp_path, {("anl", "data"): catalog}) as fed:
        report = harvest(fed, tell=told.append)
        assert found(fed) == {"a", "b", "c"}
    assert (report.records, report.broken, report.done) == (3, 1, True)
    assert report.faults == ("d is broken",)
    assert [step.records for step in told] == [2, 3, 3]
    assert [step.faults for step in told] == [(), ("d is broken",), ()]


def test_a_harvest_goes_on_where_it_failed(tmp_path):
    catalog = Archive(archive("a"), Unavailable("It is down"), archive("b"))
    with federation(tmp_path, {("anl", "data"): catalog}) as fed:
        first = harvest(fed)
        assert not first.done
        assert "It is down" in first.faults[-1]
        assert found(fed) == {"a"}
        catalog.given[1] = archive("c")
        again = harvest(fed)
        assert (again.records, again.done) == (2, True)
        assert found(fed) == {"a", "b", "c"}
    assert catalog.cursors == [None, "1"]


def test_asked_twice_nothing_changes(tmp_path):
    catalog = Archive(archive("a", "b"))
    with federation(tmp_path, {("anl", "data"): catalog}) as fed:
        harvest(fed)
        again = harvest(fed)
        assert (again.records, again.done) == (0, True)
        assert found(fed) == {"a", "b"}


def test_anew_removes_what_has_gone(tmp_path):
    catalog = Archive(archive("a", "b"))
    with federation(tmp_path, {("anl", "data"): catalog}) as fed:
        harvest(fed)
        catalog.given = [archive("b", "c")]
        report = harvest(fed, anew=True)
        assert (report.records, report.removed) == (2, 1)
        assert found(fed) == {"b", "c"}


def test_records_that_a_batch_names_are_removed(tmp_path):
    catalog = Archive(archive("a", "b"), ([], {"removed": ("a",)}))
    with federation(tmp_path, {("anl", "data"): catalog}) as fed:
        assert harvest(fed).removed == 1
        assert found(fed) == {"b"}


def test_a_live_catalog_without_batches_is_listed_whole(tmp_path):
    catalog = gives()
    held = archive("a", "b")
    catalog.items = lambda: iter(held)
    with federation(tmp_path, {("anl", "data"): catalog}) as fed:
        assert harvest(fed).records == 2
        held[:] = archive("b", "c")
        report = harvest(fed)
        assert (report.records, report.removed, report.done) == (2, 1, True)
        assert found(fed) == {"b", "c"}


def test_a_listing_that_fails_removes_nothing(tmp_path):
    catalog = gives()
    catalog.items = lambda: iter(archive("a", "b"))
    with federation(tmp_path, {("anl", "data"): catalog}) as fed:
        harvest(fed)

        def broken():
            yield from archive("b")
            raise OSError("cut")

        catalog.items = broken
        report = harvest(fed)
        assert not report.done
        assert report.removed == 0
        assert found(fed) == {"a", "b"}


def test_records_of_others_and_rubbish_are_left_out(tmp_path):
    catalog = Archive([*archive("a"), item("bnl", "b", title="Record b"), "rubbish", None])
    with federation(tmp_path, {("anl", "data"): catalog}) as fed:
        report = harvest(fed)
        assert (report.records, report.broken, report.done) == (1, 3, True)
        assert found(fed) == {"a"}


def test_warnings_of_a_catalog_are_faults(tmp_path):
    class Warns(Archive):
        def batches(self, cursor):
            warnings.warn("one is odd", stacklevel=2)
            yield from super().batches(cursor)

    with federation(tmp_path, {("anl", "data"): Warns(archive("a"))}) as fed:
        assert harvest(fed).faults == ("one is odd",)


def test_it_stops_when_told_and_goes_on_later(tmp_path):
    catalog, stop = Archive(archive("a"), archive("b")), threading.Event()
    with federation(tmp_path, {("anl", "data"): catalog}) as fed:
        report = harvest(fed, stop=stop, tell=lambda _: stop.set())
        assert not report.done
        assert found(fed) == {"a"}
        assert harvest(fed).done
        assert found(fed) == {"a", "b"}


def test_one_catalog_that_fails_leaves_the_others(tmp_path):
    catalogs = {
        ("anl", "bad"): Archive(RuntimeError("boom")),
        ("anl", "good"): Archive(archive("a")),
    }
    with federation(tmp_path, catalogs) as fed:
        bad, good = fed.harvest("anl")
        assert "boom" in bad.faults[-1]
        assert good.done


def test_a_catalog_of_batches_is_taken_in_only_when_asked(tmp_path):
    catalog = Archive(archive("a"))
    with federation(tmp_path, {("anl", "data"): catalog}) as fed:
        result = fed.search("Record")
        assert result.total == 0
        assert "portal harvest anl" in result.problems[0].reason
        harvest(fed)
        result = fed.search("Record")
        assert result.total == 1


def test_a_catalog_that_cannot_tell_is_not_read_all_the_time(tmp_path):
    with federation(tmp_path, {("anl", "data"): Shelf(*archive("a"))}) as fed:
        assert found(fed) <= {"a"}
        fed.search("Record")
        (source,) = fed.records._sources.of(["anl"])
        fed.records._sources.wait([source])
        import time

        assert source.due - time.monotonic() > FRESH_WHOLE / 2


@pytest.mark.parametrize("name", ["none", ""])
def test_an_unknown_catalog_is_named(tmp_path, name):
    with (
        federation(tmp_path, {("anl", "data"): Archive()}) as fed,
        pytest.raises(InvalidParameter, match="data"),
    ):
        fed.harvest("anl", catalog=name)


def test_the_policy_is_asked_and_the_journal_written(tmp_path):
    catalogs = {("anl", "data"): Archive(archive("a"))}
    with (
        federation(tmp_path / "a", catalogs, policy=Policy(())) as fed,
        pytest.raises(Denied, match="harvest"),
    ):
        fed.harvest("anl")
    with federation(tmp_path / "b", catalogs) as fed:
        harvest(fed)
        assert '"harvest"' in fed.home.journal.read_text()


# files ------------------------------------------------------------------------------------


def lines(path, *documents):
    with path.open("a", encoding="utf-8") as file:
        for document in documents:
            text = document if isinstance(document, str) else document.text
            file.write(text + "\n")


@pytest.fixture
def shelved(tmp_path):
    with federation(tmp_path / "home", {("anl", "data"): gives()}) as fed:
        yield fed


def test_a_file_is_taken_line_by_line(shelved, tmp_path):
    path = tmp_path / "records.ndjson"
    lines(path, *archive("a"), "{broken", '["a list"]', '{"type": "Feature"}', "", *archive("b"))
    report = harvest(shelved, source=path)
    assert (report.records, report.broken, report.done) == (2, 3, True)
    numbers = [fault.split(":")[0].rpartition(" ")[2] for fault in report.faults]
    assert numbers == ["2", "3", "4"]
    assert found(shelved) == {"a", "b"}


def test_lines_that_were_added_are_taken_alone(shelved, tmp_path):
    path = tmp_path / "records.ndjson"
    lines(path, *archive("a", "b"))
    harvest(shelved, source=path)
    lines(path, "{broken", *archive("c"))
    report = harvest(shelved, source=path)
    assert report.records == 1
    assert "line 3" in report.faults[0]
    assert found(shelved) == {"a", "b", "c"}


def test_another_file_of_the_same_name_begins_anew(shelved, tmp_path):
    path = tmp_path / "records.ndjson"
    lines(path, *archive("a", "b"))
    harvest(shelved, source=path)
    path.unlink()
    lines(path, *archive("x", "y", "z"))
    assert harvest(shelved, source=path).records == 3


def test_data_of_a_records_file_are_opened_by_the_catalog(shelved, tmp_path):
    path = tmp_path / "records.ndjson"
    lines(path, *archive("a"))
    harvest(shelved, source=path)
    assert shelved.open("anl:a") == "anl:a"


def test_a_line_without_end_is_left_out(shelved, tmp_path, monkeypatch):
    monkeypatch.setattr(ndjson, "LONGEST", 2_000)
    path = tmp_path / "records.ndjson"
    lines(path, *archive("a"), "x" * 9_000, *archive("b"))
    report = harvest(shelved, source=path)
    assert report.records == 2
    assert "line 2" in report.faults[0]
    assert "2,000 bytes" in report.faults[0]


def test_many_records_come_in_pieces(shelved, tmp_path, monkeypatch):
    monkeypatch.setattr(ndjson, "PIECE", 3)
    path = tmp_path / "records.ndjson"
    lines(path, *archive(*"abcdefgh"))
    told = []
    harvest(shelved, source=path, tell=told.append)
    assert [step.records for step in told] == [3, 6, 8, 8]


def test_deep_nesting_is_a_broken_line(shelved, tmp_path):
    path = tmp_path / "records.ndjson"
    lines(path, "[" * 100_000, json.dumps({"type": "Feature", "id": "\ud800"}), *archive("a"))
    report = harvest(shelved, source=path)
    assert (report.records, report.broken) == (1, 2)


def test_what_is_no_file_is_refused(shelved, tmp_path):
    with pytest.raises(Unavailable, match="no file"):
        harvest(shelved, source=tmp_path / "none")
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path, tmp_path / "pipe"):
        assert "regular file" in harvest(shelved, source=odd).faults[-1]
    assert isinstance(InvalidInput("x"), ValueError)
