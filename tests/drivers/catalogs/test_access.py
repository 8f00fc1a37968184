"""Opening what records point at: every format, over HTTP, from S3, and from allowed directories."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from portal.core.asset import Asset
from portal.core.item import Item
from portal.drivers.catalogs._access import open_item
from portal.drivers.catalogs._reach import Reach
from portal.errors import Denied, PortalError, Unavailable, Unreadable
from tests.drivers.catalogs.servers.stores import serving_files, serving_s3


def grid() -> xr.Dataset:
    """3 times, 4 latitudes, 5 longitudes."""
    time = np.arange("2001-01-01", "2001-01-04", dtype="datetime64[D]").astype("datetime64[ns]")
    return xr.Dataset(
        {
            "t2m": (
                ("time", "lat", "lon"),
                np.arange(60, dtype="f4").reshape(3, 4, 5),
                {"units": "K"},
            )
        },
        coords={"time": time, "lat": [50.0, 40, 30, 20], "lon": np.arange(5) * 10.0},
    )


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
    data = grid().chunk(time=1)
    data.to_zarr(path / "three.zarr", consolidated=True, zarr_format=3)
    data.to_zarr(path / "two.zarr", consolidated=True, zarr_format=2)
    data.to_netcdf(path / "four.nc", engine="h5netcdf", encoding={"t2m": {"chunksizes": (1, 4, 5)}})
    return path


@pytest.fixture(scope="module")
def http(root):
    with serving_files(root) as server:
        yield server


@pytest.fixture(scope="module")
def s3(root):
    with serving_s3(root, "lab") as url:
        yield url


def same(opened: xr.Dataset) -> None:
    """It is lazy, in its stored chunks, right, and reaches another process."""
    assert opened["t2m"].chunks == ((1, 1, 1), (4,), (5,))
    sent = pickle.loads(pickle.dumps(opened))
    opened.close()
    xr.testing.assert_equal(sent.compute(), grid())
    sent.close()


NAMES = ["three.zarr", "two.zarr", "four.nc"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:.*consolidated metadata.*:UserWarning")
class TestEverywhere:
    def test_over_http(self, http, name):
        same(open_item(item_of(f"{http.url}/{name}"), Reach.of(f"{http.url}/stac")))

    def test_from_an_allowed_directory(self, root, name):
        same(open_item(item_of(str(root / name)), Reach.of(allow=[str(root)])))
        same(open_item(item_of(f"file://{root}/{name}"), Reach.of(allow=[str(root)])))

    def test_from_s3(self, s3, name, monkeypatch):
        storage = {"anon": True, "endpoint_url": s3}
        item = item_of(f"s3://lab/{name}", storage_options=storage)
        same(open_item(item, Reach.of(s3)))
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(key, "testing")
        item = item_of(f"s3://lab/{name}", storage_options={"client_kwargs": {"endpoint_url": s3}})
        same(open_item(item, Reach.of(s3)))

    def test_nowhere_else(self, http, root, s3, name):
        reach = Reach.of("https://data.example.gov/stac")
        storage = {"endpoint_url": s3}
        before = len(http.asked)
        for item in (
            item_of(f"{http.url}/{name}"),
            item_of(str(root / name)),
            item_of(f"file://{root}/{name}"),
            item_of(f"s3://lab/{name}", storage_options=storage),
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
