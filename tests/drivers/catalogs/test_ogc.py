"""The driver of OGC API Records against pygeoapi, and against services that break their word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
import requests

from portal.core.facility import DriverConfig
from portal.core.plugins import CATALOGS, build_driver
from portal.core.query import Query
from portal.drivers.catalogs._covjson import read_coverage
from portal.drivers.catalogs.ogc import OgcRecordsCatalog
from portal.errors import (
    Denied,
    PortalWarning,
    TooLarge,
    Unavailable,
    UnknownItem,
    Unreadable,
)
from portal.testing import LiveCatalogTests
from tests.drivers.catalogs.servers.ogc import grid, ogc_server, record
from tests.drivers.catalogs.servers.wsgi import Served, serve


@pytest.fixture(scope="session")
def ogc(tmp_path_factory) -> Iterator[str]:
    with ogc_server(tmp_path_factory.mktemp("ogc")) as url:
        yield url


@pytest.fixture
def options(ogc) -> dict:
    return {"url": ogc, "allow": ["127.0.0.1"]}


@pytest.fixture
def catalog(options) -> OgcRecordsCatalog:
    return OgcRecordsCatalog("lab", **options, page_size=4)


class TestFile(LiveCatalogTests):
    @pytest.fixture
    def config(self, options) -> DriverConfig:
        return DriverConfig("ogc-records", {**options, "collections": ["metadata"], "page_size": 2})

    @pytest.fixture
    def catalog(self, config, facility):
        return build_driver(CATALOGS, config, facility)

    @pytest.fixture
    def local_id(self) -> str:
        return "metadata/air-file"


class TestCoverage(TestFile):
    @pytest.fixture
    def local_id(self) -> str:
        return "metadata/air-coverage"


class TestCube(TestFile):
    @pytest.fixture
    def local_id(self) -> str:
        return "metadata/air-cube"


def ids(catalog, text: str = "", **asked) -> list[str]:
    return [item.local_id for item in catalog.search(Query.of(text, **asked))]


def test_a_record_says_what_it_is(catalog):
    item = catalog.get("metadata/air-file")
    assert item.title == "Air temperature as a file"
    assert item.license == "CC-BY-4.0"
    assert item.doi == "10.5067/TEST/AIR"
    assert item.keywords == ("air",)
    assert [p.name for p in item.providers] == ["A laboratory"]
    assert item.bbox.to_list() == [-120, 20, -80, 50]
    assert str(item.interval) == "2001-01-01T00:00:00Z/2001-01-03T23:59:59.999999Z"
    assert catalog.get("odd/air-file").title == "Air temperature under the same id"
    assert catalog.get("gridded/air-file") is None


@pytest.mark.parametrize("name", ["air-file", "air-coverage", "air-collection", "air-cube"])
def test_the_values_are_those_of_the_data(catalog, name):
    with catalog.open(catalog.get(f"metadata/{name}")) as dataset:
        truth = grid("time", "lat", "lon")
        found = dataset.tas.transpose("time", "lat", "lon")
        for coordinate in ("time", "lat", "lon"):
            assert np.array_equal(found[coordinate], truth[coordinate]), coordinate
        assert np.array_equal(found, truth.tas)
        assert dataset.tas.attrs["units"] == "K"


def test_a_cube_that_contradicts_its_points_is_refused(catalog):
    """pygeoapi writes axes in another order than values; nothing in the answer shows it."""
    with pytest.raises(Unreadable, match="contradicts itself"):
        catalog.open(catalog.get("odd/mixed"))


def test_collections_that_are_no_data(catalog, ogc):
    with pytest.raises(UnknownItem, match="has gone"):
        catalog.open(catalog.get("odd/gone"))
    with pytest.raises(Unreadable, match="neither a coverage"):
        catalog.open(catalog.get("odd/catalogue"))
    with pytest.raises(Unreadable, match="no data that opens") as caught:
        catalog.open(catalog.get("metadata/books"))
    assert "https://data.example.gov/how-to" in caught.value.advice
    with pytest.raises(Denied, match="allow"):
        OgcRecordsCatalog("lab", url=ogc).open(catalog.get("odd/inside"))


def test_a_coverage_that_is_too_long_is_refused(catalog, monkeypatch):
    monkeypatch.setattr("portal.drivers.catalogs._ogc_data.LARGEST_IN_MEMORY", 100)
    with pytest.raises(TooLarge, match="read whole"):
        catalog.open(catalog.get("metadata/air-coverage"))
    monkeypatch.setattr("portal.drivers.catalogs._service.LARGEST_PAGE", 6_000)
    with pytest.raises(TooLarge, match="too long"):
        catalog.open(catalog.get("metadata/air-coverage"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cube", ["metadata/air-cube"]),
        ("temperatures CUBE", ["metadata/air-cube"]),
        ("cube temperature", ["metadata/air-cube"]),
        ("rain", ["metadata/books"]),
        ("Rains", ["metadata/books"]),
        ("paper", ["metadata/books"]),
        ("hail", []),
    ],
)
def test_words_are_found_in_any_order(catalog, text, found):
    assert ids(catalog, text) == found


def test_this_service_searches_by_words_and_not_by_the_time_of_the_data(catalog, ogc):
    """Its ``datetime`` is refused, or compared with the time at which a record was made."""
    assert catalog._searches is True
    url = f"{ogc}/collections/metadata/items"
    asked = {"f": "json", "datetime": "2001-01-01T00:00:00Z/2001-01-02T00:00:00Z"}
    answer = requests.get(url, params=asked, timeout=20).json()
    assert not answer.get("features")
    assert "metadata/air-cube" in ids(catalog, time="2001-01-02")


def test_facets_and_places(catalog):
    assert ids(catalog, keyword="paper") == ["metadata/books"]
    assert ids(catalog, bbox=(170, -10, -170, 10)) == []
    assert len(ids(catalog, bbox=(100, -10, -100, 60), keyword="paper")) == 1
    assert ids(catalog, variable="tas") == []
    assert ids(catalog, "air", facility="elsewhere") == []


class Small:
    """A catalogue in memory that takes ``q`` and ignores it."""

    def __init__(self, *records: Any) -> None:
        self.records, self.next_href, self.served = records, "", Served("")

    def __call__(self, environ, start):
        path = environ["PATH_INFO"]
        query = {k: v[0] for k, v in parse_qs(environ.get("QUERY_STRING", "")).items()}
        first = int(query.get("from", 0))
        found = self.records[first : first + 2]
        rest = self.next_href or f"{self.served.url}/collections/c/items?from={first + 2}"
        body = {
            "/collections": {"collections": [{"id": "c", "itemType": "record"}]},
            "/collections/c/items": {
                "features": found,
                "links": [{"rel": "next", "href": rest}] if first + 2 < len(self.records) else [],
            },
        }.get(path)
        start("200 OK" if body else "404 Not Found", [("Content-Type", "application/json")])
        return [json.dumps(body).encode()]


@pytest.fixture
def small() -> Iterator[Small]:
    app = Small(record("1", "Rain"), record("2", "Snow"), record("3", "Snow, later"))
    with serve(app) as served:
        app.served = served
        yield app


def test_a_service_that_ignores_words_gives_no_other_records(small):
    catalog = OgcRecordsCatalog("lab", url=small.served.url)
    assert ids(catalog, "snow") == ["c/2", "c/3"]
    assert ids(catalog, "hail") == []
    asked = [one for one in small.served.asked if "q=" in one]
    assert len(asked) == 1


def test_pages_lead_nowhere_else_and_end(small):
    catalog = OgcRecordsCatalog("lab", url=small.served.url)
    small.next_href = f"{small.served.url}/collections/c/items"
    assert len(list(catalog.items())) == 2
    for href in ("http://127.0.0.1:9/x", "file:///etc/passwd"):
        small.next_href = href
        with pytest.raises((Denied, Unreadable)):
            list(catalog.items())
    small.served.fault = "redirect http://127.0.0.1:9/x"
    with pytest.raises(Denied, match="allow"):
        list(catalog.items())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("500", Unavailable), ("429", Unavailable), ("401", Denied), ("403", Denied),
        ("400", Unreadable), ("rubbish", Unreadable), ("slow", Unavailable),
    ],
)  # fmt: skip
def test_faults_name_the_service(small, fault, error):
    catalog = OgcRecordsCatalog("lab", url=small.served.url, timeout=0.5)
    small.served.fault = fault
    asks = (lambda: ids(catalog, "x"), lambda: list(catalog.items()), lambda: catalog.get("c/1"))
    for ask in asks:
        with pytest.raises(error, match="127.0.0.1") as caught:
            ask()
        assert caught.value.advice


def test_a_service_that_is_down_or_no_catalogue(small):
    with pytest.raises(Unreadable, match="no list of records"):
        list(OgcRecordsCatalog("lab", url=f"{small.served.url}/collections/c/items").items())
    small.records = (record("1", "Rain"), 5, {"id": "2"}, record("3", ""))
    with pytest.warns(PortalWarning, match="left out"):
        assert [i.local_id for i in OgcRecordsCatalog("lab", url=small.served.url).items()] == [
            "c/1"
        ]
    with serve(small) as gone:
        url = gone.url
    with pytest.raises(Unavailable):
        list(OgcRecordsCatalog("lab", url=url).items())


DOMAIN = {
    "axes": {"x": {"values": [1, 2]}, "y": {"start": 3, "stop": 4, "num": 2}},
    "referencing": [{"coordinates": ["x", "y"], "system": {"type": "GeographicCRS"}}],
}
RANGE = {"type": "NdArray", "axisNames": ["y", "x"], "shape": [2, 2], "values": [1, None, 3, 4]}


def covjson(domain: Any = None, range_: Any = None) -> dict[str, Any]:
    return {
        "domain": {**DOMAIN, **(domain or {})}, "parameters": {"t": {}},
        "ranges": {"t": {**RANGE, **(range_ or {})}},
    }  # fmt: skip


def test_coverage_json_is_read_as_it_stands():
    found = read_coverage(covjson())
    assert found.t.dims == ("lat", "lon")
    assert np.array_equal(found.t, [[1, np.nan], [3, 4]], equal_nan=True)
    assert found.lat.to_numpy().tolist() == [3, 4]


@pytest.mark.parametrize(
    "document",
    [
        None, [], {}, covjson({"axes": {}}), covjson(range_={"shape": [2, 3]}),
        covjson(range_={"values": [1]}), covjson(range_={"values": [1, 2, 3, "x"]}),
        covjson(range_={"type": "TiledNdArray"}), covjson({"referencing": []}),
        covjson({"axes": {"x": {"values": [1, 2]}, "y": {"start": 0, "stop": 1, "num": 10**12}}}),
    ],
)  # fmt: skip
def test_coverage_json_that_does_not_fit_together_is_refused(document):
    with pytest.raises(Unreadable, match="CoverageJSON"):
        read_coverage(document)
