"""Cells lie around their centres, wherever on the Earth and however the file tells it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.viewer import Frame, Viewer, curvilinear, unstructured
from portal.viewer.earth import Earth, longitude_range
from portal.viewer.grids import corners_of_centres, middles, vectors, voronoi
from tests.viewer.earths import (
    GRIDS,
    code,
    columns,
    displaced,
    mpas,
    rectilinear,
    scrip,
    spiral,
    tripolar,
    ugrid,
)


def picture(ds: xr.Dataset, **more: object) -> Frame:
    return Viewer(ds).frame("field", width=400, height=300, **more)  # type: ignore[arg-type]


def inside(place: np.ndarray, nodes: np.ndarray) -> bool:
    """Whether a unit vector lies in a small convex polygon of unit vectors, whatever its sense."""
    sides = np.cross(nodes, np.roll(nodes, -1, axis=0)) @ place
    return bool((sides > -1e-7).all() or (sides < 1e-7).all())


def quads(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Corners (n, 4, 3) and centres (n, 3) of the cells of a frame."""
    ny, nx = frame.header["shape"]
    v = vectors(frame.array("corner_lon"), frame.array("corner_lat")).reshape(ny + 1, nx + 1, 3)
    around = np.stack([v[:-1, :-1], v[:-1, 1:], v[1:, 1:], v[1:, :-1]], axis=2)
    return around.reshape(-1, 4, 3), vectors(frame.array("lon"), frame.array("lat"))


@pytest.mark.parametrize("make", [displaced, tripolar])
def test_corners_enclose_their_centres(make: object) -> None:
    around, centers = quads(picture(make()))  # type: ignore[operator]
    missed = [i for i in range(len(centers)) if not inside(centers[i], around[i])]
    # Only where the rows of a tripolar grid fold are cells too thin for it.
    assert len(missed) <= 0.01 * len(centers)


@settings(max_examples=40)
@given(
    lon=st.floats(-180, 540),
    lat=st.floats(-89, 89),
    turn=st.floats(0, 360),
    ny=st.integers(2, 9),
    nx=st.integers(2, 9),
)
def test_corners_of_a_patch_anywhere(lon: float, lat: float, turn: float, ny: int, nx: int) -> None:
    """A patch of square cells, turned and set down anywhere: the date line and a pole included."""
    a, b = np.meshgrid(np.arange(nx) - nx / 2, np.arange(ny) - ny / 2)
    t = np.radians(turn)
    side, up = a * np.cos(t) - b * np.sin(t), a * np.sin(t) + b * np.cos(t)
    (middle,) = vectors(np.array([lon]), np.array([lat]))
    east = np.cross([0, 0, 1], middle)
    east /= np.linalg.norm(east)
    north = np.cross(middle, east)
    places = middle + 0.01 * (side[..., None] * east + up[..., None] * north)
    places /= np.linalg.norm(places, axis=-1, keepdims=True)
    lons = np.degrees(np.arctan2(places[..., 1], places[..., 0]))
    lats = np.degrees(np.arcsin(places[..., 2]))
    v = vectors(*corners_of_centres(lons, lats))
    for j in range(ny):
        for i in range(nx):
            around = np.stack([v[j, i], v[j, i + 1], v[j + 1, i + 1], v[j + 1, i]])
            assert inside(places[j, i], around)
            # A half of the diagonal of a cell, outermost cells included.
            reach = np.linalg.norm(around - places[j, i], axis=-1)
            np.testing.assert_allclose(reach, 0.01 * np.sqrt(0.5), rtol=0.05)


def test_unknown_places_get_no_cell_and_spoil_no_other() -> None:
    ds = displaced()
    whole = quads(picture(ds))[0]
    hole = np.zeros(ds.TLAT.shape, bool)
    hole[30:50, 20:40] = True
    ds["TLAT"] = ds.TLAT.where(~hole, 1e30)
    around, centers = quads(picture(ds))
    known = np.isfinite(centers[:, 0])
    assert (~known).sum() == hole.sum()
    assert np.isfinite(around[known]).all()
    # Set forth from two neighbours, the rim of the hole is where it was but for the curvature.
    assert np.abs(around[known] - whole[known]).max() < 0.02


