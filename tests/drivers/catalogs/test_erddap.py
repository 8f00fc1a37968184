"""The ``erddap`` driver against a small server of ERDDAP's documented shapes, with pydap's DAP2."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import numpy as np
import pytest
import xarray as xr

from portal.core.facility import DriverConfig
from portal.core.query import Concept, Query
from portal.drivers.catalogs import _erddap
from portal.drivers.catalogs.erddap import ErddapCatalog
from portal.errors import Denied, PortalWarning, TooLarge, Unavailable, UnknownItem, Unreadable
from portal.testing import LiveCatalogTests
from tests.drivers.catalogs.servers.erddap import erddap
from tests.drivers.catalogs.servers.wsgi import Served, serve

SECONDS = {"units": "seconds since 1970-01-01T00:00:00Z", "standard_name": "time"}


def chlorophyll() -> xr.Dataset:
    """A grid, as it is stored: packed, its longitudes from 0 to 360."""
    rng = np.random.default_rng(3)
    values = rng.integers(0, 3000, (6, 5, 8)).astype("i2")
    values[0, 0, 0] = -32767
    packed = {"_FillValue": np.int16(-32767), "scale_factor": 0.01, "units": "mg m-3",
              "long_name": "Chlorophyll",
              "standard_name": "mass_concentration_of_chlorophyll_a_in_sea_water"}  # fmt: skip
    return xr.Dataset(
        {
            "chlor": (("time", "latitude", "longitude"), values, packed),
            "wind": (("time", "latitude", "longitude"), rng.normal(size=(6, 5, 8)).astype("f4"), {"units": "m s-1"}),
        },
        coords={
            "time": ("time", 1.0e9 + 86400.0 * np.arange(6), SECONDS),
            "latitude": ("latitude", np.linspace(20.0, 60, 5), {"units": "degrees_north"}),
            "longitude": ("longitude", np.linspace(200.0, 235, 8), {"units": "degrees_east"}),
        },
        attrs={
            "title": "Chlorophyll of the northeast Pacific", "summary": "By satellite.",
            "institution": "A laboratory of the coast", "keywords": "ocean, colour",
            "license": "https://creativecommons.org/licenses/by/4.0/", "cdm_data_type": "Grid",
            "infoUrl": "https://example.gov/chlorophyll", "date_created": "2021-05-06",
        },
    )  # fmt: skip


def buoys() -> xr.Dataset:
    """A table, as it is stored."""
    return xr.Dataset(
        {
            "station": ("row", np.array(["46001", "46002", "46001"]), {"long_name": "Station"}),
            "time": ("row", [1.1e9, 1.1e9 + 3600, -1e30], SECONDS | {"_FillValue": -1e30}),
            "latitude": ("row", [56.3, 42.6, 56.3], {"units": "degrees_north"}),
            "longitude": ("row", [-148.0, -130.5, -148.0], {"units": "degrees_east"}),
            "wtmp": ("row", np.array([8.5, -99.0, 8.7], "f4"),
                     {"units": "degree_C", "standard_name": "sea_surface_temperature",
                      "_FillValue": np.float32(-99)}),
        },
        attrs={"title": "Buoys at sea", "cdm_data_type": "TimeSeries", "license": "Use it well."},
    )  # fmt: skip


@pytest.fixture
def server() -> Iterator[Served]:
    at: list[str] = []
    many = {f"more{n}": chlorophyll().assign_attrs(title=f"More {n}") for n in range(3)}
    with serve(erddap(lambda: at[0], {"chl": chlorophyll(), **many}, {"buoys": buoys()})) as served:
        at.append(served.url)
        yield served


@pytest.fixture
def catalog(server: Served) -> ErddapCatalog:
    return ErddapCatalog("lab", url=f"{server.url}/erddap")


class TestAGrid(LiveCatalogTests):
    @pytest.fixture
    def config(self, server: Served) -> DriverConfig:
        return DriverConfig("erddap", {"url": f"{server.url}/erddap", "timeout": 20})

    @pytest.fixture
    def local_id(self) -> str:
        return "chl"


class TestATable(TestAGrid):
    @pytest.fixture
    def local_id(self) -> str:
        return "buoys"


def ids(catalog: ErddapCatalog, text: str = "", **more) -> list[str]:
    return [item.local_id for item in catalog.search(Query.of(text, **more))]


def test_the_record_of_a_grid_is_of_its_information(catalog: ErddapCatalog) -> None:
    item = catalog.get("chl")
    assert (item.title, item.license) == ("Chlorophyll of the northeast Pacific", "CC-BY-4.0")
    assert item.bbox.to_list() == [-160, 20, -125, 60]
    assert str(item.interval) == "2001-09-09T01:46:40Z/2001-09-14T01:46:40Z"
    assert item.keywords == ("ocean", "colour", "Grid")
    assert [p.name for p in item.providers] == ["A laboratory of the coast"]
    assert item.properties["created"] == "2021-05-06T00:00:00Z"
    assert {v.name: (v.dims, v.units, v.dtype) for v in item.variables} == {
        "chlor": (("time", "latitude", "longitude"), "mg m-3", ""),
        "wind": (("time", "latitude", "longitude"), "m s-1", "float32"),
    }
    assert "https://example.gov/chlorophyll" in [link["href"] for link in item.links]


def test_the_record_of_a_table_says_how_it_opens(catalog: ErddapCatalog) -> None:
    item = catalog.get("buoys")
    assert "downloaded when computed" in item.assets["data"].title
    assert "Licence: Use it well." in item.description
    assert item.bbox.to_list() == [-148.0, 42.6, -130.5, 56.3]


def test_values_are_those_of_the_server(catalog: ErddapCatalog, server: Served) -> None:
    with catalog.open(catalog.get("chl")) as dataset:
        xr.testing.assert_allclose(dataset.compute(), xr.decode_cf(chlorophyll()))
    server.asked.clear()
    with catalog.open(catalog.get("buoys")) as dataset:
        assert not any(a.endswith(".nc") for a in server.asked)
        held = pickle.loads(pickle.dumps(dataset)).compute()
    assert held.station.values.tolist() == ["46001", "46002", "46001"]
    assert held.time.values[1] == np.datetime64("2004-11-09T12:33:20")
    assert np.isnat(held.time.values[2])
    np.testing.assert_allclose(held.wtmp, [8.5, np.nan, 8.7])
    assert sum(a.endswith(".nc") for a in server.asked) == 1


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"text": "chlorophyll pacific"}, ["chl"]),
        ({"text": "sea"}, ["chl", "more0", "more1", "more2", "buoys"]),
        ({"text": "zyxqv"}, []),
        ({"text": "chlorophyll zyxqv"}, []),
        ({"text": "buoys", "bbox": (-150, 50, -140, 60)}, ["buoys"]),
        ({"text": "pacific", "bbox": (-165, 30, -130, 50)}, ["chl"]),
        ({"text": "pacific", "bbox": (170, 30, -130, 50)}, ["chl"]),
        ({"text": "pacific", "bbox": (0, 30, 20, 50)}, []),
        ({"time": "2004"}, ["buoys"]),
        ({"time": "../2001-09-10"}, ["chl", "more0", "more1", "more2"]),
        ({"variable": "wtmp"}, ["buoys"]),
        ({"keyword": "TimeSeries"}, ["buoys"]),
        ({"facility": "other"}, []),
    ],
)
def test_the_server_finds_and_the_driver_checks(
    catalog: ErddapCatalog, asked: dict, found: list[str]
) -> None:
    assert ids(catalog, **asked) == found


def test_a_quantity_is_asked_for_by_its_names(catalog: ErddapCatalog) -> None:
    warm = Concept("warm water", ("sea_surface_temperature",))
    assert [i.local_id for i in catalog.search(Query(concepts=(warm,)))] == ["buoys"]


def test_lists_come_in_pages(
    catalog: ErddapCatalog, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.drivers.catalogs.erddap.PAGE", 2)
    assert [i.local_id for i in catalog.items()] == ["chl", "more0", "more1", "more2", "buoys"]
    assert "/erddap/info/index.json?page=3&itemsPerPage=2" in server.asked
    server.asked.clear()
    assert len(ids(catalog, "sea", limit=1)) == 1
    assert len(server.asked) == 2


def test_a_table_that_is_too_large_is_not_downloaded(
    catalog: ErddapCatalog, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_erddap, "LARGEST_TABLE", 100)
    with pytest.raises(TooLarge, match="3 rows of 5 columns.*tabledap/buoys.html"):
        catalog.open(catalog.get("buoys"))


def test_a_dataset_that_is_described_wrongly_is_passed_over(server: Served) -> None:
    broken = {"bad": xr.Dataset(attrs={"title": "Bad"}), "chl": chlorophyll()}
    with serve(erddap(lambda: server.url, broken, {})) as other:
        catalog = ErddapCatalog("lab", url=f"{other.url}/erddap")
        with pytest.warns(PortalWarning, match="names no variables"):
            assert [i.local_id for i in catalog.items()] == ["chl"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("500", Unavailable),
        ("429", Unavailable),
        ("403", Denied),
        ("400", Unreadable),
        ("rubbish", Unreadable),
        ("slow", Unavailable),
        ("redirect http://127.0.0.1:1/erddap/", Denied),
    ],
)
def test_faults_of_the_server_are_named(server: Served, fault: str, error: type) -> None:
    catalog = ErddapCatalog("lab", url=f"{server.url}/erddap", timeout=0.6)
    item = catalog.get("chl")
    server.fault = fault
    for ask in (
        lambda: list(catalog.items()),
        lambda: ids(catalog, "sea"),
        lambda: catalog.open(item),
    ):
        with pytest.raises(error, match="127.0.0.1") as caught:
            ask()
        assert caught.value.advice


def test_what_is_gone_is_said_so(catalog: ErddapCatalog) -> None:
    item = catalog.get("chl")
    gone = type(item).from_stac(item.to_stac() | {"id": "gone"}, "lab")
    with pytest.raises(UnknownItem, match="gone"):
        catalog.open(gone)
