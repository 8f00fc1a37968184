"""Where Portal keeps its files, and the facility files: one TOML file a laboratory.

A facility file::

    name = "My laboratory"
    [catalog.data]
    driver = "folder"
    path = "/data/mine"

Its id is the file's name without ``.toml``. Each ``[catalog.NAME]`` and ``[compute.NAME]`` table
names a driver; the rest of the table are the driver's options. A relative ``path`` is taken from
the directory of the file, and ``~`` is the home directory. ``[endpoint.NAME]`` tables describe
services that have no driver here, and ``[source]`` says where each fact is from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.core.facility import DriverConfig, Endpoint, Facility
from portal.core.home import HOME_VARIABLE, home_path
from portal.errors import InvalidConfig, Unavailable

LOCAL = "local"

_TEXTS = ("name", "description", "organization_name", "homepage", "ror", "place", "access")
_DEGREES = {"latitude": 90, "longitude": 180}
_TABLES = ("catalog", "compute", "endpoint", "source")
_KEYS = (*_TEXTS, *_DEGREES, *_TABLES)
_ENDPOINT = ("url", "kind", "source", "note")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Home:
    """The directory of Portal's own files: facility files, the index, runs, published results.

    It is ``$PORTAL_HOME``, or the platform's directory of user data.
    """

    path: Path

    @classmethod
    def of(cls, path: str | os.PathLike[str] | None = None) -> Home:
        """Return the home at a path, or the one this environment names."""
        found = home_path() if path is None else Path(path).expanduser()
        return cls(found.absolute())

    @property
    def facilities(self) -> Path:
        """Directory of the user's facility files."""
        return self.path / "facilities"

    @property
    def index(self) -> Path:
        """Directory of the embedded index."""
        return self.path / "index"

    @property
    def runs(self) -> Path:
        """Root of the local run directories."""
        return self.path / "runs"

    @property
    def published(self) -> Path:
        """Directory of the local catalog of published results."""
        return self.path / "published"

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.path / "journal.jsonl"

    @property
    def searches(self) -> Path:
        """The file of saved searches."""
        return self.path / "searches.json"

    @property
    def quicklooks(self) -> Path:
        """Directory of small pictures of datasets."""
        return self.path / "quicklooks"

    @property
    def lessons(self) -> Path:
        """The file of what past runs and transfers have taught."""
        return self.path / "lessons.jsonl"

    @property
    def environments(self) -> Path:
        """Directory of what the Pythons of compute resources were last found to hold."""
        return self.path / "environments"

    def make(self) -> None:
        """Make the directory and its parts, closed to other users.

        Raises
        ------
        Unavailable
            It cannot be made or written.
        """
        try:
            for path in (self.path, self.facilities, self.index, self.runs, self.published):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"Portal's directory {self.path} cannot be made",
                found=str(error),
                advice=f"Set {HOME_VARIABLE} to a directory that you can write.",
            ) from error


def local_facility(home: Home) -> Facility:
    """Return the facility that is always there: this computer."""
    return Facility(
        id=LOCAL,
        name="This computer",
        description="Runs on this machine, and the results published from it.",
        catalogs={"published": DriverConfig("folder", {"path": str(home.published)})},
        computes={"default": DriverConfig("local", {"workspace": str(home.runs)})},
        source="built in",
    )


def sample_files() -> Iterator[tuple[str, str]]:
    """Give the names and texts of the sample federation's facility files."""
    from importlib import resources

    for entry in sorted(
        resources.files("portal.sample").joinpath("facilities").iterdir(), key=lambda e: e.name
    ):
        if entry.name.endswith(".toml"):
            yield entry.name, entry.read_text(encoding="utf-8")


