"""What a reader takes away from a view: its slice as a file, the code that makes it, a notebook cell."""

from __future__ import annotations

import json
import math
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from pprint import pformat
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.errors import InvalidParameter, PortalError, TooLarge, Unreadable
from portal.viewer.code import Slice, slice_of
from portal.viewer.state import ViewState

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

MOST_BYTES = 64_000_000
"""Largest slice that is handed over as NetCDF, decoded."""
MOST_ROWS = 1_000_000
"""Most cells of a slice that are handed over as CSV."""

_IN_MATPLOTLIB = frozenset(
    ("viridis", "cividis", "magma", "inferno", "plasma", "RdBu", "BrBG", "PuOr")
)


@dataclass(frozen=True, slots=True)
class Taken:
    """Something to keep.

    Attributes
    ----------
    name
        File name to offer.
    media_type
        Of `data`; text is UTF-8.
    """

    name: str
    media_type: str
    data: bytes


def take(ds: xr.Dataset, what: str, state: ViewState, *, other: xr.Dataset | None = None) -> Taken:
    """Make what a reader asked to keep of a view.

    Parameters
    ----------
    ds
        The dataset of the view.
    what
        ``netcdf`` or ``csv`` (the slice within the window, at full resolution), ``code`` (Python
        that makes the slice of ``ds``) or ``cell`` (Python that shows this view again).
    state
        What is shown.
    other
        The second dataset of a comparison.

    Raises
    ------
    InvalidParameter
        Another `what`, or a state that does not fit the dataset.
    TooLarge
        The slice is beyond `MOST_BYTES` or `MOST_ROWS`.
    Unreadable
        The store behind the array failed.
    """
    if what == "cell":
        return _text("cell.py", cell(state))
    makers: dict[str, Callable[[Slice, ViewState], Taken]] = {
        "netcdf": _netcdf,
        "csv": _csv,
        "code": _code,
    }
    if what not in makers:
        raise InvalidParameter(
            "A view cannot be saved as that",
            found=f"{what!r:.80}",
            advice=f"Choose one of {', '.join((*makers, 'cell'))}.",
        )
    return makers[what](slice_of(ds, state, other), state)


def cell(state: ViewState) -> str:
    """Write a notebook cell that shows the view again, given ``ds`` (and ``other``, the second)."""
    plain = state.to_dict()
    first = ViewState().to_dict()
    chosen = {k: v for k, v in plain.items() if k == "version" or v != first.get(k)}
    second = "compare=other, " if state.compare is not None and state.compare.data == "b" else ""
    text = pformat(chosen, width=88, sort_dicts=False)
    return f"import portal\n\nportal.view(ds, {second}state={text})\n"


def _text(name: str, text: str) -> Taken:
    return Taken(name, "text/x-python", text.encode())


def _code(part: Slice, state: ViewState) -> Taken:
    return _text("view.py", part.code + (_plot(state) if part.array.ndim else ""))


def _plot(state: ViewState) -> str:
    """Say in comments how the slice is drawn: matplotlib may not be there."""
    look = {"cmap": None if state.color_map is None else repr(state.color_map)}
    needed = []
    if state.color_map is not None and state.color_map.removesuffix("_r") not in _IN_MATPLOTLIB:
        # Those of other packages are not known by their name.
        look["cmap"] = f"ListedColormap(color_table({state.color_map!r}) / 255)"
        needed += [
            "from matplotlib.colors import ListedColormap",
            "from portal.viewer.colors import color_table",
        ]
    if state.limits is not None:
        look |= {"vmin": repr(state.limits[0]), "vmax": repr(state.limits[1])}
    drawn = ", ".join(f"{k}={v}" for k, v in look.items() if v is not None)
    if not needed:
        return f"# view.plot({drawn}) draws it with matplotlib.\n"
    lines = ["With matplotlib it is drawn by:", *needed, f"view.plot({drawn})"]
    return "".join(f"# {line}\n" for line in lines)


def _netcdf(part: Slice, state: ViewState) -> Taken:
    array = part.array
    file = f"{_safe(str(array.name))}.nc"
    needed = sum(c.nbytes for c in (array, *array.coords.values()))
    _bound("bytes", needed, MOST_BYTES, part, f'view.to_netcdf("{file}")')
    ds = _loaded(array).to_dataset()
    ds = ds.rename(_possible_names([str(n) for n in {**ds.variables, **ds.sizes}]))
    name = str(next(iter(ds.data_vars)))
    for variable in ds.variables.values():
        _make_plain(variable)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    steps = " ".join(part.code.split())
    ds.attrs = {"Conventions": "CF-1.11", "history": f"{now} taken from a view with: {steps}"}
    settings = {"zlib": True, "complevel": 4, "shuffle": True}
    encoding = {name: settings if array.ndim and array.dtype.kind in "iuf" else {}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "view.nc"
        ds.to_netcdf(path, engine="h5netcdf", encoding=encoding)
        data = path.read_bytes()
    return Taken(file, "application/x-netcdf", data)


def _csv(part: Slice, state: ViewState) -> Taken:
    file = f"{_safe(str(part.array.name))}.csv"
    _bound("rows", part.array.size, MOST_ROWS, part, f'view.to_dataframe().to_csv("{file}")')
    values = _loaded(part.array)
    if values.ndim:
        table = values.to_dataframe().reset_index()
    else:
        table = values.expand_dims("one").to_dataframe().reset_index(drop=True)
    # The dimensions first, the variable last.
    columns = [c for c in table.columns if c != values.name]
    text = table[[*columns, values.name]].to_csv(index=False, lineterminator="\n")
    return Taken(file, "text/csv", text.encode())


def _bound(what: str, needed: int, most: int, part: Slice, last: str) -> None:
    if needed > most:
        raise TooLarge(
            "The slice is too large to hand over here",
            found=f"{needed:,} {what}, more than {most:,}",
            advice=f"Zoom in, or save it in code: {part.code.strip()}\n{last}\n",
        )


def _loaded(array: xr.DataArray) -> xr.DataArray:
    try:
        return array.compute(scheduler="threads") if array.chunks else array.compute()
    except PortalError:
        raise
    except Exception as error:  # the plug-in boundary: any xarray backend may raise anything
        raise Unreadable(
            f"Reading {array.name} failed",
            found=f"{type(error).__name__}: {error}",
            advice="Check that the file is whole and its store can be reached, then save again.",
        ) from error


def _make_plain(variable: xr.Variable) -> None:
    """Keep what NetCDF can hold of attributes, and of the encoding what dates need."""
    variable.attrs = {
        str(key): value if _is_plain(value) else json.dumps(value, default=str)
        for key, value in variable.attrs.items()
    }
    kept = {"units", "calendar", "_FillValue"}
    dates = variable.dtype.kind in "MmO"
    variable.encoding = {k: v for k, v in variable.encoding.items() if k in kept and dates}


def _is_plain(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if isinstance(value, str | float | np.integer | np.floating):
        return not isinstance(value, float) or math.isfinite(value) or math.isnan(value)
    return isinstance(value, np.ndarray) and value.dtype.kind in "iuf"


def _possible_names(names: list[str]) -> dict[str, str]:
    """Give those names that NetCDF refuses another one."""
    changed: dict[str, str] = {}
    for name in names:
        possible = re.sub(r"[/\x00-\x1f\x7f]", "_", name).strip() or "values"
        while possible != name and (possible in names or possible in changed.values()):
            possible += "_"
        if possible != name:
            changed[name] = possible
    return changed


def _safe(name: str) -> str:
    """Return a file name that every system takes."""
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:80] or "view"
