"""Make the shipped tables that come from elsewhere.

Run where their sources lie::

    python -m portal.words.build names cf-standard-name-table.xml
    python -m portal.words.build outlines countries-10m.json states-10m.json

``data/README.md`` says where the sources are found, and under which licence.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from math import ceil, floor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from portal.core.query import BBox
from portal.words.boxes import around, widen, wrapped

DATA = Path(__file__).parent / "data"

#: Degrees that may lie between the parts of a country; what lies further off is left out of its
#: box, as the overseas departments of France are.
REACH = 10.0
#: Countries whose parts are all taken, however far off.
WHOLE = frozenset({"United States of America", "Kiribati"})
#: Outlines of Natural Earth that are neither countries nor territories people ask for.
LEFT_OUT = frozenset(
    (
        "Akrotiri",
        "Ashmore and Cartier Is.",
        "Baikonur",
        "Bajo Nuevo Bank",
        "Cyprus U.N. Buffer Zone",
        "Dhekelia",
        "Indian Ocean Ter.",
        "N. Cyprus",
        "N. Mariana Is.",
        "Scarborough Reef",
        "Serranilla Bank",
        "Siachen Glacier",
        "USNB Guantanamo Bay",
        "U.S. Minor Outlying Is.",
        "U.S. Virgin Is.",
    )
)

#: Names that Natural Earth shortens.
FULL = {
    "Antigua and Barb.": "Antigua and Barbuda",
    "Bosnia and Herz.": "Bosnia and Herzegovina",
    "Br. Indian Ocean Ter.": "British Indian Ocean Territory",
    "British Virgin Is.": "British Virgin Islands",
    "Cayman Is.": "Cayman Islands",
    "Central African Rep.": "Central African Republic",
    "Clipperton I.": "Clipperton Island",
    "Congo": "Republic of the Congo",
    "Cook Is.": "Cook Islands",
    "Coral Sea Is.": "Coral Sea Islands",
    "Dem. Rep. Congo": "Democratic Republic of the Congo",
    "Dominican Rep.": "Dominican Republic",
    "Eq. Guinea": "Equatorial Guinea",
    "Faeroe Is.": "Faroe Islands",
    "Falkland Is.": "Falkland Islands",
    "Fr. Polynesia": "French Polynesia",
    "Fr. S. Antarctic Lands": "French Southern and Antarctic Lands",
    "Heard I. and McDonald Is.": "Heard Island and McDonald Islands",
    "Macedonia": "North Macedonia",
    "Marshall Is.": "Marshall Islands",
    "Pitcairn Is.": "Pitcairn Islands",
    "S. Geo. and the Is.": "South Georgia and the South Sandwich Islands",
    "S. Sudan": "South Sudan",
    "Solomon Is.": "Solomon Islands",
    "Spratly Is.": "Spratly Islands",
    "St-Barthélemy": "Saint Barthélemy",
    "St-Martin": "Saint Martin",
    "St. Kitts and Nevis": "Saint Kitts and Nevis",
    "St. Pierre and Miquelon": "Saint Pierre and Miquelon",
    "St. Vin. and Gren.": "Saint Vincent and the Grenadines",
    "Turks and Caicos Is.": "Turks and Caicos Islands",
    "W. Sahara": "Western Sahara",
    "Wallis and Futuna Is.": "Wallis and Futuna",
    "eSwatini": "Eswatini",
    "Commonwealth of the Northern Mariana Islands": "Northern Mariana Islands",
}


def standard_names(table: Path) -> Iterator[str]:
    """Give the lines of ``standard_names.txt``: name, units and former names, parted by tabs.

    Raises
    ------
    OSError, xml.etree.ElementTree.ParseError
        The table cannot be read.
    """
    root = ElementTree.parse(table).getroot()  # noqa: S314 - a developer's own copy of the table
    version, day = root.findtext("version_number"), root.findtext("last_modified", "")[:10]
    yield f"# CF standard name table, version {version} of {day}: name, canonical units, former"
    former: dict[str | None, list[str]] = {}
    for alias in root.iter("alias"):
        for name in alias.iter("entry_id"):
            former.setdefault(name.text, []).append(alias.attrib["id"])
    for entry in sorted(root.iter("entry"), key=lambda e: e.attrib["id"]):
        identifier, units = entry.attrib["id"], entry.findtext("canonical_units", "").strip()
        old = " ".join(former.get(identifier, []))
        yield f"{identifier}\t{units}\t{old}".rstrip("\t")


def outlines(countries: Path, states: Path) -> Iterator[str]:
    """Give the lines of ``outlines.txt``: kind, west, south, east, north and name, by tabs.

    Boxes are in degrees, rounded outward to tenths. States come first: a name that belongs to
    both, as Georgia does, means the state.

    Raises
    ------
    OSError, ValueError, LookupError
        A file cannot be read as TopoJSON with the object ``countries`` or ``states``.
    """
    yield "# Boxes of Natural Earth 4.1 (1:10m) and US Census 2017 outlines: kind, W S E N, name"
    found = _shapes(states, "states")
    for name in sorted(found):
        yield _line("state", name, around(found[name]))
    known = set(found) - {"Georgia"}
    found = _shapes(countries, "countries")
    for name in sorted(set(found) - LEFT_OUT - known):
        parts = found[name] if name in WHOLE else _near(found[name])
        yield _line("country", f"{name} (country)" if name == "Georgia" else name, around(parts))
        if name == "United States of America":
            yield _line("country", "contiguous United States", around(_near(found[name], 1.0)))


def _line(kind: str, name: str, box: BBox) -> str:
    west, south, east, north = box.to_list()
    tenths = floor(west * 10), floor(south * 10), ceil(east * 10), ceil(north * 10)
    return "\t".join((kind, *(f"{x / 10:g}" for x in tenths), name))


def _near(parts: list[BBox], reach: float = REACH) -> list[BBox]:
    """Return the largest part, and all that lie within reach of one that is returned."""
    rest = sorted(parts, key=lambda b: sum(e - w for w, e in b.spans) * (b.north - b.south))
    kept = [rest.pop()]
    while joined := [b for b in rest if any(widen(k, reach).intersects(b) for k in kept)]:
        kept += joined
        rest = [b for b in rest if b not in joined]
    return kept


def _shapes(path: Path, name: str) -> dict[str, list[BBox]]:
    """Return the boxes of every polygon of a TopoJSON object's geometries, by their names."""
    topology = json.loads(path.read_text(encoding="utf-8"))
    arcs = [_arc(arc, topology["transform"]) for arc in topology["arcs"]]
    found: dict[str, list[BBox]] = {}
    for shape in topology["objects"][name]["geometries"]:
        polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
        for polygon in polygons:
            box = _ring([p for i in polygon[0] for p in _way(arcs, i)])
            given = shape["properties"]["name"]
            found.setdefault(FULL.get(given, given), []).append(box)
    return found


