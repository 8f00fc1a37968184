"""What a face asks for: one frame, and everything that decides how it looks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np

from portal.errors import InvalidParameter

LARGEST_SIDE = 4_096

Quality = Literal["moving", "still"]
Lane = Literal["now", "ahead"]
Window = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class FrameRequest:
    """One frame of one variable.

    Attributes
    ----------
    index
        Integer index of each slider dimension; what is missing is 0.
    width, height
        Device pixels of the plot's box: the most cells of the frame.
    x, y
        Dimensions on the axes; None: the variable's own.
    window
        What is seen, in values of the coordinates: x0, x1, y0, y1, each pair rising; None: all.
        Degrees for maps, where x may pass 180.
    quality
        ``moving``: the nearest cells, in 8 or 16 bits; ``still``: means over the cells of a pixel.
    lane
        An ``ahead`` read waits for every ``now`` read.
    have
        Keys of the geometries that the face holds: those are not sent again.
    minus
        A variable that is taken away; ``b:NAME`` is one of the second dataset.
    data
        ``a``: the dataset; ``b``: the second one.
    scale
        How the reader wants it coloured: on ``log`` and ``symlog`` even steps would be too coarse
        for small values, so that these travel as they are.

    Raises
    ------
    InvalidParameter
        A value of the wrong kind.
    """

    variable: str
    index: Mapping[str, int]
    width: int
    height: int
    x: str | None = None
    y: str | None = None
    window: Window | None = None
    quality: Quality = "still"
    lane: Lane = "now"
    have: frozenset[str] = field(default_factory=frozenset)
    minus: str | None = None
    data: Literal["a", "b"] = "a"
    scale: Literal["linear", "log", "symlog"] | None = None

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            object.__setattr__(self, name, _pixels(name, getattr(self, name)))
        object.__setattr__(self, "have", frozenset(map(str, self.have or ())))
        object.__setattr__(self, "window", _window(self.window))
        _one_of("quality", self.quality, ("moving", "still"))
        _one_of("lane", self.lane, ("now", "ahead"))
        _one_of("data", self.data, ("a", "b"))
        if self.scale is not None:
            _one_of("scale", self.scale, ("linear", "log", "symlog"))

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> FrameRequest:
        """Take what a front-end sent.

        Raises
        ------
        InvalidParameter
            Something is missing, unknown, or of the wrong kind.
        """
        known = {f.name for f in fields(cls)}
        needed = {"variable", "index", "width", "height"}
        whole = needed <= set(params) <= known and isinstance(params["index"], Mapping)
        texts = all(isinstance(params.get(n), str | None) for n in ("x", "y", "minus"))
        if not whole or not texts or not isinstance(params.get("have", []), list | tuple):
            raise InvalidParameter(
                "A request for a frame needs variable, index, width and height",
                found=f"{params!r:.200}",
                advice="Reload the page, so that the front-end and the kernel are of one version.",
            )
        return cls(**params)


def _pixels(name: str, pixels: object) -> int:
    if isinstance(pixels, bool) or not isinstance(pixels, int | np.integer) or pixels < 1:
        raise InvalidParameter(
            f"The {name} of a picture has to be at least 1 pixel",
            found=repr(pixels),
            advice="Give a whole number of pixels.",
        )
    return min(int(pixels), LARGEST_SIDE)


def _window(window: Any) -> Window | None:
    if window is None:
        return None
    ends = window if isinstance(window, list | tuple) else ()
    if len(ends) == 4 and all(_is_number(e) for e in ends):
        x0, x1, y0, y1 = (float(e) for e in ends)
        if x0 <= x1 and y0 <= y1:
            return x0, x1, y0, y1
    raise InvalidParameter(
        "The window of a picture is four numbers: x0, x1, y0, y1, each pair rising",
        found=f"{window!r:.200}",
        advice="Give values of the coordinates, or None for all.",
    )


def _is_number(value: object) -> bool:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return is_number and math.isfinite(float(value))  # type: ignore[arg-type]


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidParameter(
            f"There is no {name} {value!r} of a frame",
            found=repr(value),
            advice=f"Give one of {', '.join(known)}.",
        )
