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
from portal.federation.config import LOCAL, Home, parse_facility, sample_files


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

    def path(self, home: Home) -> Path:
        """The preset's facility file in a home, whether it is there or not."""
        return home.facilities / f"{self.id}.toml"


def presets() -> Iterator[Preset]:
    """Give the presets, by their names."""
    from importlib import resources

    files = resources.files("portal").joinpath("presets").iterdir()
    for entry in sorted(files, key=lambda e: e.name):
        name, dot, kind = entry.name.rpartition(".")
        if dot and kind == "toml":
            text = entry.read_text(encoding="utf-8")
            yield Preset(parse_facility(text, name, source=f"preset {name}"), text)


def find(name: str) -> Preset:
    """Return a preset by its name.

    Raises
    ------
    UnknownFacility
        There is no such preset; the nearest are named.
    """
    known = {preset.id: preset for preset in presets()}
    if name in known:
        return known[name]
    near = " or ".join(map(repr, difflib.get_close_matches(name, known, 3)))
    hint = f"Did you mean {near}? " if near else ""
    raise UnknownFacility(
        "There is no preset of this name",
        found=repr(name),
        advice=f"{hint}The presets are: {', '.join(known)}.",
    )


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
    preset = find(name)
    home.make()
    path = preset.path(home)
    try:
        _write_new(path, preset.text)
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


def remove(name: str, home: Home) -> Path:
    """Delete the facility file of a preset, if it is as it was added; return the file's path.

    Raises
    ------
    UnknownFacility
        There is no such preset, or it is not added.
    InvalidInput
        The file differs from the preset, or the facility is no preset.
    Unavailable
        The file cannot be read or deleted.
    """
    try:
        preset = find(name)
    except UnknownFacility:
        _refuse_own(name, home)
        raise
    path = preset.path(home)
    try:
        same = path.read_bytes().decode("utf-8", "replace") == preset.text
        if same:
            path.unlink()
    except FileNotFoundError as error:
        raise UnknownFacility(
            f"The preset {name!r} is not added",
            found=f"no file {path}",
            advice="Nothing needs to be removed.",
        ) from error
    except OSError as error:
        raise Unavailable(
            f"The facility file {path} cannot be removed",
            found=str(error),
            advice="Nothing was changed. Give leave to read and delete it.",
        ) from error
    if not same:
        raise InvalidInput(
            f"The facility {name!r} is not removed: its file differs from the preset",
            found=str(path),
            advice="It holds changes of yours, or an earlier preset. Delete the file yourself if it "
            "can go.",
        )
    return path


def _refuse_own(name: str, home: Home) -> None:
    """Refuse a name that is the user's own facility file, or a facility that is part of Portal."""
    own = next((str(p) for p in home.facilities.glob("*.toml") if p.stem == name), None)
    part = {LOCAL, *(file.removesuffix(".toml") for file, _ in sample_files())}
    if own is not None or name in part:
        raise InvalidInput(
            f"The facility {name!r} is not removed: it is no preset",
            found=own or "it is part of Portal",
            advice="It is a file of your own. Delete it yourself if it can go."
            if own
            else "Only presets that were added can be removed.",
        )


def _write_new(path: Path, text: str) -> None:
    """Write a file whole, and only where there is none: it gets its name by a link, once written."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    finally:
        Path(part).unlink()
