"""Presets: facility files for laboratories and services that the public can ask; off until chosen."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.core.facility import Facility
from portal.errors import InvalidInput, Unavailable, UnknownFacility
from portal.federation.config import Home, parse_facility


@dataclass(frozen=True, slots=True)
class Preset:
    """A facility file that ships with Portal.

    Parameters
    ----------
    text
        The file's text, as it is added.
    """

    facility: Facility
    text: str

    @property
    def id(self) -> str:
        """The facility's id: the preset's name."""
        return self.facility.id


def presets() -> Iterator[Preset]:
    """Give the presets, by their names."""
    from importlib import resources

    files = resources.files("portal").joinpath("presets").iterdir()
    for entry in sorted(files, key=lambda e: e.name):
        name, dot, kind = entry.name.rpartition(".")
        if dot and kind == "toml":
            text = entry.read_text(encoding="utf-8")
            yield Preset(parse_facility(text, name, source=f"preset {name}"), text)


def add(name: str, home: Home) -> Path:
    """Add a preset to the facility files of a home, whole or not at all; return the file's path.

    Raises
    ------
    UnknownFacility
        There is no such preset.
    InvalidInput
        The home has a facility file of this name.
    Unavailable
        The file cannot be written.
    """
    known = {preset.id: preset for preset in presets()}
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise UnknownFacility(
            "There is no preset of this name",
            found=repr(name),
            advice=f"{hint}The presets are: {', '.join(known)}.",
        )
    home.make()
    path = home.facilities / f"{name}.toml"
    try:
        _write_new(path, known[name].text)
    except FileExistsError as error:
        raise InvalidInput(
            f"The facility {name!r} is configured already",
            found=str(path),
            advice="Edit that file, or remove it first.",
        ) from error
    except OSError as error:
        raise Unavailable(
            f"The facility file {path} cannot be written",
            found=str(error),
            advice="Nothing was changed. Make room, or give leave to write.",
        ) from error
    return path


def _write_new(path: Path, text: str) -> None:
    """Write a file whole, and only where there is none: it gets its name by a link, once written."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    finally:
        Path(part).unlink()