def _way(arcs: list[list[tuple[float, float]]], index: int) -> list[tuple[float, float]]:
    """Return the points of an arc; a number ~i means arc i from its end (TopoJSON 2.1.4)."""
    return arcs[index] if index >= 0 else arcs[~index][::-1]


def _ring(points: list[tuple[float, float]]) -> BBox:
    """Return the box of a ring, which may jump from 180 to -180 degrees and back."""
    turns, last, longitudes = 0, points[0][0], []
    for lon, _ in points:
        turns += (last - lon > 180) - (lon - last > 180)
        longitudes.append(lon + 360 * turns)
        last = lon
    south, north = min(lat for _, lat in points), max(lat for _, lat in points)
    west, east = min(longitudes), max(longitudes)
    if east - west >= 359:
        return BBox(-180, south, 180, north)
    return BBox(wrapped(west), south, wrapped(east), north)


def _arc(arc: list[list[int]], transform: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Decode an arc: quantized differences from point to point (TopoJSON 2.1.4)."""
    (kx, ky), (dx, dy) = transform["scale"], transform["translate"]
    x = y = 0
    points = []
    for step in arc:
        x, y = x + step[0], y + step[1]
        points.append((x * kx + dx, y * ky + dy))
    return points


def main(arguments: list[str]) -> int:
    """Write one of the tables, from the files that are named."""
    match arguments:
        case ["names", table]:
            target, lines = "standard_names.txt", standard_names(Path(table))
        case ["outlines", countries, states]:
            target, lines = "outlines.txt", outlines(Path(countries), Path(states))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    (DATA / target).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
