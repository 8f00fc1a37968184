"""A view's state goes through JSON and back; what is wrong in it is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import InvalidParameter
from portal.viewer.state import Projection, Scale, ViewState

numbers = st.floats(-1e6, 1e6, allow_nan=False)
pair = st.tuples(numbers, numbers).filter(lambda p: p[0] != p[1]).map(sorted)
names = st.text(min_size=1, max_size=12)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


states = st.fixed_dictionaries(
    {},
    optional={
        "version": st.just(1),
        "variable": names,
        "index": st.dictionaries(names, st.integers(0, 10_000), max_size=3),
        "x": maybe(names),
        "y": maybe(names),
        "window": maybe(st.tuples(pair, pair).map(lambda p: [*p[0], *p[1]])),
        "projection": st.sampled_from(Projection.__args__),
        "center": st.lists(numbers, min_size=2, max_size=2),
        "color_map": maybe(names),
        "limits": maybe(pair),
        "scale": maybe(st.sampled_from(Scale.__args__)),
        "coasts": st.booleans(),
        "compare": maybe(
            st.fixed_dictionaries(
                {
                    "mode": st.sampled_from(["side", "difference"]),
                    "data": st.sampled_from("ab"),
                    "variable": names,
                }
            )
        ),
        "points": st.lists(
            st.fixed_dictionaries({"label": names, "at": st.dictionaries(names, numbers)}),
            max_size=3,
        ),
        "shape": maybe(
            st.fixed_dictionaries(
                {
                    "kind": st.sampled_from(["box", "line"]),
                    "ends": st.lists(numbers, min_size=4, max_size=4),
                }
            )
        ),
        "speed": st.floats(0.1, 120),
    },
)


@given(states)
def test_what_is_given_comes_back(given_state: dict[str, Any]) -> None:
    text = json.dumps(ViewState.parse(given_state).to_dict(), allow_nan=False)
    back = json.loads(text)
    assert {k: v for k, v in back.items() if k in given_state} == given_state
    assert ViewState.parse(back) == ViewState.parse(given_state)


def test_nothing_is_the_default() -> None:
    assert ViewState.parse({}) == ViewState()
    assert ViewState().to_dict()["version"] == 1


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([], r"state cannot be taken. Found: \[\]"),
        ({"varible": "t"}, "no key 'varible'.*Did you mean 'variable'"),
        ({"version": 2}, "another version.*version 2"),
        ({"variable": 3}, "state's variable cannot be taken. Found: 3. Give a text"),
        ({"coasts": None}, "coasts.*true or false"),
        ({"index": {"time": -1}}, "index.*whole number from 0"),
        ({"index": {"time": True}}, "index.*whole number from 0"),
        ({"window": [3, 1, 0, 1]}, "window.*low x, high x"),
        ({"window": [0, 1, 0]}, "window.*4 numbers"),
        ({"limits": [1, 1]}, "limits.*low, high"),
        ({"limits": [0, float("nan")]}, "limits.*finite"),
        ({"projection": "mercator"}, "projection.*plate, robinson"),
        ({"compare": {"mode": "side", "data": "a"}}, "compare.*its variable"),
        ({"compare": {"mode": "side", "data": "c", "variable": "t"}}, "compare.data.*a, b"),
        ({"points": [{"label": "A", "at": {"lon": "x"}}]}, r"points\[0\].at.lon.*finite"),
        ({"shape": {"kind": "box", "ends": [0, 1], "color": 1}}, "shape.*no key 'color'"),
        ({"speed": 0}, "speed.*above 0"),
    ],
)
def test_what_is_wrong_is_named(state: Any, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        ViewState.parse(state)
