"""Asset and Provider: where a dataset lies, and who stands behind it (STAC 1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Asset:
    """One file or store of an Item, with the keywords that open it in xarray.

    Parameters
    ----------
    href
        Where it lies: a path or a URL without secrets.
    open_kwargs, storage_options
        Keywords for ``xarray.open_dataset`` and fsspec (STAC: xarray-assets).
    size
        Stored bytes, if known (STAC: ``file:size``).
    extra
        The asset's other fields, as they stand in the STAC document.
    """

    href: str
    title: str = ""
    media_type: str = ""
    roles: tuple[str, ...] = ()
    open_kwargs: Mapping[str, Any] = field(default_factory=dict)
    storage_options: Mapping[str, Any] = field(default_factory=dict)
    size: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    _FIELDS = (
        ("title", "title"),
        ("type", "media_type"),
        ("roles", "roles"),
        ("xarray:open_kwargs", "open_kwargs"),
        ("xarray:storage_options", "storage_options"),
        ("file:size", "size"),
    )

    @classmethod
    def from_stac(cls, document: Mapping[str, Any]) -> Asset:
        """Read a STAC Asset object."""
        known = {"href", *(stac for stac, _ in cls._FIELDS)}
        values = {name: document[stac] for stac, name in cls._FIELDS if stac in document}
        values["roles"] = tuple(values.get("roles") or ())
        extra = {k: v for k, v in document.items() if k not in known}
        return cls(href=str(document["href"]), extra=extra, **values)

    def to_stac(self) -> dict[str, Any]:
        """Return a STAC Asset object; empty fields are left out."""
        document: dict[str, Any] = {"href": self.href}
        for stac, name in self._FIELDS:
            value = getattr(self, name)
            if value is not None and value != "" and value != () and value != {}:
                document[stac] = list(value) if isinstance(value, tuple) else value
        return document | dict(self.extra)


@dataclass(frozen=True, slots=True)
class Provider:
    """Who made, licensed, processed or hosts the data (STAC: Provider)."""

    name: str
    roles: tuple[str, ...] = ()
    url: str | None = None
    description: str | None = None

    @classmethod
    def from_stac(cls, document: Mapping[str, Any]) -> Provider:
        """Read a STAC Provider object."""
        return cls(
            name=document["name"],
            roles=tuple(document.get("roles") or ()),
            url=document.get("url"),
            description=document.get("description"),
        )

    def to_stac(self) -> dict[str, Any]:
        """Return a STAC Provider object."""
        document = {
            "name": self.name,
            "roles": list(self.roles) or None,
            "url": self.url,
            "description": self.description,
        }
        return {k: v for k, v in document.items() if v is not None}
