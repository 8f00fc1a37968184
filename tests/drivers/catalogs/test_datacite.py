"""The DataCite catalog, against a stand-in of the service's documented API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.facility import DriverConfig
from portal.core.query import Query
from portal.drivers.catalogs.datacite import DataciteCatalog
from portal.testing.live import LiveCatalogTests
from tests.drivers.catalogs.servers.datacite import DataciteServer, record


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DataciteServer]:
    with DataciteServer(tmp_path) as standin:
        yield standin


class TestDatacite(LiveCatalogTests):
    @pytest.fixture
    def config(self, server: DataciteServer) -> DriverConfig:
        return DriverConfig("datacite", {"url": server.origin, "prefix": "10.5072"})

    @pytest.fixture
    def local_id(self) -> str:
        return "10.5072/tas-grid"


def test_a_record_keeps_what_datacite_tells(server: DataciteServer) -> None:
    item = DataciteCatalog("doi", url=server.origin).get("10.5072/tas-grid")
    assert item is not None
    assert item.license == "CC-BY-4.0"
    assert item.bbox is not None
    assert item.bbox.to_list() == [-120, 20, -80, 50]
    assert str(item.interval) == "2001-01-01T00:00:00Z/2001-01-03T23:59:59.999999Z"
    assert item.citation == (
        "Doe, Jane (2020): Air temperature over North America. A Repository. "
        "https://doi.org/10.5072/tas-grid"
    )


def test_the_words_go_out_as_plain_phrases(server: DataciteServer) -> None:
    catalog = DataciteCatalog("doi", url=server.origin)
    assert [i.local_id for i in catalog.search(Query.of('carbon AND (bog" OR *:*'))] == []
    assert server.requests[-1].one("query") == '"carbon" AND "and" AND "bog" AND "or"'


def test_one_repository_or_prefix_is_asked_for(server: DataciteServer) -> None:
    options = {"url": server.origin, "client_id": "other.data", "prefix": "10.9999"}
    assert list(DataciteCatalog("doi", **options).items()) == []
    assert server.requests[-1].one("client-id") == "other.data"


def test_a_harvest_goes_on_where_it_stopped_and_then_with_what_changed(tmp_path: Path) -> None:
    with DataciteServer(tmp_path, extra=230) as server:
        catalog = DataciteCatalog("doi", url=server.origin)
        batches = list(catalog.batches(None))
        assert [len(b.items) for b in batches] == [100, 100, 32]
        rest = list(catalog.batches(batches[0].cursor))
        assert [len(b.items) for b in rest] == [100, 32]
        server.records.append(record("10.5072/new", "New", updated="2026-01-01T00:00:00.000Z"))
        server.records[0]["attributes"]["updated"] = "2026-01-02T00:00:00.000Z"
        for item in server.records[1:-1]:
            item["attributes"]["updated"] = "2020-01-01T00:00:00.000Z"
        later = [i.local_id for b in catalog.batches(batches[-1].cursor) for i in b.items]
        assert later == ["10.5072/tas-grid", "10.5072/new"]
