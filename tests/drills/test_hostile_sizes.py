"""Stores and zips that expand beyond what they declare: refused by size, before they are read."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import xarray as xr

from portal.drivers.catalogs._access import open_item
from portal.drivers.catalogs._reach import Reach
from portal.errors import TooLarge, Unreadable
from tests.drills.test_hostile_records import item_of
from tests.drivers.catalogs.samples import grid
from tests.drivers.catalogs.servers.stores import serving_files


@contextmanager
def little_memory(most: float = 100e6) -> Iterator[None]:
    """What is done inside takes no more memory than this."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def test_a_zarr_that_declares_more_than_it_holds_is_refused(tmp_path):
    store = tmp_path / "x.zarr"
    xr.Dataset({"x": ("n", np.zeros(8))}).to_zarr(store, consolidated=True, zarr_format=2)
    for name in (".zmetadata", "x/.zarray"):
        document = json.loads((store / name).read_text())
        node = document["metadata"]["x/.zarray"] if name == ".zmetadata" else document
        node |= {"shape": [10**14], "chunks": [10**14]}
        (store / name).write_text(json.dumps(document))
    with serving_files(tmp_path) as server, little_memory():
        for href in (str(store), f"{server.url}/x.zarr"):
            with pytest.raises(TooLarge, match="declares"):
                open_item(item_of(href), Reach.of(server.url, str(tmp_path)))


def bomb(codec: str) -> bytes:
    """A gigabyte of zeros, packed into a megabyte or less."""
    zeros = bytes(2**20)
    if codec == "gzip":
        return gzip.compress(zeros * 1024)
    import numcodecs

    if codec == "blosc":
        packed: bytes = numcodecs.Blosc("zstd").encode(np.zeros(2**27, "f8"))
        return packed
    return bytes(numcodecs.Zstd().encode(np.zeros(2**27, "f8")))


@pytest.mark.parametrize("codec", ["gzip", "blosc", "zstd"])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_chunk_that_unpacks_to_more_than_its_array_declares_is_refused(
    tmp_path, codec, zarr_format
):
    import numcodecs
    import zarr.codecs

    old = {"gzip": numcodecs.GZip(), "blosc": numcodecs.Blosc(), "zstd": numcodecs.Zstd()}
    new = {
        "gzip": zarr.codecs.GzipCodec(),
        "blosc": zarr.codecs.BloscCodec(),
        "zstd": zarr.codecs.ZstdCodec(),
    }
    store = tmp_path / "x.zarr"
    packer = {"compressors": (old if zarr_format == 2 else new)[codec]}
    data = xr.Dataset({"x": ("n", np.zeros(1000))})
    data.to_zarr(store, consolidated=False, zarr_format=zarr_format, encoding={"x": packer})
    chunk = store / "x" / ("0" if zarr_format == 2 else "c/0")
    assert chunk.exists()
    chunk.write_bytes(bomb(codec))
    opened = open_item(item_of(str(store)), Reach.of(str(tmp_path)))
    with little_memory(), pytest.raises(TooLarge, match="unpacks to more"):
        opened["x"].compute()
    opened.close()


def test_a_zip_that_expands_beyond_what_it_can_hold_is_refused(tmp_path):
    path = tmp_path / "x.zarr.zip"
    grid().to_zarr(tmp_path / "x.zarr", consolidated=False, zarr_format=2)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for part in sorted(p for p in (tmp_path / "x.zarr").rglob("*") if p.is_file()):
            packed.write(part, part.relative_to(tmp_path / "x.zarr"))
        with packed.open("t2m/bomb", "w", force_zip64=True) as member:
            for _ in range(1200):
                member.write(bytes(2**20))
    assert path.stat().st_size < 10e6
    with serving_files(tmp_path) as server, little_memory():
        for href in (str(path), f"{server.url}/x.zarr.zip"):
            with pytest.raises(TooLarge, match="was not unpacked|too large"):
                open_item(item_of(href), Reach.of(server.url, str(tmp_path)))


@pytest.mark.parametrize("size", [2**40, 2**33])
def test_a_zip_whose_directory_declares_more_is_refused(tmp_path, size):
    path = tmp_path / "x.zarr.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(".zgroup", '{"zarr_format": 2}')
        packed.filelist[0].file_size = size
    with little_memory(), pytest.raises(TooLarge):
        open_item(item_of(str(path)), Reach.of(str(tmp_path)))


def test_a_zip_that_is_none_or_is_packed_in_another_way_is_named(tmp_path):
    (tmp_path / "a.zarr.zip").write_bytes(b"PK\x03\x04 and no more")
    with zipfile.ZipFile(tmp_path / "b.zarr.zip", "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr(".zgroup", '{"zarr_format": 2}')
    with zipfile.ZipFile(tmp_path / "c.zarr.zip", "w") as packed:
        packed.writestr("notes.txt", "no store")
    for name in ("a", "b", "c"):
        with pytest.raises(Unreadable, match=f"{name}.zarr.zip"):
            open_item(item_of(str(tmp_path / f"{name}.zarr.zip")), Reach.of(str(tmp_path)))
