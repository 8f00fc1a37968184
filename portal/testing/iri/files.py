"""The file system of the facility: a directory of this machine that nothing leads out of.

What an operation gives is held under ``output``, in the forms of the reference implementation of
the IRI Facility API, since the documents leave them open:

- ``ls``: a list of ``name``, ``type`` ("file", "directory", "symlink", "other"), ``link_target``,
  ``user``, ``group``, ``permissions`` ("-rw-r--r--"), ``last_modified`` (UTC) and ``size``, a text;
- ``stat``: ``mode``, ``ino``, ``dev``, ``nlink``, ``uid``, ``gid``, ``size``, ``atime``,
  ``ctime``, ``mtime``, whole numbers;
- ``head``, ``tail``, ``view``: ``content``, ``content_type`` ("bytes" or "lines"),
  ``start_position``, ``end_position``. Beyond the reference, ``encoding`` says whether the content
  is the text itself ("utf-8") or, since bytes need not be text, "base64";
- ``checksum``: ``algorithm`` and ``checksum``, in hexadecimal digits;
- ``download``: the file's bytes in base64, 5 MiB at most;
- ``file``: a description; the others: the entry that they made, or a sentence.
"""

from __future__ import annotations

import base64
import contextlib
import grp
import hashlib
import io
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from portal.testing.iri import operations as op
from portal.testing.iri.bodies import PART
from portal.testing.iri.problems import Problem

_BLOCK: Final = 1 << 20


