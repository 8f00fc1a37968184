"""A result brought here: whole, compared with its checksum, gone on with after a cut.

The names in a result are those of somebody else's directory. One that is absolute, climbs, or is a
link is refused before anything is written; nothing is ever written through a link.
"""

from __future__ import annotations

import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.core.run import RESULT
from portal.errors import InvalidParameter, Unavailable, Unreadable
from portal.federation.directory import RunDirectory
from portal.federation.patience import TRANSIENT, Patience

#: Bytes asked for at once, and files at once.
PART, FILES = 8 * 2**20, 4
#: Seconds for which a facility that is not reached is asked again.
PATIENCE = 120.0
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Fetched:
    """A result that was brought here.

    Parameters
    ----------
    size, moved
        Bytes of the store, and those of them that were moved this time.
    sha256
        Digest of the store, as the run's crate has it.
    compared
        Whether the crate told what it should be; otherwise only sizes were compared.
    """

    path: Path
    size: int
    moved: int
    seconds: float
    sha256: str
    compared: bool


def fetch(
    directory: RunDirectory,
    path: Path,
    *,
    expected: str | None,
    patience: float = PATIENCE,
) -> Fetched:
    """Copy the result of a run to a path that is not there yet.

    Parameters
    ----------
    expected
        The SHA-256 that it must have, see :func:`portal.runner.result.seal`; None to compare sizes.

    Raises
    ------
    InvalidParameter, Unreadable, Unavailable
    """
    from portal.runner.result import seal

    target = path.absolute()
    if os.path.lexists(target):
        raise InvalidParameter(
            f"The result is not fetched to {target}",
            found="something that is there already",
            advice="Give a path that is free, or remove what is there.",
        )
    part = _partial(target, directory)
    began = time.monotonic()
    files = dict(_listed(directory, patience))
    _require_only(part, files)
    before = sum(f.stat().st_size for f in part.rglob("*") if f.is_file())
    moved = _copy(directory, part, files, patience)
    stored = seal(part)
    if expected is not None and stored.sha256 != expected and before:
        # What an earlier attempt has left is at fault, or what came now: bring all of it once more.
        shutil.rmtree(part)
        part = _partial(target, directory)
        moved += _copy(directory, part, files, patience)
        stored = seal(part)
    if expected is not None and stored.sha256 != expected:
        shutil.rmtree(part)
        raise Unreadable(
            f"What was fetched of {directory.path} is not what the run has written",
            found=f"sha256 {stored.sha256}, where its crate has {expected}",
            advice="Fetch it again; if it stays so, the result was changed since.",
        )
    try:
        part.rename(target)
    except OSError as error:
        raise InvalidParameter(
            f"The result cannot be given its name {target}",
            found=str(error),
            advice=f"All of it lies in {part}: fetch it again to a path that is free.",
        ) from error
    seconds = time.monotonic() - began
    return Fetched(target, stored.size, moved, seconds, stored.sha256, expected is not None)


def _partial(target: Path, directory: RunDirectory) -> Path:
    """Return the directory in which the result is put together: of this run, and of this user."""
    run_id = directory.path.rstrip("/").rpartition("/")[2]
    part = target.with_name(f".{target.name}.{run_id}.partial")
    try:
        part.mkdir(mode=0o700, exist_ok=True)
        held = part.lstat()
    except OSError as error:
        raise InvalidParameter(
            f"The result cannot be fetched to {target}",
            found=str(error),
            advice="Give a path in a directory that you may write.",
        ) from error
    if not stat.S_ISDIR(held.st_mode) or held.st_uid != os.getuid():
        raise InvalidParameter(
            f"The result cannot be fetched to {target}",
            found=f"{part}, which is not a directory of yours",
            advice="Remove it, or give another path.",
        )
    return part


def _listed(directory: RunDirectory, patience: float) -> Iterator[tuple[str, int]]:
    """Give the files of the result, as paths from it, with their sizes."""
    tries = Patience(patience)
    root = directory.file(RESULT).rstrip("/")
    waiting = [root]
    while waiting:
        at = waiting[-1]
        try:
            held = directory.fs.ls(at, detail=True)
        except TRANSIENT as error:
            _again(tries, directory, error)
            continue
        tries.reached()
        waiting.pop()
        for entry in held:
            relative = _inside(root, entry)
            if entry["type"] == "directory":
                waiting.append(f"{root}/{relative}")
            else:
                yield relative, int(entry["size"])


def _inside(root: str, entry: Mapping[str, Any]) -> str:
    """Return an entry's path from the result.

    Raises
    ------
    Unreadable
        It is a link, or leads out of the result.
    """
    name = str(entry["name"])
    whole = name if name.startswith("/") == root.startswith("/") else f"/{name}"
    relative = whole.removeprefix(f"{root}/").rstrip("/")
    parts = relative.split("/")
    bad = whole == relative or any(p in ("", ".", "..") or "\0" in p or "\\" in p for p in parts)
    linked = bool(entry.get("islink")) or entry["type"] not in ("file", "directory")
    if bad or linked:
        raise Unreadable(
            f"The result {root} holds what may lead elsewhere",
            found=f"{'a link' if linked else 'the name'} {name!r}",
            advice="A run writes plain files alone: this was added since. Nothing was fetched of it.",
        )
    return relative


def _require_only(part: Path, files: Mapping[str, int]) -> None:
    """Remove from what an earlier attempt has left all that is no file of the result."""
    for at, names, held in os.walk(part):
        base = Path(at)
        for name in (*names, *held):
            found = base / name
            relative = found.relative_to(part).as_posix()
            if found.is_symlink() or (name in held and relative not in files):
                found.unlink()


def _copy(directory: RunDirectory, part: Path, files: Mapping[str, int], patience: float) -> int:
    """Bring every file; return the bytes that were moved."""
    stop = threading.Event()

    def one(name: str) -> int:
        try:
            return _bring(directory, part, name, files[name], patience, stop)
        except BaseException:
            stop.set()
            raise

    with ThreadPoolExecutor(max_workers=FILES) as pool:
        return sum(pool.map(one, sorted(files)))


def _bring(
    directory: RunDirectory,
    part: Path,
    name: str,
    size: int,
    patience: float,
    stop: threading.Event,
) -> int:
    """Bring one file, from where an earlier attempt has left it."""
    target = part / name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    moved, tries = 0, Patience(patience)
    with os.fdopen(os.open(target, _FLAGS, 0o600), "r+b") as file:
        at = file.seek(0, os.SEEK_END)
        if at > size:
            file.truncate(0)
            at = file.seek(0)
        while at < size and not stop.is_set():
            end = min(size, at + PART)
            try:
                data = directory.fs.cat_file(f"{directory.file(RESULT)}/{name}", start=at, end=end)
            except TRANSIENT as error:
                _again(tries, directory, error)
                continue
            if not data:
                raise Unreadable(
                    f"The file {name} of the result {directory.path} is shorter than it was",
                    found=f"{at:,} of {size:,} bytes",
                    advice="It was changed while it was fetched; fetch it again.",
                )
            tries.reached()
            file.write(data)
            at, moved = at + len(data), moved + len(data)
    return moved


def _again(tries: Patience, directory: RunDirectory, error: Exception) -> None:
    if not tries.again():
        raise Unavailable(
            f"The result {directory.path} could not be fetched to its end",
            found=str(error) or type(error).__name__,
            advice="Fetch it again to the same path: it goes on where it was.",
        ) from error
