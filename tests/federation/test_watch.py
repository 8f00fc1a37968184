"""Results stream in as catalogs answer; the slow ones delay nobody and are asked once."""

from __future__ import annotations

import threading

import pytest

from portal.core.query import Query
from portal.errors import Unavailable
from portal.federation.lanes import OUTSTANDING
from tests.federation.little import Held, Live, Shelf, federation, gives, item, streamed
from tests.helpers import wait_until

TURBIDITY = Query.of("turbidity")


def ids(result):
    return {i.id for i in result}


def down(query):
    raise Unavailable("The connection was refused")


def test_first_results_come_before_the_slow_have_answered(tmp_path):
    slow, hung = Held(item("slow", "s")), Held()
    fast = {(f"fast{n}", "live"): gives(item(f"fast{n}", "f")) for n in range(7)}
    others = {("dead", "live"): Live(down), ("slow", "live"): slow, ("hung", "live"): hung}
    with federation(tmp_path, {("anl", "shelf"): Shelf(item("anl", "a"))} | fast | others) as fed:
        results = fed.watch(TURBIDITY, deadline=60)
        for result in results:
            assert not slow.release.is_set()
            if {f"{name}:f" for name, _ in fast} <= ids(result) and "anl:a" in ids(result):
                break
        assert set(result.pending) >= {"slow", "hung"}
        slow.release.set()
        for result in results:
            if "slow:s" in ids(result):
                break
        assert "hung" in result.pending
        *_, last = fed.watch(TURBIDITY, deadline=0.5)
        hung.release.set()
    assert len(last) == 9
    assert last.pending == ()
    assert {p.facility: p.reason for p in last.problems} == {
        "dead": "It could not be searched. The connection was refused.",
        "hung": "It did not answer within 0.5 s.",
    }


def test_the_index_answers_at_once(tmp_path):
    held = Held(item("bnl", "b"))
    with federation(tmp_path, {("bnl", "live"): held}) as fed:
        fed.records.index.upsert([item("bnl", "known")], catalog="live")
        results = fed.watch(TURBIDITY)
        first = next(results)
        assert (ids(first), first.pending) == ({"bnl:known"}, ("bnl",))
        assert held.entered.acquire(timeout=60)
        held.release.set()
        *_, last = results
        assert (ids(last), last.pending) == ({"bnl:known", "bnl:b"}, ())


def test_the_order_of_what_is_shown_stays_as_more_comes(tmp_path):
    words = [
        "turbidity",
        "air turbidity",
        "turbidity of the deep sea",
        "clouds and turbidity at sea",
    ]
    held = [Held(*(item(f"lab{n}", f"r{w}", words[w]) for w in (n % 4, 3))) for n in range(6)]
    catalogs = {(f"lab{n}", "live"): catalog for n, catalog in enumerate(held)}
    shelf = Shelf(*(item("anl", f"a{n}", f"{words[n % 4]} {n}") for n in range(12)))
    with federation(tmp_path, catalogs | {("anl", "shelf"): shelf}) as fed:
        wait_until(lambda: fed.find(TURBIDITY, wait=0).total == 12)
        results = fed.watch(Query.of("turbidity", limit=100), deadline=60)
        shown = [i.id for i in next(results)]
        for catalog in held:
            catalog.release.set()
            for result in results:
                now = [i.id for i in result]
                assert [name for name in now if name in set(shown)] == shown
                shown = now
                if f"lab{held.index(catalog)}:r3" in now:
                    break
        assert len(shown) == 23


def test_asking_again_gives_what_has_come_since_and_asks_nobody_twice(tmp_path):
    held = Held(item("bnl", "b"))
    with federation(tmp_path, {("bnl", "live"): held, ("ornl", "live"): gives()}) as fed:
        first = streamed(fed, TURBIDITY, ("bnl",))
        assert (ids(first), first.problems) == (set(), ())
        again = threading.Event()
        threading.Thread(
            target=lambda: (
                fed.find(Query.of("turbidity", offset=0, limit=7), wait=60).items and again.set()
            ),
            daemon=True,
        ).start()
        held.release.set()
        assert again.wait(60)
        last = fed.find(TURBIDITY, wait=0.2)
        assert (ids(last), last.pending) == ({"bnl:b"}, ())
        assert held.asked == 1