class Files:
    """Operations on what lies under a directory.

    Each raises OSError, or Problem for a path that leads out of the directory.

    Parameters
    ----------
    exact
        Whether parts of files are given so that their bytes can be told. The reference
        implementation reads them as text, and what is no UTF-8 or an odd newline is lost.
    """

    def __init__(self, root: str, *, exact: bool = True) -> None:
        self.root = Path(os.path.realpath(root))
        self._exact = exact

    def lexical(self, path: str | None) -> Path:
        """Return where a path points, links aside; a relative one begins at the root.

        Raises
        ------
        Problem
            It is missing or no path (400), or points out of the root (403).
        """
        if not path:
            raise Problem(400, "path: it is missing.")
        try:
            os.fsencode(path)
        except UnicodeEncodeError:
            raise Problem(400, "path: it has characters that no file name has.") from None
        if "\0" in path:
            raise Problem(400, "path: it has a NUL character.")
        whole = Path(os.path.normpath(self.root / path))
        if not whole.is_relative_to(self.root):
            raise _outside(path)
        return whole

    def entry(self, path: str | None) -> Path:
        """Return the path of an entry itself, be it a link; what leads to it stays in the root."""
        whole = self.lexical(path)
        if whole == self.root:
            return whole
        parent = Path(os.path.realpath(whole.parent))
        if not parent.is_relative_to(self.root):
            raise _outside(path)
        return parent / whole.name

    def target(self, path: str | None) -> Path:
        """Return what a path leads to, links followed."""
        found = Path(os.path.realpath(self.entry(path)))
        if not found.is_relative_to(self.root):
            raise _outside(path)
        return found

    def tree(self, top: Path) -> Path:
        """Return a path of which no link, however deep, leads out of the root."""
        for directory, names, files in os.walk(top):
            for name in (*names, *files):
                self.target(f"{directory}/{name}")
        return top

    def describe(self, path: Path, *, name: str | None = None, numeric: bool = False) -> Any:
        """Return the entry of a listing."""
        found = path.lstat()
        kinds = ((stat.S_ISDIR, "directory"), (stat.S_ISREG, "file"), (stat.S_ISLNK, "symlink"))
        return {
            "name": name or path.name,
            "type": next((text for test, text in kinds if test(found.st_mode)), "other"),
            "link_target": str(path.readlink()) if stat.S_ISLNK(found.st_mode) else None,
            "user": str(found.st_uid) if numeric else _user(found.st_uid),
            "group": str(found.st_gid) if numeric else _group(found.st_gid),
            "permissions": stat.filemode(found.st_mode),
            "last_modified": datetime.fromtimestamp(int(found.st_mtime), UTC).isoformat(),
            "size": str(found.st_size),
        }

    def _open(self, path: Path) -> io.BufferedReader:
        """Open a file to read; a pipe or a device, which may never give anything, is refused."""
        file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # noqa: PTH123, SIM115
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            file.close()
            raise Problem(422, f"{path} is no file.")
        return file

    def ls(self, given: op.Ls) -> list[Any]:
        """List a directory, by name; a file as itself."""
        top = self.target(given.path)
        if not top.is_dir():
            top.lstat()
            return [self.describe(top, numeric=given.numericUid)]
        found = []
        for path in sorted(_below(top) if given.recursive else top.iterdir()):
            name = str(path.relative_to(top))
            if not given.showHidden and any(part.startswith(".") for part in Path(name).parts):
                continue
            shown = path
            if given.dereference:
                with contextlib.suppress(Problem):
                    shown = self.target(str(path))
            with contextlib.suppress(FileNotFoundError):  # removed while we look
                found.append(self.describe(shown, name=name, numeric=given.numericUid))
        return found

    def stat(self, given: op.Stat) -> dict[str, int]:
        """Tell what the system knows of a file."""
        path = self.target(given.path) if given.dereference else self.entry(given.path)
        found = path.lstat()
        names = ("mode", "ino", "dev", "nlink", "uid", "gid", "size", "atime", "ctime", "mtime")
        return {name: int(getattr(found, f"st_{name}")) for name in names}

    def view(self, given: op.View1 | op.View2) -> dict[str, Any]:
        """Return bytes of a file from an offset on, 5 MiB at most."""
        path = self.target(given.path)
        with self._open(path) as file:
            file.seek(given.offset)
            found = file.read(min(given.size or PART, PART))
        return self._content(found, "bytes", given.offset)

    def head(self, given: op.Head) -> dict[str, Any]:
        """Return the beginning of a file, 5 MiB of it at most; ten lines unless said."""
        number, unit = _number(given.bytes, given.lines)
        keep = abs(number) if not given.skipTrailing and number >= 0 else None
        path = self.target(given.path)
        with self._open(path) as file:
            found = file.read(min(keep, PART) if keep is not None and unit == "bytes" else PART)
            whole = len(found) + len(file.read(1 if keep is not None else -1))
        if keep is None and unit == "bytes":
            found = found[: max(0, whole - abs(number))]
        elif unit == "lines":
            lines = found.splitlines(keepends=True)
            found = b"".join(lines[:keep] if keep is not None else lines[: -abs(number) or None])
        return self._content(found, unit, 0)

    def tail(self, given: op.Tail) -> dict[str, Any]:
        """Return the end of a file, 5 MiB of it at most; ten lines unless said."""
        number, unit = _number(given.bytes, given.lines)
        path = self.target(given.path)
        with self._open(path) as file:
            size = file.seek(0, os.SEEK_END)
            if given.skipHeading:
                start = number if unit == "bytes" else 0
            else:
                start = size - (min(number, PART) if unit == "bytes" else PART)
            start = file.seek(min(max(0, start), size))
            found = file.read(PART)
        if unit == "lines":
            lines = found.splitlines(keepends=True)
            skipped = lines[:number] if given.skipHeading else lines[:-number]
            start += sum(map(len, skipped))
            found = b"".join(lines[len(skipped) :])
        return self._content(found, unit, start)

    def checksum(self, given: op.Path) -> dict[str, str]:
        """Return the SHA-256 of a file."""
        with self._open(self.target(given.path)) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        return {"algorithm": "SHA-256", "checksum": found}

    def file(self, given: op.Path) -> str:
        """Say in words what a path is."""
        path = self.entry(given.path)
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return f"symbolic link to {path.readlink()}"
        if not stat.S_ISREG(mode):
            return "directory" if stat.S_ISDIR(mode) else "special file"
        with self._open(path) as file:
            found = file.read(_BLOCK)
        return "empty" if not found else "text" if _text(found) is not None else "data"

    def download(self, given: op.Path) -> str:
        """Return a file of 5 MiB at most."""
        with self._open(self.target(given.path)) as file:
            found = file.read(PART + 1)
        if len(found) > PART:
            raise Problem(422, f"{given.path} is larger than {PART} bytes; view gives parts of it.")
        return base64.b64encode(found).decode()

    def upload(self, given: op.Path, content: bytes) -> str:
        """Write a file; what was there is replaced at once."""
        path = self.target(given.path)
        if path.is_dir():
            raise IsADirectoryError(21, "Is a directory", given.path)
        part = path.with_name(f".{path.name[:200]}.{os.urandom(6).hex()}.part")
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - it is a descriptor
                file.write(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return "File uploaded successfully"

    def rm(self, given: op.Path) -> str:
        """Remove a file, or a directory with all that is in it."""
        path = self.own(given.path)
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()
        return "File or directory deleted successfully"

    def own(self, path: str | None) -> Path:
        """Return an entry that is not the root itself."""
        found = self.entry(path)
        if found == self.root:
            raise Problem(403, "The root of the file system stays as it is.")
        return found

    def mkdir(self, given: op.Mkdir) -> Any:
        """Make a directory."""
        path = self.target(given.path)
        path.mkdir(0o700, parents=given.parent, exist_ok=given.parent)
        return self.describe(path)

    def symlink(self, given: op.Symlink) -> Any:
        """Make a link to something in the root."""
        path = self.own(given.link_path)
        path.symlink_to(self.target(given.path))
        return self.describe(path)

    def chmod(self, given: op.Chmod) -> Any:
        """Set a file's permissions."""
        path = self.target(given.path)
        path.chmod(int(given.mode, 8))
        return self.describe(path)

    def chown(self, given: op.Chown) -> Any:
        """Give a file another owner."""
        path = self.target(given.path)
        if given.owner or given.group:
            shutil.chown(path, given.owner or None, given.group or None)  # type: ignore[arg-type]
        return self.describe(path)

    def mv(self, given: op.Mv) -> Any:
        """Move a file or directory; into a directory where the target is one."""
        source, target = self.own(given.path), self._into(given)
        source.lstat()
        shutil.move(source, target)
        return self.describe(target)

    def cp(self, given: op.Cp) -> Any:
        """Copy a file or directory; into a directory where the target is one."""
        source, target = self.target(given.path), self._into(given)
        if target.is_relative_to(source):
            raise Problem(422, f"{given.path} cannot be copied into itself.")
        if source.is_dir():
            links = not given.dereference
            shutil.copytree(source if links else self.tree(source), target, symlinks=links)
        else:
            shutil.copy(source, target)
        return self.describe(target)

    def _into(self, given: op.Mv) -> Path:
        target = self.target(given.target_path)
        return target / self.lexical(given.path).name if target.is_dir() else target

    def _content(self, found: bytes, unit: str, start: int) -> dict[str, Any]:
        where = {
            "content_type": unit,
            "start_position": start,
            "end_position": start + len(found),
        }
        if not self._exact:
            plain = found.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
            return {"content": plain} | where
        text = _text(found)
        if text is None:
            return {"content": base64.b64encode(found).decode(), "encoding": "base64"} | where
        return {"content": text, "encoding": "utf-8"} | where


def _outside(path: str | None) -> Problem:
    return Problem(403, f"{path!r} leads out of the file system of this resource.")


def _below(top: Path) -> Iterator[Path]:
    for directory, names, files in os.walk(top):
        for name in (*names, *files):
            yield Path(directory, name)


def _number(size: int | None, lines: int | None) -> tuple[int, str]:
    if size is not None and lines is not None:
        raise Problem(400, "bytes and lines: only one of them may be given.")
    return (size, "bytes") if size is not None else (10 if lines is None else lines, "lines")


def _text(found: bytes) -> str | None:
    try:
        return found.decode()
    except UnicodeDecodeError:
        return None


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
