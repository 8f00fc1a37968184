"""The ``opendap`` driver, and DAP2 itself, against pydap's own server."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from portal.core.facility import DriverConfig
from portal.drivers.catalogs import _dap
from portal.drivers.catalogs._dap import open_dap
from portal.drivers.catalogs._reach import Reach
from portal.drivers.catalogs.opendap import OpendapCatalog
from portal.errors import (
    Denied,
    InvalidConfig,
    PortalWarning,
    TooLarge,
    Unavailable,
    UnknownItem,
    Unreadable,
)
from portal.testing import CatalogTests
from tests.drivers.catalogs.servers import dap
from tests.drivers.catalogs.servers.wsgi import Served, serve


def ocean() -> xr.Dataset:
    """Two years of a packed field, with times, a curved grid's texts and a scalar beside it."""
    rng = np.random.default_rng(7)
    shape = (24, 9, 18)
    time = np.array("2003-01", "M8[M]") + np.arange(24)
    return xr.Dataset(
        {
            "sst": (
                ("time", "lat", "lon"),
                rng.normal(15, 5, shape).astype("f4"),
                {
                    "units": "degree_C",
                    "standard_name": "sea_surface_temperature",
                    "long_name": "sea surface temperature",
                },
            ),
            "depth": (("lat", "lon"), rng.integers(0, 6000, shape[1:]).astype("i2")),
            "quality": (("time",), np.arange(24, dtype="u1")),
        },
        coords={
            "time": ("time", time.astype("M8[ns]"), {"standard_name": "time"}),
            "lat": ("lat", np.linspace(-40, 40, 9), {"units": "degrees_north"}),
            "lon": ("lon", np.linspace(100, 185, 18), {"units": "degrees_east"}),
        },
        attrs={
            "title": "Sea surface temperature",
            "institution": "A laboratory",
            "license": "CC-BY-4.0",
            "date_created": "2020-02-03",
        },
    )


PACKED = {"sst": {"dtype": "i2", "scale_factor": 0.01, "add_offset": 10.0, "_FillValue": -32767}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dap")
    dataset = ocean()
    dataset.sst[0, 0, 0] = np.nan
    dataset.to_netcdf(path / "ocean.nc", engine="h5netcdf", encoding=PACKED)
    (path / "deep").mkdir()
    dataset.isel(time=0).to_netcdf(path / "deep" / "ocean.nc", engine="h5netcdf")
    return path


@pytest.fixture
def server(data: Path) -> Iterator[Served]:
    with serve(dap.directory(data)) as served:
        yield served


class TestOpendapCatalog(CatalogTests):
    @pytest.fixture
    def config(self, server: Served) -> DriverConfig:
        urls = [f"{server.url}/ocean.nc", f"{server.url}/deep/ocean.nc"]
        return DriverConfig("opendap", {"urls": urls, "timeout": 20})

    @pytest.fixture
    def local_id(self, server: Served) -> str:
        return f"{server.url.removeprefix('http://').replace(':', '-')}-ocean"


@pytest.fixture
def dataset(server: Served) -> xr.Dataset:
    return open_dap(f"{server.url}/ocean.nc", Reach.of(server.url))


def test_the_record_is_of_the_datasets_own_words(server: Served) -> None:
    (item,) = OpendapCatalog("lab", urls=[f"{server.url}/ocean.nc"]).items()
    assert item.local_id == "ocean"
    assert (item.title, item.license) == ("Sea surface temperature", "CC-BY-4.0")
    assert item.bbox.to_list() == [100.0, -40.0, -175.0, 40.0]
    assert str(item.interval) == "2003-01-01T00:00:00Z/2004-12-01T00:00:00Z"
    assert item.properties["created"] == "2020-02-03T00:00:00Z"
    assert {v.name: v.standard_name for v in item.variables}["sst"] == "sea_surface_temperature"
    assert not any(".dods?sst" in a for a in server.asked)


def test_opening_reads_the_description_and_coordinates_only(
    server: Served, dataset: xr.Dataset
) -> None:
    assert server.asked == ["/ocean.nc.dds", "/ocean.nc.das", "/ocean.nc.dods?time,lat,lon"]


def test_the_values_are_those_of_the_file(data: Path, dataset: xr.Dataset) -> None:
    with xr.open_dataset(data / "ocean.nc", engine="h5netcdf") as held:
        xr.testing.assert_allclose(dataset.compute(), held.load())
        assert bool(dataset.sst[0, 0, 0].isnull())
        assert dataset.quality.dtype == np.uint8
        assert dataset.depth.dtype == np.int16


@pytest.mark.parametrize(
    "key",
    [
        {"time": 3},
        {"time": slice(2, 20, 5), "lat": -1, "lon": slice(None, 4)},
        {"lat": [7, 1, 1], "lon": slice(3, 3)},
        {"time": slice(5, 2)},
    ],
)
def test_only_the_part_that_is_used_is_asked_for(
    data: Path, server: Served, dataset: xr.Dataset, key: dict
) -> None:
    server.asked.clear()
    with xr.open_dataset(data / "ocean.nc", engine="h5netcdf") as held:
        np.testing.assert_allclose(dataset.sst[key].compute(), held.sst[key])
    assert server.asked != ["/ocean.nc.dods?sst.sst%5B0:1:23%5D%5B0:1:8%5D%5B0:1:17%5D"]


def test_it_is_the_same_in_another_process(server: Served, dataset: xr.Dataset) -> None:
    sent = pickle.loads(pickle.dumps(dataset))
    xr.testing.assert_equal(sent.isel(time=[1, 5]).compute(), dataset.isel(time=[1, 5]).compute())


def test_chunks_are_of_whole_rows_and_the_same_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dap, "CHUNK", 9 * 18 * 8 * 5)
    big = xr.Dataset(
        {
            "a": (("t", "y", "x"), np.zeros((24, 9, 18))),
            "b": (("t", "y"), np.zeros((24, 9))),
        }
    )
    assert _dap._chunks(big, "http://x.gov") == {"t": 5, "y": 9, "x": 18}
    monkeypatch.setattr(_dap, "CHUNK", 100 * 8)
    assert _dap._chunks(big, "http://x.gov") == {"t": 1, "y": 5, "x": 18}
    monkeypatch.setattr(_dap, "CHUNK", 1)
    assert _dap._chunks(big, "http://x.gov") == {"t": 1, "y": 1, "x": 1}


