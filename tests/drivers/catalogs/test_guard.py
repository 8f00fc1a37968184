"""Hostile files: refused before anything of their size is read or any code of theirs runs."""

from __future__ import annotations

import json
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from portal.core.asset import Asset
from portal.core.item import Item
from portal.drivers.catalogs.folder import FolderCatalog
from portal.errors import PortalWarning, TooLarge, Unreadable


def catalog_of(path: Path) -> FolderCatalog:
    return FolderCatalog("here", path=str(path))


def item_of(path: Path) -> Item:
    """A record as someone might forge or keep it."""
    return Item.build(
        "here",
        "x",
        title="x",
        created="2020-01-01T00:00:00Z",
        assets={"data": Asset(str(path))},
    )


def refused(path: Path, error: type[Exception], match: str) -> None:
    """Listing warns and goes on, opening raises, and neither takes memory."""
    catalog = catalog_of(path.parent)
    tracemalloc.start()
    try:
        with pytest.warns(PortalWarning, match=match):
            assert list(catalog.items()) == []
        with pytest.raises(error, match=match) as caught:
            catalog.open(item_of(path))
        assert caught.value.found
        assert caught.value.advice
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def zarr3(path: Path, **array) -> Path:
    (path / "x").mkdir(parents=True)
    group = {"zarr_format": 3, "node_type": "group", "attributes": {}}
    node = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [10],
        "data_type": "float64",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [10]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0.0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": {},
        "dimension_names": ["n"],
    } | array
    (path / "zarr.json").write_text(json.dumps(group))
    (path / "x" / "zarr.json").write_text(json.dumps(node))
    return path


def zarr2(path: Path, *, consolidated: bool = False, **array) -> Path:
    (path / "x").mkdir(parents=True)
    node = {
        "zarr_format": 2,
        "shape": [10],
        "chunks": [10],
        "dtype": "<f8",
        "compressor": None,
        "filters": None,
        "fill_value": 0.0,
        "order": "C",
    } | array
    documents = {
        ".zgroup": {"zarr_format": 2},
        "x/.zarray": node,
        "x/.zattrs": {"_ARRAY_DIMENSIONS": ["n"]},
    }
    if consolidated:
        whole = {"zarr_consolidated_format": 1, "metadata": documents}
        (path / ".zmetadata").write_text(json.dumps(whole))
        documents = {".zgroup": documents[".zgroup"]}
    for name, document in documents.items():
        (path / name).write_text(json.dumps(document))
    return path


def huge(n: int) -> dict:
    return {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [n]}}}


@pytest.mark.parametrize("chunk", [1, 10**13])
def test_a_zarr_of_terabytes_in_a_few_bytes(tmp_path, chunk):
    path = zarr3(tmp_path / "bomb.zarr", shape=[10**13], **huge(chunk))
    refused(path, TooLarge, r"declares arrays of 80,000,000,000,000 bytes")


@pytest.mark.parametrize("consolidated", [False, True])
def test_the_same_in_format_2(tmp_path, consolidated):
    path = zarr2(tmp_path / "bomb.zarr", shape=[10**13], chunks=[10**6], consolidated=consolidated)
    refused(path, TooLarge, "declares arrays of 80,000,000,000,000 bytes")


def test_many_arrays_that_are_each_bearable(tmp_path):
    path = zarr3(tmp_path / "bomb.zarr", shape=[10**11], **huge(10**6))
    node = (path / "x" / "zarr.json").read_text()
    for name in "abcd":
        (path / name).mkdir()
        (path / name / "zarr.json").write_text(node)
    refused(path, TooLarge, "declares arrays of 4,000,000,000,000 bytes")


def test_a_coordinate_that_opening_would_read(tmp_path):
    path = zarr3(tmp_path / "bomb.zarr", shape=[10**10], dimension_names=["x"], **huge(10**10))
    refused(path, TooLarge, "declares a coordinate 'x' of 80,000,000,000 bytes")


def test_so_many_chunks_that_a_graph_of_them_never_ends(tmp_path):
    path = zarr3(tmp_path / "fine.zarr", shape=[10**10], **huge(1))
    catalog = catalog_of(tmp_path)
    (item,) = catalog.items()
    assert item.dimensions[0].size == 10**10
    opened = catalog.open(item)
    assert opened["x"].data.npartitions < 10_000
    assert path.exists()


