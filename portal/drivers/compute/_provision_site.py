"""Make an environment, at the site: this text is sent there and run by the Python to build upon.

``python -I - QUESTION`` answers with one JSON object, at once. A build goes on by itself, in a
session of its own, whatever becomes of who asked for it. Its claim is a directory that bears a
number: the highest is the owner's, and it is alive while its file ``beat`` is touched. Who finds it
dead claims the next number, which only one can make. The environment is made inside the claim, and
renamed into its place when it is whole. Nothing but the standard library is there to use.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import venv
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LIMIT = 3600.0  # seconds for one command of a build
_ABANDONED = 86400.0  # seconds after which a package that was not sent whole is removed
_UNWANTED = ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_TARGET")


@dataclass(frozen=True)
class Question:
    """What is asked.

    Parameters
    ----------
    directory, name
        The directory of environments, and the name of the one that is wanted.
    build
        Whether to begin a build where none is under way; otherwise only to look.
    lease
        Seconds without a sign of life after which a build is taken for dead.
    patience
        Seconds for which a build waits for packages of which nothing arrives.
    uv
        Path of uv; empty to install with pip.
    lock
        Every package, as it is written down in the environment.
    index
        Packages that are installed from the index, ``name==version``.
    parts
        Files of the directory ``.parts``, each a package to be unpacked.
    imports
        Modules that must be importable in the end.
    """

    directory: str
    name: str
    build: bool = False
    lease: float = 30.0
    patience: float = 120.0
    uv: str = ""
    lock: tuple[str, ...] = ()
    index: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()

    @property
    def place(self) -> Path:
        """Where the environment lies when it is whole."""
        return Path(self.directory, self.name)

    def claim(self, number: int) -> Path:
        """The directory of a claim."""
        return Path(self.directory, f".{self.name}.{number}")

    def claims(self) -> list[int]:
        """The numbers that were claimed, in order."""
        found = (path.name.rpartition(".") for path in Path(self.directory).glob(".*"))
        return sorted(int(n) for name, _, n in found if name == f".{self.name}" and n.isdecimal())

    @property
    def ready(self) -> bool:
        """Whether it is there: in its place it is whole, and its base Python may have gone."""
        return os.access(self.place / "bin" / "python", os.X_OK)


def answer(question: Question) -> dict[str, Any]:
    """Say how an environment stands, or begin to build it."""
    os.umask(0o077)
    Path(question.directory, ".parts").mkdir(mode=0o700, parents=True, exist_ok=True)
    if question.ready:
        with contextlib.suppress(OSError):
            os.utime(question.place)
        return {"state": "ready"}
    number = max(question.claims(), default=0)
    told = _told(question, number)
    if told["state"] == "building" or not question.build:
        return told
    claim = question.claim(number + 1)
    try:
        claim.mkdir()
    except FileExistsError:
        return {"state": "building", "message": "another build has begun", "claim": number + 1}
    (claim / "beat").touch()  # before the answer: it is alive from then on
    if not _detach():
        return {"state": "building", "message": "begun", "claim": number + 1, "own": True}
    _Build(question, number + 1).run()
    os._exit(0)


def _told(question: Question, number: int) -> dict[str, Any]:
    claim = question.claim(number)
    try:
        last = (claim / "beat").stat().st_mtime
    except OSError:
        return {"state": "absent"}
    told = {"state": "building", "message": "begun", "claim": number}
    with contextlib.suppress(OSError, ValueError):
        told |= json.loads((claim / "state.json").read_text())
    with tempfile.NamedTemporaryFile(dir=question.directory) as now:  # by the file system's clock
        alive = os.fstat(now.fileno()).st_mtime - last < question.lease
    return told if alive or told["state"] == "failed" else {"state": "absent"}


def _detach() -> bool:
    """Go on as a process that nobody waits for; True in that process."""
    if os.fork():
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    return True


class Failed(Exception):
    """A step of a build failed."""


class _Build:
    def __init__(self, question: Question, number: int) -> None:
        self.question, self.number = question, number
        self.claim = question.claim(number)
        self.tree = self.claim / "tree"
        self.ended = threading.Event()

    def run(self) -> None:
        """Build, and say how it ended."""
        (self.claim / "beat").write_text(f"{os.getpid()} {os.uname().nodename}")
        threading.Thread(target=self._beat, daemon=True).start()
        try:
            self._make()
            self._publish()
        except BaseException as error:  # noqa: BLE001 - nobody else would learn why the build ended
            shutil.rmtree(self.tree, ignore_errors=True)
            known = isinstance(error, Failed | OSError)
            with contextlib.suppress(OSError):  # no claim, no disk: it is taken for dead
                self._say(str(error) if known else repr(error), state="failed")
        finally:
            self.ended.set()

    def _beat(self) -> None:
        while not self.ended.wait(self.question.lease / 10):
            with contextlib.suppress(OSError):
                os.utime(self.claim / "beat")

    def _say(self, message: str, state: str = "building", missing: list[str] | None = None) -> None:
        part = self.claim / "state.part"
        told = {"state": state, "message": message, "missing": missing or []}
        part.write_text(json.dumps(told))
        part.replace(self.claim / "state.json")

    def _make(self) -> None:
        asked = self.question
        if asked.ready:
            return
        venv.create(self.tree, symlinks=True)
        with (self.tree / "pyvenv.cfg").open("a") as file:
            file.write("relocatable = true\n")  # so uv writes scripts that need no path
        self._arrive()
        if asked.index:
            self._say(f"installing {len(asked.index)} packages")
            self._install()
        version = "{}.{}".format(*sys.version_info)
        packages = self.tree / "lib" / f"python{version}" / "site-packages"
        for count, name in enumerate(asked.parts, 1):
            if count % 20 == 1:
                self._say(f"unpacking {len(asked.parts)} packages, {count - 1} done")
            _unpack(Path(asked.directory, ".parts", name), packages)
        (self.tree / "lock.txt").write_text("".join(f"{line}\n" for line in asked.lock))
        if asked.imports:
            self._say("trying it")
            code = f"import {', '.join(asked.imports)}"
            self._call([str(self.tree / "bin" / "python"), "-I", "-c", code])
        self._relocate()

    def _arrive(self) -> None:
        """Wait until every package is there that is brought."""
        parts, last, since = Path(self.question.directory, ".parts"), (0, 0), time.monotonic()
        while missing := [p for p in self.question.parts if not (parts / p).exists()]:
            sizes = [p.stat().st_size for p in parts.glob("*.part")]
            if (len(missing), sum(sizes)) != last:
                last, since = (len(missing), sum(sizes)), time.monotonic()
                self._say(f"waiting for {len(missing)} packages", missing=missing)
            if time.monotonic() - since > self.question.patience:
                raise Failed(f"nothing of {len(missing)} packages came, {missing[0]} among them")
            time.sleep(0.1)

    def _install(self) -> None:
        wanted, python = self.claim / "index.txt", str(self.tree / "bin" / "python")
        wanted.write_text("".join(f"{line}\n" for line in self.question.index))
        if self.question.uv:
            command = [self.question.uv, "pip", "install", "--python", python]
        else:
            options = ("--no-input", "--disable-pip-version-check")
            command = [sys.executable, "-m", "pip", "--python", python, "install", *options]
        self._call([*command, "--no-deps", "-r", str(wanted)])

    def _call(self, command: list[str]) -> None:
        environment = {k: v for k, v in os.environ.items() if k not in _UNWANTED}
        environment.setdefault("UV_HTTP_RETRIES", "1")
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env=environment,
                cwd=self.claim,
                timeout=_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{command[0]} had not ended after {_LIMIT:g} s") from error
        if done.returncode:
            raise Failed(
                (done.stderr.strip() or done.stdout.strip())[-2000:] or f"{command[0]} failed"
            )

    def _relocate(self) -> None:
        """Write the place where it will lie into the scripts and texts that name where it was made."""
        old, new = os.fsencode(self.tree), os.fsencode(self.question.place)
        for path in (self.tree / "pyvenv.cfg", *(self.tree / "bin").iterdir()):
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
                if old in data and b"\0" not in data:
                    path.write_bytes(data.replace(old, new))

    def _publish(self) -> None:
        place = self.question.place
        if not self.question.ready:
            with contextlib.suppress(FileNotFoundError):
                place.rename(self.claim / "broken")
            try:
                self.tree.rename(place)
            except OSError:
                if not self.question.ready:
                    raise
        for part in Path(self.question.directory, ".parts").glob("*.part"):
            with contextlib.suppress(OSError):  # left by who was killed while sending
                if time.time() - part.stat().st_mtime > _ABANDONED:
                    part.unlink()
        for number in self.question.claims():
            if number <= self.number:
                shutil.rmtree(self.question.claim(number), ignore_errors=True)


def _unpack(path: Path, where: Path) -> None:
    try:
        with tarfile.open(path) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(where, filter="data")
            else:
                archive.extractall(where)  # noqa: S202 - it was packed and sent by the same user
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        path.unlink(missing_ok=True)
        raise Failed(f"{path.name} cannot be unpacked: {error}") from error


if __name__ == "__main__":
    print(json.dumps(answer(Question(**json.loads(sys.argv[1])))))
