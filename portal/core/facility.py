"""Facility: a laboratory, as its one TOML file describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Access = Literal["public", "owner"]


@dataclass(frozen=True, slots=True)
class DriverConfig:
    """A driver by its entry-point name, and the options that build it. Options hold no secrets."""

    driver: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the driver's name and options as one mapping."""
        return {"driver": self.driver, "options": dict(self.options)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DriverConfig:
        """Read what :meth:`to_dict` wrote."""
        return cls(values["driver"], dict(values["options"]))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A documented service of a facility for which no driver is configured.

    Parameters
    ----------
    url
        Its address.
    kind
        What it is, in a word or two: "IRI Facility API".
    source
        Where it is documented.
    note
        What a reader should know: who may use it, what it needs.
    """

    url: str
    kind: str = ""
    source: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Facility:
    """A laboratory: its name, its catalogs, its compute resources, and who may see its data.

    Parameters
    ----------
    id
        Short lower-case name; the first half of every id and of every compute name.
    access
        "public": anyone may find and open its data. "owner": only the person whose
        configuration names the facility.
    ror
        Its id in the Research Organization Registry, as a URL.
    place
        Where it is, in words.
    latitude, longitude
        Where it is, degrees, WGS 84; both or neither.
    endpoints
        Documented services for which no driver is configured.
    sources
        For a key of its file, the address or the document that states the fact.
    source
        Where this description was read from.
    """

    id: str
    name: str
    description: str = ""
    organization_name: str = ""
    homepage: str = ""
    ror: str = ""
    place: str = ""
    latitude: float | None = None
    longitude: float | None = None
    access: Access = "owner"
    catalogs: Mapping[str, DriverConfig] = field(default_factory=dict)
    computes: Mapping[str, DriverConfig] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
