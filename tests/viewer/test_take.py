"""What is taken away says the same as the picture."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import InvalidParameter, TooLarge, Unreadable
from portal.viewer import Viewer
from portal.viewer import take as take_module
from portal.viewer.colors import color_table
from portal.viewer.state import ViewState
from portal.viewer.take import take


def globe(*, from_zero: bool = False, falling: bool = False) -> xr.Dataset:
    lat, lon = np.arange(-85.0, 90, 10), np.arange(-175.0, 180, 10)
    values = np.random.default_rng(3).normal(280, 10, (4, lat.size, lon.size)).astype("f4")
    return xr.Dataset(
        {
            "t": (("time", "lat", "lon"), values, {"units": "K", "long_name": "Temperature"}),
            "u": (("time", "lat", "lon"), values[::-1] / 2, {"units": "K"}),
            "<script>": (("time", "lat", "lon"), values),
            "z": (("lat", "time"), values[:, :, 0].T),
            "mean": ("time", values.mean((1, 2))),
            "one": ((), 3.5),
            "wave": (("lat", "lon"), values[0] * np.exp(1j)),
        },
        {
            "time": np.array(["2001-01", "2001-02", "2001-03", "2001-04"], "M8[ns]"),
            "lat": ("lat", lat[::-1] if falling else lat, {"units": "degrees_north"}),
            "lon": ("lon", lon + 180 if from_zero else lon, {"units": "degrees_east"}),
        },
    )


def curvilinear() -> xr.Dataset:
    lat, lon = np.meshgrid(np.linspace(30, 60, 12), np.linspace(-40, 20, 20), indexing="ij")
    return xr.Dataset(
        {"sst": (("t", "j", "i"), np.random.default_rng(1).normal(size=(2, 12, 20)))},
        {
            "nav_lat": (("j", "i"), lat + lon / 20, {"standard_name": "latitude"}),
            "nav_lon": (("j", "i"), lon % 360, {"standard_name": "longitude"}),
        },
    )


def columns() -> xr.Dataset:
    rng = np.random.default_rng(2)
    lat, lon = rng.uniform(-90, 90, 300), rng.uniform(0, 360, 300)
    return xr.Dataset(
        {
            "ps": (("time", "ncol"), rng.normal(size=(2, 300))),
            "lat": ("ncol", lat, {"units": "degrees_north"}),
            "lon": ("ncol", lon, {"units": "degrees_east"}),
        },
    )


def voronoi_cells() -> xr.Dataset:
    """Places in radians, as MPAS writes them."""
    ds = columns().rename(ncol="nCells", lat="latCell", lon="lonCell")
    for name in ("latCell", "lonCell"):
        ds[name] = np.radians(ds[name]).assign_attrs(units="rad")
    return ds


def moving() -> xr.Dataset:
    """Places written once for each time."""
    ds = curvilinear()
    return ds.assign_coords({n: ds[n].expand_dims(t=2) for n in ("nav_lat", "nav_lon")})


def made(ds: xr.Dataset, other: xr.Dataset | None = None, **state: Any) -> xr.DataArray:
    """Run the code of a view, and hold its result against the slice that is saved."""
    parsed = ViewState.parse(state)
    code = take(ds, "code", parsed, other=other).data.decode()
    names: dict[str, Any] = {"ds": ds, "other": other}
    exec(compile(code, "view.py", "exec"), names)
    view: xr.DataArray = names["view"]
    saved = xr.open_dataset(io.BytesIO(take(ds, "netcdf", parsed, other=other).data))
    (variable,) = saved.data_vars
    np.testing.assert_array_equal(saved[variable].values, view.values, strict=True)
    for name, coordinate in view.coords.items():
        if coordinate.dtype.kind != "M":
            np.testing.assert_array_equal(saved[str(name)].values, coordinate.values)
    assert "taken from a view with: view = ds[" in saved.attrs["history"]
    return view


def frame(ds: xr.Dataset, variable: str, **index: int) -> tuple[np.ndarray, float]:
    shown = Viewer(ds).frame(variable, index, width=4_000, height=4_000)
    return shown.values(), shown.header["encoding"].get("scale", 0)


@pytest.mark.parametrize("from_zero", [True, False])
@pytest.mark.parametrize("variable", ["t", "<script>"])
def test_a_map(variable: str, from_zero: bool) -> None:
    ds = globe(from_zero=from_zero)
    view = made(ds, variable=variable, index={"time": 2})
    values, step = frame(ds, variable, time=2)
    np.testing.assert_allclose(view.values[::-1], values, atol=step)
    np.testing.assert_array_equal(view.lon, np.arange(-175.0, 180, 10))


def test_an_image_a_series_a_value_and_magnitudes() -> None:
    ds = globe()
    values, step = frame(ds, "z")
    np.testing.assert_allclose(made(ds, variable="z").values[::-1], values, atol=step)
    values, _ = frame(ds, "mean")
    np.testing.assert_allclose(made(ds, variable="mean").values, values)
    assert made(ds, variable="one").item() == 3.5
    values, step = frame(ds, "wave")
    np.testing.assert_allclose(made(ds, variable="wave").values[::-1], values, atol=step)


def test_other_dimensions_on_the_axes() -> None:
    ds = globe()
    view = made(ds, variable="t", x="time", y="lat", index={"lon": 7})
    xr.testing.assert_equal(view, ds.t.isel(lon=7).transpose("lat", "time"))
    assert made(ds, variable="t", y="time", index={"lat": 7}).dims == ("time", "lon")


@pytest.mark.parametrize("falling", [True, False])
@pytest.mark.parametrize("from_zero", [True, False])
@pytest.mark.parametrize(
    ("window", "lon"),
    [
        ([-60, 60, -30, 30], np.arange(-55.0, 60, 10)),
        ([170, 200, 20, 90], [175, 185, 195]),
        ([340, 380, 20, 90], [345, 355, 365, 375]),
        ([12, 13, 1, 2], [15]),
    ],
)
def test_a_window(falling: bool, from_zero: bool, window: list[float], lon: Any) -> None:
    ds = globe(falling=falling, from_zero=from_zero)
    view = made(ds, variable="t", window=window)
    np.testing.assert_array_equal(view.lon, lon)
    expected = ds.t[0].assign_coords(lon=(ds.lon - window[0]) % 360 + window[0]).sortby("lon")
    expected = expected.sel(lon=slice(window[0], window[1]))
    if expected.size:
        expected = expected.where((ds.lat >= window[2]) & (ds.lat <= window[3]), drop=True)
        np.testing.assert_array_equal(view.values, expected.values)
    else:
        assert view.size == 1


@pytest.mark.parametrize(
    ("source", "variable", "lon", "lat"),
    [
        (curvilinear, "sst", "nav_lon", "nav_lat"),
        (moving, "sst", "nav_lon", "nav_lat"),
        (columns, "ps", "lon", "lat"),
        (voronoi_cells, "ps", "lonCell", "latCell"),
    ],
)
def test_a_window_of_places(source: Any, variable: str, lon: str, lat: str) -> None:
    ds = source()
    view = made(ds, variable=variable, window=[-30, 10, 35, 55])
    factor = 180 / np.pi if lon == "lonCell" else 1
    north, east = ds[lat] * factor, ds[lon] * factor
    inside = (north >= 35) & (north <= 55) & ((east + 30) % 360 <= 40)
    if "t" in inside.dims:
        inside = inside.isel(t=0)
    slider = next(d for d in ds[variable].dims if d not in view.dims)
    expected = ds[variable].isel({slider: 0}).where(inside, drop=True)
    assert view.notnull().sum() == inside.sum() > 0
    np.testing.assert_array_equal(view.values, expected.values)


def test_a_difference_and_a_second_dataset() -> None:
    ds = globe()
    compare = {"mode": "difference", "data": "a", "variable": "u"}
    view = made(ds, variable="t", index={"time": 1}, compare=compare)
    xr.testing.assert_allclose(view, ds.t[1] - ds.u[1])
    other = globe() + 1
    view = made(ds, other, variable="t", compare=compare | {"data": "b"})
    xr.testing.assert_allclose(view, ds.t[0] - other.u[0])
    with pytest.raises(InvalidParameter, match="no second dataset"):
        take(ds, "code", ViewState.parse({"variable": "t", "compare": compare | {"data": "b"}}))


def plain(values: Any, lat: Any, lon: Any, units: str = "K") -> xr.Dataset:
    """Fields of three times on a regular grid."""
    days = np.array(["2000-01-01", "2000-02-01", "2000-03-01"], "M8[ns]")
    return xr.Dataset(
        {"t": (("time", "lat", "lon"), np.asarray(values), {"units": units})},
        {
            "time": days,
            "lat": ("lat", np.asarray(lat, float), {"units": "degrees_north"}),
            "lon": ("lon", np.asarray(lon, float), {"units": "degrees_east"}),
        },
    )


@pytest.mark.parametrize(
    ("lat", "lon", "units"),
    [
        (np.arange(-80, 81, 20), np.arange(-170, 171, 20), "degC"),
        (np.arange(80, -81, -20), np.arange(10, 351, 20), "K"),
        (np.arange(-87, 88, 6), np.arange(0, 360, 7.5), "degC"),
        (np.arange(-40, 41, 8), np.arange(-60, 61, 9), "K"),
        (np.arange(-80, 81, 20) + 1e-9, np.arange(-170, 171, 20), "K"),
    ],
    ids=["units", "turned", "finer", "smaller", "rounded"],
)
def test_a_difference_is_that_of_the_picture(lat: Any, lon: Any, units: str) -> None:
    random = np.random.default_rng(1)
    lats, lons = np.arange(-80, 81, 20), np.arange(-170, 171, 20)
    ds = plain(random.random((3, lats.size, lons.size), "f4"), lats, lons)
    other = plain(random.random((3, lat.size, lon.size), "f4"), lat, lon, units)
    other = other.isel(time=[1, 2, 0])  # the same times at other steps
    compare = {"mode": "difference", "data": "b", "variable": "t"}
    view = made(ds, other, variable="t", index={"time": 2}, compare=compare)
    shown = Viewer(ds, other).frame("t", {"time": 2}, width=900, height=900, minus="b:t")
    seen, step = shown.values(), shown.header["encoding"].get("scale", 0)
    assert seen.shape == view.shape
    rows = slice(None, None, -1) if view.lat[0] < view.lat[-1] else slice(None)
    np.testing.assert_allclose(view.values[rows], seen, atol=step + 2e-4)
    assert view.attrs["units"] == "K"
    assert np.isnan(view).any() == (lat.size == 11)


def test_differences_of_whole_numbers_do_not_wrap() -> None:
    counts = np.arange(3 * 2 * 4, dtype="u1").reshape(3, 2, 4)
    ds, other = (plain(v, [-10, 10], [0, 10, 20, 30]) for v in (counts, counts[::-1]))
    view = made(
        ds, other, variable="t", compare={"mode": "difference", "data": "b", "variable": "t"}
    )
    assert float(view.min()) == float(view.max()) == -16.0


def test_a_difference_without_a_picture_has_no_code() -> None:
    ds = plain(np.zeros((3, 2, 2)), [0, 1], [0, 1])
    other = plain(np.zeros((3, 2, 2)), [0, 1], [0, 1], units="m")
    state = {"variable": "t", "compare": {"mode": "difference", "data": "b", "variable": "t"}}
    with pytest.raises(InvalidParameter, match="one is in K, the other in m"):
        take(ds, "code", ViewState.parse(state), other=other)


def test_names_that_are_no_identifiers() -> None:
    ds = globe().rename(time="class", lat="north south", t='a "b"/c\n')
    view = made(ds, variable='a "b"/c\n', index={"class": 3}, window=[-60, 60, -30, 30])
    assert view.dims == ("north south", "lon")
    assert (
        "isel({\n    'class': 3,  # 2001-04-01\n})"
        in take(
            ds, "code", ViewState.parse({"variable": 'a "b"/c\n', "index": {"class": 3}})
        ).data.decode()
    )


def test_the_code_is_readable() -> None:
    state = {
        "variable": "t",
        "index": {"time": 2},
        "window": [-20, 20, 0, 20],
        "limits": [250, 300],
    }
    code = take(globe(from_zero=True), "code", ViewState.parse(state)).data.decode()
    assert code == (
        "view = ds['t']\n"
        "view = view.isel(\n"
        "    time=2,  # 2001-03-01\n"
        ")\n"
        "view = view.assign_coords(lon=(view['lon'] + 180) % 360 - 180).sortby('lon')\n"
        "view = view.sel(lon=slice(-15.0, 15.0))\n"
        "view = view.sel(lat=slice(5.0, 15.0))\n"
        "# view.plot(vmin=250.0, vmax=300.0) draws it with matplotlib.\n"
    )


@pytest.mark.parametrize("name", ["viridis", "RdBu", "batlow", "vik_r", "grey", "batlowS"])
def test_the_code_runs_whatever_the_colours(name: str) -> None:
    """And the lines that draw it, which are comments, are Python with colours that are known."""
    state = ViewState.parse({"variable": "t", "color_map": name, "limits": [250, 300]})
    code = take(globe(), "code", state).data.decode()
    names: dict[str, Any] = {"ds": globe()}
    exec(code, names)
    assert names["view"].dims == ("lat", "lon")
    drawn = [line[2:] for line in code.splitlines() if line.startswith("# ")]
    if name in {"viridis", "RdBu"}:
        assert drawn[-1].startswith(f"view.plot(cmap={name!r}, vmin=250.0")
        return
    asked: dict[str, Any] = {}
    drawing = "\n".join(drawn[1:]).replace("from matplotlib.colors import ListedColormap", "")
    names |= {
        "ListedColormap": list,
        "view": type("View", (), {"plot": lambda _, **k: asked.update(k)})(),
    }
    exec(drawing, names)
    assert (asked["vmin"], asked["vmax"]) == (250, 300)
    np.testing.assert_array_equal(asked["cmap"], color_table(name) / 255)


values_of_files = st.floats(width=64) | st.just(float("nan"))


@settings(max_examples=40)
@given(
    st.lists(st.lists(values_of_files, min_size=3, max_size=3), min_size=2, max_size=5),
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1),
)
def test_files_hold_the_very_numbers(rows: list[list[float]], name: str) -> None:
    ds = xr.Dataset({"v": (("y", "x"), np.array(rows), {"note": name, "odd": {"a": 1}})})
    ds = ds.assign_coords(x=[0.1, 0.2, 0.3])
    state = ViewState.parse({"variable": "v"})
    saved = xr.open_dataset(io.BytesIO(take(ds, "netcdf", state).data))
    np.testing.assert_array_equal(saved.v.values, ds.v.values)
    assert saved.v.attrs["note"] == name
    assert json.loads(saved.v.attrs["odd"]) == {"a": 1}
    table = pd.read_csv(io.BytesIO(take(ds, "csv", state).data))
    assert list(table.columns) == ["y", "x", "v"]
    np.testing.assert_array_equal(table.v.to_numpy().reshape(ds.v.shape), ds.v.values)
    np.testing.assert_array_equal(table.x[:3], ds.x)


def test_a_single_value_as_csv() -> None:
    table = pd.read_csv(io.BytesIO(take(globe(), "csv", ViewState(variable="one")).data))
    assert table.one.tolist() == [3.5]


def test_a_cell_restores_the_state() -> None:
    state = ViewState.parse({"variable": "t", "index": {"time": 2}, "limits": [0, 1]})
    text = take(globe(), "cell", state).data.decode()
    assert text.startswith("import portal\n\nportal.view(ds, state={'version': 1, 'variable': 't'")
    inner = text[text.index("state=") + 6 : text.rindex(")")]
    assert ViewState.parse(eval(inner)) == state


def test_what_is_too_large_is_refused_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_module, "MOST_BYTES", 1_000)
    monkeypatch.setattr(take_module, "MOST_ROWS", 100)
    state = ViewState(variable="t")
    with pytest.raises(TooLarge, match=r"bytes, more than 1,000.*view = ds\['t'\](.|\n)*to_netcdf"):
        take(globe(), "netcdf", state)
    with pytest.raises(TooLarge, match="648 rows, more than 100"):
        take(globe(), "csv", state)


@pytest.mark.parametrize(
    ("what", "state", "message"),
    [
        ("pdf", {}, "cannot be saved as that. Found: 'pdf'"),
        ("code", {"variable": "nope"}, "no variable 'nope'"),
        ("code", {"variable": "t", "index": {"time": 4}}, "index of time is out of range"),
        ("code", {"variable": "t", "x": "depth"}, "no dimension 'depth'"),
    ],
)
def test_what_is_wrong_is_named(what: str, state: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        take(globe(), what, ViewState.parse(state))


def test_a_store_that_fails_is_named(tmp_path: Path) -> None:
    globe()[["t"]].chunk(time=1).to_zarr(tmp_path / "a.zarr", consolidated=False)
    ds = xr.open_zarr(tmp_path / "a.zarr", consolidated=False)
    for chunk in (tmp_path / "a.zarr" / "t" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"torn")
    with pytest.raises(Unreadable, match="Reading t failed"):
        take(ds, "netcdf", ViewState(variable="t"))
