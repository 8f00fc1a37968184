"""The file system over SFTP: against a real sshd, beside Python's own functions on the same files."""

from __future__ import annotations

import os
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncssh
import numpy as np
import pytest
import xarray as xr
import zarr
from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from portal.drivers.compute._ssh import transport_of
from portal.errors import Unavailable, Unreadable
from tests.drivers.compute.servers.relay import Loop, Relay
from tests.drivers.compute.servers.sshd import Sshd
from tests.helpers import wait_until
from tests.site import open_directory


@pytest.fixture(scope="module")
def sshd():
    with open_directory("sftp") as directory, Sshd(directory) as sshd:
        yield sshd


@pytest.fixture(scope="module")
def relay(sshd):
    with Relay(sshd.port) as relay:
        yield relay


@pytest.fixture(scope="module")
def transport(sshd, relay):
    transport = transport_of(**sshd.options("root", relay.port))
    yield transport
    transport.close()


@pytest.fixture
def fs(transport):
    return transport.fs


@pytest.fixture
def there(tmp_path):
    return str(tmp_path)


name_bytes = st.binary(min_size=1, max_size=60).filter(
    lambda name: not {0, ord("/")} & set(name) and name not in (b".", b"..")
)
names = st.one_of(
    st.text(
        st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40
    ).filter(lambda name: name not in (".", "..")),
    name_bytes.map(os.fsdecode),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=names,
    data=st.binary(max_size=300),
    start=st.none() | st.integers(-400, 400),
    end=st.none() | st.integers(-400, 400),
)
@example(name='it\'s "$(touch x)"\n*?[a]', data=b"x", start=None, end=None)
@example(name="größe 温度", data=b"", start=-3, end=None)
@example(name="\udcff\\", data=b"abc", start=1, end=-1)
def test_names_bytes_and_ranges_go_round(fs, tmp_path_factory, name, data, start, end):
    directory = tmp_path_factory.mktemp("names")
    path = f"{directory}/{name}"
    fs.pipe_file(path, data)
    assert Path(path).read_bytes() == data
    assert fs.ls(str(directory), detail=False) == [path]
    assert fs.info(path)["size"] == len(data)
    assert fs.cat_file(path, start, end) == data[slice(start, end)]
    assert fs.cat_ranges([path, path], [start, None], [end, None]) == [
        data[slice(start, end)],
        data,
    ]
    assert fs.find(str(directory)) == [path]
    moved = f"{directory}/moved"
    fs.mv(path, moved)
    assert [one.name for one in directory.iterdir()] == ["moved"]
    fs.mv(moved, path)
    fs.rm(path)
    assert not list(directory.iterdir())


def test_files_larger_than_a_block(fs, there):
    data = np.random.default_rng(0).bytes(3_000_001)
    fs.pipe_file(f"{there}/f", data)
    assert fs.cat_file(f"{there}/f") == data
    many = ((0, 262_144), (262_143, 262_145), (1, None), (-1_000_000, -1), (2_999_999, 9_000_000))
    for start, end in many:
        assert fs.cat_file(f"{there}/f", start, end) == data[start:end]
    assert fs.tail(f"{there}/f", 10) == data[-10:]
    assert fs.tail(f"{there}/f", 0) == b""


def test_opened_files_are_read_in_ranges_and_written_in_blocks(fs, there, relay):
    data = np.random.default_rng(1).bytes(700_000)
    with fs.open(f"{there}/f", "wb", block_size=100_000) as file:
        for part in range(0, len(data), 70_000):
            file.write(data[part : part + 70_000])
    assert Path(there, "f").read_bytes() == data
    with fs.open(f"{there}/f", "rb", block_size=10_000) as file:
        file.seek(650_000)
        assert file.read(100) == data[650_000:650_100]
        file.seek(-5, 2)
        assert file.read() == data[-5:]
    with fs.open(f"{there}/f", "ab") as file:
        file.write(b"more")
    assert Path(there, "f").read_bytes() == data + b"more"
    with fs.open(f"{there}/new", "ab") as file:
        file.write(b"1")
    with pytest.raises(FileExistsError), fs.open(f"{there}/new", "xb") as file:
        file.write(b"2")
    with fs.open(f"{there}/new", "wb"):
        pass
    assert Path(there, "new").read_bytes() == b""
    with fs.open(f"{there}/text", "w") as file:
        file.write("größe\n")
    assert fs.read_text(f"{there}/text") == "größe\n"
    with pytest.raises(ValueError, match="r\\+b"):
        fs.open(f"{there}/text", "r+b")


def test_what_it_makes_is_closed_to_others(fs, there):
    before = os.umask(0)
    os.umask(before)
    fs.makedirs(f"{there}/a/b/c")
    fs.pipe_file(f"{there}/a/b/c/f", b"x")
    with fs.open(f"{there}/a/g", "wb") as file:
        file.write(b"x")
    for path in Path(there, "a").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE(Path(there, "a").stat().st_mode) == 0o700
    fs.chmod(f"{there}/a", 0o750)
    assert stat.S_IMODE(Path(there, "a").stat().st_mode) == 0o750