def test_a_petabyte_has_chunks_that_can_be_named() -> None:
    zero = np.broadcast_to(np.float32(0), (50_000, 18_000, 36_000))
    huge = xr.Dataset({"a": (("t", "y", "x"), zero)})
    chunks = _dap._chunks(huge, "http://x.gov")
    assert chunks == {"t": 1, "y": 231, "x": 36_000}
    assert _dap.CHUNK >= 231 * 36_000 * 4
    line = xr.Dataset({"a": (("x",), np.broadcast_to(np.float32(0), (10**14,)))})
    with pytest.raises(TooLarge, match="steps along x"):
        _dap._chunks(line, "http://x.gov")


def test_texts_and_scalars_are_read() -> None:
    odd = xr.Dataset(
        {
            "station": (("n",), np.array(["Ames", "Brookhaven", "Los Alamos"])),
            "bare": ((), np.float32(4)),
        },
    )
    with serve(dap.grids({"odd": odd})) as server:
        dataset = open_dap(f"{server.url}/odd.html", Reach.of(server.url))
        assert dataset.station.values.tolist() == ["Ames", "Brookhaven", "Los Alamos"]
        assert float(dataset.bare) == 4
        assert dataset.sizes == {"n": 3}


def test_times_that_cannot_be_decoded_are_left_as_numbers() -> None:
    odd = xr.Dataset(
        {"a": ("time", [1.0, 2])}, {"time": ("time", [0.0, 1], {"units": "x since y"})}
    )
    with serve(dap.grids({"odd": odd})) as server:
        dataset = open_dap(f"{server.url}/odd", Reach.of(server.url))
    assert dataset.time.values.tolist() == [0, 1]


def text(content: str):
    def app(environ, start):
        start("200 OK", [("Content-Type", "text/plain")])
        return [content.encode() if environ["PATH_INFO"].endswith("dds") else b"Attributes {\n}\n"]

    return app


