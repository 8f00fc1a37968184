"""Catalogs are looked at in the background, when they are due, and warn in their own threads."""

from __future__ import annotations

import threading
import warnings

import pytest

from portal.core.query import Query
from portal.federation.asking import Answer
from portal.federation.lanes import Lane, Lanes
from portal.federation.warned import collected
from tests.federation.little import Shelf, federation, item
from tests.helpers import wait_until

HERE = Lane("bnl", "live")


def test_a_catalog_is_left_alone_while_it_is_fresh(tmp_path):
    shelf = Shelf(item("anl", "a"))
    with federation(tmp_path, {("anl", "s"): shelf}) as fed:
        for _ in range(5):
            assert fed.find(Query()).total == 1
        assert shelf.reads == 1
        (source,) = fed.records._sources.of(["anl"])
        shelf.held.append(item("anl", "b"))
        source.due = 0.0
        assert wait_until(lambda: fed.find(Query()).total == 2)
        assert shelf.reads == 2


def test_a_hung_catalog_is_waited_for_once_and_known_ones_hardly(tmp_path):
    entered, release = threading.Event(), threading.Event()

    class Hangs(Shelf):
        def items(self):
            if self.reads:
                entered.set()
                release.wait(60)
            return super().items()

    shelf = Hangs(item("anl", "a"))
    with federation(tmp_path, {("anl", "s"): shelf}) as fed:
        assert fed.find(Query()).total == 1
        fed.records._sources.of(["anl"])[0].due = 0.0
        result = fed.find(Query(), wait=60)
        assert entered.is_set()
        assert (result.total, result.pending, result.problems) == (1, (), ())
        assert result.took < 30
        release.set()


def test_the_index_has_its_last_word_before_it_is_closed(tmp_path):
    shelf = Shelf(*(item("anl", f"a{n}") for n in range(300)))
    with federation(tmp_path, {("anl", "s"): shelf}) as fed:
        fed.find(Query(), wait=0)
    with federation(tmp_path, {("anl", "s"): Shelf()}) as fed:
        assert fed.records.index.count() == 300


def test_warnings_are_those_of_the_thread():
    together = threading.Barrier(3)
    heard = {}

    def work(name):
        with collected() as texts:
            for n in range(20):
                together.wait(60)
                warnings.warn(f"{name} {n}", stacklevel=1)
        heard[name] = texts

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    with pytest.warns(UserWarning, match="mine") as mine:  # noqa: PT031 - the threads are part of it
        for thread in threads:
            thread.start()
        for n in range(20):
            together.wait(60)
            warnings.warn(f"mine {n}", stacklevel=1)
        for thread in threads:
            thread.join(60)
    assert heard == {name: [f"{name} {n}" for n in range(20)] for name in "ab"}
    assert [str(w.message) for w in mine] == [f"mine {n}" for n in range(20)]
    with pytest.warns(UserWarning, match="after"):
        warnings.warn("after", stacklevel=1)


def test_other_warnings_go_where_they_go():
    with pytest.warns(FutureWarning, match="later"), collected() as texts:
        warnings.warn("later", FutureWarning, stacklevel=1)
    assert texts == []


@pytest.fixture
def lanes():
    return Lanes(threading.Condition(), deadline=0.1)


def answer(text="x"):
    return Answer("bnl", "live", (item("bnl", text),), weight=1_000)


def test_of_those_that_wait_for_their_turn_the_newest_goes_first(lanes):
    lanes._deadline = 60.0
    release, begun = threading.Event(), []

    def work(n):
        def do():
            begun.append(n)
            assert release.wait(60)
            return answer()

        return do

    calls = [lanes.call(HERE, n, work(n)) for n in range(5)]
    wait_until(lambda: len(begun) == 2)
    release.set()
    wait_until(lambda: all(call.ended for call in calls))
    assert sorted(begun[:2]) == [0, 1]
    assert begun[2] == 4
    assert len(begun) == 5


def test_those_that_waited_too_long_are_given_up(lanes):
    release = threading.Event()

    def hang():
        assert release.wait(60)
        return answer()

    running = [lanes.call(HERE, n, hang) for n in range(2)]
    late = lanes.call(HERE, "late", hang)
    assert lanes.expiry(late, 60.0) < late.asked + 1
    wait_until(lambda: lanes.expiry(late, 60.0) < running[0].asked + 60 and not late.begun)
    waited = threading.Event()
    waited.wait(0.15)
    release.set()
    wait_until(lambda: all(call.ended for call in (*running, late)))
    assert late.lost
    assert lanes.call(HERE, "late", answer) is not late


def test_answers_are_kept_and_empty_ones_only_briefly(lanes, monkeypatch):
    full = lanes.call(HERE, "full", answer)
    empty = lanes.call(HERE, "empty", lambda: Answer("bnl", "live"))
    wait_until(lambda: full.ended and empty.ended)
    assert lanes.call(HERE, "full", answer) is full
    assert lanes.call(HERE, "empty", answer) is empty
    monkeypatch.setattr("portal.federation.lanes.BRIEFLY", 0.0)
    assert lanes.call(HERE, "full", answer) is full
    assert lanes.call(HERE, "empty", answer) is not empty
    monkeypatch.setattr("portal.federation.lanes.KEPT", 0.0)
    assert lanes.call(HERE, "full", answer) is not full


def test_what_is_kept_is_bounded(lanes, monkeypatch):
    monkeypatch.setattr("portal.federation.lanes.MOST", 10)
    for n in range(50):
        call = lanes.call(HERE, n, answer)
        wait_until(lambda call=call: call.ended, every=0.001)
    assert len(lanes._recent) == 10
    monkeypatch.setattr("portal.federation.lanes.HEAVIEST", 3_500)
    call = lanes.call(HERE, "last", answer)
    wait_until(lambda: call.ended, every=0.001)
    assert len(lanes._recent) == 3
