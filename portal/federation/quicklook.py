"""Quick-looks: a small picture of a dataset, made once and kept in Portal's home.

The record's own picture is taken where its catalog can give one; else the first step of the first
variable that is a map is drawn, or the first series, if the chunks that it crosses are few enough.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.core.contracts import Catalog, SupportsQuicklook
from portal.core.item import Item
from portal.core.opening import opened
from portal.errors import TooLarge, Unreadable

if TYPE_CHECKING:
    import xarray as xr
    from PIL.Image import Image

    from portal.viewer import Frame

#: Pixels of the longer side.
SIDE = 240
#: Most bytes that are read for one picture, as stored, and most that they are decoded.
MOST_READ, MOST_DECODED = 64_000_000, 512_000_000
#: Colour of a series: a blue that stands out on light and dark alike.
LINE = (66, 133, 200, 255)
_KINDS = ("map", "image", "series")
#: Most pixels of a picture that a catalog gives.
MOST_PIXELS = 50_000_000
#: Pictures that are kept, the newest.
MOST_KEPT = 2_000


def quicklook(directory: Path, item: Item, catalog: Catalog) -> bytes:
    """Return a picture of a dataset as PNG, at most :data:`SIDE` pixels a side.

    Parameters
    ----------
    directory
        Where pictures are kept, by the record's digest: a record that changes gets a new one.

    Raises
    ------
    TooLarge
        Even one picture touches too many bytes.
    Unreadable
        The dataset has nothing to draw, or the catalog's picture is none.
    Unavailable, Denied, MissingDependency
        It cannot be opened.
    """
    digest = hashlib.sha256(f"{item.facility}\0{item.text}".encode(errors="replace")).hexdigest()
    path = directory / f"{digest[:40]}.png"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    given = catalog.quicklook(item) if isinstance(catalog, SupportsQuicklook) else None
    if given is None:
        with opened(catalog, item) as dataset:
            picture = _drawn(dataset, item)
    else:
        picture = _reduced(given, item)
    return _kept(path, picture)


def _reduced(data: bytes, item: Item) -> Image:
    """Decode a picture from outside anew: whatever else its bytes hold is dropped."""
    import io
    import warnings

    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "GIF", "WEBP"))
            if picture.width * picture.height > MOST_PIXELS:
                raise TooLarge(
                    f"The quick-look of {item.id} is too large",
                    found=f"{picture.width} × {picture.height} pixels",
                    advice="Open the dataset instead.",
                )
            picture.thumbnail((SIDE, SIDE))
            return picture.convert("RGBA")
    except (
        UnidentifiedImageError, OSError, ValueError, SyntaxError,
        Image.DecompressionBombError, Image.DecompressionBombWarning,
    ) as error:  # fmt: skip
        raise Unreadable(
            f"The quick-look of {item.id} is no picture",
            found=f"{len(data):,} bytes: {type(error).__name__}",
            advice="Open the dataset instead.",
        ) from error


def _drawn(dataset: xr.Dataset, item: Item) -> Image:
    """Draw the first map that costs little, or else the first such series."""
    from portal.viewer import Viewer
    from portal.viewer.read import bytes_touched

    viewer = Viewer(dataset)
    shown = [v for v in viewer.description.variables if v.kind in _KINDS]
    if not shown:
        raise Unreadable(
            f"{item.id} has nothing to draw",
            found=f"variables: {', '.join(map(str, dataset.data_vars)) or 'none'}",
            advice="Open it to look at its values.",
        )
    shown.sort(key=lambda v: _KINDS.index(v.kind))
    costs = {
        v.name: bytes_touched(viewer.ds[v.name], tuple(d for d in (v.x, v.y) if d)) for v in shown
    }
    stored, decoded = item.stored_bytes, item.decoded_bytes
    share = min(1.0, stored / decoded) if stored and decoded else 1.0
    view = next(
        (v for v in shown if costs[v.name] <= MOST_DECODED and costs[v.name] * share <= MOST_READ),
        None,
    )
    if view is None:
        raise TooLarge(
            f"A quick-look of {item.id} would read too much",
            found=f"{min(costs.values()):,} bytes for one picture",
            advice="Open the dataset and choose what to look at.",
        )
    frame = viewer.frame(view.name, {}, width=SIDE, height=SIDE)
    return _line(frame) if frame.header["kind"] == "series" else _colored(frame)


def _colored(frame: Frame) -> Image:
    from PIL import Image

    from portal.viewer.colors import colored
    from portal.viewer.raster import raster_of

    header, raster = frame.header, raster_of(frame)
    low, high = header["limits"]
    categories = [value for value, _ in header.get("categories", ())]
    rgba = colored(raster.cells, header["color_map"], (low, high), header["scale"], categories)
    down, across = (float(n) for n in raster.cells.shape)
    if header["kind"] == "map":
        across, down = (abs(end - start) for start, end in (raster.x, raster.y))
    # A strip is shown four times as long as it is wide at most.
    across, down = max(across, down / 4), max(down, across / 4)
    size = (SIDE, max(1, round(SIDE * down / across)))
    if down > across:
        size = (max(1, round(SIDE * across / down)), SIDE)
    return Image.fromarray(rgba).resize(size, Image.Resampling.NEAREST)


def _line(frame: Frame) -> Image:
    import numpy as np
    from PIL import Image, ImageDraw

    x, y = frame.array("x"), frame.values()
    known = np.isfinite(x) & np.isfinite(y)
    width, height, margin = SIDE, SIDE // 2, 6
    picture = Image.new("RGBA", (width, height))
    if known.any():
        across = _spread(x, known, margin, width - margin)
        down = _spread(-y, known, margin, height - margin)
        draw = ImageDraw.Draw(picture)
        gaps = np.flatnonzero(np.diff(np.concatenate([[0], known, [0]]).astype(int)))
        for start, end in zip(gaps[::2], gaps[1::2], strict=True):
            points = list(zip(across[start:end].tolist(), down[start:end].tolist(), strict=True))
            draw.line([*points, points[-1]], fill=LINE, width=2)
    return picture


def _spread(values: Any, known: Any, low: int, high: int) -> Any:
    first, last = values[known].min(), values[known].max()
    return low + (values - first) / ((last - first) or 1.0) * (high - low)


def _kept(path: Path, picture: Image) -> bytes:
    import io

    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    data = buffer.getvalue()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f".{uuid.uuid4().hex}.part")
        part.write_bytes(data)
        part.replace(path)
        _sweep(path.parent)
    except OSError:
        # A picture that cannot be kept is made again the next time.
        return data
    return data


def _sweep(directory: Path) -> None:
    with os.scandir(directory) as entries:
        pictures = [e for e in entries if e.name.endswith(".png")]
    if len(pictures) > MOST_KEPT:
        pictures.sort(key=lambda e: e.stat().st_mtime)
        for entry in pictures[: len(pictures) - MOST_KEPT]:
            Path(entry.path).unlink(missing_ok=True)
