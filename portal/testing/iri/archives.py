"""Archives of the file system: tar, compressed as asked."""

from __future__ import annotations

import os
import re
import tarfile
from typing import Any, Final, Literal, cast

from portal.testing.iri import operations as op
from portal.testing.iri.files import Files
from portal.testing.iri.problems import Problem

_KINDS: Final = {"none": "", "gzip": "gz", "bzip2": "bz2", "xz": "xz"}
_Write = Literal["w:", "w:gz", "w:bz2", "w:xz"]


def _kind(compression: str) -> str:
    if compression not in _KINDS:
        raise Problem(422, f"compression: {compression!r} is none of {', '.join(_KINDS)}.")
    return _KINDS[compression]


def compress(files: Files, given: op.Compress1 | op.Compress2) -> Any:
    """Write a file or directory into an archive; the whole of it is there, or nothing."""
    source, target = files.own(given.path), files.target(given.target_path)
    try:
        wanted = re.compile(given.match_pattern) if given.match_pattern else None
    except re.error as error:
        raise Problem(422, f"match_pattern: {error}.") from None

    def chosen(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return member if not wanted or member.isdir() or wanted.search(member.name) else None

    if given.dereference:
        files.tree(files.target(given.path))
    part = target.with_name(f".{target.name[:200]}.{os.urandom(6).hex()}.part")
    mode = cast("_Write", f"w:{_kind(given.compression)}")
    try:
        with tarfile.open(part, mode, dereference=given.dereference) as archive:
            archive.add(source, source.name, filter=chosen)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return files.describe(target)


def extract(files: Files, given: op.Extract1 | op.Extract2) -> Any:
    """Read an archive into a directory; a member that leads out of it is refused."""
    source, target = files.target(given.path), files.target(given.target_path)
    kind = _kind(given.compression)
    target.mkdir(0o700, exist_ok=True)
    try:
        with tarfile.open(source, cast("Any", f"r:{kind}")) as archive:
            archive.extractall(target, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise Problem(422, f"{given.path} cannot be extracted: {error}") from None
    return files.describe(target)
