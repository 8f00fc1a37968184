"""Records from outside that lead where they must not, or hold what must not run: each is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from portal.core.asset import Asset
from portal.core.item import Item
from portal.drivers.catalogs._access import open_item
from portal.drivers.catalogs._reach import Reach
from portal.drivers.catalogs.folder import FolderCatalog
from portal.errors import Denied, PortalError, Unreadable
from tests.drivers.catalogs.samples import grid, references, write_icechunk, write_table
from tests.drivers.catalogs.servers.stores import serving_files

#: A catalog of a laboratory elsewhere, whose records are opened.
LAB = "https://data.example.gov/stac"


def item_of(href: str, media_type: str = "", **asset) -> Item:
    return Item.build(
        "lab",
        "x",
        title="x",
        created="2020-01-01T00:00:00Z",
        assets={"data": Asset(href, media_type=media_type, roles=("data",), **asset)},
    )


@pytest.fixture
def secret(tmp_path) -> Path:
    """A file of the user's, which no record may read."""
    path = tmp_path / "private" / "secret.nc"
    path.parent.mkdir()
    grid().to_netcdf(path, engine="h5netcdf")
    return path


@pytest.fixture
def inner(secret):
    """A service of this network, which no record may ask."""
    with serving_files(secret.parent) as server:
        yield server


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
def test_an_asset_at_loopback_is_refused(inner, host):
    with pytest.raises(Denied, match="allow"):
        open_item(item_of(f"http://{host}:{inner.port}/secret.nc"), Reach.of(LAB))
    assert inner.asked == []


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.1", "172.20.0.1", "169.254.169.254"])
def test_an_asset_at_a_private_address_is_refused(host):
    for path in ("x.nc", "x.zarr", "latest/meta-data/x.json"):
        item = item_of(f"http://{host}/{path}", "application/vnd.kerchunk+json")
        with pytest.raises(Denied, match=host):
            open_item(item, Reach.of(LAB))


def test_an_asset_that_is_a_local_file_is_refused(secret):
    for href in (str(secret), f"file://{secret}", f"{secret.parent}/../private/secret.nc"):
        with pytest.raises(Denied, match="a path on this computer"):
            open_item(item_of(href), Reach.of(LAB))
    for href in (f"simplecache::file://{secret}", f"local://{secret}", "secret.nc"):
        with pytest.raises(Denied, match="not opened"):
            open_item(item_of(href), Reach.of(LAB))


def test_what_the_facility_allows_is_opened(secret, inner):
    reach = Reach.of(LAB, allow=[f"127.0.0.1:{inner.port}", str(secret.parent)])
    for href in (str(secret), f"{inner.url}/secret.nc"):
        with open_item(item_of(href), reach) as opened:
            assert opened["t2m"].sum().compute() == 1770


@pytest.mark.parametrize("name", ["x.nc", "x.zarr", "x.tif", "x.zarr.zip", "refs.json"])
def test_a_redirect_to_what_is_refused_is_not_followed(tmp_path, inner, name):
    paths = [name, f"{name}/zarr.json", f"{name}/.zmetadata", f"{name}/.zgroup"]
    redirects = {f"/{path}": f"{inner.url}/secret.nc" for path in paths}
    media = "application/vnd.kerchunk+json" if name.endswith("json") else ""
    with serving_files(tmp_path, redirects) as outer:
        with pytest.raises(Denied, match=f"127.0.0.1:{inner.port}"):
            open_item(item_of(f"{outer.url}/{name}", media), Reach.of(outer.url))
        assert outer.asked
    assert inner.asked == []


def test_a_chunk_that_is_redirected_is_not_followed(tmp_path, inner):
    """The metadata are harmless; the redirect comes when the values are read."""
    grid().to_zarr(tmp_path / "x.zarr", consolidated=True, zarr_format=2)
    with serving_files(tmp_path, {"/x.zarr/t2m/0.0.0": f"{inner.url}/secret.nc"}) as outer:
        opened = open_item(item_of(f"{outer.url}/x.zarr"), Reach.of(outer.url))
        with pytest.raises(PortalError, match="allow"):
            opened["t2m"].compute()
        opened.close()
    assert inner.asked == []


def metadata() -> dict[str, object]:
    """References to an array of one chunk, whose bytes are to be named."""
    array = {
        "zarr_format": 2, "shape": [8], "chunks": [8], "dtype": "|u1", "fill_value": None,
        "order": "C", "compressor": None, "filters": None,
    }  # fmt: skip
    return {
        ".zgroup": '{"zarr_format": 2}',
        "x/.zarray": json.dumps(array),
        "x/.zattrs": '{"_ARRAY_DIMENSIONS": ["n"]}',
    }


