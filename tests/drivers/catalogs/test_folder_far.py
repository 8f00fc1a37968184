"""Folders that are far: in a bucket of an S3 server, and on an HTTP server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from portal.core.facility import DriverConfig
from portal.core.item import Item
from portal.drivers.catalogs.folder import FolderCatalog
from portal.errors import InvalidConfig, PortalWarning, Unavailable, UnknownItem
from portal.testing import CatalogTests
from tests.drivers.catalogs.samples import grid, write, write_geotiff, write_grib
from tests.drivers.catalogs.servers.stores import serving_files, serving_s3

#: What a folder finds of the samples over HTTP; Icechunk is not read there.
OVER_HTTP = {
    "three", "two", "three.zarr", "four", "classic", "records", "plain", "kerchunk", "table",
}  # fmt: skip


@pytest.fixture(scope="module")
def http(tmp_path_factory):
    path = tmp_path_factory.mktemp("served")
    with serving_files(path) as server:
        (path / "deep").mkdir()
        (path / "deep" / "notes.txt").write_text("not data")
        write(path / "deep", f"{server.url}/deep")
        yield server


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    path = tmp_path_factory.mktemp("bucket")
    (path / "deep").mkdir()
    write(path / "deep", "s3://lab/deep")
    with serving_s3(path, "lab") as url:
        yield url


@pytest.mark.filterwarnings("ignore:.*/ice.*Icechunk:portal.errors.PortalWarning")
class TestOverHTTP(CatalogTests):
    @pytest.fixture
    def config(self, http):
        return DriverConfig("folder", {"path": f"{http.url}/deep"})

    @pytest.fixture
    def local_id(self):
        return "four"

    def test_all_formats_are_found(self, items):
        assert {item.local_id for item in items} == OVER_HTTP


class TestOnS3(CatalogTests):
    @pytest.fixture
    def config(self, s3):
        options = {"endpoint_url": s3, "anon": True}
        return DriverConfig("folder", {"path": "s3://lab/deep", "storage_options": options})

    @pytest.fixture
    def local_id(self):
        return "three"

    def test_all_formats_are_found(self, items):
        assert {item.local_id for item in items} == OVER_HTTP | {"ice"}

    def test_records_say_how_others_open_them(self, item):
        asset = item.assets["data"]
        assert asset.href == "s3://lab/deep/three.zarr"
        assert asset.storage_options["anon"] is True

    def test_keys_come_from_the_environment(self, s3, monkeypatch, facility):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        catalog = FolderCatalog(
            facility, path="s3://lab/deep", storage_options={"endpoint_url": s3}, pattern="*.nc"
        )
        assert {item.local_id for item in catalog.items()} == {"four", "classic", "records"}

    def test_the_fingerprint_is_that_of_the_bucket(self, catalog):
        first = catalog.fingerprint()
        assert catalog.fingerprint() == first


def test_values_are_those_that_were_written(http, s3):
    options = {"endpoint_url": s3, "anon": True}
    for catalog in (
        FolderCatalog("here", path=f"{http.url}/deep", pattern="*.nc"),
        FolderCatalog("here", path="s3://lab/deep", storage_options=options),
    ):
        for item in catalog.items():
            with catalog.open(item) as opened:
                np.testing.assert_array_equal(opened["t2m"].values, grid()["t2m"].values)


def test_the_fingerprint_changes_with_a_file_on_an_http_server(tmp_path):
    grid().to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with serving_files(tmp_path) as server:
        catalog = FolderCatalog("here", path=server.url)
        first = catalog.fingerprint()
        assert catalog.fingerprint() == first
        grid().isel(time=[0]).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        second = catalog.fingerprint()
        grid().to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
        assert len({first, second, catalog.fingerprint()}) == 3


def test_a_server_without_index_pages_is_told_what_it_holds(http):
    names = ["deep/four.nc", "deep/three.zarr", "deep/gone.nc"]
    catalog = FolderCatalog("here", path=http.url, files=names)
    with pytest.warns(PortalWarning, match=r"gone\.nc is passed over: it is named"):
        items = {item.local_id: item for item in catalog.items()}
    assert set(items) == {"deep-four", "deep-three"}
    with catalog.open(items["deep-three"]) as opened:
        assert opened["t2m"].sizes["time"] == 3


def refuse(catalog: FolderCatalog, *hrefs: str) -> None:
    for href in hrefs:
        document = {
            "type": "Feature",
            "stac_version": "1.1.0",
            "id": "x",
            "geometry": None,
            "links": [],
            "properties": {"datetime": None},
            "assets": {"data": {"href": href}},
        }
        with pytest.raises(UnknownItem):
            catalog.open(Item.from_stac(document, "here"))


def test_what_is_not_of_the_folder_is_refused(http, s3):
    url = http.url
    catalog = FolderCatalog("here", path=f"{url}/deep")
    beside = (f"{url}/x.nc", f"{url}/deep/../x.nc", f"{url}/deep/%2e%2e/x.nc")
    refuse(catalog, *beside, "http://127.0.0.1:1/deep/x.nc", "/etc/passwd")
    options = {"endpoint_url": s3, "anon": True}
    catalog = FolderCatalog("here", path="s3://lab/deep", storage_options=options)
    refuse(catalog, "s3://lab/x", "s3://other/deep/x", "s3://lab/deep/../x", "/etc/passwd")


def test_a_server_or_a_bucket_that_has_gone_is_unavailable(tmp_path, s3):
    with serving_files(tmp_path) as server:
        url = server.url
    options = {"endpoint_url": s3, "anon": True}
    gone = [
        FolderCatalog("here", path=url),
        FolderCatalog("here", path="s3://gone/x", storage_options=options),
        FolderCatalog("here", path="s3://lab", storage_options={"endpoint_url": url, "anon": True}),
    ]
    for catalog in gone:
        with pytest.raises(Unavailable, match="cannot be listed"):
            list(catalog.items())
        with pytest.raises(Unavailable, match="cannot be listed"):
            catalog.fingerprint()


def test_secrets_are_no_options():
    options = {"aws_secret_access_key": "hush", "endpoint_url": "http://127.0.0.1:1"}
    with pytest.raises(InvalidConfig, match="not passed on") as caught:
        FolderCatalog("here", path="s3://lab", storage_options=options)
    assert "hush" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
def test_rasters_and_stores_of_a_local_folder(tmp_path: Path):
    write(tmp_path)
    write_geotiff(tmp_path / "elevation.tif")
    write_grib(tmp_path / "forecast.grib2")
    (tmp_path / "package.json").write_text("{}")
    catalog = FolderCatalog("here", path=str(tmp_path))
    items = {item.local_id: item for item in catalog.items()}
    assert set(items) == OVER_HTTP | {"ice", "elevation", "forecast"}
    kinds = {name: item.assets["data"].media_type for name, item in items.items()}
    assert kinds["elevation"] == "image/tiff; application=geotiff"
    assert kinds["forecast"] == "application/wmo-GRIB2"
    assert kinds["ice"] == "application/vnd.icechunk"
    assert items["elevation"].bbox.to_list() == pytest.approx([-120, 30, -90, 50])
    assert str(items["forecast"].interval).startswith("2001-01-01T00:00:00Z")
    for item in items.values():
        with catalog.open(item) as opened:
            assert all(v.chunks is not None for v in opened.data_vars.values() if v.ndim)
    assert not list(tmp_path.glob("*.idx"))
