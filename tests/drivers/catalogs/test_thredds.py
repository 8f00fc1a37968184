"""The ``thredds`` driver against InvCatalogs that are served as they stand, and pydap's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import xarray as xr

from portal.core.facility import DriverConfig
from portal.drivers.catalogs import thredds as driver
from portal.drivers.catalogs.thredds import ThreddsCatalog
from portal.errors import Denied, PortalWarning, TooLarge, Unavailable, Unreadable
from portal.testing import CatalogTests
from tests.drivers.catalogs.servers import dap
from tests.drivers.catalogs.servers.thredds import catalog, folder, reference, thredds
from tests.drivers.catalogs.servers.wsgi import Served, serve
from tests.drivers.catalogs.test_opendap import PACKED, ocean


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("thredds")
    (path / "ocean").mkdir()
    ocean().to_netcdf(path / "ocean" / "sst.nc", engine="h5netcdf", encoding=PACKED)
    ocean().drop_attrs(deep=False).to_netcdf(path / "ocean" / "no_title.nc", engine="h5netcdf")
    return path


@pytest.fixture
def catalogs() -> dict[str, bytes]:
    return {
        "catalog.xml": catalog("top", reference("ocean/catalog.xml", "Ocean")),
        "ocean/catalog.xml": catalog(
            "Ocean",
            folder("Grids", "all", "ocean/sst.nc")
            + reference("/thredds/catalog.xml", "Up again")
            + reference("files/catalog.xml", "Files"),
        ),
        "ocean/files/catalog.xml": catalog("Files", folder("F", "http", "ocean/no_title.nc")),
    }


@pytest.fixture
def server(data: Path, catalogs: dict[str, bytes]) -> Iterator[Served]:
    with serve(thredds(data, catalogs)) as served:
        yield served


@pytest.fixture
def listed(server: Served) -> ThreddsCatalog:
    return ThreddsCatalog("lab", url=f"{server.url}/thredds/catalog.xml")


class TestThreddsCatalog(CatalogTests):
    @pytest.fixture
    def config(self, server: Served) -> DriverConfig:
        return DriverConfig("thredds", {"url": f"{server.url}/thredds/catalog.html"})

    @pytest.fixture
    def local_id(self) -> str:
        return "ocean/sst.nc"


class TestAFileByHttp(TestThreddsCatalog):
    @pytest.fixture
    def local_id(self) -> str:
        return "ocean/no_title.nc"


class TestTheCatalogOfPydap(CatalogTests):
    @pytest.fixture
    def config(self, data: Path) -> Iterator[DriverConfig]:
        with serve(dap.directory(data)) as server:
            yield DriverConfig("thredds", {"url": f"{server.url}/catalog.xml"})

    @pytest.fixture
    def local_id(self) -> str:
        return "ocean/sst.nc"


def test_records_are_of_nested_catalogs(listed: ThreddsCatalog, server: Served) -> None:
    grid, file = listed.items()
    assert (grid.title, grid.license) == ("Sea surface temperature", "CC-BY-4.0")
    assert {
        name: (a.href.removeprefix(server.url), a.roles) for name, a in grid.assets.items()
    } == {
        "data": ("/thredds/dodsC/ocean/sst.nc", ("data",)),
        "file": ("/thredds/fileServer/ocean/sst.nc", ("file",)),
    }
    assert grid.links[0]["href"] == f"{server.url}/thredds/ocean/catalog.xml"
    assert file.title == "no title"
    assert file.assets["data"].href == f"{server.url}/thredds/fileServer/ocean/no_title.nc"
    assert server.asked.count("/thredds/catalog.xml") == 1


def test_values_are_those_of_the_files(listed: ThreddsCatalog) -> None:
    for item in listed.items():
        with listed.open(item) as dataset:
            assert dataset.sst.chunks is not None
            xr.testing.assert_allclose(dataset.sst.compute(), ocean().sst, atol=0.01)


def test_depth_and_number_are_bounded(server: Served) -> None:
    url = f"{server.url}/thredds/catalog.xml"
    assert list(ThreddsCatalog("lab", url=url, depth=0).items()) == []
    assert len(list(ThreddsCatalog("lab", url=url, depth=1).items())) == 1
    with pytest.warns(PortalWarning, match="more than 1 datasets"):
        assert len(list(ThreddsCatalog("lab", url=url, limit=1).items())) == 1


def test_a_catalog_without_end_is_left_in_time(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "MOST_CATALOGS", 20)
    asked: list[str] = []

    def endless(environ, start):
        asked.append(environ["PATH_INFO"])
        start("200 OK", [])
        body = "".join(reference(f"{n}/{len(asked)}/catalog.xml", f"r{n}") for n in range(9))
        return [catalog("more", body)]

    with serve(endless) as server:
        assert list(ThreddsCatalog("lab", url=f"{server.url}/catalog.xml", depth=99).items()) == []
    assert len(asked) == 20


def test_what_is_below_and_broken_is_named_and_the_rest_is_given(
    catalogs: dict[str, bytes], listed: ThreddsCatalog
) -> None:
    catalogs["catalog.xml"] = catalog(
        "top",
        reference("gone/catalog.xml", "Gone")
        + reference("http://169.254.169.254/latest/catalog.xml", "Metadata")
        + reference("file:///etc/passwd", "Passwords")
        + reference("bad.xml", "Bad")
        + folder("Broken", "all", "ocean/none.nc")
        + reference("ocean/catalog.xml", "Ocean"),
    )
    catalogs["bad.xml"] = b"<catalog><dataset/></catalog>"
    with pytest.warns(PortalWarning) as warned:
        assert len(list(listed.items())) == 2
    said = " ".join(str(w.message) for w in warned)
    for part in ("gone/catalog.xml", "169.254.169.254", "etc/passwd", "bad.xml", "ocean/none.nc"):
        assert part in said
    assert len(warned) == 5


def test_the_latest_is_asked_for_within_reach_too(
    catalogs: dict[str, bytes], listed: ThreddsCatalog, server: Served
) -> None:
    catalogs["catalog.xml"] = catalog("top", folder("Latest", "all", "latest.xml"))
    catalogs["latest.xml"] = catalog("latest", folder("Grids", "all", "ocean/sst.nc"))
    assert [i.local_id for i in listed.items()] == ["ocean/sst.nc"]
    with serve(lambda environ, start: []) as inside:

        def moved(environ, start):
            if environ["PATH_INFO"].endswith("latest.xml"):
                start("302 Found", [("Location", f"{inside.url}/latest.xml")])
                return [b""]
            start("200 OK", [])
            return [catalogs["catalog.xml"]]

        with serve(moved) as other, pytest.raises(Denied):
            list(ThreddsCatalog("lab", url=f"{other.url}/catalog.xml").items())
        assert not inside.asked


def test_the_fingerprint_follows_the_catalogs(
    catalogs: dict[str, bytes], listed: ThreddsCatalog, server: Served
) -> None:
    first = listed.fingerprint()
    assert not any("dodsC" in a or "fileServer" in a for a in server.asked)
    catalogs["ocean/files/catalog.xml"] = catalog("Files", "")
    assert listed.fingerprint() != first


@pytest.mark.parametrize(
    "document",
    [
        b"not xml at all",
        b"<html><body>Log in</body>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><catalog>&b;</catalog>',
        b"",
    ],
)
def test_what_is_no_catalog_is_refused(
    catalogs: dict[str, bytes], listed: ThreddsCatalog, document: bytes
) -> None:
    catalogs["catalog.xml"] = document
    with pytest.raises(Unreadable, match=r"catalog\.xml"):
        list(listed.items())


def test_a_catalog_that_is_too_long_is_refused(
    catalogs: dict[str, bytes], listed: ThreddsCatalog
) -> None:
    catalogs["catalog.xml"] = catalog("top", " " * 17 * 2**20)
    with pytest.raises(TooLarge):
        list(listed.items())


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("500", Unavailable, "HTTP 500"),
        ("404", Unavailable, "HTTP 404"),
        ("403", Denied, "HTTP 403"),
        ("slow", Unavailable, "in time"),
        ("rubbish", Unreadable, "no THREDDS catalog"),
        ("redirect http://127.0.0.1:1/catalog.xml", Denied, "127.0.0.1:1"),
    ],
)
def test_faults_of_the_server_are_named(server: Served, fault: str, error: type, said: str) -> None:
    server.fault = fault
    url = f"{server.url}/thredds/catalog.xml"
    for ask in (lambda c: list(c.items()), lambda c: c.fingerprint()):
        with pytest.raises(error, match=said) as caught:
            ask(ThreddsCatalog("lab", url=url, timeout=0.5))
        assert caught.value.advice


def test_a_server_that_is_down_is_named() -> None:
    with serve(lambda environ, start: []) as server:
        pass
    with pytest.raises(Unavailable, match="cannot be reached"):
        list(ThreddsCatalog("lab", url=f"{server.url}/catalog.xml").items())
