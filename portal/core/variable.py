"""Variable and Dimension: what a dataset holds (STAC datacube 2.2, in CF terms)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension of a dataset (STAC datacube: ``cube:dimensions``).

    Parameters
    ----------
    kind
        "spatial", "temporal", or another word such as "bands".
    size
        Number of steps along it, if known.
    extent
        First and last value; times as RFC 3339 text.
    """

    name: str
    kind: str = "other"
    axis: str | None = None
    size: int | None = None
    extent: tuple[Any, Any] | None = None
    unit: str | None = None
    step: float | None = None

    @classmethod
    def from_stac(cls, name: str, document: Mapping[str, Any]) -> Dimension:
        """Read one entry of ``cube:dimensions``."""
        extent, values = document.get("extent"), document.get("values")
        size = document.get("size")
        if size is None and values is not None:
            size = len(values)
        return cls(
            name=name,
            kind=document.get("type", "other"),
            axis=document.get("axis"),
            size=size,
            extent=(extent[0], extent[1]) if extent else None,
            unit=document.get("unit"),
            step=document.get("step"),
        )

    def to_stac(self) -> dict[str, Any]:
        """Return the entry of ``cube:dimensions``."""
        document = {
            "type": self.kind,
            "axis": self.axis,
            "size": self.size,
            "extent": list(self.extent) if self.extent else None,
            "unit": self.unit,
            "step": self.step,
        }
        return {k: v for k, v in document.items() if v is not None}


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a dataset (STAC datacube: ``cube:variables``), in CF terms."""

    name: str
    dims: tuple[str, ...] = ()
    long_name: str = ""
    standard_name: str = ""
    units: str = ""
    dtype: str = ""

    @classmethod
    def from_stac(cls, name: str, document: Mapping[str, Any]) -> Variable:
        """Read one entry of ``cube:variables``."""
        return cls(
            name=name,
            dims=tuple(document.get("dimensions") or ()),
            long_name=document.get("description") or "",
            standard_name=document.get("standard_name") or "",
            units=document.get("unit") or "",
            dtype=document.get("data_type") or "",
        )

    def to_stac(self) -> dict[str, Any]:
        """Return the entry of ``cube:variables``."""
        described = {
            "description": self.long_name,
            "standard_name": self.standard_name,
            "unit": self.units,
            "data_type": self.dtype,
        }
        document: dict[str, Any] = {"dimensions": list(self.dims), "type": "data"}
        return document | {key: value for key, value in described.items() if value}


def variable_names(variables: Iterable[Variable]) -> tuple[str, ...]:
    """Return the names by which a record's variables are filtered: own and CF standard names."""
    names = (name for v in variables for name in (str(v.name), str(v.standard_name)) if name)
    return tuple(dict.fromkeys(names))
