"""The Data.gov catalog, against a stand-in of its documented Catalog API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.facility import DriverConfig
from portal.core.query import Query
from portal.drivers.catalogs.data_gov import DataGovCatalog
from portal.errors import Denied, Unreadable
from portal.testing.live import LiveCatalogTests
from tests.drivers.catalogs.servers.data_gov import DataGovServer, record
from tests.drivers.catalogs.servers.standin import Answer, StandIn

GRID = "air-temperature-over-north-america"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DataGovServer]:
    with DataGovServer(tmp_path) as standin:
        yield standin


class TestDataGov(LiveCatalogTests):
    @pytest.fixture
    def config(self, server: DataGovServer) -> DriverConfig:
        return DriverConfig("data-gov", {"url": server.origin})

    @pytest.fixture
    def local_id(self) -> str:
        return GRID


def test_a_record_keeps_what_data_gov_tells(server: DataGovServer) -> None:
    item = DataGovCatalog("gov", url=server.origin).get(GRID)
    assert item is not None
    assert item.license == "CC0-1.0"
    assert item.bbox is not None
    assert item.bbox.to_list() == [-120, 20, -80, 50]
    assert {n: a.roles for n, a in item.assets.items()} == {"data": ("data",), "file": ("file",)}
    bog = DataGovCatalog("gov", url=server.origin).get("soil-carbon")
    assert bog is not None
    assert bog.bbox is not None
    assert bog.bbox.to_list() == [-94, 47, -93, 48]


def test_a_long_slug_that_ends_within_a_word_is_found(server: DataGovServer) -> None:
    slug = "a-" + "long-" * 16 + "titl"
    server.records.append(record(slug, "A " + "long " * 16 + "title"))
    item = DataGovCatalog("gov", url=server.origin).get(slug)
    assert item is not None


def test_place_keyword_and_organisation_are_asked_of_the_service(server: DataGovServer) -> None:
    catalog = DataGovCatalog("gov", url=server.origin, organization="dod")
    found = list(catalog.search(Query.of(bbox=(-100, 30, -90, 40), keyword="climate")))
    assert [i.local_id for i in found] == [GRID]
    asked = server.requests[-1]
    assert (asked.one("keyword"), asked.one("org_slug")) == ("climate", "dod")
    assert json.loads(asked.one("spatial_geometry"))["coordinates"][0][0] == [-100, 30]


def test_every_page_is_read(tmp_path: Path) -> None:
    with DataGovServer(tmp_path, extra=230) as server:
        assert len(list(DataGovCatalog("gov", url=server.origin).items())) == 232


def test_a_key_goes_to_the_service_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_GOV_KEY", "key-of-a-test")
    with DataGovServer(tmp_path, key="key-of-a-test") as server, StandIn() as other:
        assert list(DataGovCatalog("gov", url=server.origin, key_env="DATA_GOV_KEY").items())
        with pytest.raises(Denied, match="API_KEY_INVALID"):
            list(DataGovCatalog("gov", url=server.origin).items())
        there = f"{other.origin}/search"
        server.fault = lambda request: Answer({}, 302, headers={"Location": there})
        options = {"key_env": "DATA_GOV_KEY", "allow": ["127.0.0.1"]}
        with pytest.raises(Unreadable, match="302"):
            list(DataGovCatalog("gov", url=server.origin, **options).items())
        assert not other.requests