def test_listing_tells_what_the_files_are(fs, there):
    Path(there, "file").write_bytes(b"12345")
    Path(there, "directory").mkdir()
    Path(there, "link").symlink_to("file")
    Path(there, "broken").symlink_to("nowhere")
    os.utime(Path(there, "file"), (1_000, 2_000))
    found = {Path(one["name"]).name: one for one in fs.ls(there)}
    assert {name: one["type"] for name, one in found.items()} == {
        "broken": "other",
        "directory": "directory",
        "file": "file",
        "link": "file",
    }
    assert found["link"]["islink"]
    assert not found["file"]["islink"]
    info = fs.info(f"{there}/file")
    assert info == found["file"]
    assert (info["size"], info["mtime"], info["uid"]) == (5, 2_000.0, os.getuid())
    assert stat.S_ISREG(info["mode"])
    assert fs.modified(f"{there}/file").timestamp() == 2_000
    assert fs.ls(f"{there}/file", detail=False) == [f"{there}/file"]
    assert fs.isdir(there)
    assert fs.isfile(f"{there}/file")
    assert not fs.exists(f"{there}/none")


def test_errors_are_those_of_files(fs, there):
    Path(there, "file").touch()
    Path(there, "full").mkdir()
    Path(there, "full", "x").touch()
    none = f"{there}/none"
    for call in (
        lambda: fs.cat_file(none),
        lambda: fs.info(none),
        lambda: fs.ls(none),
        lambda: fs.rm(none),
        lambda: fs.mv(none, f"{there}/x"),
        lambda: fs.pipe_file(f"{none}/f", b""),
        lambda: fs.cat_file(f"{there}/file/below"),
    ):
        with pytest.raises(FileNotFoundError):
            call()
    with pytest.raises(FileExistsError):
        fs.makedirs(f"{there}/full")
    with pytest.raises(FileExistsError):
        fs.mkdir(f"{there}/full", create_parents=False)
    with pytest.raises(FileExistsError):
        fs.makedirs(f"{there}/file", exist_ok=True)
    fs.makedirs(f"{there}/full", exist_ok=True)
    with pytest.raises(IsADirectoryError):
        fs.cat_file(f"{there}/full")
    with pytest.raises(IsADirectoryError):
        fs.rm(f"{there}/full")
    with pytest.raises(OSError, match="full"):
        fs.rmdir(f"{there}/full")
    assert isinstance(fs.cat_ranges([none], 0, 1)[0], FileNotFoundError)
    with pytest.raises(FileNotFoundError):
        fs.cat_ranges([none], 0, 1, on_error="raise")


def test_permission_is_told(sshd, site_users, tmp_path):
    tmp_path.chmod(0o700)
    transport = transport_of(**sshd.options(site_users[0]))
    with pytest.raises(PermissionError):
        transport.fs.ls(str(tmp_path))
    with pytest.raises(PermissionError):
        transport.fs.pipe_file("/etc/portal-test", b"")
    transport.close()


def test_start_up_file_that_prints_is_named(sshd, site_users):
    """What a shell prints before SFTP begins breaks it; commands go on."""
    transport = transport_of(**sshd.options(site_users[1]))
    transport.run(["sh", "-c", "echo 'echo welcome to the lab' >.bashrc"])
    try:
        with pytest.raises(Unavailable, match="start-up file"):
            transport.fs.ls("/")
        assert transport.run(["echo", "on"]).stdout.splitlines()[-1] == "on"
    finally:
        transport.run(["rm", ".bashrc"])
        transport.close()


def test_full_disk_is_guessed_at(fs):
    with pytest.raises(OSError, match="may be full"):
        fs.pipe_file("/dev/full", b"x" * 1_000)


def test_rm_follows_no_link_and_takes_names_as_they_are(fs, there):
    outside = Path(there, "outside")
    outside.mkdir()
    (outside / "kept").touch()
    tree = Path(there, "tree")
    (tree / "below").mkdir(parents=True)
    (tree / "below" / "link").symlink_to(outside)
    (tree / "link").symlink_to(outside / "kept")
    Path(there, "*").touch()
    fs.rm(f"{there}/*")
    assert sorted(one.name for one in Path(there).iterdir()) == ["outside", "tree"]
    fs.rm(str(tree), recursive=True)
    assert not tree.exists()
    assert (outside / "kept").exists()
    Path(there, "to").symlink_to(outside)
    fs.rm(f"{there}/to", recursive=True)
    assert (outside / "kept").exists()


def test_mv_replaces_at_once(fs, there):
    """Whoever reads meanwhile sees the old or the new, never nothing."""
    fs.pipe_file(f"{there}/f", b"0" * 100)
    end = False

    def read():
        seen = set()
        while not end:
            seen.add(Path(there, "f").read_bytes())
        return seen

    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(read)
        for number in range(40):
            fs.pipe_file(f"{there}/f.part", str(number % 10).encode() * 100)
            fs.mv(f"{there}/f.part", f"{there}/f")
        end = True
    assert reading.result() <= {str(number).encode() * 100 for number in range(10)}


