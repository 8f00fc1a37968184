"""Several processes on one index, and one that is killed at the worst moments."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from portal.core.item import Item
from portal.core.query import Query
from portal.index import Index
from portal.index.tables import prepare
from tests.helpers import wait_until

WRITER = """
import sys
from portal.core.item import Item
from portal.index import Index
directory, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with Index(directory) as index:
    for number in range(count):
        made = Item.build(name, f"r{number}", title=f"Turbidity {name} {number}",
                          created="2020-01-01T00:00:00Z")
        index.upsert([made], catalog="c")
        print(number, flush=True)
"""

KILLED = """
import os, signal, sys
import portal.index.terms as terms
from portal.core.item import Item
from portal.index import Index
directory, where = sys.argv[1:]
def die(*args, **more):
    os.kill(os.getpid(), signal.SIGKILL)
commit, write = terms.Terms._commit, terms.Terms._write
def after(self, *args, **more):
    commit(self, *args, **more)
    die()
index = Index(directory)
if where == "between":
    terms.Terms._apply = die
elif where == "before the search files' commit":
    terms.Terms._commit = die
elif where == "after the search files' commit":
    terms.Terms._commit = after
else:
    terms.Terms._sweep = die
    index.rebuild()
made = Item.build("anl", "new", title="Turbidity new", created="2020-01-01T00:00:00Z")
index.replace("anl", "c", [made], "next")
"""


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip


def records(count, facility="anl"):
    return [
        Item.build(facility, f"r{n}", title=f"Turbidity {n}", created="2020-01-01T00:00:00Z")
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("where", "expected"),
    [("between", 1), ("before the search files' commit", 1),
     ("after the search files' commit", 1), ("while built anew", 5)],
)  # fmt: skip
def test_a_process_killed_between_the_commits_leaves_no_doubt(tmp_path, where, expected):
    with Index(tmp_path) as index:
        index.replace("anl", "c", records(5), "first")
    with start(KILLED, tmp_path, where) as process:
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    with Index(tmp_path) as index:
        assert index.count() == expected
        found = index.search(Query.of("turbidity"))
        assert found.total == len(found.hits) == expected
        assert {hit.item.id for hit in found.hits} == {
            hit.item.id for hit in index.search(Query()).hits
        }


def test_a_process_killed_beside_an_open_index_is_mended_by_the_next_search(tmp_path):
    with Index(tmp_path) as index:
        index.replace("anl", "c", records(5), "first")
        assert index.search(Query.of("turbidity")).total == 5
        with start(KILLED, tmp_path, "between") as process:
            process.communicate(timeout=60)
        assert index.search(Query.of("turbidity")).total == 1


def test_two_processes_write_at_once_and_a_third_reads(tmp_path):
    count = 25
    with start(WRITER, tmp_path, "one", count) as one, start(WRITER, tmp_path, "two", count) as two:
        for process in (one, two):
            assert process.stdout.readline() == "ready\n"
        for process in (one, two):
            process.stdin.write("\n")
            process.stdin.flush()
        with Index(tmp_path) as index:
            first = one.stdout.readline()
            assert first == "0\n"
            assert index.search(Query.of("turbidity one")).total >= 1
            for process in (one, two):
                process.communicate(timeout=120)
                assert process.returncode == 0
            found = index.search(Query.of("turbidity"))
            assert found.total == index.count() == 2 * count
            assert dict(found.facets["facility"]) == {"one": count, "two": count}


def test_threads_of_one_process_search_while_it_writes(tmp_path):
    with Index(tmp_path) as index:
        index.upsert(records(50), catalog="c")
        done = threading.Event()
        seen: list[int] = []
        failed: list[BaseException] = []

        def search():
            try:
                while not done.is_set():
                    seen.append(index.search(Query.of("turbidity")).total)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=search) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(seen) > 5)
        for number in range(15):
            index.upsert(records(1, f"f{number}"), catalog="c")
        done.set()
        for thread in threads:
            thread.join()
        assert not failed
        assert set(seen) <= set(range(50, 66))
        assert index.search(Query.of("turbidity")).total == 65


def test_a_writer_elsewhere_does_not_hold_up_a_search(tmp_path):
    with Index(tmp_path) as index, Index(tmp_path) as other:
        index.upsert(records(5), catalog="c")
        assert other.search(Query.of("turbidity")).total == 5
        with index._store.exclusive(wait=True) as held:
            assert held
            assert other.search(Query.of("turbidity")).total == 5


def test_a_database_that_another_makes_at_this_moment_is_waited_for(tmp_path, monkeypatch):
    """SQLite itself does not wait where two switch to the write-ahead log at once."""
    path = tmp_path / "items.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN")
    other.execute("SELECT * FROM t").fetchall()
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if other.in_transaction:
            other.execute("COMMIT")

    monkeypatch.setattr("portal.index.tables.time.sleep", pause)
    connection = sqlite3.connect(path, timeout=0.05, isolation_level=None)
    prepare(connection, path)
    assert pauses
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    other.close()
