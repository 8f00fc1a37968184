"""The files of an IRI facility: exactly, closed to others, in parts, gone on with after a cut."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from portal.drivers.compute._iri_tasks import PART
from portal.drivers.compute.local import LocalCompute
from portal.errors import Unavailable, Unreadable
from portal.testing.iri import serve
from tests.drivers.compute.iri_facility import VERSIONS, driver, sent, served, token_of
from tests.drivers.compute.servers.standin import stand_in

__all__ = ["sent", "served"]

BIG = np.random.default_rng(1).bytes(PART + 12_345)


@pytest.fixture(scope="module")
def like_reference(tmp_path_factory):
    """A service that gives parts of files as the reference implementation does: as text."""
    root = tmp_path_factory.mktemp("reference")
    with serve(LocalCompute(workspace=str(root)), exact=False) as server:
        server.write_token(token_of(server))
        yield server


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture(params=["exact", "as the reference"])
def server(request, served, like_reference):
    found = served if request.param == "exact" else like_reference
    yield found
    found.faults.clear()


@pytest.fixture
def workspace(server, version):
    return driver(server, version).workspace


@pytest.fixture
def fs(workspace):
    return workspace.fs


@pytest.fixture
def directory(workspace):
    path = f"{workspace.root}/{uuid.uuid4().hex}"
    workspace.fs.makedirs(path)
    return path


def test_ranges_are_exact(fs, directory):
    data = bytes(range(256)) * 8 + b"\r\n\r\xff"
    fs.pipe_file(f"{directory}/bytes", data)
    for start, end in (
        (None, None),
        (3, None),
        (None, 700),
        (13, 14),
        (-5, None),
        (9, -9),
        (5000, None),
    ):
        assert fs.cat_file(f"{directory}/bytes", start, end) == data[start:end], (start, end)
    assert fs.tail(f"{directory}/bytes", 4) == data[-4:]
    assert fs.tail(f"{directory}/bytes", 5000) == data
    assert fs.cat_ranges([f"{directory}/bytes"] * 2, [0, 7], [3, 9]) == [data[:3], data[7:9]]
    with fs.open(f"{directory}/bytes") as file:
        file.seek(250)
        assert file.read(10) == data[250:260]


def test_names_and_kinds(fs, directory):
    names = [".hidden", "zarr.json", "two words", "größe 温度", 'it\'s "q" $(x)', "a\nb", "%2F&=?#"]
    for name in names:
        fs.pipe_file(f"{directory}/{name}", name.encode())
    assert sorted(fs.ls(directory, detail=False)) == sorted(f"{directory}/{name}" for name in names)
    assert {one["type"] for one in fs.ls(directory)} == {"file"}
    assert fs.ls(f"{directory}/zarr.json", detail=False) == [f"{directory}/zarr.json"]
    inner = f"{directory}/inner"
    fs.makedirs(f"{inner}/inner")
    assert fs.ls(inner, detail=False) == [f"{inner}/inner"]
    fs.rmdir(f"{inner}/inner")
    fs.pipe_file(f"{inner}/inner", b"")
    assert fs.ls(inner, detail=False) == [f"{inner}/inner"]
    Path(f"{inner}/link").symlink_to(f"{directory}/zarr.json")
    Path(f"{inner}/dangling").symlink_to("nowhere")
    kinds = {one["name"].rpartition("/")[2]: (one["type"], one["size"]) for one in fs.ls(inner)}
    assert kinds["link"] == ("file", 9)
    assert kinds["dangling"][0] == "other"
    fs.rm(f"{inner}/link")
    assert fs.exists(f"{directory}/zarr.json")


def test_what_is_made_is_closed_to_others(fs, directory):
    previous = os.umask(0)
    try:
        fs.makedirs(f"{directory}/a/b")
        fs.pipe_file(f"{directory}/a/b/c", b"c")
        with fs.open(f"{directory}/a/written", "wb") as file:
            file.write(b"1")
        with fs.open(f"{directory}/a/written", "ab") as file:
            file.write(b"2")
    finally:
        os.umask(previous)
    assert fs.cat_file(f"{directory}/a/written") == b"12"
    modes = {
        str(p.relative_to(directory)): p.stat().st_mode & 0o777 for p in Path(directory).rglob("*")
    }
    assert modes == {"a": 0o700, "a/b": 0o700, "a/b/c": 0o600, "a/written": 0o600}


def test_errors_are_those_of_python(fs, directory):
    missing = f"{directory}/missing"
    for what in (fs.cat_file, fs.info, fs.ls, fs.tail, fs.checksum, fs.rm):
        with pytest.raises(FileNotFoundError):
            what(missing)
    with pytest.raises(FileNotFoundError):
        fs.cat_file(missing, start=5)
    assert not fs.exists(missing)
    with pytest.raises(FileExistsError):
        fs.makedirs(directory)
    with pytest.raises(FileExistsError):
        fs.mkdir(directory)
    fs.makedirs(directory, exist_ok=True)
    fs.pipe_file(f"{directory}/file", b"")
    with pytest.raises(FileExistsError):
        fs.pipe_file(f"{directory}/file", b"", mode="create")
    with pytest.raises(FileExistsError):
        fs.makedirs(f"{directory}/file", exist_ok=True)
    with pytest.raises(IsADirectoryError):
        fs.rm(directory)
    with pytest.raises(OSError, match="not empty"):
        fs.rmdir(directory)


def test_renamed_over_and_copied(fs, directory):
    fs.pipe_file(f"{directory}/part", b"new")
    fs.pipe_file(f"{directory}/whole", b"old")
    fs.mv(f"{directory}/part", f"{directory}/whole")
    fs.copy(f"{directory}/whole", f"{directory}/copy")
    assert fs.cat_file(f"{directory}/copy") == b"new"
    assert not fs.exists(f"{directory}/part")


@pytest.mark.parametrize("what", ["mv", "rm", "mkdir"])
def test_done_once_though_the_answer_was_lost(server, fs, directory, what):
    fs.pipe_file(f"{directory}/a", b"a")
    server.faults.lose(path=f"/filesystem/{what}/")
    {
        "mv": lambda: fs.mv(f"{directory}/a", f"{directory}/b"),
        "rm": lambda: fs.rm(f"{directory}/a"),
        "mkdir": lambda: fs.mkdir(f"{directory}/b", create_parents=False),
    }[what]()
    assert fs.exists(f"{directory}/a") == (what == "mkdir")
    assert fs.exists(f"{directory}/b") == (what != "rm")


def test_large_files_go_up_and_come_down(fs, directory, tmp_path):
    (tmp_path / "here").write_bytes(BIG)
    fs.put_file(str(tmp_path / "here"), f"{directory}/there.bin")
    assert Path(f"{directory}/there.bin").read_bytes() == BIG
    assert fs.ls(directory, detail=False) == [f"{directory}/there.bin"]
    assert fs.info(f"{directory}/there.bin")["mode"] & 0o777 == 0o600
    assert fs.checksum(f"{directory}/there.bin") == hashlib.sha256(BIG).hexdigest()
    fs.get_file(f"{directory}/there.bin", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == BIG
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o600
    where = PART - 5
    assert fs.cat_file(f"{directory}/there.bin", where, where + 10) == BIG[where : where + 10]
    assert fs.cat_file(f"{directory}/there.bin", -7) == BIG[-7:]
    assert fs.cat_file(f"{directory}/there.bin") == BIG


def test_large_files_of_a_store_are_taken_apart_by_one_job(like_reference, sent):
    """Beside the store, where they are no part of it."""
    compute = driver(like_reference, "v2")
    store = f"{compute.workspace.root}/{uuid.uuid4().hex} of $(x)/result.zarr"
    for name in ("a/c/0/0", "a/c/0/1", "zarr.json"):
        path = Path(store, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BIG if "c" in name.split("/") else b"{}")
    fs, before = compute.workspace.fs, len(sent)
    for name in ("a/c/0/0", "a/c/0/1"):
        assert fs.cat_file(f"{store}/{name}") == BIG
        assert fs.cat_file(f"{store}/{name}", PART - 3, PART + 3) == BIG[PART - 3 : PART + 3]
    assert len([one for one in sent[before:] if "/compute/job/" in one.url]) == 1
    assert fs.find(store) == [f"{store}/a/c/0/0", f"{store}/a/c/0/1", f"{store}/zarr.json"]
    Path(store, "a/c/0/1").write_bytes(BIG[::-1] + b"more")
    assert fs.cat_file(f"{store}/a/c/0/1") == BIG[::-1] + b"more"


def test_upload_goes_on_after_a_cut(server, fs, directory, tmp_path, sent, monkeypatch):
    (tmp_path / "here").write_bytes(BIG)
    upload, done = fs.files.upload, []

    def cut(path, data):
        if done:
            raise Unavailable("cut")
        done.append(path)
        upload(path, data)

    monkeypatch.setattr(fs.files, "upload", cut)
    with pytest.raises(Unavailable):
        fs.put_file(str(tmp_path / "here"), f"{directory}/there")
    monkeypatch.undo()
    again = []
    monkeypatch.setattr(
        fs.files, "upload", lambda path, data: (again.append(path), upload(path, data))
    )
    fs.put_file(str(tmp_path / "here"), f"{directory}/there")
    assert Path(f"{directory}/there").read_bytes() == BIG
    assert len(again) == 1


def test_download_goes_on_after_a_cut_and_is_compared(fs, directory, tmp_path):
    Path(f"{directory}/there").write_bytes(BIG)
    (tmp_path / "back.part").write_bytes(BIG[: PART + 9])
    asked = []
    read = fs.cat_file
    fs.cat_file = lambda path, start=None, end=None: (asked.append(start), read(path, start, end))[
        1
    ]
    fs.get_file(f"{directory}/there", str(tmp_path / "back"))
    assert asked == [PART]
    assert (tmp_path / "back").read_bytes() == BIG
    (tmp_path / "bad.part").write_bytes(bytes(PART))
    with pytest.raises(Unreadable, match="not the same"):
        fs.get_file(f"{directory}/there", str(tmp_path / "bad"))
    assert not (tmp_path / "bad").exists()
    assert not (tmp_path / "bad.part").exists()
    fs.get_file(f"{directory}/there", str(tmp_path / "bad"))
    assert (tmp_path / "bad").read_bytes() == BIG


def test_events_are_tailed_in_increments(fs, directory, sent):
    path, lines = f"{directory}/events.jsonl", [f'{{"number": {n}}}\n'.encode() for n in range(400)]
    Path(path).write_bytes(b"".join(lines))
    whole = fs.cat_file(path, start=0)
    with Path(path).open("ab") as file:
        file.write(b'{"last": "gr\xc3\xb6\xc3\x9fe"}\n')
    before = len(sent)
    assert fs.cat_file(path, start=len(whole)) == b'{"last": "gr\xc3\xb6\xc3\x9fe"}\n'
    started = [one for one in sent[before:] if "/filesystem/" in one.url]
    assert len(started) == 1
    assert "/view/" in started[0].url
    assert fs.cat_file(path, start=len(whole) + 1000) == b""


def test_zarr_stores_are_read_lazily(fs, directory):
    import zarr
    from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper

    dataset = xr.Dataset({"t": (("x", "y"), np.arange(1200.0).reshape(30, 40))})
    dataset.to_zarr(
        f"{directory}/result.zarr",
        encoding={"t": {"chunks": (10, 10)}},
        zarr_format=3,
        consolidated=False,
    )
    store = zarr.storage.FsspecStore(
        AsyncFileSystemWrapper(fs, asynchronous=True),
        path=f"{directory}/result.zarr",
        read_only=True,
    )
    with xr.open_zarr(store, consolidated=False) as found:
        assert float(found.t[12, 7]) == 12 * 40 + 7
        xr.testing.assert_identical(found.load(), dataset)


@pytest.mark.parametrize("name", ["../out", "a/../../out", "..", "", "a\0b", "/etc/passwd"])
def test_hostile_names_do_not_leave_their_directory(tmp_path, name):
    entry = {"name": name, "type": "file", "size": "1", "permissions": "-rw-------"}
    with stand_in(tmp_path / "service") as service:
        compute = driver_of(service, tmp_path)
        service.answers = [
            (200, {}, {"task_id": "1", "task_uri": ""}),
            (200, {}, {"id": "1", "status": "completed", "result": {"output": [entry]}}),
        ]
        with pytest.raises(Unreadable, match="Do not trust"):
            compute._fs.ls("/result")


def driver_of(service, tmp_path):
    from portal.drivers.compute.iri import IriCompute

    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("secret")
    resource = {"id": "r", "name": "r"}
    compute = IriCompute(
        f"{service.url}/api/v1",
        token_file=str(token),
        ca_file=service.ca_file,
        workspace="/site",
    )
    service.answers = [(200, {}, [resource])]
    assert compute._storage_id == "r"
    return compute
