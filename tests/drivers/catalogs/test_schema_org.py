"""The schema.org catalog, against pages with JSON-LD and a site map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.facility import DriverConfig
from portal.drivers.catalogs.schema_org import SchemaOrgCatalog
from portal.errors import InvalidConfig, PortalWarning, Unavailable, Unreadable
from portal.testing import CatalogTests
from tests.drivers.catalogs.servers.pages import PagesServer, dataset, page


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PagesServer]:
    with PagesServer(tmp_path) as standin:
        yield standin


class TestSchemaOrg(CatalogTests):
    @pytest.fixture
    def config(self, server: PagesServer) -> DriverConfig:
        return DriverConfig("schema-org", {"sitemap": f"{server.origin}/sitemap.xml"})

    @pytest.fixture
    def local_id(self) -> str:
        return "10.5072/tas-grid"


def test_a_record_keeps_what_the_page_tells(server: PagesServer) -> None:
    catalog = SchemaOrgCatalog("lab", sitemap=f"{server.origin}/sitemap.xml")
    items = {i.title: i for i in catalog.items()}
    grid = items["Air temperature over North America"]
    assert (grid.doi, grid.license) == ("10.5072/tas-grid", "CC-BY-4.0")
    assert grid.bbox is not None
    assert grid.bbox.to_list() == [-120, 20, -80, 50]
    assert [(v.name, v.units) for v in grid.variables] == [("tas", "K")]
    assert grid.keywords == ("climate", "Mood of the sky")
    assert [p.name for p in grid.providers] == ["A Funder", "A Repository"]
    bog = items["Soil carbon of a bog"]
    assert bog.keywords == ("soil", "carbon")
    assert [(v.name, v.units) for v in bog.variables] == [("Soil carbon", "g/kg")]
    assert bog.bbox is not None
    assert bog.bbox.to_list() == [-93.4, 47.5, -93.4, 47.5]
    assert bog.links[0]["href"] == f"{server.origin}/data/bog"


def test_pages_and_documents_can_be_named(server: PagesServer) -> None:
    catalog = SchemaOrgCatalog("lab", urls=[f"{server.origin}/data/bog"])
    assert [i.title for i in catalog.items()] == ["Soil carbon of a bog"]
    limited = SchemaOrgCatalog(
        "lab", sitemap=f"{server.origin}/sitemap.xml", pattern="/data/b", limit=5
    )
    assert [i.title for i in limited.items()] == ["Soil carbon of a bog"]


def test_only_pages_that_changed_are_read_again(server: PagesServer) -> None:
    catalog = SchemaOrgCatalog("lab", sitemap=f"{server.origin}/sitemap.xml")
    last = list(catalog.batches(None))[-1]
    server.pages["new"] = ("2025-01-01", page(dataset("New")))
    server.requests.clear()
    titles = [i.title for b in catalog.batches(last.cursor) for i in b.items]
    assert titles == ["New", "Notes without a date of change"]
    asked = [r.path for r in server.requests if r.path.startswith("/data/")]
    assert asked == ["/data/new", "/data/undated"]


def test_a_page_that_cannot_be_read_is_named_and_the_rest_goes_on(server: PagesServer) -> None:
    server.pages["plain"] = ("2024-01-05", b"<html><body>Nothing here</body></html>")
    server.pages["broken"] = (
        "2024-01-06",
        b'<script type="application/ld+json">{"@type": "Dataset", </script>',
    )
    server.pages["nameless"] = ("2024-01-07", page(dataset("x") | {"name": ["no", {}]}))
    catalog = SchemaOrgCatalog("lab", sitemap=f"{server.origin}/sitemap.xml")
    with pytest.warns(PortalWarning) as caught:
        assert len(list(catalog.items())) == 3
    said = " ".join(str(w.message) for w in caught)
    assert "data/plain" in said
    assert "holds no JSON-LD" in said
    assert "data/broken" in said
    assert "A record has a title" in said
    (batch,) = catalog.batches(None)
    assert len(batch.items) == 3
    assert len(batch.faults) == 3


def test_a_site_map_that_is_none_or_gone_is_an_error(server: PagesServer) -> None:
    with pytest.raises(Unreadable, match="site map"):
        list(SchemaOrgCatalog("lab", sitemap=f"{server.origin}/data/bog").items())
    server.fault = lambda request: None
    with (
        pytest.warns(PortalWarning, match="left out"),
        pytest.raises(Unavailable),
    ):
        list(SchemaOrgCatalog("lab", urls=["http://127.0.0.1:9/x"], timeout=1).items())


def test_pages_must_be_named() -> None:
    with pytest.raises(InvalidConfig, match="names no pages"):
        SchemaOrgCatalog("lab")
    with pytest.raises(InvalidConfig, match="regular expression"):
        SchemaOrgCatalog("lab", urls=["https://example.org"], pattern="(")
