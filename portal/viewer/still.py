"""A picture of a frame without a browser: what a saved notebook shows where no script runs."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.viewer.colors import SEQUENTIAL, color_table, is_color_map
from portal.viewer.raster import Ends, Raster, raster_of
from portal.viewer.state import ViewState

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.ImageDraw import ImageDraw

    from portal.viewer.frame import Frame

MOST_BYTES = 100_000
"""Largest picture, as PNG."""
LEVEL = 4
"""Of compression: the best one takes five times as long, for a twentieth less."""
WIDTH = 720
COLORS = 200
MISSING, WHITE, GREYS = COLORS, 255, 16
"""Places in the palette: colours of the map, missing cells, and from `INK` greys up to white."""
INK = WHITE - GREYS + 1


@dataclass(frozen=True, slots=True)
class _Box:
    left: int
    top: int
    width: int
    height: int


def still(frame: Frame, state: ViewState | None = None, *, title: str = "") -> bytes:
    """Draw a frame as PNG, of at most `MOST_BYTES`.

    Rows and columns lie at their places; cells of curvilinear and unstructured grids are put into
    the bins of a plain longitude-latitude raster. Colours are fewer, then the picture smaller,
    where it would not fit otherwise.

    Parameters
    ----------
    frame
        Any frame of a `portal.viewer.Viewer`, its geometry included.
    state
        Colour map, limits and scale; by default the frame's own.
    title
        In front of the variable's name.

    Returns
    -------
    bytes
        A PNG with a palette, on white.
    """
    state = state or ViewState()
    data = b""
    for width, colors in (
        (WIDTH, COLORS),
        (WIDTH, 64),
        (WIDTH, 24),
        (480, 24),
        (320, 16),
        (240, 8),
    ):
        data = _draw(frame, state, title, width, colors)
        if len(data) <= MOST_BYTES:
            break
    return data


def _draw(frame: Frame, state: ViewState, title: str, width: int, colors: int) -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    header = frame.header
    field = raster_of(frame) if len(header["shape"]) > 1 or "lon" in header["arrays"] else None
    across = width - 70 - 90
    down = 60 if header["kind"] == "value" else 280 * width // WIDTH
    if field is not None:
        tall = abs((field.y[1] - field.y[0]) / ((field.x[1] - field.x[0]) or 1))
        tall = tall if header.get("equal") and math.isfinite(tall) else 0.6
        down = round(min(max(across * tall, 60), width * 0.7))
    box = _Box(70, 52, across, down)
    image = Image.new("P", (width, box.top + box.height + 46), WHITE)
    draw = ImageDraw.Draw(image)
    draw.font = ImageFont.load_default(12)
    lines = [": ".join(t for t in (title, _titled(header["title"], header["units"])) if t)]
    lines.append(", ".join(f"{dim} {text}" for dim, text in header["labels"].items()))
    for i, line in enumerate(lines):
        draw.text((10, 8 + 18 * i), _fitting(draw, line, width - 20), fill=INK)
    palette = np.full((256, 3), 255, np.uint8)
    if field is not None:
        limits, scale = _look(header, state)
        categories = [(float(v), str(text)) for v, text in header.get("categories") or ()][:COLORS]
        if categories:
            codes = _category_codes(field.cells, [value for value, _ in categories])
            _legend(draw, box, [text for _, text in categories])
        else:
            codes = _codes(field.cells, limits, scale, colors)
            _bar(draw, box, limits, scale)
        image.paste(Image.fromarray(_raster(codes, field, box)), (box.left, box.top))
        _axis(draw, box, header["x"], field.x, "x")
        _axis(draw, box, header["y"], field.y, "y")
        palette[:COLORS] = _table(state.color_map or header["color_map"], len(categories))
    elif header["kind"] == "series":
        palette[0] = (0x15, 0x65, 0xC0)
        _line(draw, box, frame)
    else:
        text = " ".join([_number(float(frame.values()[0])), header["units"]])
        draw.text((box.left, box.top), _fitting(draw, text, box.width), fill=INK)
    palette[MISSING] = 0xDD
    palette[INK:] = np.linspace(0x11, 0xFF, GREYS, dtype=np.uint8)[:, None]
    image.putpalette(palette.tobytes())
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=LEVEL)
    return out.getvalue()


def _look(header: dict[str, Any], state: ViewState) -> tuple[Ends, str]:
    low, high = state.limits or header.get("limits") or (0.0, 1.0)
    return (float(low), float(high)), state.scale or header.get("scale") or "linear"


def _position(values: NDArray[np.float64], limits: Ends, scale: str) -> NDArray[np.float64]:
    """Where values lie between the limits, 0 to 1; the scales are those of the browser's `look.ts`."""
    low, high = limits
    if scale == "log" and high > 0:
        low = low if low > 0 else high * 1e-6
        positive = np.where(values > 0, values, np.nan)
        logs = np.log(np.where(values > 0, positive, low / 2))
        return (logs - math.log(low)) / ((math.log(high) - math.log(low)) or 1)
    if scale == "symlog":
        width = max(abs(low), abs(high)) * 1e-3 or 1.0
        values = np.arcsinh(values / width)
        low, high = math.asinh(low / width), math.asinh(high / width)
    return (values / 2 - low / 2) / ((high / 2 - low / 2) or 1)


