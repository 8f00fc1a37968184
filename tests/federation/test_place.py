"""Placement: each term in numbers and words, ranked, with reasons for what is ruled out."""

from __future__ import annotations

import pytest

import portal
from portal.core.asset import Asset
from portal.core.item import Item
from portal.core.variable import Dimension, Variable
from portal.errors import Denied, Unavailable
from portal.federation.place import BANDWIDTH, DECODE, START, Estimate, Term, estimate, rank


def item(facility: str, href: str, size: int | None = 1_000_000) -> Item:
    return Item.build(
        facility,
        "x",
        title="X",
        time="2000",
        assets={"data": Asset(href, roles=("data",), size=size)},
        dimensions=[Dimension("x", size=10**6)],
        variables=[Variable("v", ("x",), dtype="float64")],
    )


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
def test_terms(at: str, where: Item, moved: int) -> None:
    found = estimate(at, {"data": where}, cores=4)
    assert [t.name for t in found.terms] == ["start", "data", "decode"]
    assert found.terms[1].seconds == moved / BANDWIDTH
    assert found.terms[2].seconds == 8e6 / (4 * DECODE)
    assert found.seconds == pytest.approx(START + moved / BANDWIDTH + 8e6 / (4 * DECODE))
    assert ("1 MB to move" if moved else "all inputs lie there") in str(rank([found]))


def test_ranking_and_reasons() -> None:
    slow = Estimate("b", (Term("queue", 60, "busy"),))
    quick = Estimate("a", (Term("queue", 1, "idle"),))
    down = Estimate("0", ruled_out="it is down")
    placement = rank([down, slow, quick])
    assert [e.at for e in placement.estimates] == ["a", "b", "0"]
    assert placement.best is quick
    assert "0: ruled out: it is down" in str(placement)
    assert rank([down]).best is None


def test_no_machine_that_may_be_used(home) -> None:
    def nowhere(actor: object, action: str, resource: object) -> bool | None:
        return False if action == "run" else None

    from portal.core.policy import Policy
    from portal.sample.analyses import warming

    with portal.connect(policy=Policy((*Policy().rules, nowhere))) as fed:
        given = {"scenario": "metoffice:e1-north-america"}
        with pytest.raises(
            Unavailable, match="nowhere to run.*local.default: ruled out: .*nowhere"
        ):
            fed.run(warming, **given)
        with pytest.raises(Denied):
            fed.run(warming, at="local", **given)
        assert len(fed.runs()) == 0
