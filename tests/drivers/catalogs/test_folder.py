"""The folder catalog: what it finds, reads, refuses and takes in."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from portal.core.asset import Asset
from portal.core.facility import DriverConfig
from portal.core.item import Item
from portal.drivers.catalogs.folder import FolderCatalog
from portal.errors import (
    InvalidConfig,
    InvalidInput,
    InvalidItem,
    PortalWarning,
    Unavailable,
    UnknownItem,
    Unreadable,
)
from portal.testing import CatalogTests


def grid(*, west: float = 0.0, title: str = "Air temperature of a box") -> xr.Dataset:
    """A small CF dataset: 3 times, 4 latitudes (north first), 5 longitudes."""
    time = np.arange("2001-01-01", "2001-01-04", dtype="datetime64[D]").astype("datetime64[ns]")
    return xr.Dataset(
        {
            "t2m": (
                ("time", "lat", "lon"),
                np.arange(60, dtype="float32").reshape(3, 4, 5),
                {"standard_name": "air_temperature", "units": "K", "long_name": "temperature"},
            )
        },
        coords={
            "time": ("time", time, {"standard_name": "time"}),
            "lat": ("lat", [50.0, 40, 30, 20], {"units": "degrees_north"}),
            "lon": ("lon", west + np.arange(5) * 10.0, {"units": "degrees_east"}),
        },
        attrs={"title": title, "institution": "A laboratory", "license": "CC-BY-4.0"},
    )


def to_zarr(data: xr.Dataset, path: Path, **kwargs) -> Path:
    data.to_zarr(path, consolidated=False, **kwargs)
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    """Zarr of both formats, NetCDF of both kinds, plain HDF5 and a file of another kind."""
    import h5py

    root = tmp_path / "data"
    (root / "deep" / "er").mkdir(parents=True)
    to_zarr(grid(), root / "three.zarr")
    to_zarr(grid(), root / "deep" / "two.zarr", zarr_format=2)
    grid(west=330).to_netcdf(root / "deep" / "er" / "four.nc", engine="h5netcdf")
    grid(west=170).to_netcdf(root / "classic.nc", engine="netcdf4", format="NETCDF3_CLASSIC")
    with h5py.File(root / "detector.h5", "w") as file:
        file.create_dataset("entry/data/counts", data=np.ones((4, 8), "u2"), chunks=(2, 8))
    (root / "notes.txt").write_text("not data")
    return root


def catalog_of(path: Path, **options) -> FolderCatalog:
    return FolderCatalog("here", path=str(path), **options)


def by_id(catalog: FolderCatalog) -> dict[str, Item]:
    return {item.local_id: item for item in catalog.items()}


class TestFolderCatalog(CatalogTests):
    @pytest.fixture
    def config(self, folder):
        return DriverConfig("folder", {"path": str(folder)})

    @pytest.fixture
    def local_id(self):
        return "three"


class TestOnAnotherFileSystem(CatalogTests):
    """The same over a file system that has no local paths."""

    @pytest.fixture
    def config(self, folder):
        import fsspec

        memory = fsspec.filesystem("memory")
        root = f"/{folder.parent.name}"
        (folder / "classic.nc").unlink()
        for path in folder.rglob("*"):
            if path.is_file():
                memory.pipe_file(f"{root}/{path.relative_to(folder)}", path.read_bytes())
        yield DriverConfig("folder", {"path": f"memory:/{root}"})
        memory.rm(root, recursive=True)

    @pytest.fixture
    def local_id(self):
        return "three"


def test_it_finds_what_is_data(folder):
    assert set(by_id(catalog_of(folder))) == {
        "three",
        "deep-two",
        "deep-er-four",
        "classic",
        "detector",
    }


def test_the_record_is_read_from_the_file(folder):
    item = by_id(catalog_of(folder))["three"]
    assert item.title == "Air temperature of a box"
    assert item.license == "CC-BY-4.0"
    assert [p.name for p in item.providers] == ["A laboratory"]
    assert item.bbox.to_list() == [0, 20, 40, 50]
    assert str(item.interval) == "2001-01-01T00:00:00Z/2001-01-03T00:00:00Z"
    (variable,) = item.variables
    assert (variable.name, variable.units, variable.standard_name) == ("t2m", "K", "air_temperature")  # fmt: skip
    assert {d.name: (d.kind, d.axis, d.size) for d in item.dimensions} == {
        "time": ("temporal", None, 3),
        "lat": ("spatial", "y", 4),
        "lon": ("spatial", "x", 5),
    }
    stored = sum(p.stat().st_size for p in (folder / "three.zarr").rglob("*") if p.is_file())
    assert item.stored_bytes == stored


def test_longitudes_beyond_180_are_brought_back(folder):
    items = by_id(catalog_of(folder))
    assert items["deep-er-four"].bbox.to_list() == [-30, 20, 10, 50]
    assert items["classic"].bbox.to_list() == [170, 20, -150, 50]


def test_the_arrays_of_an_hdf5_file_may_lie_in_a_group(folder):
    catalog = catalog_of(folder)
    item = by_id(catalog)["detector"]
    assert item.assets["data"].open_kwargs["group"] == "/entry/data"
    assert catalog.open(item)["counts"].sum().compute() == 32


def test_open_keeps_the_stored_chunks(folder):
    data = grid().chunk(time=1, lat=2, lon=5)
    to_zarr(data, folder / "chunked.zarr")
    catalog = catalog_of(folder)
    opened = catalog.open(by_id(catalog)["chunked"])
    assert opened["t2m"].chunks == ((1, 1, 1), (2, 2), (5,))
    xr.testing.assert_equal(opened.compute(), grid())


def test_a_pattern_and_a_depth_narrow_it(folder):
    assert set(by_id(catalog_of(folder, pattern="*.zarr"))) == {"three", "deep-two"}
    assert set(by_id(catalog_of(folder, pattern="deep/*"))) == {"deep-two", "deep-er-four"}
    with pytest.warns(PortalWarning, match="deeper than 1 directories"):
        assert "deep-er-four" not in by_id(catalog_of(folder, depth=1))


def test_a_store_can_itself_be_the_folder(folder):
    assert set(by_id(catalog_of(folder / "three.zarr"))) == {"three"}


def test_names_that_meet_get_ids_that_differ(folder):
    grid().to_netcdf(folder / "three.nc", engine="h5netcdf")
    ids = set(by_id(catalog_of(folder)))
    assert "three" in ids
    assert len([i for i in ids if i.startswith("three-")]) == 1


def test_times_that_cannot_be_decoded_stay_numbers(folder):
    data = xr.Dataset(
        {"x": ("time", np.ones(2))},
        coords={"time": ("time", [1.0, 2.0], {"units": "months since the flood"})},
    )
    data.to_netcdf(folder / "odd.nc", engine="h5netcdf")
    catalog = catalog_of(folder)
    item = by_id(catalog)["odd"]
    assert item.interval is None
    assert catalog.open(item)["time"].values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.nc", b"", "neither HDF5 nor NetCDF"),
        ("text.nc", b"once upon a time", "neither HDF5 nor NetCDF"),
        ("torn.h5", b"\x89HDF\r\n\x1a\n and no more", "damaged"),
        ("torn3.nc", b"CDF\x01\x00\x00", "cannot be read"),
    ],
)
def test_a_broken_file_is_named_and_passed_over(folder, name, content, reason):
    (folder / name).write_bytes(content)
    with pytest.warns(PortalWarning, match=rf"{name}.*{reason}"):
        items = by_id(catalog_of(folder))
    assert len(items) == 5


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", ["classic.nc", "deep/er/four.nc"])
def test_a_file_cut_short_breaks_nothing_else(folder, name, keep):
    path = folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        items = by_id(catalog_of(folder))
    assert len(items) + len(caught) == 5
    assert all(path.name in str(w.message) for w in caught)


def test_broken_metadata_of_a_store_is_named(folder):
    (folder / "three.zarr" / "t2m" / "zarr.json").write_text("{")
    with pytest.warns(PortalWarning, match=r"t2m/zarr\.json"):
        assert len(by_id(catalog_of(folder))) == 4


def test_a_damaged_coordinate_is_named(folder):
    data = grid().assign_coords(
        height=(("lat", "lon"), np.zeros((4, 5)), {"standard_name": "latitude"})
    )
    store = to_zarr(data, folder / "torn.zarr")
    for chunk in (store / "height" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"torn")
    with pytest.warns(PortalWarning, match=r"torn\.zarr cannot be read"):
        assert len(by_id(catalog_of(folder))) == 5


def test_what_is_passed_over_is_said_once(folder, tmp_path):
    (folder / "out").symlink_to(tmp_path)
    catalog = catalog_of(folder)
    catalog.fingerprint()
    with pytest.warns(PortalWarning, match="a link out") as told:
        by_id(catalog)
    assert len(told) == 1


def test_links_out_of_the_folder_are_not_followed(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    grid().to_netcdf(outside / "secret.nc", engine="h5netcdf")
    (folder / "link").symlink_to(outside)
    (folder / "secret.nc").symlink_to(outside / "secret.nc")
    with pytest.warns(PortalWarning, match="a link out of the folder"):
        assert not [i for i in by_id(catalog_of(folder)) if "secret" in i]


def test_a_link_that_turns_in_a_circle_ends(folder):
    (folder / "deep" / "round").symlink_to(folder)
    assert len(by_id(catalog_of(folder))) == 5


def test_private_and_partial_names_are_left_alone(folder):
    to_zarr(grid(), folder / ".hidden.zarr")
    to_zarr(grid(), folder / "half.zarr.partial")
    assert len(by_id(catalog_of(folder))) == 5


def test_a_folder_that_has_gone_is_unavailable(folder):
    catalog = catalog_of(folder)
    item = by_id(catalog)["three"]
    folder.rename(folder.with_name("elsewhere"))
    for ask in (lambda: list(catalog.items()), catalog.fingerprint, lambda: catalog.open(item)):
        with pytest.raises(Unavailable) as caught:
            ask()
        assert str(folder) in str(caught.value)


def test_a_record_that_points_out_of_the_folder_is_refused(folder, tmp_path):
    to_zarr(grid(), tmp_path / "outside.zarr")
    for href in (tmp_path / "outside.zarr", folder / ".." / "outside.zarr", "/etc/passwd"):
        item = Item.build(
            "here",
            "x",
            title="x",
            created="2020-01-01T00:00:00Z",
            assets={"data": Asset(str(href))},
        )
        with pytest.raises(UnknownItem):
            catalog_of(folder).open(item)


def test_the_fingerprint_changes_with_the_folder(folder):
    catalog = catalog_of(folder)
    seen = [catalog.fingerprint()]
    grid().to_netcdf(folder / "new.nc", engine="h5netcdf")
    seen.append(catalog.fingerprint())
    os.utime(folder / "new.nc", (1, 1))
    seen.append(catalog.fingerprint())
    to_zarr(grid(title="Another"), folder / "three.zarr", mode="w")
    seen.append(catalog.fingerprint())
    (folder / "new.nc").unlink()
    seen.append(catalog.fingerprint())
    assert len(set(seen)) == 5


def test_a_relative_path_and_an_unknown_file_system_are_refused():
    with pytest.raises(InvalidConfig, match="relative path"):
        FolderCatalog("here", path="data")
    with pytest.raises(InvalidConfig, match="nosuch"):
        FolderCatalog("here", path="nosuch://bucket/data")


class TestPublish:
    @pytest.fixture
    def result(self, tmp_path) -> Path:
        return to_zarr(grid(), tmp_path / "run" / "result.zarr")

    @pytest.fixture
    def record(self) -> Item:
        return Item.build(
            "here",
            "warm-abc",
            title="A warm box",
            created="2026-01-02T03:04:05Z",
            license="CC-BY-4.0",
            keywords=["result"],
            links=[{"rel": "derived_from", "href": "urn:portal:lab:x", "title": "x"}],
        )

    def test_a_result_is_listed_as_it_was_returned(self, folder, result, record):
        catalog = catalog_of(folder)
        before = catalog.fingerprint()
        item = catalog.publish(record, str(result))
        assert by_id(catalog)["warm-abc"] == item
        assert catalog.fingerprint() != before
        assert item.title == "A warm box"
        assert item.links == record.links
        assert item.bbox.to_list() == [0, 20, 40, 50]
        assert str(item.interval) == "2001-01-01T00:00:00Z/2001-01-03T00:00:00Z"
        assert [v.name for v in item.variables] == ["t2m"]
        xr.testing.assert_identical(catalog.open(item).compute(), xr.open_zarr(result, consolidated=False).compute())  # fmt: skip

    def test_data_without_times_keeps_the_record_s(self, folder, tmp_path, record):
        store = to_zarr(xr.Dataset({"x": ("n", np.ones(3))}), tmp_path / "plain.zarr")
        item = catalog_of(folder).publish(record, str(store))
        assert item.interval is None
        assert item.properties["datetime"] == "2026-01-02T03:04:05Z"
        assert item.bbox is None

    def test_an_id_that_is_taken_is_refused(self, folder, result, record):
        catalog = catalog_of(folder)
        catalog.publish(record, str(result))
        with pytest.raises(InvalidInput, match="already holds"):
            catalog.publish(record, str(result))

    @pytest.mark.parametrize("local_id", ["../up", ".hidden", "a/b", "x.partial"])
    def test_an_id_that_is_no_file_name_is_refused(self, folder, result, record, local_id):
        document = record.to_stac() | {"id": local_id}
        with pytest.raises(InvalidItem):
            catalog_of(folder).publish(Item.from_stac(document, "here"), str(result))
        assert len(by_id(catalog_of(folder))) == 5

    def test_a_store_that_is_no_store_is_refused(self, folder, tmp_path, record):
        (tmp_path / "bad.zarr").mkdir()
        with pytest.raises(Unreadable):
            catalog_of(folder).publish(record, str(tmp_path / "bad.zarr"))

    def test_a_copy_that_fails_leaves_nothing(self, folder, result, record, monkeypatch):
        import shutil

        def full(source, target, **kwargs):
            Path(target).mkdir(parents=True)
            (Path(target) / "half").write_bytes(b"x")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(shutil, "copytree", full)
        catalog = catalog_of(folder)
        before = sorted(folder.iterdir())
        with pytest.raises(Unavailable, match="No space left"):
            catalog.publish(record, str(result))
        assert sorted(folder.iterdir()) == before

    def test_a_broken_record_is_named(self, folder, result, record):
        catalog = catalog_of(folder)
        catalog.publish(record, str(result))
        for text in ("{", "[]", json.dumps({"type": "Feature"})):
            (folder / "warm-abc" / "stac-item.json").write_text(text)
            with pytest.warns(PortalWarning, match="warm-abc"):
                assert "warm-abc" not in by_id(catalog)