def _codes(cells: NDArray[np.float64], limits: Ends, scale: str, colors: int) -> NDArray[np.uint8]:
    """Palette places of numbers, in so many steps."""
    with np.errstate(all="ignore"):
        at = np.clip(_position(cells, limits, scale), 0, 1)
        step = np.minimum(np.floor(at * colors), colors - 1)
        shown = np.nan_to_num((step + 0.5) * COLORS / colors)
    return np.where(np.isnan(cells), MISSING, shown).astype(np.uint8)


def _category_codes(cells: NDArray[np.float64], values: list[float]) -> NDArray[np.uint8]:
    codes = np.full(cells.shape, MISSING, np.uint8)
    for i, value in enumerate(values):
        codes[cells == value] = i
    return codes


def _raster(codes: NDArray[np.uint8], field: Raster, box: _Box) -> NDArray[np.uint8]:
    rows = _cells_at(field.y_edges, box.height)
    return np.ascontiguousarray(codes[rows][:, _cells_at(field.x_edges, box.width)])


def _cells_at(edges: NDArray[np.float64], pixels: int) -> NDArray[np.intp]:
    """For the middle of each of `pixels` pixels between the ends of the edges, its cell."""
    at = edges[0] + (np.arange(pixels) + 0.5) / pixels * (edges[-1] - edges[0])
    rising = edges[-1] >= edges[0]
    found = (
        np.searchsorted(edges, at, "right")
        if rising
        else edges.size - np.searchsorted(edges[::-1], at)
    )
    return np.asarray(np.clip(found - 1, 0, edges.size - 2))


