"""What the metadata of a Tiled node says: in STAC's, ACDD's and Bluesky's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.core.query import BBox, Interval
from portal.drivers.catalogs import _fields

_BOUNDS = tuple(f"geospatial_{name}" for name in ("lon_min", "lat_min", "lon_max", "lat_max"))
_TIMES = (("start_datetime", "end_datetime"), ("time_coverage_start", "time_coverage_end"))
_NAMES = ("plan_name", "scan_id", "sample_name")


@dataclass(frozen=True, slots=True)
class Run:
    """A Bluesky run, whose streams are below it.

    Parameters
    ----------
    title
        Its plan, its number and its sample.
    time
        From its start to its stop document.
    """

    title: str
    time: Interval | None
    keywords: tuple[str, ...]


def run_of(metadata: Mapping[str, Any]) -> Run | None:
    """Read a run's start and stop documents; None where a node is no run."""
    start, stop = metadata.get("start"), metadata.get("stop")
    if not isinstance(start, Mapping) or _fields.number(start.get("time")) is None:
        return None
    sample = start.get("sample")
    named = sample.get("name") if isinstance(sample, Mapping) else sample
    words = [_fields.text(start.get(name)) for name in _NAMES] + [_fields.text(named)]
    words = list(dict.fromkeys(w for w in words if w))
    end = stop.get("time") if isinstance(stop, Mapping) else None
    return Run(
        " ".join(words) or _fields.text(start.get("uid")) or "run",
        _seconds(start["time"], end),
        tuple(words),
    )


def _seconds(start: Any, end: Any) -> Interval | None:
    """Read two times in seconds since 1970; a run without an end is a moment."""
    begun = _fields.number(start)
    ended = _fields.number(end)
    if begun is None:
        return None
    first = _fields.millis(begun * 1000)
    return _fields.period([first, _fields.millis((begun if ended is None else ended) * 1000)])


def fields_of(metadata: Mapping[str, Any], name: str, run: Run | None) -> dict[str, Any]:
    """Return the keywords of :meth:`portal.core.item.Item.build` that metadata gives.

    Parameters
    ----------
    name
        The node's path: its title where it has none.
    run
        The run that it is of.
    """
    attrs = metadata.get("attrs")
    said = {**metadata, **(attrs if isinstance(attrs, Mapping) else {})}
    title = " ".join(_fields.text(said.get("title")).split())
    if run is not None and not title:
        title = f"{run.title}: {name}"
    keywords = said.get("keywords")
    words = keywords.split(",") if isinstance(keywords, str) else _fields.texts(keywords or [])
    about = [_fields.text(said.get(k)) for k in ("description", "summary", "comment")]
    return {
        "title": title or name,
        "description": next(filter(None, about), ""),
        "keywords": list(
            dict.fromkeys(
                [w.strip() for w in words if w.strip()] + list(run.keywords if run else ())
            )
        ),
        "license": _fields.licence(said.get("license")),
        "doi": _fields.doi(said.get("doi")),
        "citation": _fields.text(said.get("citation")),
        "bbox": _box(said),
        "time": _time(said) or (run.time if run else None),
    }


def _box(said: Mapping[str, Any]) -> BBox | None:
    bounds = said.get("bbox")
    if isinstance(bounds, Sequence) and len(bounds) == 4:
        return _fields.box(*bounds)
    return _fields.box(*(said.get(name) for name in _BOUNDS))


def _time(said: Mapping[str, Any]) -> Interval | None:
    for first, last in _TIMES:
        if found := _fields.period([said.get(first), said.get(last) or said.get(first)]):
            return found
    return _fields.period(said.get("datetime"))