def read_facility(path: Path) -> Facility:
    """Read one facility file.

    Raises
    ------
    Unavailable
        The file cannot be read.
    InvalidConfig
        It is not TOML, a key is unknown or missing, or a value is of the wrong kind.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(
            f"The facility file {path} cannot be read", found=str(error), advice="Check the path."
        ) from error
    return parse_facility(text, path.stem, source=str(path), base=path.parent)


def parse_facility(text: str, facility: str, *, source: str, base: Path | None = None) -> Facility:
    """Read the text of a facility file; see the module's docstring for its form.

    Parameters
    ----------
    facility
        The facility's id.
    base
        Directory from which a relative ``path`` is taken.

    Raises
    ------
    InvalidConfig
        It is not TOML, a key is unknown or missing, or a value is of the wrong kind.
    """
    import tomllib

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfig(
            f"The facility file {source} is not TOML", found=str(error), advice="Mend that line."
        ) from error
    if not _ID.fullmatch(facility):
        raise InvalidConfig(
            f"The facility file {source} gives a bad id",
            found=repr(facility),
            advice="Name the file in lower case: letters, digits, - and _, then .toml.",
        )
    for key in values:
        if key not in _KEYS:
            raise _unknown(source, key, _KEYS)
    for key in _TEXTS:
        if key in values and not isinstance(values[key], str):
            raise _not_text(source, key, values[key])
    if not values.get("name"):
        raise InvalidConfig(
            f"The facility file {source} has no name",
            found=f"keys: {', '.join(values) or 'none'}",
            advice='Add a line such as: name = "My laboratory"',
        )
    if values.get("access", "owner") not in ("public", "owner"):
        raise InvalidConfig(
            f"In the facility file {source}, access is one of two words",
            found=repr(values["access"]),
            advice='Write access = "public" or access = "owner".',
        )
    latitude, longitude = _position(values, source)
    return Facility(
        id=facility,
        **{key: values[key] for key in _TEXTS if key in values},
        catalogs=_drivers(values.get("catalog", {}), "catalog", source, base),
        computes=_drivers(values.get("compute", {}), "compute", source, base),
        endpoints=_endpoints(values.get("endpoint", {}), source),
        sources=_sources(values.get("source", {}), source),
        source=source,
        latitude=latitude,
        longitude=longitude,
    )


def _position(values: Mapping[str, Any], source: str) -> tuple[float, float] | tuple[None, None]:
    found = {key: values[key] for key in _DEGREES if key in values}
    for key, value in found.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not abs(value) <= _DEGREES[key]:
            raise InvalidConfig(
                f"In the facility file {source}, {key!r} is a number of degrees",
                found=repr(value),
                advice=f"Write a number from -{_DEGREES[key]} to {_DEGREES[key]}.",
            )
    if len(found) == 1:
        raise InvalidConfig(
            f"In the facility file {source}, latitude and longitude belong together",
            found=f"only {next(iter(found))}",
            advice="Write both, or neither.",
        )
    return (float(found["latitude"]), float(found["longitude"])) if found else (None, None)


def _endpoints(tables: Any, source: str) -> Mapping[str, Endpoint]:
    whole = isinstance(tables, dict) and all(isinstance(t, dict) for t in tables.values())
    if not whole:
        raise InvalidConfig(
            f"In the facility file {source}, each endpoint has a table of its own",
            found=repr(tables),
            advice='Write:\n[endpoint.api]\nurl = "https://api.example.gov"',
        )
    for name, table in tables.items():
        for key, value in table.items():
            if key not in _ENDPOINT:
                raise _unknown(source, f"endpoint.{name}.{key}", _ENDPOINT)
            if not isinstance(value, str):
                raise _not_text(source, f"endpoint.{name}.{key}", value)
        if not re.match(r"[a-z][a-z0-9+.-]*://\S+$", table.get("url", "")):
            raise InvalidConfig(
                f"In the facility file {source}, [endpoint.{name}] has no address",
                found=repr(table.get("url")),
                advice='Write, for instance: url = "https://api.example.gov"',
            )
    return {name: Endpoint(**table) for name, table in tables.items()}


def _sources(table: Any, source: str) -> Mapping[str, str]:
    if not isinstance(table, dict):
        raise InvalidConfig(
            f"In the facility file {source}, 'source' is a table",
            found=repr(table),
            advice='Write:\n[source]\nname = "https://..."',
        )
    for key, value in table.items():
        if not isinstance(value, str):
            raise _not_text(source, f"source.{key}", value)
    return table


def _drivers(tables: Any, kind: str, source: str, base: Path | None) -> Mapping[str, DriverConfig]:
    example = f'[{kind}.data]\ndriver = "folder"'
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise InvalidConfig(
            f"In the facility file {source}, each {kind} has a table of its own",
            found=repr(tables),
            advice=f"Write:\n{example}",
        )
    found = {}
    for name, table in tables.items():
        if not isinstance(table.get("driver"), str):
            raise InvalidConfig(
                f"In the facility file {source}, [{kind}.{name}] names no driver",
                found=f"keys: {', '.join(table) or 'none'}",
                advice=f"Write:\n{example}",
            )
        options = {k: _resolve(k, v, base) for k, v in table.items() if k != "driver"}
        found[name] = DriverConfig(table["driver"], options)
    return found


def _resolve(key: str, value: Any, base: Path | None) -> Any:
    if key != "path" or not isinstance(value, str) or "://" in value:
        return value
    path = Path(value).expanduser()
    return str(path if base is None else base.absolute() / path)


def _not_text(source: str, key: str, value: Any) -> InvalidConfig:
    return InvalidConfig(
        f"In the facility file {source}, {key!r} is a text",
        found=repr(value),
        advice="Put it in quotes.",
    )


def _unknown(source: str, key: str, known: tuple[str, ...]) -> InvalidConfig:
    import difflib

    near = difflib.get_close_matches(key, known, 1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return InvalidConfig(
        f"The facility file {source} has an unknown key",
        found=repr(key),
        advice=f"{hint}The keys are: {', '.join(known)}.",
    )