def _table(name: str, categories: int) -> NDArray[np.uint8]:
    """`COLORS` colours of a map: a step for each category, or even steps."""
    held = name if is_color_map(name) else SEQUENTIAL
    table = color_table(held, categories or COLORS)
    at = np.arange(COLORS)
    return table[at % len(table) if categories else at * len(table) // COLORS]


def _legend(draw: ImageDraw, box: _Box, texts: list[str]) -> None:
    left = box.left + box.width + 12
    for i, text in enumerate(texts[: box.height // 16]):
        y = box.top + 16 * i
        draw.rectangle((left, y, left + 10, y + 10), fill=i)
        draw.text((left + 15, y + 5), _fitting(draw, text, 60), fill=INK, anchor="lm")


def _bar(draw: ImageDraw, box: _Box, limits: Ends, scale: str) -> None:
    left = box.left + box.width + 12
    for i in range(box.height):
        code = int((1 - (i + 0.5) / box.height) * COLORS)
        draw.line((left, box.top + i, left + 13, box.top + i), fill=code)
    for value in _ticks(limits, 6) if scale == "linear" else limits:
        at = float(_position(np.array([value]), limits, scale)[0])
        y = box.top + box.height * (1 - at)
        draw.text((left + 18, y), _number(value), fill=INK, anchor="lm")


def _axis(draw: ImageDraw, box: _Box, axis: dict[str, Any], ends: Ends, side: str) -> None:
    draw.rectangle(
        (box.left - 1, box.top - 1, box.left + box.width, box.top + box.height), outline=INK + 8
    )
    span = (ends[1] - ends[0]) or 1
    free = -math.inf
    for value, text in _marks(axis, ends):
        at = (value - ends[0]) / span
        if side == "y":
            left = box.left - 5, box.top + at * box.height
            draw.text(left, _fitting(draw, text, box.left - 10), fill=INK, anchor="rm")
        elif (x := box.left + at * box.width) - draw.textlength(text) / 2 > free:
            draw.text((x, box.top + box.height + 4), text, fill=INK, anchor="mt")
            free = x + draw.textlength(text) / 2 + 8
    if side == "x" and axis["kind"] not in {"longitude", "time"}:
        title = _fitting(draw, _titled(axis["title"], axis["units"]), box.width)
        middle = box.left + box.width / 2
        draw.text((middle, box.top + box.height + 24), title, fill=INK + 4, anchor="mt")


def _marks(axis: dict[str, Any], ends: Ends) -> list[tuple[float, str]]:
    low, high = min(ends), max(ends)
    if axis.get("ticks"):
        return [(at, _plain(text)) for at, text in axis["ticks"] if low <= at <= high]
    if axis["kind"] == "text":
        return []
    degrees = {"longitude": "EW", "latitude": "NS"}.get(axis["kind"])
    if degrees is None:
        return [(at, _number(at)) for at in _ticks(ends, 6)]
    marks = []
    for at in _ticks(ends, 6, 30 if high - low > 90 else 0):
        turned = (at + 180) % 360 - 180 if axis["kind"] == "longitude" else at
        side = "" if turned in {0, -180} else degrees[turned < 0]
        marks.append((at, f"{abs(turned):g}°{side}"))
    return marks


def _ticks(ends: Ends, most: int, least: float = 0) -> list[float]:
    """Round numbers between two values, at steps of 1, 2 or 5 times a power of ten."""
    low, high = min(ends), max(ends)
    rough = (high - low) / most
    if not (0 < rough < math.inf):
        return [low] if math.isfinite(low) else []
    power = 10.0 ** math.floor(math.log10(rough)) or rough
    step = least or next((s * power for s in (1, 2, 5, 10) if s * power >= rough * 0.999999), rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, min(last, first + 20) + 1)]


def _line(draw: ImageDraw, box: _Box, frame: Frame) -> None:
    x, y = frame.array("x"), frame.values()
    known = np.isfinite(y)
    ends = (float(y[known].min()), float(y[known].max())) if known.any() else (0.0, 1.0)
    if ends[0] == ends[1]:
        reach = max(1.0, abs(ends[0]) * 0.05)
        ends = ends[0] - reach, ends[1] + reach
    across = (float(x[0]), float(x[-1])) if x.size and x[0] != x[-1] else (0.0, 1.0)
    axis = frame.header["x"]
    places = _position(x, across, "linear")
    values = _position(y, ends, "linear")
    if axis.get("upright"):
        if not axis.get("down"):
            across, places = (across[1], across[0]), 1 - places
        plain = {"kind": "number", "title": "", "units": frame.header["units"]}
        _axis(draw, box, plain, ends, "x")
        _axis(draw, box, axis, across, "y")
    else:
        _axis(draw, box, axis, across, "x")
        for value in _ticks(ends, 6):
            at = box.top + box.height * (1 - float(_position(np.array(value), ends, "linear")))
            draw.text((box.left - 5, at), _number(value), fill=INK, anchor="rm")
        places, values = values, places
        places = 1 - places
    with np.errstate(all="ignore"):
        px, py = box.left + values * box.width, box.top + places * box.height
    run: list[tuple[float, float]] = []
    for i in range(y.size):
        if known[i] and math.isfinite(px[i]) and math.isfinite(py[i]):
            run.append((float(px[i]), float(py[i])))
        if run and (not known[i] or i == y.size - 1):
            draw.line(run, fill=0, width=2)
            draw.ellipse((run[-1][0] - 1, run[-1][1] - 1, run[-1][0] + 1, run[-1][1] + 1), fill=0)
            run = []


def _number(value: float) -> str:
    return (
        f"{value:.4g}" if math.isfinite(value) else "no data" if math.isnan(value) else str(value)
    )


def _titled(title: str, units: str) -> str:
    return f"{title} ({units})" if units else title


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _fitting(draw: ImageDraw, text: str, width: float) -> str:
    """Cut a text to a width."""
    text = _plain(text)[:400]
    while text and draw.textlength(text) > width:
        text = text[:-2].rstrip() + "…" if len(text) > 2 else ""
    return text