def test_vertices_in_the_file_are_the_corners() -> None:
    ds = rectilinear().isel(lat=slice(4, 60))
    lon, lat = np.meshgrid(ds.lon, ds.lat)
    side, up = np.array([-1, -1, 1, 1]), np.array([-1, 1, 1, -1])
    odd = xr.Dataset(
        {
            "field": (("j", "i"), code(lon, lat)),
            "lon": (("j", "i"), lon, {"units": "degrees_east", "bounds": "lon_b"}),
            "lat": (("j", "i"), lat, {"units": "degrees_north", "bounds": "lat_b"}),
            # Cells that reach half as far to the north as to the south: not what centres tell.
            "lon_b": (("j", "i", "k"), lon[..., None] + 1.25 * side),
            "lat_b": (("j", "i", "k"), lat[..., None] + 1.25 * up - 0.5),
        }
    )
    frame = picture(odd)
    ny, nx = frame.header["shape"]
    corners = frame.array("corner_lat").reshape(ny + 1, nx + 1)
    np.testing.assert_allclose(corners[0], ds.lat[0] + 0.75, atol=1e-4)
    np.testing.assert_allclose(corners[-1], ds.lat[-1] - 1.75, atol=1e-4)
    assert [v.name for v in Viewer(odd).description.variables] == ["field"]


@pytest.mark.parametrize("make", [columns, ugrid, scrip, mpas])
def test_a_centre_lies_in_its_own_polygon(make: object) -> None:
    frame = picture(make())  # type: ignore[operator]
    assert frame.header["geometry_kind"] == "polygons"
    starts = frame.array("starts")
    nodes = vectors(frame.array("node_lon"), frame.array("node_lat"))
    centers = vectors(frame.array("lon"), frame.array("lat"))
    assert frame.header["shape"] == [len(centers)]
    assert all(
        inside(c, nodes[a:b]) for c, a, b in zip(centers, starts[:-1], starts[1:], strict=True)
    )


@pytest.mark.parametrize(
    "name", [n for n in GRIDS if n not in {"rectilinear", "irregular", "region"}]
)
def test_values_stay_with_their_places(name: str) -> None:
    frame = picture(GRIDS[name]())
    expected = code(frame.array("lon"), frame.array("lat")).reshape(frame.header["shape"])
    # Without places of its faces in the file, those of a mesh are the means of their nodes.
    np.testing.assert_allclose(frame.values(), expected, atol=0.05 if name == "ugrid" else 1e-3)


def test_polygons_share_out_the_earth() -> None:
    shapes = voronoi(*spiral(400))
    v = vectors(shapes.node_lon, shapes.node_lat)
    centers = vectors(*middles(shapes))
    area = 0.0
    for c, a, b in zip(centers, shapes.starts[:-1], shapes.starts[1:], strict=True):
        ring = np.vstack([v[a:b], v[a]])
        # Van Oosterom and Strackee (1983), doi:10.1109/TBME.1983.325207: solid angle of a triangle.
        for p, q in pairwise(ring):
            triple = abs(np.dot(c, np.cross(p, q)))
            area += 2 * np.arctan2(triple, 1 + c @ p + p @ q + q @ c)
    assert area == pytest.approx(4 * np.pi, rel=1e-4)


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        (np.zeros(5), np.zeros(5)),
        (np.arange(0, 360, 10.0), np.zeros(36)),
        (np.array([0.0, 1, np.nan]), np.array([0.0, 1, 2])),
    ],
)
def test_places_without_neighbourhoods(lon: np.ndarray, lat: np.ndarray) -> None:
    shapes = voronoi(lon, lat)
    assert shapes.starts.tolist() == [0] * (lon.size + 1)


def test_of_places_that_coincide_one_has_a_cell() -> None:
    lon, lat = spiral(50)
    lon, lat = np.append(lon, [lon[7], 10]), np.append(lat, [lat[7], np.nan])
    counts = np.diff(voronoi(lon, lat).starts.astype(int))
    assert (counts[:50] >= 3).all()
    assert counts[50:].tolist() == [0, 0]


def test_cells_at_the_rim_of_a_region_stay_small() -> None:
    lon, lat = np.meshgrid(np.arange(20.0), np.arange(40, 60.0))
    shapes = voronoi(lon.ravel() + 170, lat.ravel())
    assert shapes.node_lat.min() > 37
    assert shapes.node_lat.max() < 63


