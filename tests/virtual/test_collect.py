"""Virtual stores: collections of files as one, their times right, their faults named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from portal.drivers.catalogs.folder import FolderCatalog
from portal.errors import InvalidInput, Unreadable
from portal.virtual.collect import virtualize
from tests.drivers.catalogs.samples import write_grib

FIRST = np.datetime64("2001-01-01", "ns")


def part(start: int, days: int, **changes) -> xr.Dataset:
    """Some days of air temperature, each value its own."""
    time = FIRST + (start + np.arange(days)) * np.timedelta64(1, "D")
    values = (start * 20 + np.arange(days * 20)).astype("f4").reshape(days, 4, 5)
    told = {"standard_name": "air_temperature", "units": "K"}
    data = xr.Dataset(
        {"t2m": (("time", "lat", "lon"), values, told), "count": ("time", np.arange(days))},
        coords={
            "time": ("time", time, {"standard_name": "time", "bounds": "time_bnds"}),
            "lat": ("lat", [50.0, 40, 30, 20], {"units": "degrees_north"}),
            "lon": ("lon", np.arange(5) * 10.0, {"units": "degrees_east"}),
            "time_bnds": (("time", "nv"), np.stack([time, time + np.timedelta64(1, "D")], 1)),
        },
        attrs={"title": "Air temperature of a box", "history": f"written {start}"},
    )
    return data.assign(**changes)


def write(path: Path, data: xr.Dataset, **options) -> Path:
    """Write a file whose times have a unit of their own."""
    start = str(data["time"].values[0])[:10]
    time = {"units": f"hours since {start}", "dtype": "f8"}
    encoding = {"time": time, "time_bnds": dict(time)} | options.pop("encoding", {})
    data.to_netcdf(path, encoding=encoding, **options)
    return path


PACKED = {"scale_factor": 0.5, "add_offset": 100.0, "dtype": "i2", "_FillValue": -1}
KINDS = {
    "compressed": {"engine": "h5netcdf", "encoding": {"t2m": {"zlib": True, "chunksizes": (1, 4, 5)}}},
    "packed": {"engine": "h5netcdf", "encoding": {"t2m": PACKED | {"zlib": True, "shuffle": True, "chunksizes": (1, 2, 5)}}},
    "contiguous": {"engine": "h5netcdf"},
    "classic": {"engine": "netcdf4", "format": "NETCDF3_CLASSIC"},
    "records": {"engine": "netcdf4", "format": "NETCDF3_64BIT", "unlimited_dims": ["time"]},
    "cdf5": {"engine": "netcdf4", "format": "NETCDF3_64BIT_DATA", "unlimited_dims": ["time"]},
}  # fmt: skip


def collection(root: Path, kind: str, lengths: tuple[int, ...] = (3, 2, 4)) -> list[Path]:
    """Files of several days each, not in order of their names."""
    root.mkdir(exist_ok=True)
    found, start = [], 0
    for number, days in enumerate(lengths):
        path = root / f"{'zyxw'[number % 4]}{number:03}.nc"
        found.append(write(path, part(start, days), **dict(KINDS[kind])))
        start += days
    return found


def opened(store: Path, allow: Path) -> xr.Dataset:
    """Open a store as a folder catalog does."""
    catalog = FolderCatalog("here", path=str(store), allow=[str(allow)])
    (item,) = catalog.items()
    return catalog.open(item)


def by_hand(files: list[Path]) -> xr.Dataset:
    parts = [xr.open_dataset(path, decode_timedelta=False) for path in files]
    whole = xr.concat(parts, "time", data_vars="minimal", coords="minimal", compat="override", join="exact")  # fmt: skip
    return whole.set_coords("time_bnds").compute()


@pytest.mark.parametrize("kind", KINDS)
def test_a_collection_is_one_dataset(tmp_path, kind):
    files = collection(tmp_path / "files", kind)
    seen = []
    store = virtualize([tmp_path / "files"], tmp_path / "all", tell=lambda *n: seen.append(n))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    with opened(store, tmp_path / "files") as whole:
        assert whole["t2m"].chunks is not None
        xr.testing.assert_equal(whole.compute(), by_hand(files))
        assert whole["t2m"].attrs["units"] == "K"
        assert whole.attrs["title"] == "Air temperature of a box"
    stored = sum(p.stat().st_size for p in store.rglob("*") if p.is_file())
    assert stored < 60_000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["all", "files"]


def test_a_folder_of_files_and_their_store_needs_no_leave(tmp_path):
    collection(tmp_path / "data", "compressed")
    virtualize([tmp_path / "data"], tmp_path / "data" / "all")
    catalog = FolderCatalog("here", path=str(tmp_path / "data"), pattern="all")
    (item,) = catalog.items()
    assert str(item.interval) == "2001-01-01T00:00:00Z/2001-01-09T00:00:00Z"
    with catalog.open(item) as whole:
        assert float(whole["t2m"].max()) == 179


@pytest.mark.parametrize("kind", ["packed", "classic"])
def test_files_that_come_later_are_appended(tmp_path, kind):
    files = collection(tmp_path / "files", kind, (3, 2, 4))
    store = virtualize(files[:1], tmp_path / "all")
    assert virtualize(files[:1], tmp_path / "all") == store
    virtualize(files, tmp_path / "all")
    with opened(store, tmp_path / "files") as whole:
        xr.testing.assert_equal(whole.compute(), by_hand(files))


def test_files_of_several_directories_are_read_where_they_lie(tmp_path):
    first = collection(tmp_path / "a b", "compressed", (3,))
    store = virtualize(first, tmp_path / "all")
    second = write(tmp_path / "c.nc", part(3, 2), **KINDS["compressed"])
    virtualize([*first, second], store)
    with opened(store, tmp_path) as whole:
        assert whole.sizes["time"] == 5
        assert float(whole["t2m"].max()) == 99


def test_a_coordinate_without_a_dimension_will_do(tmp_path):
    files = []
    for day in range(3):
        one = part(day, 1).drop_vars(["count", "time_bnds"]).isel(time=0)
        path = tmp_path / f"{day}.nc"
        del one["time"].attrs["bounds"]
        one.to_netcdf(path, engine="h5netcdf")
        files.append(path)
    store = virtualize(files, tmp_path / "all")
    with opened(store, tmp_path) as whole:
        assert whole["t2m"].dims == ("time", "lat", "lon")
        np.testing.assert_array_equal(whole["t2m"].values.ravel(), np.arange(60))
        np.testing.assert_array_equal(whole["time"].values, part(0, 3)["time"].values)


def test_calendars_of_models_are_kept(tmp_path):
    import cftime

    for number in range(2):
        time = [cftime.DatetimeNoLeap(2000 + number, month, 15) for month in range(1, 13)]
        data = xr.Dataset({"t": (("time", "x"), np.full((12, 3), number, "f4"))}, {"time": time})
        data.to_netcdf(tmp_path / f"{number}.nc", engine="h5netcdf")
    store = virtualize([tmp_path], tmp_path / "all")
    with opened(store, tmp_path) as whole:
        assert whole["time"].values[-1] == cftime.DatetimeNoLeap(2001, 12, 15)
        assert float(whole["t"].mean()) == 0.5


class TestGRIB:
    @pytest.fixture
    def files(self, tmp_path):
        write_grib(tmp_path / "one.grib2")
        return tmp_path

    def test_messages_are_chunks(self, files, tmp_path):
        store = virtualize([files / "one.grib2"], tmp_path / "all", concat="step")
        with opened(store, tmp_path) as whole:
            assert whole["t"].chunks == ((1, 1, 1), (4,), (5,))
            expected = xr.open_dataset(files / "one.grib2", engine="cfgrib", backend_kwargs={"indexpath": ""}, decode_timedelta=True)  # fmt: skip
            np.testing.assert_array_equal(whole["t"].values, expected["t"].values)
            np.testing.assert_array_equal(whole["step"].values, expected["step"].values)
            assert whole["t"].attrs["GRIB_shortName"] == "t"

    def test_files_follow_each_other_by_their_times(self, tmp_path):
        for day in (3, 1, 2):
            write_grib(tmp_path / f"{day}.grib2", day=day)
        store = virtualize([tmp_path], tmp_path / "all")
        with opened(store, tmp_path) as whole:
            assert whole["t"].sizes == {"time": 3, "step": 3, "latitude": 4, "longitude": 5}
            assert [str(t)[:10] for t in whole["time"].values] == ["2001-01-01", "2001-01-02", "2001-01-03"]  # fmt: skip
            day = whole["t"].isel(step=0).mean(("latitude", "longitude")).values
            np.testing.assert_allclose(day - day[0], [0, 1, 2], atol=0.02)

    def test_several_kinds_of_levels_are_named(self, tmp_path):
        write_grib(tmp_path / "levels.grib2", heights=True)
        with pytest.raises(Unreadable, match="do not make one dataset"):
            virtualize([tmp_path / "levels.grib2"], tmp_path / "all", concat="step")


def fails(tmp_path: Path, second: Path, match: str, *, concat: str = "time") -> None:
    """It is refused with a name, and leaves nothing."""
    before = sorted(tmp_path.iterdir())
    with pytest.raises((InvalidInput, Unreadable), match=match) as caught:
        virtualize([tmp_path / "first.nc", second], tmp_path / "all", concat=concat)
    assert second.name in str(caught.value)
    assert caught.value.advice
    assert sorted(tmp_path.iterdir()) == before


class TestFilesThatDoNotFit:
    @pytest.fixture(autouse=True)
    def first(self, tmp_path):
        write(tmp_path / "first.nc", part(0, 3), **KINDS["packed"])

    def test_another_variable(self, tmp_path):
        second = write(tmp_path / "b.nc", part(3, 2).drop_vars("count"), **KINDS["packed"])
        fails(tmp_path, second, "lacks the variable 'count'")
        more = write(tmp_path / "c.nc", part(3, 2, more=("lat", np.ones(4))), **KINDS["packed"])
        fails(tmp_path, more, "the variable 'more'")

    def test_another_shape(self, tmp_path):
        second = write(tmp_path / "b.nc", part(3, 2).isel(lat=[0, 1]), **KINDS["packed"])
        fails(tmp_path, second, r"has the shape \[2")

    def test_another_packing(self, tmp_path):
        other = {"t2m": KINDS["packed"]["encoding"]["t2m"] | {"scale_factor": 0.25}}
        second = write(tmp_path / "b.nc", part(3, 2), engine="h5netcdf", encoding=other)
        fails(tmp_path, second, "'t2m' has the scale_factor 0.25, not 0.5")

    def test_another_compression(self, tmp_path):
        other = {"t2m": PACKED | {"chunksizes": (1, 2, 5)}}
        second = write(tmp_path / "b.nc", part(3, 2), engine="h5netcdf", encoding=other)
        fails(tmp_path, second, "'t2m' has the codecs")

    def test_another_unit(self, tmp_path):
        data = part(3, 2)
        data["t2m"].attrs["units"] = "degC"
        second = write(tmp_path / "b.nc", data, **KINDS["packed"])
        fails(tmp_path, second, "'t2m' has the units degC, not K")

    def test_other_coordinates(self, tmp_path):
        data = part(3, 2).assign_coords(lon=np.arange(5) * 11.0)
        second = write(tmp_path / "b.nc", data, **KINDS["packed"])
        fails(tmp_path, second, "its values of 'lon' differ")

    def test_the_same_times(self, tmp_path):
        second = write(tmp_path / "b.nc", part(2, 2), **KINDS["packed"])
        fails(tmp_path, second, "does not follow")

    def test_no_such_dimension(self, tmp_path):
        second = write(tmp_path / "b.nc", part(3, 2), **KINDS["packed"])
        with pytest.raises(Unreadable, match="has no dimension 'member'"):
            virtualize([second], tmp_path / "all", concat="member")

    @pytest.mark.parametrize("keep", [6, 40, 2000])
    @pytest.mark.parametrize("kind", ["packed", "records"])
    def test_a_file_cut_short(self, tmp_path, keep, kind):
        second = write(tmp_path / "b.nc", part(3, 2), **dict(KINDS[kind]))
        second.write_bytes(second.read_bytes()[:keep])
        fails(tmp_path, second, "b.nc")

    def test_chunks_that_do_not_follow_each_other(self, tmp_path):
        wide = {"t2m": {"zlib": True, "chunksizes": (2, 4, 5)}}
        write(tmp_path / "first.nc", part(0, 3), engine="h5netcdf", encoding=wide)
        second = write(tmp_path / "b.nc", part(3, 2), engine="h5netcdf", encoding=wide)
        fails(tmp_path, second, "chunks")


class TestStores:
    def test_a_file_that_changed_is_named(self, tmp_path):
        files = collection(tmp_path / "files", "compressed")
        store = virtualize(files, tmp_path / "all")
        write(files[0], part(0, 3) + 1, **KINDS["classic"])
        with pytest.raises(Unreadable, match="has changed since"):
            virtualize(files, store)
        with opened(store, tmp_path / "files") as whole, pytest.raises(Exception, match="virtual"):
            whole["t2m"].compute()

    def test_files_that_come_before_are_refused(self, tmp_path):
        files = collection(tmp_path / "files", "compressed")
        store = virtualize(files[1:], tmp_path / "all")
        with pytest.raises(InvalidInput, match="do not follow"):
            virtualize(files, store)

    def test_what_is_no_virtual_store_is_left_alone(self, tmp_path):
        files = collection(tmp_path / "files", "compressed")
        other = tmp_path / "other"
        other.mkdir()
        (other / "mine").write_text("mine")
        with pytest.raises(InvalidInput, match="no virtual store"):
            virtualize(files, other)
        assert (other / "mine").read_text() == "mine"

    def test_no_files(self, tmp_path):
        (tmp_path / "empty").mkdir()
        with pytest.raises(InvalidInput, match="no files"):
            virtualize([tmp_path / "empty"], tmp_path / "all")
        with pytest.raises(InvalidInput, match=r"There is no file .*gone"):
            virtualize([tmp_path / "gone.nc"], tmp_path / "all")

    def test_a_commit_that_fails_leaves_nothing(self, tmp_path, monkeypatch):
        from virtualizarr.writers import icechunk as writer

        files = collection(tmp_path / "files", "compressed")
        store = virtualize(files[:2], tmp_path / "kept")

        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(writer, "virtual_dataset_to_icechunk", full)
        with pytest.raises(Exception, match="No space left"):
            virtualize(files, tmp_path / "all")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["files", "kept"]
        with pytest.raises(Exception, match="No space left"):
            virtualize(files, store)
        monkeypatch.undo()
        with opened(store, tmp_path / "files") as whole:
            assert whole.sizes["time"] == 5
        virtualize(files, store)
        with opened(store, tmp_path / "files") as whole:
            assert whole.sizes["time"] == 9
