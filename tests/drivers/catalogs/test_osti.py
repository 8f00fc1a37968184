"""The OSTI catalog, against a stand-in of the service's documented API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.facility import DriverConfig
from portal.core.query import Query
from portal.drivers.catalogs import _listed
from portal.drivers.catalogs.osti import OstiCatalog
from portal.testing.live import LiveCatalogTests
from tests.drivers.catalogs.servers.osti import OstiServer, record


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OstiServer]:
    with OstiServer(tmp_path) as standin:
        yield standin


class TestOsti(LiveCatalogTests):
    @pytest.fixture
    def config(self, server: OstiServer) -> DriverConfig:
        return DriverConfig("osti", {"url": f"{server.origin}/api/v1"})

    @pytest.fixture
    def local_id(self) -> str:
        return "1001"


def test_a_record_tells_who_made_it_and_where_it_is_described(server: OstiServer) -> None:
    item = OstiCatalog("doe", url=f"{server.origin}/api/v1").get("1002")
    assert item is not None
    assert item.doi == "10.5072/1002"
    assert item.citation.startswith("Doe, Jane (2020): Soil carbon of a bog. A Laboratory")
    assert [p.name for p in item.providers][:1] == ["A Laboratory, Somewhere, TN (United States)"]
    assert item.license == "other"
    assert (item.interval, item.bbox) == (None, None)
    assert [x["rel"] for x in item.links] == ["about", "cite-as", "related"]


def test_only_records_of_the_type_are_given(server: OstiServer) -> None:
    everything = OstiCatalog("doe", url=f"{server.origin}/api/v1", product_type="")
    assert {i.local_id for i in everything.items()} == {"1001", "1002", "1003"}
    datasets = OstiCatalog("doe", url=f"{server.origin}/api/v1")
    assert {i.local_id for i in datasets.items()} == {"1001", "1002"}


def test_every_page_is_read(tmp_path: Path) -> None:
    with OstiServer(tmp_path, extra=230) as server:
        items = list(OstiCatalog("doe", url=f"{server.origin}/api/v1").items())
        assert len(items) == 232
        assert [r.one("page") for r in server.requests] == ["1", "2", "3"]


def test_words_found_in_the_full_text_only_are_left_out(server: OstiServer) -> None:
    server.records.append(record(1004, "Notes", full_text_of_the_report="hydrogen"))
    catalog = OstiCatalog("doe", url=f"{server.origin}/api/v1")
    assert list(catalog.search(Query.of("hydrogen"))) == []


def test_only_records_of_an_organisation_are_given_even_where_the_service_gives_others(
    server: OstiServer,
) -> None:
    server.records.append(record(1005, "Of another", research_orgs=["Other Lab. (OL), There"]))
    catalog = OstiCatalog("doe", url=f"{server.origin}/api/v1", research_org="OL")
    assert {i.local_id for i in catalog.items()} == {"1005"}
    assert server.requests[-1].one("research_org") == "OL"


def test_a_slow_search_asks_for_no_further_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_listed, "PATIENCE", -1.0)
    with OstiServer(tmp_path, extra=230) as server:
        catalog = OstiCatalog("doe", url=f"{server.origin}/api/v1")
        assert len(list(catalog.search(Query.of("filler", limit=1000)))) == 100
        assert len(server.requests) == 1
        assert len(list(catalog.items())) == 232