def test_a_new_query_is_not_delayed_by_old_ones_that_hang(tmp_path):
    held, other = Held(), gives(item("ornl", "o"))
    with federation(tmp_path, {("bnl", "live"): held, ("ornl", "live"): other}) as fed:
        fed.records._lanes._deadline = 0.2
        for n in range(OUTSTANDING):
            list(fed.watch(Query.of(f"old {n}"), deadline=0.3))
        result = fed.find(TURBIDITY, wait=60)
        assert ids(result) == {"ornl:o"}
        (problem,) = result.problems
        assert problem.facility == "bnl"
        assert "has not answered earlier searches yet, and was not asked again" in problem.reason
        assert held.asked == OUTSTANDING
        held.release.set()
        assert wait_until(lambda: not fed.find(Query.of("new"), wait=60).problems)


def test_a_slow_catalog_is_read_in_the_background_and_found_later(tmp_path):
    entered, release = threading.Event(), threading.Event()

    class Slow(Shelf):
        def items(self):
            entered.set()
            assert release.wait(60)
            yield from self.held

    catalogs = {("bnl", "slow"): Slow(item("bnl", "b")), ("anl", "shelf"): Shelf(item("anl", "a"))}
    with federation(tmp_path, catalogs) as fed:
        first = wait_until(lambda: fed.find(TURBIDITY, wait=0.1).items)
        assert {i.id for i in first} == {"anl:a"}
        assert entered.is_set()
        result = fed.find(TURBIDITY, wait=0)
        assert (ids(result), result.pending) == ({"anl:a"}, ("bnl",))
        (late,) = list(fed.watch(TURBIDITY, deadline=0.2))[-1].problems
        assert (late.facility, late.catalog) == ("bnl", "slow")
        assert "still being read" in late.reason
        release.set()
        assert ids(fed.find(TURBIDITY, wait=60)) == {"anl:a", "bnl:b"}


def test_each_catalog_of_a_facility_counts_and_problems_stay_with_theirs(tmp_path):
    def broken(query):
        raise ValueError("bad")

    catalogs = {
        ("bnl", "one"): gives(item("bnl", "b1")),
        ("bnl", "two"): gives(item("bnl", "b2")),
        ("bnl", "three"): Live(broken),
        ("bnl", "shelf"): Shelf(item("bnl", "b4")),
        ("bnl", "torn"): Shelf({"id": "x"}),
    }
    with federation(tmp_path, catalogs) as fed:
        for _ in range(2):
            result = fed.find(TURBIDITY)
            assert ids(result) == {"bnl:b1", "bnl:b2", "bnl:b4"}
            assert sorted(p.catalog for p in result.problems) == ["three", "torn"]


@pytest.mark.parametrize("deadline", [0, 0.1])
def test_the_last_result_has_nothing_pending(tmp_path, deadline):
    held = Held()
    with federation(tmp_path, {("bnl", "live"): held}) as fed:
        *_, last = fed.watch(TURBIDITY, deadline=deadline)
        assert last.pending == ()
        held.release.set()


def test_a_catalog_that_is_slow_to_be_built_does_not_move_the_deadline(tmp_path, monkeypatch):
    built, held = threading.Event(), Held()
    with federation(tmp_path, {("bnl", "live"): held, ("ornl", "live"): gives()}) as fed:
        build = fed.registry.catalog

        def slowly(facility, name):
            assert facility == "ornl" or built.wait(60)
            return build(facility, name)

        monkeypatch.setattr(fed.registry, "catalog", slowly)
        results = fed.watch(TURBIDITY, deadline=1)
        first = next(results)
        assert "bnl" in first.pending
        built.set()
        rest = list(results)
        assert len(rest) < 10
        assert rest[-1].pending == ()
        assert [p.reason for p in rest[-1].problems] == ["It did not answer within 1 s."]
        held.release.set()
