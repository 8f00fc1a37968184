"""The ESGF catalog, against a stand-in of Globus Search with datasets and files of CMIP6."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from portal.core.facility import DriverConfig
from portal.core.query import Concept, Query
from portal.drivers.catalogs import esgf
from portal.drivers.catalogs.esgf import EsgfCatalog
from portal.errors import TooLarge, UnknownItem, Unreadable
from portal.testing.live import LiveCatalogTests
from tests.drivers.catalogs.servers.esgf import INDEX, NODE, EsgfServer, file
from tests.drivers.catalogs.servers.standin import netcdf

GRID = f"CMIP6.CMIP.NCAR.CESM2.historical.r1i1p1f1.day.tas.gn.v20190308|{NODE}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EsgfServer]:
    with EsgfServer(tmp_path) as standin:
        standin.records = standin.records[:1] + standin.records[2:]
        yield standin


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[EsgfServer]:
    with EsgfServer(tmp_path) as standin:
        yield standin


class TestEsgf(LiveCatalogTests):
    @pytest.fixture
    def config(self, server: EsgfServer) -> DriverConfig:
        return DriverConfig(
            "esgf", {"url": server.origin, "index": INDEX, "filters": {"project": ["CMIP6"]}}
        )

    @pytest.fixture
    def local_id(self) -> str:
        return GRID


def catalog_of(server: EsgfServer, **options: object) -> EsgfCatalog:
    return EsgfCatalog("esgf", index=INDEX, url=server.origin, **options)  # type: ignore[arg-type]


def test_a_record_keeps_what_esgf_tells(whole: EsgfServer) -> None:
    item = catalog_of(whole).get(GRID)
    assert item is not None
    assert item.title == "temperature, CESM2 historical r1i1p1f1 day"
    assert [(v.name, v.standard_name, v.units) for v in item.variables] == [
        ("tas", "air_temperature", "K")
    ]
    assert item.bbox is not None
    assert item.bbox.to_list() == [-120, 20, -80, 50]
    assert item.stored_bytes == 40_000
    assert {"CMIP6", "CESM2", "historical"} <= set(item.keywords)


def test_a_quantity_is_asked_for_by_its_standard_names(whole: EsgfServer) -> None:
    rain = Concept("rain", ("precipitation_flux", "rainfall_flux"))
    found = list(catalog_of(whole).search(Query(text="CESM2", concepts=(rain,))))
    assert [i.variables[0].name for i in found] == ["pr"]
    wanted = {f["field_name"]: f["values"] for f in whole.requests[-1].body["filters"]}
    assert wanted["cf_standard_name"] == ["precipitation_flux", "rainfall_flux"]


def test_a_variable_is_asked_for_by_either_name(whole: EsgfServer) -> None:
    catalog = catalog_of(whole)
    for name in ("pr", "precipitation_flux"):
        found = catalog.search(Query.of(variable=name))
        assert [i.variables[0].name for i in found] == ["pr"]


def test_former_versions_are_left_out(whole: EsgfServer) -> None:
    assert not any(".ts." in i.local_id for i in catalog_of(whole).items())


def test_the_files_of_a_dataset_are_one_along_time(server: EsgfServer) -> None:
    catalog = catalog_of(server)
    item = catalog.get(GRID)
    assert item is not None
    with catalog.open(item) as dataset:
        assert dict(dataset.sizes) == {"time": 6, "lat": 4, "lon": 5}
        assert dataset.indexes["time"].is_monotonic_increasing
        values = dataset.tas.isel(lat=0, lon=0).compute().values
        assert np.array_equal(values, [20, 40, 60, 0, 20, 40])


def test_too_many_files_are_not_opened_at_once(
    server: EsgfServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(esgf, "MOST_FILES", 1)
    catalog = catalog_of(server)
    item = catalog.get(GRID)
    assert item is not None
    with pytest.raises(TooLarge, match="portal virtualize"):
        catalog.open(item)


def test_files_that_do_not_follow_each_other_are_refused(
    server: EsgfServer, tmp_path: Path
) -> None:
    netcdf(tmp_path / "again.nc", first="2001-01-02")
    server.files_of.append(file(GRID, "again.nc", f"{server.origin}/files/again.nc"))
    catalog = catalog_of(server)
    item = catalog.get(GRID)
    assert item is not None
    with pytest.raises(Unreadable, match="overlap"):
        catalog.open(item)


def test_a_dataset_without_files_over_http_says_so(whole: EsgfServer) -> None:
    catalog = catalog_of(whole)
    (rain,) = (i for i in catalog.items() if ".pr." in i.local_id)
    with pytest.raises(UnknownItem, match="no file"):
        catalog.open(rain)


def test_every_page_is_read(tmp_path: Path) -> None:
    with EsgfServer(tmp_path, extra=230) as server:
        assert len(list(catalog_of(server).items())) == 232
