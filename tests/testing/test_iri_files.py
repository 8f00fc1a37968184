"""The file system of the IRI server, and what does not lead out of it."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import pwd
import tarfile
from pathlib import Path

import pytest

from portal.core.contracts import Compute
from portal.testing.iri import IriServer, serve
from portal.testing.iri.bodies import PART
from tests.testing.iri_client import Client

BYTES = bytes(range(256))


def test_files_come_back_as_they_went(client: Client, server: IriServer) -> None:
    client.done("mkdir", path="a/b", parent=True)
    client.done("upload", path="a/b/it's $(x)", content=BYTES)
    assert (server.root / "a/b/it's $(x)").read_bytes() == BYTES
    assert (server.root / "a/b/it's $(x)").stat().st_mode & 0o777 == 0o600
    assert base64.b64decode(client.done("download", path="a/b/it's $(x)")) == BYTES
    assert client.done("checksum", path="a/b/it's $(x)") == {
        "algorithm": "SHA-256",
        "checksum": hashlib.sha256(BYTES).hexdigest(),
    }


def test_parts_of_a_file(client: Client, server: IriServer) -> None:
    (server.root / "large").write_bytes(BYTES * (PART // 256) + b"the end")
    assert client.task("download", path="large")["status"] == "failed"
    found = client.done("view", path="large", offset=PART - 2, size=100)
    assert found["encoding"] == "base64"
    assert base64.b64decode(found["content"]) == b"\xfe\xffthe end"
    assert (found["start_position"], found["end_position"]) == (PART - 2, PART + 7)
    assert client.done("view", path="large", offset=PART, size=PART)["content"] == "the end"
    assert client.done("view", path="large", offset=PART * 2)["content"] == ""
    assert client.done("tail", path="large", bytes=3)["content"] == "end"


def test_as_the_reference_implementation_reads(compute: Compute, tmp_path: Path) -> None:
    with serve(compute, directory=tmp_path / "server", exact=False) as server:
        (server.root / "odd").write_bytes(b"a\r\nb\xff")
        found = Client(server, 2).done("view", path="odd")
    assert found["content"] == "a\nb\N{REPLACEMENT CHARACTER}"
    assert "encoding" not in found


def test_lines(client: Client, server: IriServer) -> None:
    (server.root / "text").write_text("".join(f"{n}\n" for n in range(20)))
    assert client.done("head", path="text", lines=2)["content"] == "0\n1\n"
    assert client.done("head", path="text", lines=18, skipTrailing=True)["content"] == "0\n1\n"
    assert client.done("head", path="text", bytes=3)["content"] == "0\n1"
    assert client.done("head", path="text", bytes=47, skipTrailing=True)["content"] == "0\n1"
    assert client.done("tail", path="text", lines=1) == {
        "content": "19\n",
        "encoding": "utf-8",
        "content_type": "lines",
        "start_position": 47,
        "end_position": 50,
    }
    assert client.done("tail", path="text", lines=19, skipHeading=True)["content"] == "19\n"
    assert client.done("tail", path="text", bytes=47, skipHeading=True)["content"] == "19\n"
    assert len(client.done("tail", path="text")["content"].splitlines()) == 10
    assert client.task("head", path="text", lines=2, bytes=2)["status"] == "failed"


def test_lists(client: Client, server: IriServer) -> None:
    (server.root / "d/inner").mkdir(parents=True)
    (server.root / "d/.hidden").touch()
    (server.root / "d/inner/x").write_text("four")
    (server.root / "d/link").symlink_to("inner/x")
    names = [one["name"] for one in client.done("ls", path="d")]
    assert names == ["inner", "link"]
    found = {
        one["name"]: one for one in client.done("ls", path="d", recursive=True, showHidden=True)
    }
    assert sorted(found) == [".hidden", "inner", "inner/x", "link"]
    assert (found["inner/x"]["type"], found["inner/x"]["size"]) == ("file", "4")
    assert (found["link"]["type"], found["link"]["link_target"]) == ("symlink", "inner/x")
    shown = client.done("ls", path="d", dereference=True, numericUid=True)[1]
    assert (shown["type"], shown["user"]) == ("file", str(os.getuid()))
    assert client.done("ls", path="d/inner/x")[0]["name"] == "x"
    assert client.done("file", path="d") == "directory"
    assert client.done("file", path="d/link") == "symbolic link to inner/x"
    assert client.done("stat", path="d/link", dereference=True)["size"] == 4


def test_moves_copies_links_and_removes(client: Client, server: IriServer) -> None:
    (server.root / "d").mkdir()
    (server.root / "d/x").write_text("x")
    client.done("cp", path="d", target_path="e")
    client.done("mv", path="e/x", target_path="y")
    client.done("symlink", path="y", link_path="z")
    assert client.done("view", path="z")["content"] == "x"
    client.done("mv", path="y", target_path="e")
    assert (server.root / "e/y").read_text() == "x"
    client.done("chmod", path="e/y", mode="640")
    assert (server.root / "e/y").stat().st_mode & 0o777 == 0o640
    assert client.operate("chmod", path="e/y", mode="rwx").status_code == 422
    client.done("chown", path="e/y", owner=pwd.getpwuid(os.getuid()).pw_name)
    client.done("rm", path="z")
    client.done("rm", path="d")
    assert sorted(p.name for p in server.root.iterdir()) == ["e"]
    for name, more in (("rm", {}), ("mv", {"target_path": "e/root"})):
        assert client.task(name, path=".", **more)["status"] == "failed"
    assert client.task("cp", path="e", target_path="e/e")["status"] == "failed"


def test_failures_say_what_the_system_says(client: Client, server: IriServer) -> None:
    (server.root / "d").mkdir()
    for name, path, words in (
        ("stat", "gone", "No such file or directory"),
        ("view", "d", "Is a directory"),
        ("mkdir", "d", "File exists"),
        ("upload", "d", "Is a directory"),
        ("upload", "gone/x", "No such file or directory"),
    ):
        more = {"content": b"x"} if name == "upload" else {}
        task = client.task(name, path=path, **more)
        assert task["status"] == "failed"
        assert words in task["result"]["output"]
    assert [p.name for p in server.root.iterdir()] == ["d"]


def test_names_that_are_no_text_are_listed(client: Client, server: IriServer) -> None:
    for name in (b"\xff", "größe 温度".encode(), b"line\nline"):
        (server.root / os.fsdecode(name)).touch()
    (server.root / "link").symlink_to(os.fsdecode(b"\xfe"))
    found = {one["name"]: one for one in client.done("ls", path=".")}
    assert set(found) == {"?", "größe 温度", "line\nline", "link"}
    assert found["link"]["link_target"] == "?"


def test_a_pipe_is_not_waited_for(client: Client, server: IriServer) -> None:
    os.mkfifo(server.root / "pipe")
    for name in ("view", "head", "tail", "checksum", "download", "cp"):
        more = {"target_path": "x"} if name == "cp" else {}
        assert client.task(name, path="pipe", **more)["status"] == "failed"
    assert client.done("file", path="pipe") == "special file"


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "xz", "none"])
def test_archives(client: Client, server: IriServer, compression: str) -> None:
    (server.root / "d/inner").mkdir(parents=True)
    (server.root / "d/inner/x.txt").write_text("x")
    (server.root / "d/y.bin").write_text("y")
    said = compression if client.version == 1 else f"urn:doe-iri:compression:{compression}"
    more = {"target_path": "a.tar", "match_pattern": r"\.txt$", "compression": said}
    client.done("compress", path="d", **more)
    client.done("extract", path="a.tar", target_path="out", compression=said)
    found = sorted(
        str(p.relative_to(server.root / "out")) for p in (server.root / "out").rglob("*")
    )
    assert found == ["d", "d/inner", "d/inner/x.txt"]
    assert not list(server.root.glob(".*"))


@pytest.mark.parametrize(
    "path", ["..", "../x", "/etc/passwd", "/", "a/../../x", "./../server/ca.pem", "//etc/passwd"]
)
def test_paths_outside_are_refused(client: Client, server: IriServer, path: str) -> None:
    before = sorted(server.root.parent.rglob("*"))
    for name in ("view", "ls", "stat", "rm", "download", "mkdir", "upload", "chmod"):
        more = {"upload": {"content": b"x"}, "chmod": {"mode": "777"}}.get(name, {})
        assert client.operate(name, path=path, **more).status_code == 403, name
    (server.root / "x").touch()
    for name in ("mv", "cp", "compress", "extract"):
        assert client.operate(name, path="x", target_path=path).status_code == 403
        assert client.operate(name, path=path, target_path="y").status_code == 403
    assert client.operate("symlink", path=path, link_path="l").status_code == 403
    (server.root / "x").unlink()
    assert sorted(server.root.parent.rglob("*")) == before


def test_the_root_by_its_own_name_is_inside(client: Client, server: IriServer) -> None:
    client.done("upload", path=f"{server.root}/x", content=b"x")
    assert client.done("view", path=f"{server.root}/../{server.root.name}/x")["content"] == "x"


@pytest.mark.parametrize("path", ["a\0b", "", "\ud800"])
def test_what_is_no_path_is_refused(server: IriServer, path: str) -> None:
    answer = Client(server, 2).operate("stat", path=path)
    assert answer.status_code == 400, answer.text


def test_links_that_lead_outside_are_not_followed(client: Client, server: IriServer) -> None:
    secret = server.root.parent / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    (server.root / "out").symlink_to(secret)
    (server.root / "key").symlink_to(secret / "key")
    (server.root / "new").symlink_to(secret / "new")
    (server.root / "d").mkdir()
    (server.root / "d/key").symlink_to(secret / "key")
    for name, arguments in (
        ("view", {"path": "key"}),
        ("download", {"path": "out/key"}),
        ("checksum", {"path": "key"}),
        ("head", {"path": "out/key"}),
        ("tail", {"path": "key"}),
        ("ls", {"path": "out"}),
        ("stat", {"path": "key", "dereference": True}),
        ("stat", {"path": "out/key"}),
        ("file", {"path": "out/key"}),
        ("rm", {"path": "out/key"}),
        ("chmod", {"path": "key", "mode": "777"}),
        ("chown", {"path": "key", "owner": "root"}),
        ("mkdir", {"path": "out/x"}),
        ("upload", {"path": "new", "content": b"x"}),
        ("upload", {"path": "out/new", "content": b"x"}),
        ("cp", {"path": "key", "target_path": "stolen"}),
        ("cp", {"path": "d", "target_path": "stolen", "dereference": True}),
        ("cp", {"path": "d", "target_path": "out/d"}),
        ("mv", {"path": "out/key", "target_path": "stolen"}),
        ("mv", {"path": "d", "target_path": "out"}),
        ("symlink", {"path": "out/key", "link_path": "stolen"}),
        ("symlink", {"path": "d", "link_path": "out/d"}),
        ("compress", {"path": "d", "target_path": "stolen", "dereference": True}),
        ("compress", {"path": "out/key", "target_path": "stolen"}),
        ("compress", {"path": "d", "target_path": "out/d.tar"}),
    ):
        task = client.task(name, **arguments)
        assert task["status"] == "failed", (name, arguments, task)
        assert "leads out" in task["result"]["output"], task
    assert [p.name for p in secret.iterdir()] == ["key"]
    assert not (server.root / "stolen").exists()
    shown = client.done("ls", path=".", dereference=True)
    assert {one["name"]: one["type"] for one in shown}["key"] == "symlink"
    client.done("rm", path="key")
    client.done("rm", path="d")
    assert (secret / "key").read_text() == "secret"


def test_archives_do_not_write_outside(client: Client, server: IriServer) -> None:
    outside = server.root.parent / "outside"
    (server.root / "out").mkdir()
    for number, (name, kind, link) in enumerate(
        [
            ("../../outside", tarfile.REGTYPE, ""),
            (str(outside), tarfile.REGTYPE, ""),
            ("link", tarfile.SYMTYPE, str(outside)),
            ("link", tarfile.SYMTYPE, "../../outside"),
            ("link", tarfile.LNKTYPE, "../../server/server.key"),
            ("pipe", tarfile.FIFOTYPE, ""),
            ("device", tarfile.CHRTYPE, ""),
        ]
    ):
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        member.size = 1 if kind == tarfile.REGTYPE else 0
        with tarfile.open(server.root / f"{number}.tar", "w") as archive:
            archive.addfile(member, io.BytesIO(b"x"))
        said = "none" if client.version == 1 else "urn:doe-iri:compression:none"
        task = client.task("extract", path=f"{number}.tar", target_path="out", compression=said)
        odd = [p for p in (server.root / "out").rglob("*") if p.is_symlink() or p.is_fifo()]
        assert odd == []
        assert task["status"] == "failed" or kind == tarfile.REGTYPE
        assert not outside.exists()
    task = client.task("extract", path="0.tar", target_path="out")
    assert task["status"] == "failed"
    assert (
        client.operate("extract", path="0.tar", target_path="out", compression="zip").status_code
        == 400
    )


def test_uploads_have_a_form_and_a_size(client: Client) -> None:
    path = f"filesystem/upload/{client.resource}?path=x"
    assert client.ask("POST", path, data=b"bare").status_code == 400
    assert client.ask("POST", path, data={"file": "text"}).status_code == 400
    assert client.ask("POST", path, files={"other": b"x"}).status_code == 400
    assert client.operate("upload", path="x", content=b"x" * (PART + 1)).status_code == 422
    assert client.task("upload", path="x", content=b"x" * PART)["status"] == "completed"


def test_tasks_are_kept_until_deleted(client: Client) -> None:
    task = client.task("ls", path=".")
    assert task["id"] in [one["id"] for one in client.get("task").json()]
    assert task["command"]["command"] == "ls"
    answer = client.ask("DELETE", f"task/{task['id']}")
    assert answer.status_code == 200
    assert isinstance(answer.json(), str)
    assert client.get(f"task/{task['id']}").status_code == 404
    assert client.ask("DELETE", f"task/{task['id']}").status_code == 404
