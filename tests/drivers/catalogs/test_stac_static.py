"""Static STAC catalogs, over HTTP and in a directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from portal.core.facility import DriverConfig
from portal.drivers.catalogs.stac_static import StaticStacCatalog
from portal.errors import Denied, InvalidConfig, PortalWarning, Unavailable, Unreadable
from portal.testing import CatalogTests
from tests.drivers.catalogs.servers.files import serving_files
from tests.drivers.catalogs.servers.stac import documents

NAMES = {
    "climate/t-2001", "climate/t-2002", "climate/summary", "ocean/summary", "ocean/cruise",
    "notes/a", "notes/b", "reanalysis",
}  # fmt: skip


def write(path: Path, document: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A catalog of collections of items; all links and assets are relative."""
    root = tmp_path_factory.mktemp("static")
    collections, items = documents(root, "../..")
    for document in items:
        within, name = document["collection"], document["id"]
        document["links"].append({"rel": "collection", "href": "../collection.json"})
        write(root / within / "items" / f"{name}.json", document)
    for document in collections:
        own = [i for i in items if i["collection"] == document["id"]]
        document["links"] = [{"rel": "item", "href": f"items/{i['id']}.json"} for i in own]
        for asset in document.get("assets", {}).values():
            asset["href"] = asset["href"].removeprefix("../")
        write(root / document["id"] / "collection.json", document)
    links = [{"rel": "child", "href": f"./{c['id']}/collection.json"} for c in collections]
    root_document = {"type": "Catalog", "stac_version": "1.1.0", "id": "root", "links": links}
    write(root / "catalog.json", {**root_document, "description": "Everything."})
    return root


class TestDirectory(CatalogTests):
    @pytest.fixture
    def config(self, folder) -> DriverConfig:
        return DriverConfig("stac-static", {"url": str(folder / "catalog.json")})

    @pytest.fixture
    def local_id(self) -> str:
        return "climate/t-2002"

    def test_every_record_is_there(self, items):
        assert {item.local_id for item in items} == NAMES


class TestHttp(TestDirectory):
    @pytest.fixture
    def config(self, folder):
        with serving_files(folder) as files:
            yield DriverConfig("stac-static", {"url": f"{files.url}/catalog.json"})


def test_links_lead_nowhere_else_and_in_circles_no_further(tmp_path):
    hrefs = ["catalog.json", "/etc/passwd", "http://127.0.0.1:9/x", "gone.json", "text.json"]
    links = [{"rel": "child", "href": href} for href in hrefs]
    (tmp_path / "text.json").write_text("no JSON")
    write(tmp_path / "catalog.json", {"type": "Catalog", "links": links})
    catalog = StaticStacCatalog("lab", url=str(tmp_path / "catalog.json"))
    with pytest.warns(PortalWarning, match="left out") as warned:
        assert list(catalog.items()) == []
    assert len(warned) == 4
    assert sum("allow" in str(w.message) for w in warned) == 2


def test_a_root_that_is_no_catalog(tmp_path):
    root = str(tmp_path / "catalog.json")
    with pytest.raises(Unavailable, match="No such file"):
        list(StaticStacCatalog("lab", url=root).items())
    Path(root).write_text("[")
    with pytest.raises(Unreadable, match="did not answer with JSON"):
        list(StaticStacCatalog("lab", url=root).items())
    for document in ([], {}, {"type": "Catalog"}, 5):
        Path(root).write_text(json.dumps(document))
        with pytest.raises(Unreadable, match="no STAC catalog"):
            list(StaticStacCatalog("lab", url=root).items())
    with pytest.raises(InvalidConfig, match="absolute path"):
        StaticStacCatalog("lab", url="catalog.json")


def test_a_server_that_is_down_or_sends_elsewhere(folder):
    with serving_files(folder, {"/catalog.json": "file:///etc/passwd"}) as files:
        catalog = StaticStacCatalog("lab", url=f"{files.url}/catalog.json")
        with pytest.raises((Denied, Unreadable)):
            list(catalog.items())
    with pytest.raises(Unavailable, match="does not answer"):
        list(StaticStacCatalog("lab", url=f"{files.url}/catalog.json").items())
