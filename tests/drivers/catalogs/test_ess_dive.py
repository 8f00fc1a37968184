"""The ESS-DIVE catalog, against a stand-in of the documented Dataset API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.facility import DriverConfig
from portal.core.query import Query
from portal.drivers.catalogs.ess_dive import EssDiveCatalog
from portal.testing.live import LiveCatalogTests
from tests.drivers.catalogs.servers.ess_dive import EssDiveServer

GRID = "ess-dive-0000000000001-20240101T000000000"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EssDiveServer]:
    with EssDiveServer(tmp_path) as standin:
        yield standin


class TestEssDive(LiveCatalogTests):
    @pytest.fixture
    def config(self, server: EssDiveServer) -> DriverConfig:
        return DriverConfig("ess-dive", {"url": server.origin})

    @pytest.fixture
    def local_id(self) -> str:
        return GRID


def test_a_record_keeps_what_ess_dive_tells(server: EssDiveServer) -> None:
    item = EssDiveCatalog("ess-dive", url=server.origin).get(GRID)
    assert item is not None
    assert (item.doi, item.license) == ("10.5072/1", "CC0-1.0")
    assert item.bbox is not None
    assert item.bbox.to_list() == [-120, 20, -80, 50]
    assert item.description == "Values of a site.\n\nMore of it."
    assert item.citation.startswith(
        "Doe, Jane (2020): Air temperature over North America. A project"
    )
    assert {n: a.roles for n, a in item.assets.items()} == {"data": ("data",), "file": ("file",)}


def test_place_and_time_are_asked_of_the_service(server: EssDiveServer) -> None:
    catalog = EssDiveCatalog("ess-dive", url=server.origin, provider="A project")
    found = list(catalog.search(Query.of(bbox=(-100, 30, -90, 40), time="2001-01")))
    assert [i.local_id for i in found] == [GRID]
    asked = next(r for r in server.requests if r.path == "/packages")
    assert asked.one("bbox") == "30,-100,40,-90"
    assert (asked.one("beginDate"), asked.one("endDate")) == ("2001-01-01", "2001-01-31")
    assert asked.one("providerName") == "A project"


def test_a_record_of_a_search_opens_though_the_list_tells_no_files(server: EssDiveServer) -> None:
    catalog = EssDiveCatalog("ess-dive", url=server.origin)
    (thin,) = catalog.search(Query.of("air temperature"))
    assert not thin.assets
    with catalog.open(thin) as dataset:
        assert set(dataset.data_vars) == {"tas"}


@pytest.mark.parametrize("cursors", [False, True])
def test_every_page_is_read(tmp_path: Path, cursors: bool) -> None:
    with EssDiveServer(tmp_path, extra=230, cursors=cursors) as server:
        assert len(list(EssDiveCatalog("ess-dive", url=server.origin).items())) == 232