@given(west=st.floats(-180, 179), width=st.floats(1, 300), turns=st.integers(-1, 1))
def test_the_range_of_a_region(west: float, width: float, turns: int) -> None:
    lon = np.linspace(west, west + width, 200) + 360 * turns
    low, high = longitude_range((lon + 180) % 360 - 180)
    assert (low - west + 1e-6) % 360 < 1e-4
    assert high - low == pytest.approx(width)


def test_places_around_the_earth_have_no_ends() -> None:
    assert longitude_range(np.arange(0, 360, 20.0)) == (-180, 180)


@pytest.mark.parametrize("name", ["displaced", "tripolar", "columns", "ugrid"])
@pytest.mark.parametrize("window", [(170.0, 190.0, -10.0, 10.0), (-50.0, -20.0, 30.0, 60.0)])
def test_a_window_holds_what_is_seen(name: str, window: tuple[float, ...]) -> None:
    ds = GRIDS[name]()
    whole, part = picture(ds), picture(ds, window=window)
    west, east, south, north = window

    def seen(frame: Frame) -> set[tuple[float, float]]:
        lon, lat = frame.array("lon"), frame.array("lat")
        kept = (lat > south) & (lat < north) & ((lon - west) % 360 < east - west)
        return set(zip(lon[kept].tolist(), lat[kept].tolist(), strict=True))

    assert seen(part) == seen(whole) != set()
    assert part.values().size < 0.3 * whole.values().size
    assert part.header["x"]["range"] == whole.header["x"]["range"]


def test_large_grids_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curvilinear, "MOST_CORNERS", 900)
    monkeypatch.setattr(unstructured, "MOST_POLYGONS", 900)
    bent, loose = picture(displaced()), picture(columns())
    assert bent.values().size <= 900
    assert loose.values().size <= 901
    assert "one cell in" in " ".join(loose.header["notes"])
    # Blocks are means, and columns are still columns.
    lon, lat = bent.array("lon"), bent.array("lat")
    np.testing.assert_allclose(bent.values().ravel(), code(lon, lat), atol=0.2)
    np.testing.assert_allclose(
        loose.values(), code(loose.array("lon"), loose.array("lat")), atol=1e-3
    )


def test_shapes_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    original = voronoi
    monkeypatch.setattr(
        "portal.viewer.grids.voronoi", lambda a, b: made.append(a.size) or original(a, b)
    )
    viewer = Viewer(columns())
    for width in (300, 400, 500):
        viewer.frame("field", width=width, height=300)
    assert made == [5_402]


def test_what_is_known_is_not_sent_again() -> None:
    viewer = Viewer(tripolar())
    first = viewer.frame("field", width=400, height=300)
    again = viewer.frame("field", width=400, height=300, have=[first.header["geometry"]])
    assert set(again.header["arrays"]) == {"cells"}


def test_uneven_columns_go_all_around_the_earth() -> None:
    edges = picture(GRIDS["irregular"]()).array("x_edges")
    assert edges[-1] - edges[0] == pytest.approx(360)
    # A column that is missing stays missing.
    part = picture(rectilinear().isel(lon=slice(1, None))).array("x_edges")
    assert part[-1] - part[0] == pytest.approx(357.5)


def test_measurements_along_a_track_are_no_mesh() -> None:
    track = xr.Dataset(
        {"t": ("time", np.arange(500.0))},
        {
            "time": np.arange("2000-01-01", "2001-05-15", dtype="M8[D]")[:500],
            "lon": ("time", np.linspace(0, 90, 500), {"units": "degrees_east"}),
            "lat": ("time", np.linspace(0, 60, 500), {"units": "degrees_north"}),
        },
    )
    assert Viewer(track).description.variables[0].kind == "series"


def test_places_written_once_for_each_time() -> None:
    ds = displaced()
    ds = ds.isel(time=[0, 0]).assign({n: ds[n].expand_dims(time=2) for n in ("TLONG", "TLAT")})
    frame = picture(ds)
    np.testing.assert_array_equal(
        frame.array("corner_lon"), picture(displaced()).array("corner_lon")
    )


def test_helpers_are_not_offered() -> None:
    names = [[v.name for v in Viewer(GRIDS[n]()).description.variables] for n in ("ugrid", "mpas")]
    assert names == [["field", "at_nodes"], ["field"]]
    assert Earth(scrip()).meshes["grid_size"].corners == ("grid_corner_lon", "grid_corner_lat")