def test_files_go_up_and_down(fs, there, tmp_path_factory):
    here = tmp_path_factory.mktemp("here")
    (here / "d" / "e").mkdir(parents=True)
    (here / "d" / "e" / "a 'b'").write_bytes(b"1")
    (here / "d" / "f").write_bytes(b"2")
    fs.put(str(here / "d"), f"{there}/d", recursive=True)
    assert Path(there, "d", "e", "a 'b'").read_bytes() == b"1"
    fs.get(f"{there}/d", str(here / "back"), recursive=True)
    assert (here / "back" / "e" / "a 'b'").read_bytes() == b"1"
    assert sorted(fs.find(f"{there}/d")) == [f"{there}/d/e/a 'b'", f"{there}/d/f"]
    assert [top for top, _, _ in fs.walk(f"{there}/d")] == [f"{there}/d", f"{there}/d/e"]


@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
def test_zarr_is_read_where_it_lies(fs, there, relay):
    """A part of a result moves its chunks, not the whole."""
    made = xr.Dataset({"x": (("t", "y"), np.random.default_rng(2).random((40, 50_000)))})
    made.chunk(t=1).to_zarr(f"{there}/r.zarr", consolidated=True)
    store = zarr.storage.FsspecStore(
        AsyncFileSystemWrapper(fs, asynchronous=True), path=f"{there}/r.zarr", read_only=True
    )
    found = xr.open_zarr(store, chunks={}, consolidated=True)
    xr.testing.assert_identical(found.x[3].load(), made.x[3])
    xr.testing.assert_identical(found.load(), made)


def test_it_travels_to_other_processes(fs, there):
    fs.pipe_file(f"{there}/f", b"x")
    copy = pickle.loads(pickle.dumps(fs))
    assert copy.cat_file(f"{there}/f") == b"x"


def test_reads_go_on_over_cuts(fs, there, relay):
    data = np.random.default_rng(3).bytes(400_000)
    fs.pipe_file(f"{there}/f", data)
    before = relay.connections
    with ThreadPoolExecutor(4) as threads:
        reading = [threads.submit(fs.cat_file, f"{there}/f") for _ in range(60)]
        for done in (10, 30, 50):
            reading[done].result()
            relay.sever()
    found = [one.exception() or one.result() for one in reading]
    assert all(one == data or isinstance(one, Unavailable) for one in found)
    assert sum(one == data for one in found) >= 50
    assert relay.connections > before
    assert fs.cat_file(f"{there}/f") == data


def test_a_change_that_was_cut_says_so(fs, there, relay):
    """A rename is not done twice: it may have been done, and the error says that."""
    fs.pipe_file(f"{there}/f", b"x")
    relay.freeze(questions=False)
    with ThreadPoolExecutor(1) as threads:
        moving = threads.submit(fs.mv, f"{there}/f", f"{there}/g")
        wait_until(Path(there, "g").exists)
        relay.sever()
        relay.heal()
        with pytest.raises(Unavailable, match="may have been done"):
            moving.result(20)
    assert fs.cat_file(f"{there}/g") == b"x"


class Hostile(asyncssh.SFTPServer):
    """A server that lists a file under a name that leads out of its directory."""

    async def scandir(self, path):
        async for entry in super().scandir(path):
            if entry.filename not in (b".", b".."):
                entry.filename = b"../../" + entry.filename
            yield entry


async def _closed(server: asyncssh.SSHAcceptor) -> None:
    """Close a server in its own loop, the only thread that may."""
    server.close()
    await server.wait_closed()


def test_name_that_leads_elsewhere_is_refused(there, tmp_path_factory):
    Path(there, "file").touch()
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(2)]
    home = tmp_path_factory.mktemp("keys", numbered=True)
    key = home / "key"
    key.touch(mode=0o600)
    key.write_bytes(keys[1].export_private_key())
    (home / "authorized").write_bytes(keys[1].export_public_key())
    with Loop() as loop:
        server = loop.do(
            asyncssh.listen(
                "127.0.0.1",
                0,
                server_host_keys=[keys[0]],
                authorized_client_keys=str(home / "authorized"),
                sftp_factory=Hostile,
            )
        )
        port = server.get_port()
        (home / "known").write_text(f"[127.0.0.1]:{port} {keys[0].export_public_key().decode()}")
        transport = transport_of(
            "127.0.0.1", "me", port, key_file=str(key), known_hosts=str(home / "known")
        )
        assert transport.fs.cat_file(f"{there}/file") == b""
        for look in (transport.fs.ls, transport.fs.find):
            with pytest.raises(Unreadable, match=r"name that cannot be.*\.\./\.\./file"):
                look(there)
        with pytest.raises(Unreadable):
            transport.fs.get(there, str(home / "fetched"), recursive=True)
        transport.close()
        loop.do(_closed(server))
