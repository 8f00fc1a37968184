"""The sample federation: every collection passes the catalog suite and says what it truly is."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from portal.core.facility import DriverConfig
from portal.core.item import Item
from portal.core.query import Interval
from portal.errors import InvalidConfig, MissingDependency, Unreadable
from portal.federation.config import parse_facility, sample_files
from portal.sample.catalog import COLLECTIONS, SampleCatalog
from portal.sample.record import Sample
from portal.testing import CatalogTests

FIRST = {
    "aps": "xray-edges",
    "metoffice": "a1b-north-america",
    "ornl": "mauna-loa-co2",
    "sandia": "linke-turbidity",
}
ALL = [
    (name, item.local_id)
    for name in COLLECTIONS
    for item in SampleCatalog(name, collection=name).items()
]


def opened(collection: str, local_id: str):
    catalog = SampleCatalog(collection, collection=collection)
    item = next(i for i in catalog.items() if i.local_id == local_id)
    return item, catalog.open(item)


@pytest.mark.parametrize("collection", COLLECTIONS)
class TestSampleCatalog(CatalogTests):
    @pytest.fixture
    def config(self, collection):
        return DriverConfig("sample", {"collection": collection})

    @pytest.fixture
    def local_id(self, collection):
        return FIRST[collection]


def test_the_facility_files_name_the_collections():
    found = {}
    for name, text in sample_files():
        facility = parse_facility(text, name.removesuffix(".toml"), source=name)
        assert facility.access == "public"
        assert facility.catalogs["data"].driver == "sample"
        found[facility.id] = facility.catalogs["data"].options["collection"]
    assert found == {name: name for name in COLLECTIONS}


@pytest.mark.parametrize(("collection", "local_id"), ALL)
def test_records_give_credit(collection, local_id):
    item, dataset = opened(collection, local_id)
    assert item.citation
    assert item.keywords
    assert len(item.description) > 60
    assert {"producer", "host"} <= {role for p in item.providers for role in p.roles}
    assert item.license in ("MIT", "BSD-3-Clause", "other")
    assert item.stored_bytes == sum(Path(a.href).stat().st_size for a in item.assets.values())
    assert dataset.attrs["title"] == item.title
    assert dataset.attrs["references"] == item.citation


@pytest.mark.parametrize(("collection", "local_id"), ALL)
def test_extents_are_those_of_the_coordinates(collection, local_id):
    item, dataset = opened(collection, local_id)
    for dimension in item.dimensions:
        if dimension.kind == "index" or dimension.name == "level":
            continue
        values = dataset[dimension.name].to_numpy()
        if dimension.kind == "temporal":
            seen = [_iso(v) for v in (values.min(), values.max())]
            assert list(dimension.extent) == seen
        else:
            half = abs(dimension.step or 0) / 2 if dimension.name in ("lat", "lon") else 0
            assert dimension.extent == pytest.approx(
                (values.min() - half, values.max() + half), abs=1e-4
            )
            if dimension.step:
                assert np.diff(values).mean() == pytest.approx(dimension.step, rel=1e-5)


@pytest.mark.parametrize(("collection", "local_id"), ALL)
def test_the_place_and_time_hold_every_coordinate(collection, local_id):
    item, dataset = opened(collection, local_id)
    latitudes = [v for v in dataset.coords.values() if v.attrs.get("standard_name") == "latitude"]
    assert bool(latitudes) == (item.bbox is not None)
    for name, low, high in (("latitude", "south", "north"), ("longitude", "west", "east")):
        for coordinate in dataset.coords.values():
            if coordinate.attrs.get("standard_name") == name:
                values = (np.asarray(coordinate, dtype=float) + 180) % 360 - 180
                assert values.min() >= getattr(item.bbox, low) - 1e-3
                assert values.max() <= getattr(item.bbox, high) + 1e-3
    assert ("time" in dataset.coords) == (item.interval is not None)
    if item.interval:
        values = dataset["time"].to_numpy()
        assert item.interval.intersects(Interval.of((_iso(values.min()), _iso(values.max()))))


@pytest.mark.parametrize(("collection", "local_id"), ALL)
def test_coordinates_and_variables_are_cf(collection, local_id):
    _, dataset = opened(collection, local_id)
    for name, variable in dataset.data_vars.items():
        assert variable.attrs.get("units"), name
        assert variable.attrs.get("standard_name") or variable.attrs.get("long_name"), name
    for name in ("lat", "latitude", "lon", "longitude"):
        if name in dataset.coords:
            north = name.startswith("lat")
            assert dataset[name].attrs["units"] == ("degrees_north" if north else "degrees_east")
    for name, coordinate in dataset.coords.items():
        bounds = coordinate.attrs.get("bounds") or coordinate.attrs.get("climatology")
        if bounds:
            assert bounds in dataset.coords, name


def test_turbidity_is_a_climatology_on_cell_centres():
    _, dataset = opened("sandia", "linke-turbidity")
    assert dataset["linke_turbidity"].shape == (2160, 4320, 12)
    assert dataset["lat"][0].item() == pytest.approx(90 - 1 / 24)
    assert dataset["lon"][0].item() == pytest.approx(-180 + 1 / 24)
    bounds = dataset[dataset["time"].attrs["climatology"]]
    assert (bounds[:, 0] < dataset["time"]).all()
    assert (dataset["time"] < bounds[:, 1]).all()
    assert str(dataset["time"].values[0]).startswith("2003-01-16T12")


def test_pvlib_reads_the_same_turbidity_and_altitude():
    import pandas as pd
    from pvlib.clearsky import lookup_linke_turbidity
    from pvlib.location import lookup_altitude

    _, turbidity = opened("sandia", "linke-turbidity")
    _, relief = opened("sandia", "altitude")
    for lat, lon in ((35.05, -106.54), (-26.2, 28.05), (27.99, 86.92)):
        here = {"lat": lat, "lon": lon}
        theirs = lookup_linke_turbidity(
            pd.DatetimeIndex(["2003-07-10"], tz="UTC"), lat, lon, interp_turbidity=False
        )
        july = turbidity["linke_turbidity"].sel(here, method="nearest").isel(time=6).compute()
        assert july.item() == pytest.approx(theirs.iloc[0])
        altitude = relief["altitude"].sel(here, method="nearest").compute()
        assert altitude.item() == lookup_altitude(lat, lon)
    assert relief["altitude"].sel(lat=0, lon=-30, method="nearest").isnull().compute()


@pytest.mark.parametrize(("local_id", "array"), [("linke-turbidity", 2160 * 4320 * 12), ("altitude", 2160 * 4320)])  # fmt: skip
def test_opening_reads_no_array(local_id, array):
    opened("sandia", local_id)
    tracemalloc.start()
    try:
        opened("sandia", local_id)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < array / 4


def test_listing_imports_no_array_library():
    code = (
        "import sys\n"
        "from portal.sample.catalog import COLLECTIONS, SampleCatalog\n"
        "n = sum(len(list(SampleCatalog(c, collection=c).items())) for c in COLLECTIONS)\n"
        "heavy = {'xarray', 'pandas', 'numpy', 'dask', 'h5py', 'pvlib', 'xraydb', 'statsmodels'}\n"
        "print(n, sorted(heavy & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == [str(len(ALL)), "[]\n"]


def test_an_unknown_collection_is_refused():
    with pytest.raises(InvalidConfig, match="aps, metoffice, ornl, sandia"):
        SampleCatalog("here", collection="nasa")


def _sample(package: str, file: str) -> Sample:
    fields = {"title": "x", "created": "2020-01-01T00:00:00Z"}
    return Sample("x", package, (file,), "text/csv", lambda path: path.read_bytes(), fields)


def test_a_missing_package_names_the_extra():
    with pytest.raises(MissingDependency, match=r"portal-science\[sample\]"):
        _sample("no_such_package_of_data", "x.csv").item("here")


def test_a_lost_file_is_named():
    with pytest.raises(Unreadable, match=r"nothing\.csv"):
        _sample("pvlib", "nothing.csv").item("here")


def test_a_damaged_file_is_unreadable(tmp_path, monkeypatch):
    package = tmp_path / "damaged_sample_data"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "LinkeTurbidities.h5").write_bytes(b"\x89HDF\r\n\x1a\n and no more")
    monkeypatch.syspath_prepend(tmp_path)
    from portal.sample import sandia

    good = sandia.SAMPLES[0]
    bad = Sample(
        "x", package.name, ("LinkeTurbidities.h5",), good.media_type, good.opener, good.fields
    )
    with pytest.raises(Unreadable, match="Reinstall damaged_sample_data"):
        bad.open("here")


def test_the_fingerprint_follows_the_files(tmp_path, monkeypatch):
    def fingerprint(items: list[Item]) -> str:
        monkeypatch.setattr(SampleCatalog, "items", lambda self: iter(items))
        return SampleCatalog("sandia", collection="sandia").fingerprint()

    items = list(SampleCatalog("sandia", collection="sandia").items())
    assert fingerprint(items) == fingerprint(list(items))
    assert fingerprint(items) != fingerprint(items[1:])


def _iso(moment) -> str:
    if hasattr(moment, "calendar"):
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{np.datetime_as_string(moment, unit='s')}Z"