@pytest.mark.parametrize("form", ["json", "parquet"])
@pytest.mark.parametrize(
    "target",
    [
        "{secret}", "file://{secret}", "{inner}/secret.nc", "http://169.254.169.254/latest",
        "simplecache::file://{secret}", "../private/secret.nc", "local://{secret}",
    ],
)  # fmt: skip
def test_references_to_what_is_refused_are_refused(tmp_path, secret, inner, target, form):
    """Before a byte is read of what they name."""
    target = target.format(secret=secret, inner=inner.url)
    refs = metadata() | {"x/0": [target, 0, 8]}
    served = tmp_path / "served"
    served.mkdir()
    (served / "refs.json").write_text(json.dumps({"version": 1, "refs": refs}))
    write_table(served / "table.parq", refs)
    name, media = ("refs.json", "+json") if form == "json" else ("table.parq", "+parquet")
    with serving_files(served) as outer:
        item = item_of(f"{outer.url}/{name}", f"application/vnd.kerchunk{media}")
        with pytest.raises(Unreadable if target.startswith("..") else Denied):
            open_item(item, Reach.of(outer.url))
    assert inner.asked == []


def test_references_in_a_folder_read_no_file_outside_of_it(tmp_path, secret):
    folder = tmp_path / "data"
    folder.mkdir()
    refs = metadata() | {"x/0": [str(secret), 0, 8]}
    (folder / "refs.json").write_text(json.dumps(refs))
    catalog = FolderCatalog("here", path=str(folder))
    with pytest.warns(UserWarning, match="a path on this computer"):
        assert list(catalog.items()) == []
    allowed = FolderCatalog("here", path=str(folder), allow=[str(secret.parent)])
    (item,) = allowed.items()
    with allowed.open(item) as opened:
        assert opened["x"].values.tobytes() == secret.read_bytes()[:8]


@pytest.mark.parametrize(
    "document",
    [
        {"version": 1, "refs": {}, "templates": {"u": "{{7*7}}"}},
        {"version": 1, "refs": metadata() | {"x/0": ["{{u.__class__}}", 0, 8]}, "templates": {"u": "http://a"}},
        {"version": 1, "refs": metadata(), "gen": [{"key": "x/{{i}}", "dimensions": {"i": {"stop": 10**12}}}]},
        {"version": 1, "refs": metadata() | {"x/0": ["http://a", -1, 8]}},
        {"version": 1, "refs": metadata() | {"x/0": "base64:!!!"}},
        {"version": 1, "refs": metadata() | {"x/0": ["http://a", "x", None]}},
        {"version": 1, "refs": metadata() | {"x/.zarray": ["http://8.8.8.8/x", 0, 8]}},
        {"version": 1, "refs": []},
        {"hello": "world"},
        [],
    ],
)  # fmt: skip
def test_templates_are_not_computed_and_nonsense_is_named(tmp_path, document):
    (tmp_path / "refs.json").write_text(json.dumps(document))
    item = item_of(str(tmp_path / "refs.json"), "application/vnd.kerchunk+json")
    with pytest.raises(Unreadable, match=r"refs\.json"):
        open_item(item, Reach.of(str(tmp_path)))


def test_virtual_chunks_from_what_is_refused_are_refused(tmp_path, secret):
    import icechunk

    for prefix, store in (
        (f"file://{secret.parent}/", icechunk.local_filesystem_store(str(secret.parent))),
        ("http://127.0.0.1/", icechunk.http_store()),
        ("s3://bucket/", icechunk.s3_store(endpoint_url="http://169.254.169.254", allow_http=True)),
    ):
        config = icechunk.RepositoryConfig.default()
        config.set_virtual_chunk_container(icechunk.VirtualChunkContainer(prefix, store))
        repository = icechunk.Repository.create(
            icechunk.local_filesystem_storage(str(tmp_path / f"ice{prefix[:2]}")), config=config
        )
        repository.save_config()
        session = repository.writable_session("main")
        xr.Dataset({"x": ("n", np.zeros(8))}).to_zarr(session.store, consolidated=False)
        session.store.set_virtual_ref("x/c/0", f"{prefix}secret.nc", offset=0, length=64)
        session.commit("hostile")
        item = item_of(str(tmp_path / f"ice{prefix[:2]}"), "application/vnd.icechunk")
        reach = Reach.of(LAB, allow=[str(tmp_path / f"ice{prefix[:2]}")])
        with pytest.raises(Denied):
            open_item(item, reach)


def test_virtual_chunks_do_not_lead_out_of_what_is_allowed(tmp_path, secret):
    import icechunk

    data = tmp_path / "data"
    data.mkdir()
    (data / "link.nc").symlink_to(secret)
    config = icechunk.RepositoryConfig.default()
    store = icechunk.local_filesystem_store(str(data))
    config.set_virtual_chunk_container(icechunk.VirtualChunkContainer(f"file://{data}/", store))
    for number, name in enumerate(("../private/secret.nc", "%2e%2e/private/secret.nc")):
        path = tmp_path / f"ice{number}"
        storage = icechunk.local_filesystem_storage(str(path))
        repository = icechunk.Repository.create(storage, config=config)
        repository.save_config()
        session = repository.writable_session("main")
        xr.Dataset({"x": ("n", np.zeros(8))}).to_zarr(session.store, consolidated=False)
        url = f"file://{data}/{name}"
        session.store.set_virtual_ref("x/c/0", url, offset=0, length=64, validate_container=False)
        session.commit("hostile")
        item = item_of(str(path), "application/vnd.icechunk")
        opened = open_item(item, Reach.of(LAB, allow=[str(path), str(data)]))
        with pytest.raises(Exception, match="virtual"):
            opened.compute()
        opened.close()


