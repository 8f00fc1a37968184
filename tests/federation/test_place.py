"""Placement: each term in numbers and words, ranked, with reasons for what is ruled out."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.asset import Asset
from portal.core.item import Item
from portal.core.job import Resources
from portal.core.standing import Allocation, Outage, Standing
from portal.core.variable import Dimension, Variable
from portal.errors import InvalidParameter
from portal.federation.estimating import (
    BANDWIDTH,
    DECODE,
    QUEUE,
    START,
    TASK,
    Known,
    estimate,
    require_overrides,
)
from portal.federation.learn import History
from portal.federation.place import TERMS, Estimate, Placement, Term, rank
from portal.federation.touched import Need, Needs

NOW = 1_800_000_000.0
FOUR = Resources(process_count=4, cpu_cores_per_process=1)


def item(facility: str = "lab", href: str = "s3://lab/x", size: int | None = 1_000_000) -> Item:
    return Item.build(
        facility,
        "x",
        title="X",
        time="2000",
        assets={"data": Asset(href, roles=("data",), size=size)},
        dimensions=[Dimension("x", size=10**6)],
        variables=[Variable("v", ("x",), dtype="float64")],
    )


def wants(stored: int = 0, decoded: int = 0, result: int = 0, tasks: int = 0) -> Needs:
    return Needs({"data": Need(item(), stored, decoded)}, result, tasks)


def terms(found: Estimate) -> dict[str, float]:
    return {term.name: term.seconds for term in found.terms}


@pytest.mark.parametrize(
    ("at", "where", "moved"),
    [
        ("lab.debug", item("lab", "s3://lab/x"), 0),
        ("other.debug", item("lab", "s3://lab/x"), 1_000_000),
        ("local.default", item("lab", "/data/x"), 0),
        ("local.default", item("lab", "https://example.org/x"), 1_000_000),
        ("other.debug", item("lab", "/data/x"), 1_000_000),
    ],
)
def test_whole_inputs_by_their_records(at: str, where: Item, moved: int) -> None:
    found = estimate(Known(at), Needs.of_records({"data": where}), FOUR, now=NOW)
    assert tuple(terms(found)) == TERMS
    assert terms(found) == {
        "queue": 0,
        "start": START,
        "data": moved / BANDWIDTH,
        "decode": 8e6 / (4 * DECODE),
        "tasks": 0,
        "result": 0,
    }
    assert ("1 MB to move, supposed 100 MB/s" if moved else "all inputs lie there") in repr(
        rank([found])
    )


def test_what_was_learnt_takes_the_place_of_what_was_supposed() -> None:
    learnt = History(waits=(10.0, 20.0, 30.0, 40.0), rates=(1e9,), bandwidths=(50e6,))
    found = terms(
        estimate(
            Known("other.x", queues=True, history=learnt), wants(10**8, 10**9, 10**7, 2000), FOUR,
            now=NOW,
        )
    )  # fmt: skip
    assert found["queue"] == 30.0
    assert found["data"] == 10**8 / 50e6
    assert found["decode"] == 10**9 / 4e9
    assert found["tasks"] == 2000 * TASK
    assert found["result"] == 10**7 / 50e6


@pytest.mark.parametrize(
    ("known", "seconds", "text"),
    [
        (Known("a.b"), 0, "no queue"),
        (Known("a.b", queues=True), QUEUE, "not known: 60 s are supposed"),
        (Known("a.b", queues=True, standing=Standing(queued=0)), 5, "nothing waits"),
        (Known("a.b", queues=True, standing=Standing(queued=3)), 180, "3 jobs wait"),
        (Known("a.b", queues=True, standing=Standing(queued=10**6)), 3600, "1000000 jobs wait"),
        (Known("a.b", queues=True, history=History(waits=(7,))), 60, "1 past runs, and 60 s"),
        (Known("a.b", queues=True, history=History(waits=(7, 7, 7)), start=90), 90, "scheduler"),
    ],
)
def test_the_wait_in_the_queue(known: Known, seconds: float, text: str) -> None:
    first = estimate(known, wants(), now=NOW).terms[0]
    assert (first.name, first.seconds) == ("queue", seconds)
    assert text in first.text


sizes = st.integers(0, 10**15)
places = st.sampled_from(["lab.x", "other.x", "local.default"])


@given(places, sizes, sizes, sizes, sizes, st.integers(0, 10**6))
def test_more_bytes_never_take_less_time(
    at: str, stored: int, more: int, decoded: int, result: int, tasks: int
) -> None:
    known = Known(at)
    least = estimate(known, wants(stored, decoded, result, tasks), now=NOW)
    for needs in (
        wants(stored + more, decoded, result, tasks),
        wants(stored, decoded + more, result, tasks),
        wants(stored, decoded, result + more, tasks),
        wants(stored, decoded, result, tasks + more),
    ):
        assert estimate(known, needs, now=NOW).seconds >= least.seconds


@given(
    places,
    sizes,
    st.dictionaries(st.sampled_from(TERMS), st.floats(0, 1e9), min_size=1),
    st.booleans(),
)
def test_what_the_user_knows_better_wins(
    at: str, stored: int, given: dict[str, float], whole_facility: bool
) -> None:
    names = {at.partition(".")[0] if whole_facility else at: given}
    require_overrides(names, (at,))
    before = estimate(Known(at), wants(stored, stored), now=NOW)
    after = estimate(Known(at), wants(stored, stored), overrides=names, now=NOW)
    assert terms(after) == terms(before) | given
    assert all((t.text == "given by you") == (t.name in given) for t in after.terms)


def test_a_resource_stands_above_its_facility_in_overrides() -> None:
    given = {"olcf": {"queue": 5.0, "data": 1.0}, "olcf.x": {"queue": 60.0}}
    found = terms(estimate(Known("olcf.x"), wants(), overrides=given, now=NOW))
    assert (found["queue"], found["data"]) == (60.0, 1.0)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"nowhere": {"queue": 1}}, "'nowhere'.*lab.x"),
        ({"lab.x": {"wait": 1}}, "'wait': 1.*queue, start, data"),
        ({"lab.x": {"queue": -1}}, "'queue': -1"),
        ({"lab.x": {"queue": float("nan")}}, "nan"),
        ({"lab.x": {"queue": "long"}}, "'long'"),
        ({"lab.x": {"queue": True}}, "True"),
    ],
)
def test_overrides_that_cannot_be_taken(overrides, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        require_overrides(overrides, ("lab.x", "other.y"))


def outage(start: float, end: float | None, **more: bool) -> Standing:
    ends = None if end is None else NOW + end
    return Standing(outages=(Outage("cooling", NOW + start, ends, **more),))


@pytest.mark.parametrize(
    ("standing", "duration", "reason"),
    [
        (Standing(up=True), None, ""),
        (Standing(up=False, text="power is off"), None, "it is down: power is off"),
        (outage(-60, 60), None, "it is down until .* UTC: cooling"),
        (outage(-60, None), None, "an end that is not told: cooling"),
        (outage(-60, -30), None, ""),
        (outage(600, 900, planned=True), 300, ""),
        (outage(600, 900, planned=True), 700, "down from .* before the run would have ended"),
        (outage(600, 900, planned=True, down=False), 700, ""),
        (Standing(allocations=(Allocation("m1", granted=10, used=10),)), None, "out of allocation"),
        (Standing(allocations=(Allocation("m1", granted=10, used=10.5),)), None, "left in m1"),
        (Standing(allocations=(Allocation("m1", granted=10, used=9),)), None, ""),
        (Standing(allocations=(Allocation("m1", granted=10, used=9.9999),)), None, "run takes about"),
        (Standing(allocations=(Allocation("m1"),)), None, ""),
        (Standing(allocations=(Allocation("m1", granted=0), Allocation("m2", granted=9))), None, ""),
        (Standing(allocations=(Allocation("m1", "core_hours", 1, 0.9),)), None, ""),
    ],
)  # fmt: skip
def test_ruled_out_with_the_reason(standing: Standing, duration: int | None, reason: str) -> None:
    known = Known("lab.x", standing=standing)
    found = estimate(known, wants(), duration=duration, now=NOW)
    assert re.search(reason, found.ruled_out) if reason else found.ruled_out == ""


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_an_outage_rules_out_exactly_when_it_begins_before_the_end(
    start: float, duration: float
) -> None:
    known = Known("lab.x", standing=outage(start, None, planned=True))
    wall = int(duration) + 1
    found = estimate(known, wants(), duration=wall, now=NOW)
    assert bool(found.ruled_out) == (NOW + start < NOW + wall)


def test_only_the_account_of_the_facility_file_counts() -> None:
    standing = Standing(
        allocations=(
            Allocation("rich", granted=1000, used=0),
            Allocation("mine", granted=1, used=1),
        )
    )
    ruled_out = estimate(Known("lab.x", standing=standing, account="mine"), wants(), now=NOW)
    assert "left in mine" in ruled_out.ruled_out
    paid = estimate(Known("lab.x", standing=standing, account="rich"), wants(), now=NOW)
    assert not paid.ruled_out
    assert paid.left == "1,000 of 1,000 node-hours (rich)"


def test_price_is_of_nodes_and_of_the_time_without_the_queue() -> None:
    known = Known("lab.x", queues=True, history=History(waits=(9e9,) * 3))
    given = {"lab.x": {"start": 1800.0, "data": 0, "decode": 1800.0, "tasks": 0, "result": 0}}
    found = estimate(known, wants(), Resources(node_count=8), overrides=given, now=NOW)
    assert found.node_hours == 8


def test_not_known_is_said_and_rules_nothing_out() -> None:
    found = estimate(Known("lab.x", queues=True, unknown="no answer within 5 s"), wants(), now=NOW)
    assert not found.ruled_out
    assert "not known: no answer within 5 s" in repr(rank([found]))
    fault = estimate(Known("lab.x", fault="no route to host"), wants(), now=NOW)
    assert fault.ruled_out == "no route to host"


def test_ranking_and_reasons() -> None:
    slow = Estimate("b", (Term("queue", 60, "busy"),))
    quick = Estimate("a", (Term("queue", 1, "idle"),))
    down = Estimate("0", ruled_out="it is down")
    placement = rank([down, slow, quick], ("Sizes are of records.",))
    assert [e.at for e in placement.estimates] == ["a", "b", "0"]
    assert placement.best is quick
    text = repr(placement)
    assert "0: ruled out: it is down" in text
    assert text.endswith("Sizes are of records.")
    assert rank([down]).best is None


def test_told_as_a_table_and_as_values() -> None:
    good = estimate(Known("lab.x"), wants(10**6, 10**7, 10**5, 7), now=NOW)
    placement = rank([good, Estimate("<b>.y", ruled_out="down & out")], ("Basis.",))
    again = Placement.from_dict(json.loads(json.dumps(placement.to_dict())))
    assert again.to_dict() == placement.to_dict()
    html = placement._repr_html_()
    assert html.count('scope="col"') == 10
    assert html.count('scope="row"') == 2
    assert "<caption" in html
    assert "&lt;b&gt;.y" in html
    assert "<b>" not in html
    assert "ruled out: down &amp; out" in html
    head, row = repr(placement).splitlines()[:2]
    assert head.split()[:3] == ["Where", "Total", "Queue"]
    assert row.split()[0] == "lab.x"
