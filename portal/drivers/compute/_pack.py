"""Packages of this environment, as archives from which a site without an index is provided."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from portal.core.needed import PORTAL, SOURCE, digest, portal_files
from portal.errors import EnvironmentMismatch, Unavailable

_LEVEL = 1  # of gzip: quick to pack, and the site needs nothing but Python to unpack it


@dataclass(frozen=True, slots=True)
class Package:
    """An installed distribution.

    Parameters
    ----------
    line
        How a lock names it.
    identity
        Twelve hexadecimal digits that differ when its files do.
    """

    line: str
    identity: str
    distribution: metadata.Distribution

    @classmethod
    def of(cls, line: str) -> Package:
        """Return the distribution that a line of a lock means.

        Raises
        ------
        EnvironmentMismatch
            It is not installed here, or in another version or with other files.
        """
        name, _, version = line.partition("==")
        version, _, source = version.partition(SOURCE)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise _other(line, "it is not installed") from None
        if found.version != version:
            raise _other(line, f"{name}=={found.version}")
        if name == PORTAL:
            identity = digest(portal_files())
            if source not in ("", identity):
                raise _other(line, f"{name}=={version}{SOURCE}{identity}")
        else:
            identity = hashlib.sha256((found.read_text("RECORD") or "").encode()).hexdigest()[:12]
        return cls(line, identity, found)

    def installable(self, python: str) -> bool:
        """Whether an index is asked for it, for a Python such as "3.11.2".

        It is not for Portal, nor for what came from elsewhere, nor for what asks for a later
        Python of the same minor: installers refuse that.
        """
        from packaging.specifiers import SpecifierSet

        if self.distribution.name == PORTAL or self.distribution.read_text("direct_url.json"):
            return False
        told = self.distribution.metadata
        return "Requires-Python" not in told or python in SpecifierSet(told["Requires-Python"])

    @property
    def file(self) -> str:
        """The name of its archive."""
        name, _, version = self.line.partition(SOURCE)[0].partition("==")
        return f"{name}-{version}-{self.identity}.tar.gz"

    def files(self) -> Iterator[tuple[str, Path]]:
        """Give its files below site-packages, but for compiled ones.

        Raises
        ------
        Unavailable
            They cannot be taken along: conda keeps some elsewhere, or they are not recorded.
        """
        listed = self.distribution.files
        if not listed or (self.distribution.read_text("INSTALLER") or "").strip() == "conda":
            raise Unavailable(
                f"The package {self.line} cannot be taken along",
                found="conda installed it" if listed else "its files are not recorded",
                advice='Let the site install from its index (provision = "index"), or run Portal '
                "in an environment made by pip or uv.",
            )
        own = self.distribution.name == PORTAL
        for entry in listed:
            path = Path(str(entry.locate()))
            told = entry.parts[0].endswith(".dist-info") and entry.name != "direct_url.json"
            if (
                ".." not in entry.parts
                and entry.suffix != ".pyc"
                and path.is_file()
                and (told or not own)
            ):
                yield entry.as_posix(), path
        if own:
            yield from portal_files()

    def pack(self, path: Path) -> None:
        """Write its archive."""
        with tarfile.open(path, "w:gz", compresslevel=_LEVEL, dereference=True) as archive:
            for name, file in self.files():
                archive.add(file, name, recursive=False, filter=_nobodys)


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.mode & 0o100 else 0o644
    return member


def _other(line: str, found: str) -> EnvironmentMismatch:
    return EnvironmentMismatch(
        f"The environment of the run wants {line}, which is taken from here",
        found=found,
        advice="Run from the environment in which the run was asked for, or ask for it anew.",
    )
