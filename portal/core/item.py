"""Item: a dataset's record, which is a STAC 1.1 Item.

The STAC document is the truth: an :class:`Item` keeps it whole, as JSON text, and reads its
fields from there, so that nothing is lost on the way in and out. Variables and dimensions are
those of the datacube extension 2.2; how an asset opens is told by the xarray-assets extension.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from portal.core.asset import Asset, Provider
from portal.core.query import BBox, Interval
from portal.core.variable import Dimension, Variable
from portal.errors import InvalidItem

STAC_VERSION = "1.1.0"
DATACUBE = "https://stac-extensions.github.io/datacube/v2.2.0/schema.json"
XARRAY_ASSETS = "https://stac-extensions.github.io/xarray-assets/v1.0.0/schema.json"
SCIENTIFIC = "https://stac-extensions.github.io/scientific/v1.0.0/schema.json"
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"

_FACILITY = re.compile(r"[a-z0-9][a-z0-9_-]*")

#: The id where it stands at the beginning, as in what :meth:`Item.build` makes.
_ID = re.compile(
    r'\{(?:"(?:type|stac_version)":"[^"\\]*",|"stac_extensions":\[(?:"[^"\\]*",?)*\],)*'
    r'"id":"([^"\\]*)"'
)


def split_id(item_id: str) -> tuple[str, str]:
    """Split ``facility:local-id``.

    Raises
    ------
    InvalidItem
        The text has no colon, or no facility before it.
    """
    facility, colon, local = str(item_id).partition(":")
    if not colon or not local or not _FACILITY.fullmatch(facility):
        raise InvalidItem(
            "An id is written facility:local-id",
            found=repr(item_id),
            advice='For instance "sandia:linke-turbidity"; fed.search() shows the ids there are.',
        )
    return facility, local


@dataclass(frozen=True, eq=False)
class Item:
    """A dataset of a facility. Two are equal when their documents are, in whatever order.

    Make one with :meth:`build` from values, or with :meth:`from_stac` from a STAC document.

    Parameters
    ----------
    facility
        The id of the facility that holds it.
    text
        The STAC Item as JSON, its keys in their own order.
    """

    facility: str
    text: str = field(repr=False)

    @classmethod
    def from_stac(cls, document: Mapping[str, Any], facility: str) -> Item:
        """Hold a STAC Item document of a facility; every field of it is kept.

        Raises
        ------
        InvalidItem
            The document is no STAC Item, or cannot be written as JSON.
        """
        where = f"the record {document.get('id')!r} of {facility!r}"
        if document.get("type") != "Feature" or not isinstance(document.get("id"), str):
            raise InvalidItem(
                f"{where} is not a STAC Item",
                found=f"type={document.get('type')!r}, id={document.get('id')!r}",
                advice="A STAC Item is a GeoJSON Feature with a text id.",
            )
        split_id(f"{facility}:{document['id']}")
        for key, kind in (("properties", Mapping), ("assets", Mapping), ("links", list)):
            if not isinstance(document.get(key), kind):
                raise InvalidItem(
                    f"{where} is not a STAC Item",
                    found=f"{key}={document.get(key)!r}",
                    advice=f"STAC 1.1 requires the field {key!r}.",
                )
        for name, asset in document["assets"].items():
            if not isinstance(asset, Mapping) or not isinstance(asset.get("href"), str):
                raise InvalidItem(
                    f"{where} has an asset without an address",
                    found=f"{name}: {asset!r}"[:200],
                    advice="Each asset is a mapping with a text 'href'.",
                )
        try:
            text = json.dumps(document, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError) as error:
            raise InvalidItem(
                f"{where} cannot be written as JSON",
                found=str(error),
                advice="Use texts, finite numbers, lists and mappings; times as RFC 3339 text.",
            ) from error
        return cls(facility, text)

    @classmethod
    def build(
        cls,
        facility: str,
        local_id: str,
        *,
        title: str,
        description: str = "",
        bbox: BBox | Iterable[float] | None = None,
        time: Interval | str | None = None,
        created: str | None = None,
        variables: Iterable[Variable] = (),
        dimensions: Iterable[Dimension] = (),
        assets: Mapping[str, Asset] | None = None,
        keywords: Iterable[str] = (),
        license: str = "other",
        providers: Iterable[Provider] = (),
        citation: str = "",
        doi: str = "",
        links: Iterable[Mapping[str, Any]] = (),
        properties: Mapping[str, Any] | None = None,
    ) -> Item:
        """Make an Item from values; STAC's rules about times and geometry are kept.

        Parameters
        ----------
        time
            When the data lies; data without a time takes ``created`` as its STAC datetime.
        created
            When the record was made, RFC 3339; needed where ``time`` is None.
        license
            An SPDX id, or "other".
        """
        box = None if bbox is None else BBox.of(tuple(bbox) if not isinstance(bbox, BBox) else bbox)
        values: dict[str, Any] = {"title": title, "license": license}
        values |= _times(time, created)
        for key, value in (
            ("description", description),
            ("created", created),
            ("keywords", list(keywords)),
            ("providers", [p.to_stac() for p in providers]),
            ("sci:citation", citation),
            ("sci:doi", doi),
            ("cube:dimensions", {d.name: d.to_stac() for d in dimensions}),
            ("cube:variables", {v.name: v.to_stac() for v in variables}),
        ):
            if value:
                values[key] = value
        values |= dict(properties or {})
        found = {name: asset.to_stac() for name, asset in (assets or {}).items()}
        document: dict[str, Any] = {
            "type": "Feature",
            "stac_version": STAC_VERSION,
            "stac_extensions": _extensions(values, found),
            "id": local_id,
            "geometry": None if box is None else _polygon(box),
            "properties": values,
            "links": [dict(link) for link in links],
            "assets": found,
        }
        if box is not None:
            document["bbox"] = box.to_list()
        return cls.from_stac(document, facility)

    def to_stac(self) -> dict[str, Any]:
        """Return the STAC Item document, a fresh copy."""
        document: dict[str, Any] = json.loads(self.text)
        return document

    @cached_property
    def _document(self) -> dict[str, Any]:
        return self.to_stac()

    @property
    def _properties(self) -> dict[str, Any]:
        properties: dict[str, Any] = self._document["properties"]
        return properties

    @property
    def local_id(self) -> str:
        """The id within the facility: the STAC Item's own id."""
        found = None if "_document" in self.__dict__ else _ID.match(self.text)
        if found:
            return found[1]
        return str(self._document["id"])

    @property
    def id(self) -> str:
        """``facility:local-id``."""
        return f"{self.facility}:{self.local_id}"

    @property
    def title(self) -> str:
        """The title, or the local id where there is none."""
        return str(self._properties.get("title") or self.local_id)

    @property
    def description(self) -> str:
        """What the data is, in sentences."""
        return str(self._properties.get("description") or "")

    @property
    def keywords(self) -> tuple[str, ...]:
        """Free keywords."""
        return tuple(str(k) for k in self._properties.get("keywords") or ())

    @property
    def license(self) -> str:
        """An SPDX id, or "other"."""
        return str(self._properties.get("license") or self._document.get("license") or "other")

    @property
    def citation(self) -> str:
        """How the data asks to be cited (STAC: ``sci:citation``)."""
        return str(self._properties.get("sci:citation") or "")

    @property
    def doi(self) -> str:
        """The data's DOI, without a resolver (STAC: ``sci:doi``)."""
        return str(self._properties.get("sci:doi") or "")

    @property
    def bbox(self) -> BBox | None:
        """Where the data lies, degrees; None for data without a place.

        Raises
        ------
        InvalidQuery
            The record's box is none: the record is kept all the same, as its facility wrote it.
        """
        box = self._document.get("bbox")
        return BBox.of(box) if box else None

    @property
    def interval(self) -> Interval | None:
        """When the data lies; None for data without a time."""
        properties = self._properties
        start, end = properties.get("start_datetime"), properties.get("end_datetime")
        if start or end:
            return Interval.of((start, end))
        moment = properties.get("datetime")
        if not moment or properties.get("portal:timeless"):
            return None
        return Interval.of(str(moment))

    @property
    def providers(self) -> tuple[Provider, ...]:
        """Who made, licensed, processed or hosts the data."""
        return tuple(Provider.from_stac(p) for p in self._properties.get("providers") or ())

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The data variables."""
        found = self._properties.get("cube:variables") or {}
        return tuple(Variable.from_stac(name, v) for name, v in found.items())

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The dimensions."""
        found = self._properties.get("cube:dimensions") or {}
        return tuple(Dimension.from_stac(name, d) for name, d in found.items())

    @property
    def assets(self) -> dict[str, Asset]:
        """The files or stores, by name."""
        return {name: Asset.from_stac(a) for name, a in self._document["assets"].items()}

    @property
    def links(self) -> tuple[dict[str, Any], ...]:
        """The STAC links; lineage uses the relation ``derived_from``."""
        return tuple(self.to_stac()["links"])

    @property
    def properties(self) -> dict[str, Any]:
        """All STAC properties, a fresh copy."""
        properties: dict[str, Any] = self.to_stac()["properties"]
        return properties

    @property
    def stored_bytes(self) -> int | None:
        """Stored bytes of the data assets, where every one of them says it."""
        sizes = [a.size for a in self.assets.values() if "data" in a.roles or not a.roles]
        return sum(s for s in sizes if s is not None) if sizes and None not in sizes else None

    @property
    def decoded_bytes(self) -> int | None:
        """Bytes of the variables in memory, by their types and the sizes of their dimensions.

        None where the record does not tell. It is never the bytes that would be moved: those are
        of the chunks touched, as stored.
        """
        sizes = {d.name: d.size for d in self.dimensions}
        total = 0
        for variable in self.variables:
            shape = [sizes.get(name) for name in variable.dims]
            width = re.search(r"[0-9]+$", variable.dtype)
            if None in shape or width is None:
                return None
            total += math.prod(n for n in shape if n is not None) * (int(width[0]) // 8)
        return total if self.variables else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Item):
            return NotImplemented
        same = self.text == other.text or self._document == other._document
        return same and self.facility == other.facility

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        return f"{self.id}: {self.title}"