@pytest.mark.parametrize(
    ("dds", "error", "said"),
    [
        ("Dataset { Float64 x[x = 99999999999]; } d;", TooLarge, "99,999,999,999"),
        ("Dataset { Sequence { Int32 a; } s; } d;", Unreadable, "no arrays"),
        ("Dataset { Float64 x[x = ", Unreadable, "cannot be read"),
        ("Dataset { Quaternion x[x = 4]; } d;", Unreadable, "cannot be read"),
        ("Dataset { Float64 a[x = 4]; Float64 b[x = 5]; } d;", Unreadable, "cannot be read"),
        ('Error { code = 404; message = "no"; };', Unreadable, "description of a DAP2"),
        ("Dataset {" + " " * 5 * 2**20, TooLarge, "too long"),
    ],
)
def test_wrong_descriptions_are_refused(dds: str, error: type, said: str) -> None:
    with serve(text(dds)) as server, pytest.raises(error, match=said) as caught:
        open_dap(f"{server.url}/x", Reach.of(server.url), timeout=10)
    assert caught.value.advice


def test_an_answer_of_another_shape_is_refused() -> None:
    def app(environ, start):
        start("200 OK", [])
        ending = environ["PATH_INFO"].rpartition(".")[2]
        declared = b"Dataset { Float64 x[x = 4]; } d;"
        held = b"Dataset { Float64 x[x = 2]; } d;\nData:\n" + b"\0\0\0\2" * 2 + b"\0" * 16
        return [{"dds": declared, "das": b"Attributes {}", "dods": held}[ending]]

    with serve(app) as server, pytest.raises(Unreadable, match=r"\(2,\).*, not \[\(4,\)\]"):
        open_dap(f"{server.url}/x", Reach.of(server.url), timeout=10)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("500", Unavailable, "HTTP 500"),
        ("429", Unavailable, "HTTP 429"),
        ("401", Denied, "HTTP 401"),
        ("403", Denied, "HTTP 403"),
        ("404", UnknownItem, "HTTP 404"),
        ("400", Unreadable, "HTTP 400"),
        ("rubbish", Unreadable, "did not answer with"),
        ("slow", Unavailable, "in time"),
    ],
)
def test_faults_of_the_server_are_named(server: Served, fault: str, error: type, said: str) -> None:
    server.fault = fault
    with pytest.raises(error, match=said) as caught:
        open_dap(f"{server.url}/ocean.nc", Reach.of(server.url), timeout=0.5)
    assert server.url in str(caught.value)
    assert caught.value.advice


def test_a_fault_while_values_are_read_is_named(server: Served, dataset: xr.Dataset) -> None:
    server.fault = "503"
    with pytest.raises(Unavailable, match="503"):
        dataset.sst.mean().compute()


def test_a_redirect_to_this_network_is_refused(server: Served, data: Path) -> None:
    with serve(dap.directory(data)) as inside:
        server.fault = f"redirect {inside.url}/ocean.nc.dds"
        with pytest.raises(Denied, match=f'allow = \\["{inside.url.removeprefix("http://")}"\\]'):
            open_dap(f"{server.url}/ocean.nc", Reach.of(server.url))
        assert not inside.asked


def test_what_is_down_is_named_and_the_rest_is_given(server: Served) -> None:
    with serve(dap.grids({})) as gone:
        pass
    both = OpendapCatalog("lab", urls=[f"{gone.url}/a.nc", f"{server.url}/ocean.nc"])
    with pytest.warns(PortalWarning, match="a.nc is passed over.*cannot be reached"):
        assert [i.title for i in both.items()] == ["Sea surface temperature"]
    with pytest.raises(Unavailable):
        list(OpendapCatalog("lab", urls=[f"{gone.url}/a.nc"]).items())


@pytest.mark.parametrize(
    "urls", [[], ["http://x.gov/a", "http://x.gov/a"], ["x.nc"], ["ftp://x/y"]]
)
def test_addresses_that_are_none_are_refused(urls: list[str]) -> None:
    with pytest.raises(InvalidConfig):
        OpendapCatalog("lab", urls=urls)


def test_a_constraint_in_the_address_is_refused() -> None:
    with pytest.raises(Unreadable, match="part of a dataset"):
        open_dap("http://x.gov/a?sst", Reach.of("http://x.gov"))
