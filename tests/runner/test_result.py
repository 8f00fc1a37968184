"""The result's store: what is written is what came, in chunks that are safe and sensible."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import subprocess

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import InvalidAnalysis
from portal.runner import result


class InThisProcess:
    """The one method of a Client that is used."""

    def compute(self, pending):
        value = pending.compute(scheduler="threads")

        class Done:
            def result(self):
                return value

        return Done()


def write(dataset, tmp_path):
    result.write(dataset, tmp_path / "r.zarr", InThisProcess())
    with xr.open_zarr(tmp_path / "r.zarr", consolidated=True) as found:
        return found.load()


def metadata(tmp_path, name):
    return json.loads((tmp_path / "r.zarr" / name / "zarr.json").read_text())


def test_round_trip_of_every_kind_of_variable(tmp_path):
    source = xr.Dataset(
        {
            "lazy": (("t", "y"), da.arange(60, chunks=7).reshape(5, 12).astype("f4")),
            "scalar": ((), 1.5, {"units": "K"}),
            "lazy_scalar": ((), da.asarray(np.int64(7))),
            "flag": ("y", np.arange(12) % 2 == 0),
            "text": ("t", np.array(["a", "ä", "", "long text", "e"], dtype=object)),
            "when": ("t", pd.date_range("1999-12-31", periods=5, freq="7h")),
            "span": ("t", pd.to_timedelta(np.arange(5), unit="h")),
            "empty": ("none", np.zeros(0)),
            "complex": ("t", np.arange(5) * 1j),
        },
        coords={"t": pd.date_range("2000", periods=5), "y": np.linspace(-1, 1, 12)},
        attrs={"title": "everything", "numbers": np.arange(3)},
    )
    found = write(source, tmp_path)
    xr.testing.assert_equal(found, source.compute())
    assert found.scalar.attrs == {"units": "K"}
    assert list(found.attrs["numbers"]) == [0, 1, 2]


def test_arrays_are_blosc_zstd_with_shuffle(tmp_path):
    write(xr.Dataset({"x": ("t", np.arange(10.0))}), tmp_path)
    assert metadata(tmp_path, "x")["zarr_format"] == 3
    (codec,) = [c for c in metadata(tmp_path, "x")["codecs"] if c["name"] == "blosc"]
    assert codec["configuration"]["cname"] == "zstd"
    assert codec["configuration"]["shuffle"] == "shuffle"


def test_packing_of_the_source_does_not_pack_the_result(tmp_path):
    packed = xr.Dataset({"x": ("t", np.linspace(0, 3.3, 50))})
    packed.x.encoding = {"dtype": "uint8", "scale_factor": 0.5, "_FillValue": 255, "chunks": (3,)}
    found = write(packed, tmp_path)
    np.testing.assert_array_equal(found.x, packed.x)


def test_common_work_is_done_once(tmp_path):
    calls = []

    def slow(block):
        calls.append(1)
        return block

    base = da.map_blocks(slow, da.ones(8, chunks=2), dtype=float, meta=np.ones(0))
    write(xr.Dataset({"a": ("t", base + 1), "b": ("t", base * 2), "c": ((), base.sum())}), tmp_path)
    assert len(calls) == 4


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (xr.DataArray([1], name="x"), "DataArray named 'x'.*to_dataset"),
        (None, "None"),
        (np.zeros(2), "numpy.ndarray"),
        (3, "int"),
    ],
)
def test_what_is_no_dataset_is_refused(returned, says):
    with pytest.raises(InvalidAnalysis, match=says):
        result.require_dataset(returned, "f")


@st.composite
def arrays(draw):
    shape = tuple(draw(st.lists(st.integers(1, 6000), min_size=1, max_size=3)))
    regular = draw(st.booleans())
    chunks = []
    for length in shape:
        if regular:
            size = draw(st.integers(1, length))
            chunks.append((size,) * (length // size) + ((length % size,) if length % size else ()))
        else:
            first = draw(st.integers(1, length))
            chunks.append((first, length - first) if length > first else (length,))
    return shape, draw(st.sampled_from([1, 4, 8])), draw(st.sampled_from([tuple(chunks), None]))


@given(arrays())
@settings(max_examples=300)
def test_stored_chunks_are_of_a_sensible_size(array):
    shape, itemsize, chunks = array
    stored = result.storage_chunks(shape, itemsize, chunks)
    size, held = math.prod(shape) * itemsize, math.prod(stored) * itemsize
    assert len(stored) == len(shape)
    assert all(1 <= part <= length for part, length in zip(stored, shape, strict=True))
    assert held <= result.LARGE
    if size <= result.SMALL:
        assert stored == shape
    else:
        assert held >= result.SMALL / 4, "never many tiny chunks"


@given(arrays())
@settings(max_examples=200)
def test_no_stored_chunk_has_two_writers(array):
    """What is not aligned is rechunked to the stored chunks; what is, is written as it is."""
    shape, itemsize, chunks = array
    stored = result.storage_chunks(shape, itemsize, chunks)
    if chunks is None or not result._aligned(chunks, stored):
        return
    for along, length in zip(chunks, stored, strict=True):
        edges = list(itertools.accumulate(along))[:-1]
        assert all(edge % length == 0 for edge in edges)


def test_irregular_chunks_are_written_right(tmp_path):
    values = np.arange(3_000_000.0).reshape(1500, 2000)
    lazy = da.from_array(values, chunks=((7, 400, 993, 100), (1999, 1)))
    found = write(xr.Dataset({"x": (("a", "b"), lazy)}), tmp_path)
    np.testing.assert_array_equal(found.x, values)


def test_large_chunks_are_divided_in_place():
    shape, chunks = (4, 4096, 4096), ((4,), (4096,), (4096,))
    stored = result.storage_chunks(shape, 8, chunks)
    assert result._aligned(chunks, stored)
    assert result.SMALL <= math.prod(stored) * 8 <= result.LARGE


def test_seal_is_what_sha256sum_prints(tmp_path):
    write(xr.Dataset({"x": ("t", np.arange(10.0)), "y": ((), 3)}), tmp_path)
    store = tmp_path / "r.zarr"
    stored = result.seal(store)
    listed = subprocess.run(
        "find . -type f | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum",
        shell=True,
        cwd=store,
        capture_output=True,
        check=True,
    ).stdout
    assert stored.sha256 == hashlib.sha256(listed).hexdigest()
    files = [f for f in store.rglob("*") if f.is_file()]
    assert stored.files == len(files)
    assert stored.size == sum(f.stat().st_size for f in files)
    next(f for f in files if f.name == "0").write_bytes(b"changed")
    assert result.seal(store).sha256 != stored.sha256
