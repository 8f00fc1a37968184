"""What an analysis needs, from its graph alone: real stores, real graphs, nothing read."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

import portal
from portal.federation.touched import Needs, needs
from tests.helpers import wait_until

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")

SHAPE, CHUNKS = (100, 1000), (10, 250)


@pytest.fixture
def lab(home: Path) -> Path:
    """A facility with one dataset of random numbers as Zarr, sharded Zarr and NetCDF."""
    folder = home / "facilities" / "lab"
    folder.mkdir(parents=True)
    values = np.random.default_rng(1).random(SHAPE).astype("f4")
    values[:, 500:] = 0
    data = xr.Dataset({"f": (("t", "x"), values)})
    chunked = {"f": {"chunks": CHUNKS}}
    data.to_zarr(folder / "plain.zarr", encoding=chunked, zarr_format=3)
    sharded = {"f": {"chunks": (5, 125), "shards": CHUNKS}}
    data.to_zarr(folder / "sharded.zarr", encoding=sharded, zarr_format=3)
    netcdf = {"f": {"chunksizes": CHUNKS, "zlib": True}}
    data.to_netcdf(folder / "file.nc", engine="h5netcdf", encoding=netcdf)
    toml = 'name = "Lab"\n[catalog.data]\ndriver = "folder"\npath = "lab"\n'
    folder.with_suffix(".toml").write_text(toml)
    return folder


@portal.analysis
def corner(data: xr.Dataset, *, width: int = 10) -> xr.Dataset:
    """A corner of the field."""
    return data.isel(t=slice(0, width), x=slice(0, width)).mean("t")


@portal.analysis
def whole(data: xr.Dataset) -> xr.Dataset:
    """All of it, twice."""
    return data.mean("t") + data.max()


@portal.analysis
def eager(data: xr.Dataset) -> xr.Dataset:
    """Compute at once."""
    return data.mean().compute()


@portal.analysis
def waits(data: xr.Dataset) -> xr.Dataset:
    """Wait in small steps for ever."""
    import time

    while True:
        time.sleep(0.01)


@portal.analysis
def wrong(data: xr.Dataset) -> xr.Dataset:
    """Return something else."""
    return data.f  # type: ignore[return-value]


def of(fed: portal.Federation, analysis: portal.Analysis, name: str, **more: float) -> Needs:
    item = fed.item(f"lab:{name}")
    return needs(analysis, {}, {"data": item}, lambda _: fed.open(item), **more)


def chunk(path: Path, *at: int) -> int:
    array = zarr.open_group(path, mode="r")["f"]
    return (path / "f" / array.metadata.encode_chunk_key(at)).stat().st_size


@pytest.mark.parametrize("name", ["plain", "sharded"])
def test_only_the_chunks_touched_at_their_stored_size(lab: Path, name: str) -> None:
    """The slice is of 400 bytes; what is moved is the chunk, or the shard, around it."""
    with portal.connect() as fed:
        found = of(fed, corner, name)
    need = found.inputs["data"]
    assert need.stored == chunk(lab / f"{name}.zarr", 0, 0)
    assert need.decoded == 10 * 250 * 4 if name == "plain" else 5 * 125 * 4
    assert found.result is not None
    assert 0 < found.result <= 40
    assert found.tasks


def test_every_chunk_counts_once(lab: Path) -> None:
    with portal.connect() as fed:
        found = of(fed, whole, "plain").inputs["data"]
    assert found.decoded == 100 * 1000 * 4
    sizes = [f.stat().st_size for f in (lab / "plain.zarr" / "f" / "c").rglob("*") if f.is_file()]
    assert found.stored == pytest.approx(sum(sizes), rel=0.1)


def test_netcdf_by_the_share_that_its_file_takes(lab: Path) -> None:
    with portal.connect() as fed:
        found = of(fed, corner, "file")
    share = (lab / "file.nc").stat().st_size / (100 * 1000 * 4)
    assert found.inputs["data"].stored == pytest.approx(share * 10_000, rel=0.01)
    assert f"{share:.0%} of its size in memory" in " ".join(found.basis)


def test_parameters_of_the_analysis_reach_it(lab: Path) -> None:
    with portal.connect() as fed:
        item = fed.item("lab:plain")
        wide = needs(corner, {"width": 100}, {"data": item}, lambda _: fed.open(item))
    assert wide.inputs["data"].decoded == 10 * 10_000


@pytest.mark.parametrize(
    ("analysis", "why"),
    [(eager, "computes while it is being built"), (wrong, "returned a DataArray")],
)
def test_records_serve_where_the_graph_cannot(
    lab: Path, analysis: portal.Analysis, why: str
) -> None:
    with portal.connect() as fed:
        found = of(fed, analysis, "plain")
        assert found.inputs["data"].stored == fed.item("lab:plain").stored_bytes
    assert found.tasks is None
    assert why in found.basis[0]


def test_an_analysis_that_does_not_end_is_left_and_stopped(lab: Path) -> None:
    with portal.connect() as fed:
        began = time.monotonic()
        found = of(fed, waits, "plain", deadline=0.3)
    assert time.monotonic() - began < 10
    assert "not there after 0.3 s" in found.basis[0]
    wait_until(lambda: "portal-needs" not in [t.name for t in threading.enumerate()])


def test_an_input_that_cannot_be_opened(lab: Path) -> None:
    with portal.connect() as fed:
        item = fed.item("lab:plain")
        (lab / "plain.zarr").rename(lab / "gone.zarr")
        found = needs(corner, {}, {"data": item}, lambda _: fed.open(item))
    assert "the analysis could not be followed (" in found.basis[0]
