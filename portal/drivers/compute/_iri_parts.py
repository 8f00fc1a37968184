"""Files of more than one part at an IRI facility: put together, taken apart, and gone on with."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from portal.drivers.compute._iri_tasks import PART
from portal.errors import Unreadable

if TYPE_CHECKING:
    from portal.drivers.compute._iri_fs import IriFileSystem

_BLOCK: Final = 1 << 20
_MODE: Final = 0o600
#: Puts the files of a directory together, in the order of their names, and removes them.
_JOIN: Final = """\
umask 077
cat -- "$1"/?????? > "$1/whole" && mv -- "$1/whole" "$2" && rm -r -- "$1"
"""
#: Takes every large file below a path apart, each whole or not at all; forgets what is a day old.
_SPLIT: Final = """\
umask 077
export scratch="$2" size="$3"
mkdir -p -- "$2" && find "$2" -mindepth 1 -maxdepth 1 -mtime +0 -exec rm -r -- {} +
find "$1" -type f -size +"$3"c -exec sh -c '
for file; do
    to=$scratch/$(printf %s "$file" | sha256sum | cut -c1-32)-$(stat -c %s-%Y -- "$file")
    test -d "$to" && continue
    mkdir -- "$to.$$" && split -b "$size" -a 6 -d -- "$file" "$to.$$/" &&
        mv -T -- "$to.$$" "$to" || exit 1
done' portal {} +
"""


def put(fs: IriFileSystem, file: IO[bytes], path: str) -> None:
    """Send a file, in parts where it is larger than one; parts that are there are not sent again.

    Raises
    ------
    Unreadable
        What is there in the end is not what was sent.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size <= PART:
        fs.pipe_file(path, file.read())
        return
    digest = _digest(file)
    directory = f"{fs.scratch}/{_name(path)}-{digest[:32]}"
    fs.makedirs(directory, exist_ok=True)
    there = {one["name"]: one["size"] for one in fs.ls(directory)}
    for number in range(-(-size // PART)):
        name = f"{directory}/{number:06d}"
        if there.get(name) != min(PART, size - number * PART):
            file.seek(number * PART)
            fs.pipe_file(name, file.read(PART))
    fs.work(("/bin/sh", "-c", _JOIN, "portal", directory, path))
    _same(fs, path, digest)


def get(fs: IriFileSystem, path: str, target: Any) -> None:
    """Fetch a file into a path here, or into an open file.

    What a cut has left in ``PATH.part`` is not fetched again.

    Raises
    ------
    Unreadable
        What arrived is not what is there; it is removed.
    """
    if hasattr(target, "write"):
        target.write(fs.cat_file(path))
        return
    info = fs.info(path)
    whole = Path(target)
    if info["type"] == "directory":
        whole.mkdir(parents=True, exist_ok=True)
        return
    whole.parent.mkdir(parents=True, exist_ok=True)
    part = whole.with_name(f"{whole.name}.part")
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    with open(descriptor, "r+b") as file:  # noqa: PTH123 - it is a descriptor
        _fetch(fs, path, info["size"], file)
        digest = _digest(file)
    try:
        _same(fs, path, digest)
    except Unreadable:
        part.unlink()
        raise
    part.replace(whole)


def _fetch(fs: IriFileSystem, path: str, size: int, file: IO[bytes]) -> None:
    have = min(file.seek(0, os.SEEK_END), size)
    have = size if have == size else have // PART * PART
    file.seek(have)
    file.truncate()
    while have < size:
        data = fs.cat_file(path) if size <= PART else fs.cat_file(path, have, have + PART)
        if not data:
            return
        file.write(data)
        file.flush()
        have += len(data)


def split_and_read(fs: IriFileSystem, path: str, start: int, end: int) -> bytes:
    """Return a range of a large file whose service gives only whole small ones exactly.

    The file is taken apart by a job, and with it, since a job may have to wait, every large one of
    the Zarr store that it is in. The parts lie in the file system's scratch directory for a day.
    """
    info = fs.info(path)
    directory = f"{fs.scratch}/{_name(path)}-{info['size']}-{int(info['mtime'])}"
    if not fs.isdir(directory):
        store, within, _ = path.partition(".zarr/")
        top = f"{store}.zarr" if within else path
        fs.work(("/bin/sh", "-c", _SPLIT, "portal", top, fs.scratch, str(PART)))
    found = bytearray()
    for number in range(start // PART, -(-end // PART)):
        data = fs.files.download(f"{directory}/{number:06d}")
        found += data[max(0, start - number * PART) : end - number * PART]
    return bytes(found)


def _name(path: str) -> str:
    return hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()[:32]


def _same(fs: IriFileSystem, path: str, digest: str) -> None:
    there = fs.checksum(path)
    if there != digest:
        raise Unreadable(
            f"The two copies of {path} are not the same",
            found=f"SHA-256 {there} at the facility, {digest} here",
            advice="It may have been changed meanwhile. Ask again.",
        )


def _digest(file: IO[bytes]) -> str:
    file.seek(0)
    found = hashlib.sha256()
    while block := file.read(_BLOCK):
        found.update(block)
    return found.hexdigest()