def test_an_hdf5_of_terabytes_in_a_few_bytes(tmp_path):
    import h5py

    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", shape=(10**7, 10**6), dtype="f8", chunks=(1000, 1000))
    refused(path, TooLarge, r"declares arrays of 80,000,000,000,000 bytes.*stored")


def test_an_hdf5_coordinate_that_opening_would_read(tmp_path):
    import h5py

    path = tmp_path / "bomb.nc"
    with h5py.File(path, "w") as file:
        scale = file.create_dataset("x", shape=(10**10,), dtype="f8", chunks=(10**6,))
        scale.make_scale("x")
    refused(path, TooLarge, "declares a coordinate 'x'")


def test_a_large_and_sparse_array_is_let_through(tmp_path):
    import h5py

    with h5py.File(tmp_path / "sparse.h5", "w") as file:
        file.create_dataset("x", shape=(10**5, 10**5), dtype="f8", chunks=(1000, 1000))
    catalog = catalog_of(tmp_path)
    (item,) = catalog.items()
    assert catalog.open(item)["x"][0, 0].compute() == 0


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return (Path.touch, (Path(self.path),))


@pytest.mark.parametrize("consolidated", [False, True])
@pytest.mark.parametrize("place", ["filters", "compressor"])
def test_a_pickle_is_never_run(tmp_path, place, consolidated):
    codec = {"id": "pickle"}
    node = {place: [codec] if place == "filters" else codec, "dtype": "|O", "shape": [1], "chunks": [1], "fill_value": None}  # fmt: skip
    data = tmp_path / "data"
    path = zarr2(data / "trap.zarr", consolidated=consolidated, **node)
    trap = np.array([Trap(tmp_path / "sprung")], dtype=object)
    (path / "x" / "0").write_bytes(pickle.dumps([*trap, "|O", (1,)]))
    refused(path, Unreadable, "codec 'pickle'")
    assert not (tmp_path / "sprung").exists()


def test_a_link_inside_a_store_is_refused(tmp_path):
    data = tmp_path / "data"
    path = zarr3(data / "linked.zarr")
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(80))
    (path / "x" / "c").mkdir()
    (path / "x" / "c" / "0").symlink_to(secret)
    refused(path, Unreadable, "holds a link")


def test_hdf5_data_from_outside_the_folder_is_refused(tmp_path):
    import h5py

    (tmp_path / "data").mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(80))
    for name, make in (
        ("raw.h5", lambda f: f.create_dataset("x", (10,), "f8", external=[(str(secret), 0, 80)])),
        ("link.h5", lambda f: f.__setitem__("x", h5py.ExternalLink("../other.h5", "/x"))),
    ):
        path = tmp_path / "data" / name
        with h5py.File(path, "w") as file:
            make(file)
        refused(path, Unreadable, "from another file")
        path.unlink()


def test_hdf5_data_from_beside_it_is_read(tmp_path):
    import h5py

    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["x"] = np.arange(4.0)
    layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
    layout[:] = h5py.VirtualSource("part.h5", "x", shape=(4,))
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file.create_virtual_dataset("y", layout)
    catalog = catalog_of(tmp_path)
    items = {item.local_id: item for item in catalog.items()}
    assert catalog.open(items["whole"])["y"].sum().compute() == 6


@pytest.mark.parametrize(
    "array",
    [
        {"shape": "ten"},
        {"shape": [-1]},
        {"shape": None},
        {"data_type": "no-such-type"},
        {"codecs": [{"name": "no-such-codec"}]},
        {"chunk_grid": []},
    ],
)
def test_nonsense_in_the_metadata_is_unreadable(tmp_path, array):
    refused(zarr3(tmp_path / "odd.zarr", **array), Unreadable, "odd.zarr")


def test_an_array_is_no_dataset(tmp_path):
    xr.Dataset({"x": ("n", [1.0])}).to_zarr(tmp_path / "g.zarr", consolidated=False)
    (tmp_path / "g.zarr" / "x").rename(tmp_path / "array.zarr")
    catalog = catalog_of(tmp_path)
    with pytest.warns(PortalWarning, match=r"array\.zarr"):
        assert [item.local_id for item in catalog.items()] == ["g"]
