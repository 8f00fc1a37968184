"""The state of a view: what is shown and how, as plain JSON that a notebook, a link or code can hold."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from portal.errors import InvalidParameter

VERSION = 1

Projection = Literal["plate", "robinson", "orthographic", "north", "south", "grid"]
Scale = Literal["linear", "log", "symlog"]
Data = Literal["a", "b"]
Check = Callable[[str, object], Any]


@dataclass(frozen=True, slots=True)
class Compare:
    """A second picture, beside the first (``side``) or taken from it (``difference``).

    Attributes
    ----------
    data
        The dataset of the second variable: ``a`` is the first given to the view, ``b`` the second.
    """

    mode: Literal["side", "difference"]
    data: Data
    variable: str


@dataclass(frozen=True, slots=True)
class Point:
    """A place whose series is drawn: an index of each dimension, a cell, or ``lon`` and ``lat``."""

    label: str
    at: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """A box or a line between two ends ``(x0, y0, x1, y1)``, in the values of the axes."""

    kind: Literal["box", "line"]
    ends: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ViewState:
    """What a view shows and how. None means: chosen for the reader.

    Attributes
    ----------
    index
        Position of each slider dimension; what is missing is 0.
    x, y
        Dimensions on the axes.
    window
        ``(x0, x1, y0, y1)`` of the part that is seen, low to high, in the values of the axes;
        degrees on maps, where ``x1`` may pass 180.
    center
        Longitude and latitude, in degrees, in the middle of the projection.
    limits
        Values between which the colours run, low < high.
    speed
        Steps per second of the animation.
    """

    variable: str | None = None
    index: Mapping[str, int] = field(default_factory=dict)
    x: str | None = None
    y: str | None = None
    window: tuple[float, float, float, float] | None = None
    projection: Projection = "plate"
    center: tuple[float, float] = (0.0, 0.0)
    color_map: str | None = None
    limits: tuple[float, float] | None = None
    scale: Scale | None = None
    coasts: bool = True
    compare: Compare | None = None
    points: tuple[Point, ...] = ()
    shape: Shape | None = None
    speed: float = 8.0

    @classmethod
    def parse(cls, given: object) -> ViewState:
        """Read plain JSON values; keys that are missing take their defaults.

        Raises
        ------
        InvalidParameter
            Unknown keys, another version, or a value that does not fit.
        """
        state = _object("state", given, {*_CHECKS, "version"})
        version = state.pop("version", VERSION)
        if version != VERSION:
            raise InvalidParameter(
                "The state of the view is of another version",
                found=f"version {version!r:.40}",
                advice=f"This Portal reads version {VERSION}: choose the view anew and copy its cell again.",
            )
        may_be_null = {f.name for f in fields(cls) if f.default is None}
        checked: dict[str, Any] = {
            name: None if value is None and name in may_be_null else _CHECKS[name](name, value)
            for name, value in state.items()
        }
        return cls(**checked)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, which `parse` takes; a variable that is not chosen is left out."""
        values = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        if self.variable is None:
            del values["variable"]
        return {"version": VERSION, **values}


def _plain(value: object) -> Any:
    if isinstance(value, Compare | Point | Shape):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def _refused(name: str, value: object, wanted: str) -> InvalidParameter:
    return InvalidParameter(
        f"The state's {name} cannot be taken", found=f"{value!r:.80}", advice=f"Give {wanted}."
    )


def _object(name: str, value: object, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _refused(name, value, f"an object with the keys {', '.join(sorted(known))}")
    for key in value:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise InvalidParameter(
                f"The {name} of a view has no key {key!r:.80}",
                found=", ".join(str(k) for k in value)[:200],
                advice=f"{hint}It has {', '.join(sorted(known))}.",
            )
    return dict(value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _refused(name, value, "a text")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refused(name, value, "true or false")
    return value


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refused(name, value, "a finite number")
    return float(value)


def _one_of(choices: tuple[str, ...]) -> Check:
    def check(name: str, value: object) -> Any:
        if not isinstance(value, str) or value not in choices:
            raise _refused(name, value, f"one of {', '.join(choices)}")
        return value

    return check


def _numbers(*names: str) -> Check:
    """Take as many numbers as there are names; one named high is above the one before it."""

    def check(name: str, value: object) -> tuple[float, ...]:
        wanted = f"{len(names)} numbers: {', '.join(names)}"
        if not isinstance(value, list | tuple) or len(value) != len(names):
            raise _refused(name, value, wanted)
        numbers = tuple(_number(name, v) for v in value)
        pairs = zip(numbers, numbers[1:], names[1:], strict=False)
        if any(b <= a for a, b, n in pairs if n.startswith("high")):
            raise _refused(name, value, wanted)
        return numbers

    return check


def _index(name: str, value: object) -> dict[str, int]:
    wanted = "an object with a whole number from 0 for each dimension"
    if not isinstance(value, Mapping):
        raise _refused(name, value, wanted)
    for dim, i in value.items():
        if not isinstance(dim, str) or isinstance(i, bool) or not isinstance(i, int) or i < 0:
            raise _refused(name, value, wanted)
    return dict(value)


def _parts(name: str, value: object, checks: Mapping[str, Check]) -> dict[str, Any]:
    given = _object(name, value, set(checks))
    missing = [key for key in checks if key not in given]
    if missing:
        raise _refused(name, value, f"its {' and '.join(missing)}")
    return {key: check(f"{name}.{key}", given[key]) for key, check in checks.items()}


def _place(name: str, value: object) -> dict[str, float]:
    if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
        raise _refused(name, value, "an index of each dimension, a cell, or lon and lat")
    return {key: _number(f"{name}.{key}", v) for key, v in value.items()}


def _compare(name: str, value: object) -> Compare:
    modes = _one_of(("side", "difference"))
    checks = {"mode": modes, "data": _one_of(get_args(Data)), "variable": _text}
    return Compare(**_parts(name, value, checks))


def _points(name: str, value: object) -> tuple[Point, ...]:
    if not isinstance(value, list | tuple):
        raise _refused(name, value, "a list of points, each with label and at")
    return tuple(
        Point(**_parts(f"{name}[{i}]", point, {"label": _text, "at": _place}))
        for i, point in enumerate(value)
    )


def _shape(name: str, value: object) -> Shape:
    ends = _numbers("x0", "y0", "x1", "y1")
    return Shape(**_parts(name, value, {"kind": _one_of(("box", "line")), "ends": ends}))


def _speed(name: str, value: object) -> float:
    speed = _number(name, value)
    if not 0 < speed <= 120:
        raise _refused(name, value, "steps per second, above 0 and at most 120")
    return speed


_CHECKS: Mapping[str, Check] = {
    "variable": _text,
    "index": _index,
    "x": _text,
    "y": _text,
    "window": _numbers("low x", "high x", "low y", "high y"),
    "projection": _one_of(get_args(Projection)),
    "center": _numbers("longitude", "latitude"),
    "color_map": _text,
    "limits": _numbers("low", "high"),
    "scale": _one_of(get_args(Scale)),
    "coasts": _flag,
    "compare": _compare,
    "points": _points,
    "shape": _shape,
    "speed": _speed,
}
