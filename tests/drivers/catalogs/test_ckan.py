"""The CKAN catalog, against a stand-in of the documented action API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.facility import DriverConfig
from portal.core.query import Query
from portal.drivers.catalogs.ckan import CkanCatalog
from portal.testing.live import LiveCatalogTests
from tests.drivers.catalogs.servers.ckan import CkanServer, record


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CkanServer]:
    with CkanServer(tmp_path) as standin:
        yield standin


class TestCkan(LiveCatalogTests):
    @pytest.fixture(params=[False, True])
    def config(self, server: CkanServer, request: pytest.FixtureRequest) -> DriverConfig:
        return DriverConfig("ckan", {"url": server.origin, "spatial": request.param})

    @pytest.fixture
    def local_id(self) -> str:
        return "tas-grid"


def test_a_record_keeps_what_ckan_tells(server: CkanServer) -> None:
    item = CkanCatalog("gov", url=server.origin).get("tas-grid")
    assert item is not None
    assert item.license == "CC0-1.0"
    assert item.bbox is not None
    assert item.bbox.to_list() == [-120, 20, -80, 50]
    assert item.assets["data"].media_type == "application/netcdf"
    assert item.assets["data"].size == 20_000
    assert item.assets["file"].roles == ("file",)
    assert item.links[0]["href"] == f"{server.origin}/dataset/tas-grid"


def test_a_box_is_asked_for_where_the_portal_can(server: CkanServer) -> None:
    catalog = CkanCatalog("gov", url=server.origin, spatial=True)
    found = catalog.search(Query.of(bbox=(-95, 46, -92, 49)))
    assert {i.local_id for i in found} == {"tas-grid", "bog"}
    assert server.requests[-1].body["extras"] == {"ext_bbox": "-95,46,-92,49"}


def test_a_token_is_sent_as_a_header(
    server: CkanServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CKAN_TOKEN", "token-of-a-test")
    assert list(CkanCatalog("gov", url=server.origin, key_env="CKAN_TOKEN").items())
    assert server.requests[-1].headers["Authorization"] == "token-of-a-test"


def test_a_harvest_goes_on_where_it_stopped_and_then_with_what_changed(tmp_path: Path) -> None:
    with CkanServer(tmp_path, extra=230) as server:
        catalog = CkanCatalog("gov", url=server.origin, filter="organization:a-lab")
        batches = list(catalog.batches(None))
        assert [len(b.items) for b in batches] == [100, 100, 32]
        assert [len(b.items) for b in catalog.batches(batches[0].cursor)] == [100, 32]
        server.records.append(record("new", "New", modified="2026-01-01T00:00:00.000000"))
        later = [i.local_id for b in catalog.batches(batches[-1].cursor) for i in b.items]
        assert later == ["new"]
        assert "organization:a-lab" in server.requests[-1].body["fq"]


def test_records_that_change_during_a_harvest_are_not_lost(tmp_path: Path) -> None:
    with CkanServer(tmp_path, extra=250) as server:
        for number, one in enumerate(server.records):
            one["metadata_modified"] = f"2024-01-01T00:{number // 60:02}:{number % 60:02}.000000"
        batches = CkanCatalog("gov", url=server.origin).batches(None)
        seen = {i.local_id for i in next(batches).items}
        server.records[0]["metadata_modified"] = "2026-01-01T00:00:00.000000"
        seen |= {i.local_id for b in batches for i in b.items}
        assert len(seen) == 252
