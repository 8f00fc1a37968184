"""Single cells of Zarr chunks are those that zarr reads, and no more of a chunk is decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import Unreadable
from portal.viewer.cost import Speed
from portal.viewer.series import series
from portal.viewer.thin import Thin, thin
from tests.viewer.test_tools import Asked

SHAPE, CHUNKS = (7, 90, 110), (3, 60, 80)
BLOCK = 8192


def write(
    path: Path, *, version: int = 3, dtype: str = "float32", codec: str = "zstd", shuffle: int = 1
) -> Path:
    """Write numbers in chunks of 57,600 bytes in 8 blocks, the last one short."""
    values = np.random.default_rng(3).integers(0, 200, SHAPE).astype(dtype)
    options: dict[str, Any]
    if version == 2:
        options = {
            "compressors": numcodecs.Blosc(cname=codec, shuffle=shuffle, blocksize=BLOCK),
        }
    else:
        names = {0: "noshuffle", 1: "shuffle", 2: "bitshuffle"}
        options = {
            "compressors": zarr.codecs.BloscCodec(
                cname=codec, shuffle=names[shuffle], blocksize=BLOCK
            ),
            "dimension_names": ("t", "y", "x"),
        }
    group = zarr.open_group(path, mode="w", zarr_format=version)
    array = group.create_array(
        "v", shape=SHAPE, chunks=CHUNKS, dtype=dtype, fill_value=7, **options
    )
    if version == 2:
        array.attrs["_ARRAY_DIMENSIONS"] = ["t", "y", "x"]
    array[:] = values
    return path


def opened(path: Path, **more: Any) -> xr.DataArray:
    return xr.open_zarr(path, consolidated=False, **more)["v"]


def thinned(array: xr.DataArray) -> Thin:
    found = thin(array)
    assert found is not None
    return found


@settings(max_examples=25)
@given(
    version=st.sampled_from((2, 3)),
    dtype=st.sampled_from(("float32", "float64", "int16", "uint8")),
    codec=st.sampled_from(("zstd", "lz4", "blosclz")),
    shuffle=st.sampled_from((0, 1, 2)),
    chunks=st.sampled_from((None, {})),
    at=st.tuples(*[st.integers(0, n - 1) for n in SHAPE]),
    along=st.integers(0, 2),
)
def test_cells_are_those_that_zarr_reads(
    tmp_path_factory: pytest.TempPathFactory,
    version: int,
    dtype: str,
    codec: str,
    shuffle: int,
    chunks: Any,
    at: tuple[int, ...],
    along: int,
) -> None:
    path = write(
        tmp_path_factory.mktemp("thin"), version=version, dtype=dtype, codec=codec, shuffle=shuffle
    )
    array = opened(path, chunks=chunks)
    where = dict(zip(array.dims, at, strict=True))
    dim = array.dims[along]
    rest = {d: i for d, i in where.items() if d != dim}
    made = thinned(array).array
    np.testing.assert_array_equal(made.isel(rest).values, array.isel(rest).values)
    np.testing.assert_array_equal(made.isel(where).values, array.isel(where).values)
    picked = made.isel(y=[89, 3, 3], x=slice(70, 100, 7))
    np.testing.assert_array_equal(
        picked.values, array.isel(y=[89, 3, 3], x=slice(70, 100, 7)).values
    )


def test_the_functions_of_the_file_are_applied(tmp_path: Path) -> None:
    values = np.arange(np.prod(SHAPE), dtype=float).reshape(SHAPE) % 1000
    values[:, 5, 5] = np.nan
    ds = xr.Dataset({"v": (("t", "y", "x"), values)})
    packed = {"scale_factor": 0.5, "add_offset": 3.0, "dtype": "int16", "_FillValue": -9}
    compressor = numcodecs.Blosc(blocksize=2048)
    encoding = {"v": packed | {"chunks": CHUNKS, "compressors": compressor}}
    ds.to_zarr(tmp_path / "v.zarr", zarr_format=2, encoding=encoding, consolidated=False)
    array = opened(tmp_path / "v.zarr")
    made = thinned(array).array
    for y in (5, 89):
        np.testing.assert_array_equal(made.isel(y=y, x=5).values, array.isel(y=y, x=5).values)


def test_a_chunk_that_was_never_written_is_filled(tmp_path: Path) -> None:
    array = opened(write(tmp_path / "v.zarr"))
    (tmp_path / "v.zarr/v/c/1/0/0").unlink()
    expected = array.isel(y=4, x=4).values
    assert (expected[3:6] == 7).all()
    np.testing.assert_array_equal(thinned(array).array.isel(y=4, x=4).values, expected)


@pytest.mark.parametrize("kept", [0, 10, 5_000])
def test_a_damaged_chunk_is_said(tmp_path: Path, kept: int) -> None:
    array = opened(write(tmp_path / "v.zarr"))
    for chunk in (tmp_path / "v.zarr/v/c/1").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(chunk.read_bytes()[:kept])
    with pytest.raises(Unreadable, match="Reading v failed"):
        list(series(array, "t", {"y": 59, "x": 79}, Asked().cancelled))


def test_only_blosc_in_local_files_is_read_thinly(tmp_path: Path) -> None:
    array = opened(write(tmp_path / "v.zarr"))
    assert thin(array.isel(t=slice(2, None))) is None
    assert thin(array.load()) is None
    xr.Dataset({"v": array}).drop_encoding().to_zarr(tmp_path / "other.zarr", consolidated=False)
    assert thin(xr.open_zarr(tmp_path / "other.zarr", consolidated=False)["v"]) is None


def test_the_cost_counts_the_blocks(tmp_path: Path) -> None:
    array = opened(write(tmp_path / "v.zarr"))
    at = {"y": 50, "x": 30}
    speed = Speed()
    costs = [next(series(a, "t", at, Asked().cancelled, speed)) for a in (array, array.compute())]
    # Three of the eight blocks of each chunk.
    whole = next(series(array.isel(t=slice(0, 7), x=slice(1, None)), "t", at, Asked().cancelled))
    assert costs[0].header["cost"]["chunks"] == 3
    assert costs[0].header["cost"]["bytes"] < whole.header["cost"]["bytes"] / 2
    assert costs[1].header["cost"]["bytes"] == 0