class Canary:
    """Pickled, it writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("codec", [{"id": "pickle"}, {"id": "Pickle"}, {"id": "dill"}])
@pytest.mark.parametrize("place", ["filters", "compressor"])
def test_a_pickled_codec_of_zarr_is_never_run(tmp_path, codec, place):
    canary = tmp_path / "canary"
    store = tmp_path / "x.zarr"
    (store / "x").mkdir(parents=True)
    node = {
        "zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|O", "fill_value": None,
        "order": "C", "compressor": None, "filters": None,
    } | {place: [codec] if place == "filters" else codec}  # fmt: skip
    attributes = {"_ARRAY_DIMENSIONS": ["n"]}
    documents = {".zgroup": {"zarr_format": 2}, "x/.zarray": node, "x/.zattrs": attributes}
    for name, document in documents.items():
        (store / name).write_text(json.dumps(document))
    (store / "x" / "0").write_bytes(pickle.dumps(np.array([Canary(canary)], dtype=object)))
    whole = {"metadata": documents, "zarr_consolidated_format": 1}
    (store / ".zmetadata").write_text(json.dumps(whole))
    with serving_files(tmp_path) as server:
        for href in (str(store), f"{server.url}/x.zarr"):
            with pytest.raises(Unreadable, match="runs code"):
                open_item(item_of(href), Reach.of(server.url, str(tmp_path))).compute()
    refs = references(store, str(store)) | {"x/0": "base64:" + _base64(store / "x" / "0")}
    (tmp_path / "refs.json").write_text(json.dumps(refs))
    item = item_of(str(tmp_path / "refs.json"), "application/vnd.kerchunk+json")
    with pytest.raises(Unreadable, match="runs code"):
        open_item(item, Reach.of(str(tmp_path))).compute()
    assert not canary.exists()


def test_metadata_that_change_after_they_were_checked_gain_nothing(tmp_path):
    """A server that shows harmless metadata first, and the pickled codec when Zarr asks."""
    canary = tmp_path / "canary"
    store = tmp_path / "x.zarr"
    xr.Dataset({"x": ("n", np.zeros(1))}).to_zarr(store, consolidated=True, zarr_format=2)
    (store / "x" / "0").write_bytes(pickle.dumps(np.array([Canary(canary)], dtype=object)))
    from portal.drivers.catalogs import _open

    harmless = (store / ".zmetadata").read_text()
    hostile = json.loads(harmless)
    hostile["metadata"]["x/.zarray"] |= {"dtype": "|O", "filters": [{"id": "pickle"}], "compressor": None}  # fmt: skip
    inspect = _open.inspect_zarr

    def first(*args, **kwargs):
        found = inspect(*args, **kwargs)
        (store / ".zmetadata").write_text(json.dumps(hostile))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_open, "inspect_zarr", first)
        with serving_files(tmp_path) as server, pytest.raises(Unreadable, match="runs code"):
            open_item(item_of(f"{server.url}/x.zarr"), Reach.of(server.url)).compute()
    assert not canary.exists()


def _base64(path: Path) -> str:
    import base64

    return base64.b64encode(path.read_bytes()).decode()


def test_an_intake_catalog_is_never_run(tmp_path):
    canary = tmp_path / "canary"
    source = {"driver": f"!!python/object/apply:os.system ['touch {canary}']"}
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(f"sources:\n  x: {json.dumps(source)}\n")
    for asset in (
        {"open_kwargs": {"engine": "intake"}},
        {"media_type": "application/x-yaml"},
        {"media_type": "application/netcdf", "open_kwargs": {"engine": "intake"}},
        {"media_type": "application/vnd.zarr", "open_kwargs": {"engine": "os:system"}},
        {"media_type": "application/vnd.kerchunk+json"},
    ):
        with pytest.raises(PortalError):
            open_item(item_of(str(catalog), **asset), Reach.of(str(tmp_path)))
    assert not canary.exists()


def test_an_hdf5_file_that_takes_data_from_another_is_refused(tmp_path, secret):
    import h5py

    folder = tmp_path / "data"
    folder.mkdir()
    with h5py.File(folder / "x.h5", "w") as file:
        file["t2m"] = h5py.ExternalLink(str(secret), "t2m")
    with pytest.raises(Unreadable, match="from another file"):
        open_item(item_of(str(folder / "x.h5")), Reach.of(str(folder)))
    with serving_files(folder) as server, pytest.raises(Unreadable, match="from another file"):
        open_item(item_of(f"{server.url}/x.h5"), Reach.of(server.url))


def test_an_icechunk_repository_is_opened_where_it_is_allowed(tmp_path):
    write_icechunk(tmp_path / "ice")
    item = item_of(str(tmp_path / "ice"), "application/vnd.icechunk")
    with pytest.raises(Denied):
        open_item(item, Reach.of(LAB))
    with open_item(item, Reach.of(str(tmp_path))) as opened:
        assert opened["t2m"].sum().compute() == 1770
