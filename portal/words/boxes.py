"""Boxes that hold boxes, and boxes made wider, on a globe whose longitudes go round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from portal.core.query import BBox


def around(boxes: Sequence[BBox]) -> BBox:
    """Return the smallest box that holds all of these; it may cross the antimeridian."""
    west, east = _span(span for box in boxes for span in box.spans)
    return BBox(west, min(b.south for b in boxes), east, max(b.north for b in boxes))


def widen(box: BBox, degrees: float) -> BBox:
    """Return a box that reaches so many degrees further on every side."""
    south, north = max(box.south - degrees, -90.0), min(box.north + degrees, 90.0)
    width = (box.east - box.west) % 360 if box.west > box.east else box.east - box.west
    if width + 2 * degrees >= 360:
        return BBox(-180.0, south, 180.0, north)
    return BBox(wrapped(box.west - degrees), south, wrapped(box.east + degrees), north)


def wrapped(longitude: float) -> float:
    """Return a longitude from -180 to 180 for one from -540 to 540."""
    if longitude < -180:
        return longitude + 360
    return longitude - 360 if longitude > 180 else longitude


def _span(spans: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return west and east of the shortest arc that holds all spans, each with west <= east."""
    merged: list[tuple[float, float]] = []
    for west, east in sorted(spans):
        if merged and west <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], east)
        else:
            merged.append((west, east))
    around_back = (merged[0][0] + 360 - merged[-1][1], merged[0][0], merged[-1][1])
    gaps = [(b[0] - a[1], b[0], a[1]) for a, b in pairwise(merged)]
    widest, west, east = max([around_back, *gaps], key=lambda gap: gap[0])
    return (west, east) if widest > 0 else (-180.0, 180.0)
