"""What the faces are told of facilities and runs, over the sample federation."""

from __future__ import annotations

import json

from portal.ui import messages


def test_facilities_tell_no_options(fed):
    told = json.dumps(messages.facilities(fed))
    assert str(fed.home.runs) not in told
    assert "sandia" in told


def test_a_damaged_run_is_listed_and_does_not_hide_the_others(fed):
    broken = fed.home.runs / "20260101T000000-broken-0123abcd"
    empty = fed.home.runs / "20260102T000000-empty-0123abcd"
    for path in (broken, empty):
        path.mkdir(parents=True)
    (broken / "run.json").write_text("{")
    told = messages.runs(fed)
    assert [run["state"] for run in told] == ["unreadable", "unreadable"]
    assert [run["id"] for run in told] == [empty.name, broken.name]
    assert all(run["title"] for run in told)
