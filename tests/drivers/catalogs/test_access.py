"""Opening what records point at: every format, over HTTP, from S3, and from allowed directories."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.core.asset import Asset
from portal.core.item import Item
from portal.drivers.catalogs._access import open_item
from portal.drivers.catalogs._place import bucket_of
from portal.drivers.catalogs._reach import Reach
from portal.errors import Denied, PortalError, Unavailable, Unreadable
from tests.drivers.catalogs.samples import FORMATS, grid, write, write_geotiff, write_grib
from tests.drivers.catalogs.servers import dap
from tests.drivers.catalogs.servers.stores import serving_files, serving_s3
from tests.drivers.catalogs.servers.wsgi import serve


def item_of(href: str, **asset) -> Item:
    asset.setdefault("roles", ("data",))
    return Item.build(
        "here",
        "x",
        title="x",
        created="2020-01-01T00:00:00Z",
        assets={"it": Asset(href, **asset)},
        links=[{"rel": "about", "href": "https://data.example.gov/x"}],
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("files")
    write(path)
    return path


@pytest.fixture(scope="module")
def http(tmp_path_factory):
    path = tmp_path_factory.mktemp("served")
    with serving_files(path) as server:
        write(path, server.url)
        yield server


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    path = tmp_path_factory.mktemp("bucket")
    write(path, "s3://lab")
    with serving_s3(path, "lab") as url:
        yield url


def same(opened: xr.Dataset, name: str) -> None:
    """It is lazy, in its stored chunks, right, and reaches another process."""
    if not name.endswith(("classic.nc", "records.nc")):
        assert opened["t2m"].chunks == ((1, 1, 1), (4,), (5,))
    assert opened["t2m"].chunks is not None
    sent = pickle.loads(pickle.dumps(opened))
    opened.close()
    np.testing.assert_array_equal(sent["t2m"].values, grid()["t2m"].values)
    if name != "plain.h5":
        xr.testing.assert_equal(sent.compute(), grid())
        assert sent["t2m"].attrs["units"] == "K"
    sent.close()


#: One of each kind of store and file.
NAMES = ("three.zarr", "two.zarr", "four.nc", "classic.nc", "three.zarr.zip")
#: Media types, where the name alone does not tell.
TYPES = {
    "ice": "application/vnd.icechunk",
    "kerchunk.json": "application/vnd.kerchunk+json",
    "table.parq": "application/vnd.kerchunk+parquet",
}


@pytest.mark.parametrize("name", FORMATS)
class TestEverywhere:
    def test_over_http(self, http, name):
        if name == "ice":
            return
        same(
            open_item(
                item_of(f"{http.url}/{name}", media_type=TYPES.get(name, "")),
                Reach.of(f"{http.url}/stac"),
            ),
            name,
        )

    def test_from_an_allowed_directory(self, root, name):
        same(
            open_item(
                item_of(str(root / name), media_type=TYPES.get(name, "")),
                Reach.of(allow=[str(root)]),
            ),
            name,
        )
        same(
            open_item(
                item_of(f"file://{root}/{name}", media_type=TYPES.get(name, "")),
                Reach.of(allow=[str(root)]),
            ),
            name,
        )

    def test_from_s3(self, s3, name, monkeypatch):
        storage = {"anon": True, "endpoint_url": s3}
        item = item_of(f"s3://lab/{name}", storage_options=storage, media_type=TYPES.get(name, ""))
        same(open_item(item, Reach.of(s3)), name)
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(key, "testing")
        item = item_of(
            f"s3://lab/{name}",
            storage_options={"client_kwargs": {"endpoint_url": s3}},
            media_type=TYPES.get(name, ""),
        )
        same(open_item(item, Reach.of(s3)), name)

    def test_nowhere_else(self, http, root, s3, name):
        reach = Reach.of("https://data.example.gov/stac")
        storage = {"endpoint_url": s3}
        before = len(http.asked)
        for item in (
            item_of(f"{http.url}/{name}", media_type=TYPES.get(name, "")),
            item_of(str(root / name), media_type=TYPES.get(name, "")),
            item_of(f"file://{root}/{name}", media_type=TYPES.get(name, "")),
            item_of(f"s3://lab/{name}", storage_options=storage, media_type=TYPES.get(name, "")),
        ):
            with pytest.raises(Denied) as caught:
                open_item(item, reach)
            assert "allow" in caught.value.advice
        assert len(http.asked) == before


def test_a_redirect_to_what_is_refused_is_not_followed(root, http):
    redirects = {f"/{n}": f"{http.url}/{n}" for n in NAMES}
    redirects |= {"/three.zarr/zarr.json": f"{http.url}/three.zarr/zarr.json"}
    redirects |= {"/two.zarr/.zmetadata": f"{http.url}/two.zarr/.zmetadata"}
    before = len(http.asked)
    with serving_files(root / "nothing", redirects) as outer:
        for name in NAMES:
            with pytest.raises(PortalError) as caught:
                open_item(item_of(f"{outer.url}/{name}"), Reach.of(outer.url))
            assert isinstance(caught.value, Denied), caught.value
    assert len(http.asked) == before


def test_an_icechunk_repository_is_not_read_over_http(http):
    item = item_of(f"{http.url}/ice", media_type="application/vnd.icechunk")
    with pytest.raises(Unreadable, match="where Icechunk does not read"):
        open_item(item, Reach.of(http.url))


def test_what_has_gone_is_unavailable(http, root):
    for href in (f"{http.url}/gone.nc", str(root / "gone.nc")):
        with pytest.raises(Unavailable):
            open_item(item_of(href), Reach.of(http.url, str(root)))


def test_a_server_that_is_down_is_unavailable(tmp_path):
    with serving_files(tmp_path) as server:
        url = server.url
    for name in NAMES:
        with pytest.raises(Unavailable):
            open_item(item_of(f"{url}/{name}"), Reach.of(url))


def test_a_record_without_data_says_where_to_ask():
    for item in (
        item_of("https://data.example.gov/x.png", media_type="image/png"),
        item_of("https://data.example.gov/x.nc", roles=("metadata",)),
        item_of("https://data.example.gov/x.yaml", open_kwargs={"engine": "intake"}),
    ):
        with pytest.raises(Unreadable) as caught:
            open_item(item, Reach())
        assert "https://data.example.gov/x" in caught.value.advice


@pytest.mark.parametrize(
    "kwargs",
    [
        {"engine": "intake"},
        {"engine": "zarr", "storage_options": {"fo": "/etc/passwd"}},
        {"backend_kwargs": {"storage_options": {"remote_protocol": "file"}}},
        {"group": ["x"]},
        {"decode_times": "os.system"},
        {"chunked_array_type": "x"},
        {"from_array_kwargs": {}},
        {"drop_variables": {"a": 1}},
        {"anything": 1},
    ],
)
def test_keywords_that_could_do_something_else_are_refused(root, kwargs):
    item = item_of(str(root / "four.nc"), open_kwargs=kwargs)
    with pytest.raises(Denied, match="in a way that is not taken"):
        open_item(item, Reach.of(str(root)))


def test_harmless_keywords_are_taken(root):
    kwargs = {"engine": "h5netcdf", "decode_times": False, "chunks": {}, "drop_variables": "lat"}
    opened = open_item(item_of(str(root / "four.nc"), open_kwargs=kwargs), Reach.of(str(root)))
    assert opened["time"].dtype.kind == "i"
    assert "lat" not in opened


def test_the_best_of_several_assets_is_opened(root):
    document = item_of(str(root / "four.nc")).to_stac()
    document["assets"] = {
        "picture": {"href": str(root / "x.png"), "roles": ["thumbnail"]},
        "page": {"href": str(root / "x.nc"), "roles": ["metadata"]},
        "file": {"href": str(root / "gone.nc"), "roles": ["data"]},
        "store": {"href": str(root / "three.zarr"), "roles": ["data"]},
    }
    same(open_item(Item.from_stac(document, "here"), Reach.of(str(root))), "three.zarr")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("rasters")
    write_geotiff(path / "elevation.tif")
    write_grib(path / "one.grib2")
    write_grib(path / "levels.grib2", heights=True)
    return path


def test_an_opendap_address_is_opened_by_its_protocol():
    held = grid().assign_coords(time=np.arange(3.0))
    with serve(dap.grids({"box": held})) as server:
        item = item_of(f"{server.url}/box", media_type="application/x-opendap")
        opened = open_item(item, Reach.of(server.url))
        np.testing.assert_array_equal(opened["t2m"].values, grid()["t2m"].values)
        with pytest.raises(Denied):
            open_item(item, Reach())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
HREFS = st.sampled_from(["http://[::1", "", "/x.nc", "http://127.0.0.1/x.nc", "a.nc", "http://a b"])


STORAGE = JSON | st.dictionaries(st.sampled_from(["client_kwargs", "endpoint_url", "anon"]), JSON)


@given(storage=st.dictionaries(st.sampled_from(["client_kwargs", "endpoint_url", "anon"]), JSON))
def test_no_key_is_sent_to_an_endpoint_that_a_record_names(storage):
    try:
        bucket = bucket_of("s3://lab/x.zarr", Reach(), storage)
    except Denied:
        return
    assert bucket.anonymous
    assert bucket.endpoint is None


@settings(max_examples=150)
@given(
    href=HREFS,
    fields=st.fixed_dictionaries(
        {},
        optional={
            "type": JSON | st.sampled_from(["application/vnd.zarr", "image/tiff"]),
            "roles": JSON | st.just(["data"]),
            "xarray:open_kwargs": JSON
            | st.dictionaries(st.sampled_from(["engine", "group"]), JSON),
            "xarray:storage_options": STORAGE,
        },
    ),
)
def test_whatever_a_record_says_of_its_assets_is_an_error_of_portal_s(href, fields):
    document = item_of("x").to_stac() | {"assets": {"data": {"href": href} | fields}}
    with pytest.raises(PortalError):
        open_item(Item.from_stac(document, "here"), Reach.of("http://127.0.0.1:9/"))


#: rasterio multiplies transforms in the old way.
@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
class TestRasters:
    def check_geotiff(self, href, reach):
        with open_item(item_of(href), reach) as opened:
            band = opened["band_data"]
            assert band.chunks is not None
            assert band.dims == ("band", "y", "x")
            assert float(opened.x[0]) == pytest.approx(-119.95)
            sent = pickle.loads(pickle.dumps(opened))
            assert float(sent["band_data"].sum()) == (np.arange(120000) % 3000).sum()

    def test_a_geotiff(self, place):
        self.check_geotiff(str(place / "elevation.tif"), Reach.of(str(place)))

    def test_a_geotiff_over_http(self, place):
        with serving_files(place) as server:
            self.check_geotiff(f"{server.url}/elevation.tif", Reach.of(server.url))
            parts = [span for _, _, span in server.asked if span]
            assert parts, "it was read whole"

    def test_a_grib_file(self, place):
        with open_item(item_of(str(place / "one.grib2")), Reach.of(str(place))) as opened:
            assert opened["t"].dims == ("step", "latitude", "longitude")
            assert opened["t"].chunks is not None
            sent = pickle.loads(pickle.dumps(opened))
            expected = np.arange(60.0).reshape(3, 4, 5) + 500
            np.testing.assert_allclose(sent["t"].values, expected, atol=0.01)
        assert sorted(p.name for p in place.iterdir()) == sorted(
            ["elevation.tif", "one.grib2", "levels.grib2"]
        )

    def test_a_grib_file_of_several_levels(self, place):
        with open_item(item_of(str(place / "levels.grib2")), Reach.of(str(place))) as opened:
            assert {"t", "t2m", "u10"} <= set(opened.data_vars)
            assert opened["t"].sizes["step"] == 3
            assert opened["t"].chunks is not None
            assert float(opened["t2m"].max()) == pytest.approx(21, abs=0.01)

    def test_messages_of_a_grib_file_are_chosen(self, place):
        kwargs = {"backend_kwargs": {"filter_by_keys": {"shortName": "10u"}, "indexpath": ""}}
        item = item_of(str(place / "levels.grib2"), open_kwargs=kwargs)
        with open_item(item, Reach.of(str(place))) as opened:
            assert set(opened.data_vars) == {"u10"}

    def test_no_index_is_written_where_a_record_says(self, place):
        kwargs = {"backend_kwargs": {"indexpath": str(place / "index")}}
        with pytest.raises(Denied, match="in a way that is not taken"):
            open_item(item_of(str(place / "one.grib2"), open_kwargs=kwargs), Reach.of(str(place)))

    @pytest.mark.parametrize(
        ("name", "keep"), [("elevation.tif", 12), ("one.grib2", 12), ("one.grib2", 300)]
    )
    def test_a_raster_cut_short_is_named(self, place, tmp_path, name, keep):
        (tmp_path / name).write_bytes((place / name).read_bytes()[:keep])
        with pytest.raises(Unreadable, match=name):
            open_item(item_of(str(tmp_path / name)), Reach.of(str(tmp_path)))

    def test_a_grib_file_over_http_is_read_by_messages(self, place):
        with serving_files(place) as server:
            opened = open_item(item_of(f"{server.url}/one.grib2"), Reach.of(server.url))
            assert opened["t"].chunks == ((1, 1, 1), (4,), (5,))
            sent = pickle.loads(pickle.dumps(opened))
            before = len(server.asked)
            expected = np.arange(20.0).reshape(4, 5) + 520
            np.testing.assert_allclose(sent["t"].isel(step=1).values, expected, atol=0.01)
            assert len(server.asked) == before + 1
            assert str(opened["time"].values)[:10] == "2001-01-01"
            with pytest.raises(Unreadable, match="do not make one dataset"):
                open_item(item_of(f"{server.url}/levels.grib2"), Reach.of(server.url))