def _times(time: Interval | str | None, created: str | None) -> dict[str, Any]:
    """STAC's datetime fields; data without a time is marked so, since STAC requires one."""
    if time is None:
        if created is None:
            raise InvalidItem(
                "An Item needs a time",
                found="neither time nor created",
                advice="Data without a time of its own takes created=… as its STAC datetime.",
            )
        return {"datetime": created, "portal:timeless": True}
    start, end = (None if x is None else _rfc3339(x) for x in _ends(time))
    if start is None or end is None:
        raise InvalidItem(
            "An Item's time has a start and an end", found=str(time), advice="Close the range."
        )
    if start == end:
        return {"datetime": start}
    return {"datetime": None, "start_datetime": start, "end_datetime": end}


def _ends(time: Interval | str) -> tuple[Any, Any]:
    interval = Interval.of(time)
    return interval.start, interval.end


def _rfc3339(moment: Any) -> str:
    return str(moment.isoformat()).replace("+00:00", "Z")


def _polygon(box: BBox) -> dict[str, Any]:
    """The GeoJSON geometry of a box; two polygons where it crosses the antimeridian."""
    rings = [
        [
            [
                [west, box.south],
                [east, box.south],
                [east, box.north],
                [west, box.north],
                [west, box.south],
            ]
        ]
        for west, east in box.spans
    ]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings}


def _extensions(
    properties: Mapping[str, Any], assets: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    names = {*properties, *(key for asset in assets.values() for key in asset)}
    prefixes = (
        ("cube:", DATACUBE),
        ("sci:", SCIENTIFIC),
        ("xarray:", XARRAY_ASSETS),
        ("file:", FILE),
    )
    return [url for prefix, url in prefixes if any(n.startswith(prefix) for n in names)]
