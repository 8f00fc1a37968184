"""A view as one self-contained HTML page: sliders that work without a kernel or a network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.errors import InvalidParameter, TooLarge
from portal.ui.view import as_dataset, title_for
from portal.ui.widgets.bundle import bundle
from portal.viewer import COLOR_MAPS, Viewer, describe
from portal.viewer.frame import Frame, frame_of
from portal.viewer.take import Taken

if TYPE_CHECKING:
    import os

    import xarray as xr

    from portal.viewer import VariableView
    from portal.viewer.state import ViewState

SIZES = tuple((round(960 / 2 ** (i / 2)), round(640 / 2 ** (i / 2))) for i in range(8))
"""Resolutions tried, finest first: 960 × 640 down to 85 × 57 pixels."""
MOST_READ = 1_000_000_000
"""Largest variable, in bytes, that is made into a page from the viewer's menu."""
SMALLEST_FRAME = 1_000
"""Bytes that a picture takes at the least, its header included."""
SHARED = ("x", "y", "equal", "geometry_kind")
"""Parts of a frame's header that belong to its geometry."""


def save_page(
    data: object,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    variable: str | None = None,
    max_bytes: int = 8_000_000,
) -> Path:
    """Write `page` to a file and return its path."""
    target = Path(path)
    target.write_text(
        page(data, title=title, variable=variable, max_bytes=max_bytes), encoding="utf-8"
    )
    return target


def page_to_take(ds: xr.Dataset, state: ViewState, title: str) -> Taken:
    """Make the page of the variable that is shown.

    Raises
    ------
    TooLarge
        The variable is beyond `MOST_READ`: all of it would have to be read.
    """
    name = describe(ds).default if state.variable is None else state.variable
    if name in ds.data_vars and ds[name].nbytes > MOST_READ:
        raise TooLarge(
            f"A page of all of {name} would read it whole",
            found=f"{ds[name].nbytes:,} bytes, more than {MOST_READ:,}",
            advice=f"In code, take fewer steps: portal.ui.page.save_page(part, path, variable={name!r}).",
        )
    text = page(ds, title=title, variable=name)
    return Taken("view.html", "text/html", text.encode())


