"""A result brought here: whole, compared, gone on with after a cut; its names stay inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from fsspec.implementations.local import LocalFileSystem

import portal
from portal.errors import InvalidParameter, RunFailed, Unavailable, Unreadable
from portal.federation import fetch as fetching
from portal.federation.directory import RunDirectory
from portal.federation.fetch import fetch

CO2 = "ornl:mauna-loa-co2"


@portal.analysis
def copy(co2: xr.Dataset) -> xr.Dataset:
    """Copy it."""
    return co2.assign(twice=co2.co2 * 2)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with one completed run, and its id."""
    home = tmp_path_factory.mktemp("fetch")
    with portal.connect(home=home) as fed:
        run = fed.run(copy, co2=CO2).wait(200)
        assert run.state == "completed", run.log()
    return home, run.id


@pytest.fixture
def run(ended: tuple[Path, str]):
    with portal.connect(home=ended[0]) as fed:
        yield fed.get_run(ended[1])


class Weak(LocalFileSystem):
    """A file system that breaks off: after some calls it is not reached any more."""

    cachable = False

    def __init__(self, good: int, then: int = 10**9) -> None:
        super().__init__()
        self.good, self.then, self.asked = good, then, 0

    def cat_file(self, path: str, start: Any = None, end: Any = None, **more: Any) -> bytes:
        self.asked += 1
        if self.good < self.asked <= self.good + self.then:
            raise Unavailable("The connection broke")
        return super().cat_file(path, start=start, end=end, **more)


def test_whole_and_compared(run, tmp_path: Path) -> None:
    got = run.fetch(tmp_path / "mine.zarr")
    assert got.compared
    assert got.sha256 == run.directory.checksum()
    assert (
        got.moved == got.size == sum(f.stat().st_size for f in got.path.rglob("*") if f.is_file())
    )
    xr.testing.assert_identical(xr.open_zarr(got.path).load(), run.result().load())
    assert [p.name for p in tmp_path.iterdir()] == ["mine.zarr"]
    assert (got.path.stat().st_mode & 0o077) == 0


def test_a_path_that_is_taken(run, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    with pytest.raises(InvalidParameter, match="there already"):
        run.fetch(tmp_path / "x")
    with pytest.raises(InvalidParameter, match="No such file"):
        run.fetch(tmp_path / "no" / "such")
    assert (tmp_path / "x").read_text() == "mine"


def test_goes_on_after_a_cut(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PART", 1_000)
    expected = run.directory.checksum()
    weak = RunDirectory(Weak(good=5), run.directory.path)
    target = tmp_path / "x.zarr"
    with pytest.raises(Unavailable, match="it goes on where it was"):
        fetch(weak, target, expected=expected, patience=0)
    assert not target.exists()
    whole = fetch(run.directory, tmp_path / "whole.zarr", expected=expected)
    got = fetch(run.directory, target, expected=expected)
    assert 0 < got.moved < whole.moved
    assert got.sha256 == whole.sha256


def test_a_short_cut_is_waited_out(run, tmp_path: Path) -> None:
    weak = RunDirectory(Weak(good=2, then=3), run.directory.path)
    got = fetch(weak, tmp_path / "x.zarr", expected=run.directory.checksum(), patience=30)
    assert got.moved == got.size


def test_what_an_earlier_attempt_left_is_not_trusted(run, tmp_path: Path) -> None:
    target = tmp_path / "x.zarr"
    part = tmp_path / f".x.zarr.{run.id}.partial"
    part.mkdir()
    (part / "zarr.json").write_text("{}")
    (part / "extra").write_text("not of the result")
    secret = tmp_path / "secret"
    secret.write_text("mine")
    (part / "twice").symlink_to(tmp_path)
    (part / "co2").mkdir()
    (part / "co2" / "zarr.json").symlink_to(secret)
    got = run.fetch(target)
    assert got.sha256 == run.directory.checksum()
    assert not (target / "extra").exists()
    assert secret.read_text() == "mine"


def test_a_partial_directory_that_is_a_link(run, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f".x.zarr.{run.id}.partial").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidParameter, match="not a directory of yours|File exists"):
        run.fetch(tmp_path / "x.zarr")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def damaged(run, tmp_path: Path) -> RunDirectory:
    """A copy of the run, to be changed."""
    import shutil

    path = tmp_path / run.id
    shutil.copytree(run.directory.path, path)
    return RunDirectory(run.directory.fs, str(path))


def test_another_content_is_refused(run, tmp_path: Path) -> None:
    copied = damaged(run, tmp_path)
    chunk = next(p for p in Path(copied.file("result.zarr")).rglob("c/*") if p.is_file())
    chunk.write_bytes(b"x" * chunk.stat().st_size)
    with pytest.raises(Unreadable, match="not what the run has written"):
        fetch(copied, tmp_path / "x.zarr", expected=run.directory.checksum())
    assert [p.name for p in tmp_path.iterdir()] == [run.id]


@pytest.mark.parametrize("to", ["/etc/passwd", "../../run.json", "zarr.json"])
def test_links_are_refused(run, tmp_path: Path, to: str) -> None:
    copied = damaged(run, tmp_path)
    Path(copied.file("result.zarr/linked")).symlink_to(to)
    with pytest.raises(Unreadable, match="a link"):
        fetch(copied, tmp_path / "x.zarr", expected=None)
    assert not (tmp_path / "x.zarr").exists()


class Hostile(LocalFileSystem):
    """A file system that gives a name of its own choice for one of the files."""

    cachable = False

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def ls(self, path: str, detail: bool = False, **more: Any) -> Any:
        held = super().ls(path, detail=True)
        if path.endswith("result.zarr"):
            held.append({"name": self.name.replace("ROOT", path), "size": 3, "type": "file"})
        return held

    def cat_file(self, path: str, start: Any = None, end: Any = None, **more: Any) -> bytes:
        return b"bad" if not Path(path).is_file() else super().cat_file(path, start, end)


@pytest.mark.parametrize(
    "name",
    [
        "ROOT/../../escaped",
        "ROOT/a/../../escaped",
        "/tmp/escaped",
        "ROOT",
        "ROOT/",
        "ROOT//x",
        "ROOT/.",
        "ROOT/a\\..\\escaped",
        "ROOT/nul\0",
        "../escaped",
        "ROOTescaped",
    ],
)
def test_names_cannot_leave_the_directory(run, tmp_path: Path, name: str) -> None:
    hostile = RunDirectory(Hostile(name), run.directory.path)
    into = tmp_path / "a" / "b"
    into.mkdir(parents=True)
    with pytest.raises(Unreadable, match="lead elsewhere"):
        fetch(hostile, into / "x.zarr", expected=None)
    assert not list(tmp_path.rglob("escaped"))
    assert not (into / "x.zarr").exists()


def test_a_name_with_newlines_and_commands_stays_a_name(run, tmp_path: Path) -> None:
    name = "new\nline $(touch escaped); 'x'"
    hostile = RunDirectory(Hostile(f"ROOT/{name}"), run.directory.path)
    got = fetch(hostile, tmp_path / "x.zarr", expected=None)
    assert (got.path / name).read_bytes() == b"bad"
    assert not list(tmp_path.rglob("escaped"))


def test_nothing_to_fetch(home: Path, tmp_path: Path) -> None:
    @portal.analysis
    def fails(co2: xr.Dataset) -> xr.Dataset:
        """Fail."""
        raise ValueError("no")

    with portal.connect() as fed, pytest.raises(RunFailed):
        fed.run(fails, co2=CO2).fetch(tmp_path / "x.zarr")
    assert list(tmp_path.glob("*x.zarr*")) == []
