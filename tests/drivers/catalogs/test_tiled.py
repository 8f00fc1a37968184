"""The ``tiled`` driver against a real ``tiled serve catalog``."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from portal.core.facility import DriverConfig
from portal.core.query import Concept, Query
from portal.drivers.catalogs.tiled import TiledCatalog
from portal.errors import Denied, InvalidConfig, Unavailable, UnknownItem, Unreadable
from portal.testing import LiveCatalogTests
from tests.drivers.catalogs.servers.tiled import log_of, sea, tiled_server, write_sample
from tests.drivers.catalogs.servers.wsgi import serve

ENV = "PORTAL_TEST_TILED_KEY"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    directory = tmp_path_factory.mktemp("tiled")
    with tiled_server(directory) as (url, key):
        write_sample(url, key)
        yield url, key, directory


@pytest.fixture
def url(running, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(ENV, running[1])
    return running[0]


@pytest.fixture
def catalog(url: str) -> TiledCatalog:
    return TiledCatalog("lab", url=url, key_env=ENV)


class TestTiledCatalog(LiveCatalogTests):
    @pytest.fixture
    def config(self, url: str) -> DriverConfig:
        return DriverConfig("tiled", {"url": url, "key_env": ENV})

    @pytest.fixture
    def local_id(self) -> str:
        return "sst"


class TestASubtreeWithAKeyFile(LiveCatalogTests):
    @pytest.fixture
    def config(self, running, tmp_path: Path) -> DriverConfig:
        key = tmp_path / "key"
        key.write_text(f"{running[1]}\n")
        key.chmod(0o600)
        return DriverConfig("tiled", {"url": running[0], "path": "images", "key_file": str(key)})

    @pytest.fixture
    def local_id(self) -> str:
        return "nickel"


def ids(catalog: TiledCatalog, text: str = "", **more) -> list[str]:
    return [item.local_id for item in catalog.search(Query.of(text, **more))]


def test_records_are_arrays_datasets_and_streams(catalog: TiledCatalog) -> None:
    found = {item.local_id: item for item in catalog.items()}
    images = {f"images/{name}" for name in ("nickel", "bare", "scalar", "empty")}
    assert set(found) == {"sst", "run-0001/primary/data", *images}
    sst = found["sst"]
    assert (sst.title, sst.license) == ("Sea surface temperature by satellite", "CC-BY-4.0")
    assert sst.bbox.to_list() == [120, -30, 155, 30]
    assert str(sst.interval) == "2010-01-01T00:00:00Z/2010-12-01T23:59:59.999999Z"
    assert {v.name: (v.dims, v.dtype, v.units) for v in sst.variables} == {
        "sst": (("time", "lat", "lon"), "float32", "K"),
        "count": (("time",), "int64", ""),
    }
    stream = found["run-0001/primary/data"]
    assert stream.title == "grid_scan 4711 LaB6: run-0001/primary/data"
    assert str(stream.interval) == "2020-09-13T12:26:40Z/2020-09-13T12:32:40Z"
    assert found["images/bare"].title == "images/bare"


def test_no_array_is_read_for_a_record(catalog: TiledCatalog, running) -> None:
    before = log_of(running[2]).read_text().count("array/block")
    list(catalog.items())
    assert log_of(running[2]).read_text().count("array/block") == before


def test_values_are_those_that_were_written(catalog: TiledCatalog) -> None:
    with catalog.open(catalog.get("sst")) as dataset:
        xr.testing.assert_equal(dataset.compute(), sea())
        assert dataset.attrs["title"] == sea().attrs["title"]
    with catalog.open(catalog.get("images/nickel")) as dataset:
        assert dataset.nickel.chunks == ((2, 2, 2), (5, 5))
        assert dataset.nickel.values.tolist() == np.arange(60).reshape(6, 10).tolist()
        assert int(dataset.nickel[3, 7]) == 37
    with catalog.open(catalog.get("images/scalar")) as dataset:
        assert float(dataset.scalar) == 3.5
    with catalog.open(catalog.get("images/empty")) as dataset:
        assert dataset.empty.compute().shape == (0, 4)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("satellite", ["sst"]),
        ("nickel foil", ["images/nickel"]),
        ("grid_scan", ["run-0001/primary/data"]),
        ("LaB6 4711", ["run-0001/primary/data"]),
        ("surface temperature K", []),
        ("zyxqv", []),
        ("satellite zyxqv", []),
        ("AND", []),
    ],
)
def test_texts_are_found_at_every_depth(catalog: TiledCatalog, text: str, found: list[str]) -> None:
    assert ids(catalog, text) == found


def test_the_server_finds_what_a_bounded_look_does_not(
    catalog: TiledCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.drivers.catalogs.tiled.SCAN", 0)
    assert ids(catalog, "satellite") == ["sst"]
    assert ids(catalog, "nickel") == ["images/nickel"]
    assert ids(catalog, "skin temperature") == ["sst"]
    assert ids(catalog, "LaB6") == ["run-0001/primary/data"]
    assert ids(catalog, "zyxqv") == []


def test_quantities_places_and_times_are_found(catalog: TiledCatalog) -> None:
    warm = Query(concepts=(Concept("warm water", ("sea_surface_temperature",)),))
    assert [i.local_id for i in catalog.search(warm)] == ["sst"]
    assert ids(catalog, bbox=(-80, 40, -70, 41)) == ["images/nickel"]
    assert ids(catalog, time="2020") == ["run-0001/primary/data"]
    assert ids(catalog, variable="det") == ["run-0001/primary/data"]
    assert ids(catalog, facility="other") == []


def test_the_key_is_nowhere_to_be_seen(catalog: TiledCatalog, running, caplog) -> None:
    key = running[1]
    item = catalog.get("sst")
    with catalog.open(item) as dataset:
        sent = pickle.dumps(dataset)
        assert float(dataset.sst.mean()) > 0
    assert key.encode() not in sent
    assert key not in item.text + repr(catalog) + repr(vars(catalog)) + caplog.text
    asked = [x for x in log_of(running[2]).read_text().splitlines() if "HTTP/1.1" in x]
    assert asked
    assert not [line for line in asked if key in line or "api_key" in line]


def test_another_process_reads_the_key_where_it_is_kept(
    catalog: TiledCatalog, tmp_path: Path
) -> None:
    with catalog.open(catalog.get("sst")) as dataset:
        (tmp_path / "sent").write_bytes(pickle.dumps(dataset.sst))
    code = "import pickle, sys; print(float(pickle.load(open(sys.argv[1], 'rb')).sum()))"
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "sent")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(float(sea().sst.sum()))


@pytest.mark.parametrize("key", ["0" * 32, "not-hexadecimal"])
def test_a_wrong_key_is_refused_with_advice(
    url: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENV, key)
    catalog = TiledCatalog("lab", url=url, key_env=ENV)
    for ask in (lambda: list(catalog.items()), lambda: ids(catalog, "sea")):
        with pytest.raises(Denied, match=f"401.*{ENV} .key_env.") as caught:
            ask()
        assert key not in str(caught.value)


def test_without_a_key_the_advice_says_how_to_name_one(
    running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILED_API_KEY", running[1])
    with pytest.raises(Denied, match="key_file or key_env"):
        list(TiledCatalog("lab", url=running[0]).items())


def test_a_key_that_is_gone_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENV)
    with pytest.raises(InvalidConfig, match=f"{ENV} .key_env. is not set"):
        list(TiledCatalog("lab", url=url, key_env=ENV).items())


def test_what_is_no_dataset_is_refused(catalog: TiledCatalog) -> None:
    for local_id in ("table", "images", "run-0001", "sst/none"):
        assert catalog.get(local_id) is None
    item = catalog.get("sst")
    document = item.to_stac() | {"id": "images"}
    with pytest.raises(UnknownItem, match="images"):
        catalog.open(type(item).from_stac(document, "lab"))
    with pytest.raises(Unreadable, match="no container 'none'"):
        list(TiledCatalog("lab", url=catalog._api, path="none", key_env=ENV).items())


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("500", Unavailable, "HTTP 500"),
        ("429", Unavailable, "HTTP 429"),
        ("403", Denied, "HTTP 403"),
        ("400", Unreadable, "Tiled server"),
        ("rubbish", Unreadable, "Tiled server"),
        ("slow", Unavailable, "in time"),
        ("redirect http://127.0.0.1:1/api/v1/metadata/", Denied, "127.0.0.1:1"),
        ("redirect http://169.254.169.254/", Denied, "169.254.169.254"),
    ],
)
def test_faults_of_the_server_are_named(fault: str, error: type, said: str) -> None:
    with serve(lambda environ, start: []) as server:
        server.fault = fault
        catalog = TiledCatalog("lab", url=server.url, timeout=0.5)
        for ask in (lambda: list(catalog.items()), lambda: ids(catalog, "sea")):
            with pytest.raises(error, match=said) as caught:
                ask()
            assert caught.value.advice


def test_nodes_of_other_versions_and_broken_ones_are_left_out() -> None:
    def node(key: str, family: str, structure: dict) -> dict:
        about = {"structure_family": family, "structure": structure, "metadata": {}, "specs": []}
        links = {"self": "", "search": f"{server.url}/api/v1/search/{key}"}
        return {"id": key, "attributes": {**about, "ancestors": []}, "links": links}

    def array(**more) -> dict:
        number = {"endianness": "little", "kind": "f", "itemsize": 8, "dt_units": None}
        whole = {"data_type": number, "shape": [2], "chunks": [[2]], "dims": None}
        return {**whole, "resizable": False, **more}

    def app(environ, start):
        start("200 OK", [("Content-Type", "application/json")])
        if "metadata" in environ["PATH_INFO"]:
            return [json.dumps({"data": node("", "container", {"contents": None})}).encode()]
        found = [
            node("plain", "array", array()),
            node("grows", "array", array(resizable=True)),
            node("torn", "array", array(chunks=[[3]])),
            node("odd", "array", {}),
            node("future", "hologram", {}),
            node("object", "array", array(data_type={"endianness": "little", "kind": "O"})),
        ]
        held = {"data": found, "links": {"next": None}, "meta": {"count": len(found)}}
        return [json.dumps(held).encode()]

    with serve(app) as server:
        items = list(TiledCatalog("lab", url=server.url).items())
    assert [item.local_id for item in items] == ["plain", "grows"]


def test_a_server_that_is_down_is_named() -> None:
    with serve(lambda environ, start: []) as server:
        pass
    with pytest.raises(Unavailable, match="cannot be reached"):
        list(TiledCatalog("lab", url=server.url).items())


def test_the_key_goes_to_the_facilitys_own_endpoint_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV, "abcdef0123")

    def other(environ, start):
        start("404 Not Found", [])
        return [b""]

    with serve(other) as elsewhere, serve(other) as server:
        server.fault = f"redirect {elsewhere.url}/api/v1/metadata/"
        host = elsewhere.url.removeprefix("http://")
        reach = [host.partition(":")[0] + "/32"]
        catalog = TiledCatalog("lab", url=server.url, key_env=ENV, allow=reach)
        with pytest.raises(Unreadable):
            list(catalog.items())
    assert "abcdef0123" in server.headers[0]
    assert elsewhere.headers
    assert not any("abcdef0123" in h for h in elsewhere.headers)