def page(
    data: object,
    *,
    title: str | None = None,
    variable: str | None = None,
    max_bytes: int = 8_000_000,
) -> str:
    """Return a view as an HTML page that holds all its pictures.

    Every slider position is read and stored. To stay within `max_bytes` first other variables are
    left out, then slider positions are thinned, then the resolution is lowered; the page says so.
    Its Content-Security-Policy forbids anything from outside the page.

    Parameters
    ----------
    data
        An xarray Dataset or DataArray.
    title
        Heading; by default the dataset's ``title`` attribute.
    variable
        The only variable to hold; by default all that fit.
    max_bytes
        Upper bound of the page's size.

    Raises
    ------
    InvalidParameter
        An unknown variable, or one that has no picture.
    TooLarge
        Not even the coarsest page fits.
    """
    ds = as_dataset(data)
    heading = title_for(ds, title)
    script, style = bundle("viewer.js").read_text("utf-8"), bundle("viewer.css").read_text("utf-8")
    room = max_bytes - len(script.encode()) - len(style.encode()) - 20_000
    most = max(1, room // SMALLEST_FRAME)
    while most:
        kept, notes = _fit(ds, variable, most)
        viewer = Viewer(kept)
        for width, height in SIZES:
            pictures = _pictures(viewer, width, height, room)
            if pictures is None:
                continue
            if (width, height) != SIZES[0]:
                notes.append(f"Pictures are reduced to at most {width} × {height} cells.")
            content = {
                "title": heading,
                "description": viewer.description.to_dict(),
                "color_maps": dict(COLOR_MAPS),
                "notes": notes,
                **pictures,
            }
            return _document(heading, json.dumps(content, allow_nan=False), script, style)
        shown = [v for v in viewer.description.variables if v.kind != "none"]
        most = min(most, sum(_positions(kept, v) for v in shown)) // 2
    raise TooLarge(
        "The page does not fit",
        found=f"more than {max_bytes:,} bytes at the coarsest resolution",
        advice="Raise max_bytes, name one variable, or select fewer slices of the dataset.",
    )


def _fit(ds: xr.Dataset, variable: str | None, most: int) -> tuple[xr.Dataset, list[str]]:
    """Choose the variables and slider positions of at most so many pictures."""
    description = Viewer(ds).description
    shown = [v for v in description.variables if v.kind != "none"]
    first = description.variable(variable or description.default)
    if first is None or first.kind == "none":
        raise InvalidParameter(
            f"There is no variable {variable!r} to show"
            if variable
            else "There is nothing to show",
            found=first.problem if first else ", ".join(v.name for v in shown) or "no variables",
            advice="Name a variable that holds numbers.",
        )
    notes: list[str] = []
    chosen, count = [first], _positions(ds, first)
    if variable is None:
        for other in shown:
            more = _positions(ds, other)
            if other is not first and count + more <= most:
                chosen.append(other)
                count += more
    left_out = [v.name for v in shown if v not in chosen] if variable is None else []
    if left_out:
        notes.append(f"Not held by this page, for its size: {', '.join(left_out)}.")
    # Variables without a picture cost nothing and say why they have none.
    mute = [v for v in description.variables if v.kind == "none" and variable is None]
    kept = ds[[v.name for v in (*chosen, *mute)]]
    if count > most:
        kept, thinned = _thin(kept, first, most)
        notes += thinned
    return kept, notes


def _positions(ds: xr.Dataset, view: VariableView) -> int:
    return math.prod(ds.sizes[d] for d in view.sliders)


def _thin(ds: xr.Dataset, view: VariableView, most: int) -> tuple[xr.Dataset, list[str]]:
    """Keep evenly spaced positions of the longest sliders, the first and last among them."""
    sizes = {d: ds.sizes[d] for d in view.sliders}
    while math.prod(sizes.values()) > most and max(sizes.values()) > 1:
        longest = max(sizes, key=lambda d: sizes[d])
        others = math.prod(n for d, n in sizes.items() if d != longest)
        sizes[longest] = max(1, min(sizes[longest] * 2 // 3, max(most // others, 1)))
    picks = {
        d: np.unique(np.linspace(0, ds.sizes[d] - 1, n).round().astype(int))
        for d, n in sizes.items()
        if n < ds.sizes[d]
    }
    notes = [f"Of {ds.sizes[d]:,} steps of {d}, {p.size:,} are held." for d, p in picks.items()]
    return ds.isel(picks), notes


def _pictures(viewer: Viewer, width: int, height: int, room: int) -> dict[str, Any] | None:
    """Encode every position of every variable, or return None as soon as they do not fit.

    Returns
    -------
    dict
        ``frames`` by variable, then by the indices of its sliders joined with a comma; and
        ``geometries`` by key: what frames of one grid share is held once.
    """
    frames: dict[str, dict[str, Any]] = {}
    geometries: dict[str, Any] = {}
    used = len(json.dumps(viewer.description.to_dict()))
    views = [v for v in viewer.description.variables if v.kind != "none"]
    total = sum(_positions(viewer.ds, v) for v in views)
    done = 0
    for view in views:
        of_variable = frames.setdefault(view.name, {})
        for steps in np.ndindex(*(viewer.ds.sizes[d] for d in view.sliders)):
            index = dict(zip(view.sliders, steps, strict=True))
            frame = viewer.frame(
                view.name, index, width=width, height=height, have=frozenset(geometries)
            )
            cells, geometry = _parted(frame)
            if geometry is not None:
                geometries[frame.header["geometry"]] = held = _held(geometry)
                used += len(held["data"]) + len(json.dumps(held["header"]))
            of_variable[",".join(map(str, steps))] = held = _held(cells)
            done += 1
            used += len(held["data"]) + len(json.dumps(held["header"]))
            # The first pictures tell early enough what all would take.
            if used > room or (done == 4 and used / done * total > 1.3 * room):
                return None
    return {"frames": frames, "geometries": geometries}


def _parted(frame: Frame) -> tuple[Frame, Frame | None]:
    """Separate what is a frame's own from the geometry that it shares with others."""
    header = {k: v for k, v in frame.header.items() if k not in {"arrays", "stamps", "touched"}}
    arrays = {name: frame.array(name) for name in frame.header["arrays"]}
    if "geometry" not in header:
        return frame_of(header, arrays), None
    own = {k: v for k, v in header.items() if k not in SHARED}
    cells = frame_of(own, {"cells": arrays.pop("cells")})
    shared = {k: header[k] for k in SHARED if k in header}
    return cells, frame_of(shared, arrays) if arrays else None


def _held(frame: Frame) -> dict[str, Any]:
    data = base64.b64encode(zlib.compress(frame.payload, 9)).decode("ascii")
    return {"header": frame.header, "data": data}


def _document(heading: str, data: str, script: str, style: str) -> str:
    """Put the page together; the policy names the script and the style by their hashes."""
    # What a record says must not end the element that holds it.
    safe = data.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    own = "\nhtml { background: Canvas; color-scheme: light dark; }\nbody { margin: 8px; }\n"
    css = (own + style).replace("</", "<\\/")
    code = script.replace("</script", "<\\/script").replace("<!--", "\\x3c!--")
    policy = (
        f"default-src 'none'; script-src '{_digest(code)}'; style-src '{_digest(css)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{html.escape(heading or 'Portal view')}</title>\n"
        f"<style>{css}</style></head>\n"
        '<body><main id="portal-page-view"></main>\n'
        "<noscript>This page draws its pictures with JavaScript.</noscript>\n"
        f'<script type="application/json" id="portal-page-data">{safe}</script>\n'
        f'<script type="module">{code}</script>\n'
        "</body></html>\n"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
