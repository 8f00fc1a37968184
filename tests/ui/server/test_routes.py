"""What the routes answer, over the sample federation."""

from __future__ import annotations

import asyncio
import json

import pytest

import portal
from portal import errors
from portal.sample.analyses import warming
from portal.ui.server.handlers import status_of


async def search(ask, **query):
    return await ask("search", method="POST", body=json.dumps(query))


async def test_search_finds_and_counts(ask):
    code, found = await search(ask, text="atmospheric turbidity", time="2003/2010")
    assert code == 200
    code, found = await search(ask, text="atmospheric turbidity")
    assert found["hits"][0]["id"] == "sandia:linke-turbidity"
    assert found["total"] >= 1
    assert {"value": "sandia", "count": 1} in found["facets"]["facility"]
    assert found["problems"] == []


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"txt": "a"}, "txt"),
        ({"text": 3}, "text"),
        ({"bbox": [1, 2, 3]}, "bbox"),
        ({"bbox": "1,2,3,4"}, "bbox"),
        ({"bbox": [0, 0, 400, 1]}, "longitudes"),
        ({"time": "yesterday"}, "yesterday"),
        ({"facilities": "sandia"}, "facilities"),
        ({"keywords": [1]}, "keywords"),
        ({"limit": 5000}, "limit"),
        ({"limit": True}, "limit"),
        ({"offset": -1}, "offset"),
    ],
)
async def test_a_bad_query_is_refused_by_name(ask, query, named):
    code, reply = await search(ask, **query)
    assert code == 400
    assert reply["kind"] == "InvalidQuery"
    assert named in reply["message"]


@pytest.mark.parametrize("body", ["", "{", "[1]", "null", '"text"', '{"text": "' + "x" * 200_000])
async def test_a_body_that_is_no_query_is_refused(ask, body):
    code, reply = await ask("search", method="POST", body=body)
    assert (code, reply["kind"]) == (400, "InvalidQuery")


async def test_an_items_details_hold_the_lazy_dataset(ask):
    code, item = await ask("items", "sandia:altitude")
    assert code == 200
    assert "<div" in item["repr_html"]
    assert item["problem"] is None
    assert item["providers"]
    assert item["citation"]
    assert item["variables"][0]["shape"] == [2160, 4320]
    assert item["code"] == 'ds = fed.open("sandia:altitude")\nds'


@pytest.mark.parametrize(
    ("item", "code", "kind"),
    [
        ("sandia:nothing", 404, "UnknownItem"),
        ("nowhere:x", 404, "UnknownFacility"),
        ("nonsense", 400, "InvalidItem"),
        ("sandia:a/b/../c", 404, "UnknownItem"),
    ],
)
async def test_an_unknown_item_is_said_so(ask, item, code, kind):
    found, reply = await ask("items", item)
    assert (found, reply["kind"]) == (code, kind)


async def test_an_item_that_cannot_be_opened_still_has_its_details(ask, home, tmp_path):
    data = tmp_path / "lab"
    data.mkdir()
    import xarray as xr

    xr.Dataset({"t": ("x", [1.0, 2.0])}).to_netcdf(data / "kept.nc", engine="h5netcdf")
    facilities = home / "facilities"
    facilities.mkdir(parents=True, exist_ok=True)
    (facilities / "mine.toml").write_text(
        f'name = "Mine"\n[catalog.data]\ndriver = "folder"\npath = "{data}"\n'
    )
    _, found = await search(ask, facilities=["mine"])
    (data / "kept.nc").unlink()
    code, item = await ask("items", found["hits"][0]["id"])
    assert code == 200
    assert item["repr_html"] is None
    assert item["problem"]


async def test_facilities_are_listed_without_their_options(ask):
    code, facilities = await ask("facilities")
    assert code == 200
    assert {"local", "sandia", "metoffice", "ornl", "aps"} <= {f["id"] for f in facilities}
    assert facilities[0]["computes"] == {"default": "local"}


async def test_a_run_is_listed_followed_and_canceled(ask, home):
    assert await ask("runs") == (200, {"runs": [], "problems": []})
    with portal.connect(home=home) as fed:
        run = fed.run(warming, scenario="metoffice:e1-north-america", title="E1")
    code, found = await ask("runs")
    assert [(r["id"], r["title"], r["analysis"]) for r in found["runs"]] == [
        (run.id, "E1", "warming")
    ]
    while (update := (await ask("runs", run.id))[1])["state"] not in ("completed", "failed"):
        await asyncio.sleep(0.1)
    assert update["state"] == "completed", update
    assert "warming" in update["result_html"]
    assert update["offset"] > 0
    assert update["elapsed"] > 0
    assert update["directory"].endswith(run.id)
    code, nothing = await ask("runs", run.id, "cancel", method="POST", body="")
    assert (code, nothing) == (204, None)
    assert (await ask("runs", run.id))[1]["state"] == "completed"

    body = '{"at": "", "changes": {"years": 20}}'
    code, again = await ask("runs", run.id, "rerun", method="POST", body=body)
    assert code == 200
    _, update = await ask("runs", again["id"])
    assert update["parameters"] == {"years": 20}
    assert "local.default" in update["placement_html"]
    assert await ask("runs", again["id"], "cancel", method="POST", body="") == (204, None)


async def test_places_whose_runs_are_missing_are_named(ask, home):
    (home / "facilities").mkdir(parents=True, exist_ok=True)
    (home / "facilities" / "away.toml").write_text(
        'name = "Away"\n[compute.host]\ndriver = "ssh"\nhost = "127.0.0.1"\nport = 9\n'
    )
    code, found = await ask("runs")
    assert (code, found["runs"]) == (200, [])
    (problem,) = found["problems"]
    assert problem["facility"] == "away.host"
    assert "left out" in problem["reason"]


@pytest.mark.parametrize("path", [("runs", "none"), ("runs", "..%2F..")])
async def test_an_unknown_run_is_said_so(ask, path):
    code, reply = await ask(*path)
    assert (code, reply["kind"]) == (404, "UnknownRun")
    code, reply = await ask(*path, "cancel", method="POST", body="")
    assert (code, reply["kind"]) == (404, "UnknownRun")


async def test_a_fault_gives_a_reference_and_no_internals(ask, home, caplog, monkeypatch):
    def breaks(fed):
        raise RuntimeError(f"a fault of ours, at {home}")

    monkeypatch.setattr("portal.ui.messages.listing", breaks)
    code, reply = await ask("runs")
    assert (code, reply["kind"]) == (500, "InternalError")
    assert str(home) not in reply["message"]
    reference = reply["message"].rstrip(".").rpartition(" ")[2]
    assert any(reference in record.getMessage() for record in caplog.records)


class TestBrokenHome:
    """A server whose Portal directory cannot be made still starts, and says what is wrong."""

    @pytest.fixture
    def jp_server_config(self, home):
        home.write_text("a file, not a directory")
        return {"ServerApp": {"jpserver_extensions": {"portal.ui.server": True}}}

    async def test_it_is_said_to_be_unavailable(self, ask):
        code, reply = await ask("runs")
        assert (code, reply["kind"]) == (503, "Unavailable")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidParameter("x"), 400),
        (errors.UnknownRun("x"), 404),
        (errors.Denied("x"), 403),
        (errors.Unavailable("x"), 503),
        (errors.TooLarge("x"), 422),
        (errors.RunFailed("x"), 409),
        (errors.DriverError("x"), 500),
    ],
)
def test_each_error_has_its_status(error, status):
    assert status_of(error) == status
