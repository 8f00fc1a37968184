"""The xarray steps that lead from a dataset to the slice of a view: run here, or written as code."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from portal.errors import InvalidParameter
from portal.viewer.axes import axis_of
from portal.viewer.coordinates import coordinate_of, labels_of, role_of
from portal.viewer.describe import describe, view_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.axes import Axis
    from portal.viewer.state import ViewState

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of a variable that a view shows, at full resolution.

    Attributes
    ----------
    array
        Lazy where the dataset is; dimensions ``(y, x)``, ``(x,)`` or none.
    code
        The same as Python: given ``ds`` (and ``other``, the second dataset), it leaves ``view``.
    """

    array: xr.DataArray
    code: str


def slice_of(ds: xr.Dataset, state: ViewState, other: xr.Dataset | None = None) -> Slice:
    """Follow a state through a dataset.

    Longitudes are put in the order of the picture, so a window may cross the seam of a 0..360 grid.
    The cells kept are those whose centre lies in the window, and at least one.

    Parameters
    ----------
    ds
        The dataset of the view.
    state
        What is shown of it.
    other
        The second dataset, for a comparison with one of its variables.

    Raises
    ------
    InvalidParameter
        A variable, dimension or index that is not there.
    """
    variable = state.variable if state.variable is not None else describe(ds).default
    x, y = _axes(ds, variable, state)
    kept = [d for d in (y, x) if d is not None]
    steps = _Steps()
    array = steps.start("view", "ds", ds, variable, state.index, kept)
    if state.compare is not None and state.compare.mode == "difference":
        array = _minus(steps, array, ds, other, state, kept)
    if array.dtype.kind == "c":
        steps.lines.append("view = abs(view)  # complex numbers are shown by their magnitude")
        array = abs(array)
    places = _places(array, x, y)
    window = state.window
    if places:
        array = steps.within(array, places, window)
    elif x is not None:
        array = steps.span(array, x, window and window[:2], roll=y is not None)
        if y is not None:
            array = steps.span(array, y, window and window[2:])
    if tuple(kept) != array.dims:
        steps.lines.append(f"view = view.transpose({', '.join(map(repr, kept))})")
        array = array.transpose(*kept)
    return Slice(array, "\n".join(steps.lines) + "\n")


def _axes(ds: xr.Dataset, variable: str, state: ViewState) -> tuple[str | None, str | None]:
    """Return the dimensions on the axes: those chosen, and the variable's own beside them."""
    if variable not in ds.data_vars:
        raise InvalidParameter(
            f"There is no variable {variable!r} to take",
            found=", ".join(map(str, ds.data_vars)) or "no variables",
            advice="Name one of these.",
        )
    view = view_of(ds[variable], variable)
    if view.kind == "none":
        raise InvalidParameter(
            f"{variable} has no picture to take",
            found=view.problem,
            advice="Choose another variable.",
        )
    for dim in (state.x, state.y):
        if dim is not None and dim not in view.dims:
            raise InvalidParameter(
                f"{variable} has no dimension {dim!r}",
                found=", ".join(view.dims) or "no dimensions",
                advice="Name one of these.",
            )
    x, y = state.x, state.y
    x = x or (view.x if view.x != y else view.y)
    y = y or (view.y if view.y != x else view.x)
    return x, y


def _minus(
    steps: _Steps,
    array: xr.DataArray,
    ds: xr.Dataset,
    other: xr.Dataset | None,
    state: ViewState,
    kept: list[str],
) -> xr.DataArray:
    compare = state.compare
    assert compare is not None
    source = "other" if compare.data == "b" else "ds"
    second = other if source == "other" else ds
    if second is None:
        raise InvalidParameter(
            "There is no second dataset to compare with",
            found="data 'b' in the state",
            advice="Give it: portal.view(ds, compare=other).",
        )
    if compare.variable not in second.data_vars:
        raise InvalidParameter(
            f"There is no variable {compare.variable!r} to compare with",
            found=", ".join(map(str, second.data_vars)) or "no variables",
            advice="Name one of these.",
        )
    minus = steps.start("minus", source, second, compare.variable, state.index, kept)
    steps.lines.append("view = view - minus")
    units = array.attrs.get("units")
    difference = (array - minus).rename(f"{array.name}_difference")
    difference.attrs = {"long_name": f"{array.name} minus {compare.variable}"}
    if units is not None and units == minus.attrs.get("units"):
        difference.attrs["units"] = units
    return difference


def _places(
    array: xr.DataArray, x: str | None, y: str | None
) -> dict[str, tuple[str, xr.DataArray]]:
    """Names and values of latitudes and longitudes that belong to cells, not to rows and columns."""
    found: dict[str, tuple[str, xr.DataArray]] = {}
    for name, coordinate in array.coords.items():
        if x is not None and set(coordinate.dims) == {x, y} - {None}:
            role = role_of(str(name), coordinate)
            if role in {"latitude", "longitude"}:
                found.setdefault(role, (str(name), coordinate))
    return found if len(found) == 2 else {}


class _Steps:
    """Lines of code, and the steps that they stand for."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def start(
        self,
        name: str,
        source: str,
        ds: xr.Dataset,
        variable: str,
        index: Mapping[str, int],
        kept: list[str],
    ) -> xr.DataArray:
        """Take a variable at the positions of its sliders."""
        array = ds[variable]
        at = {
            str(dim): _checked(array, str(dim), index.get(str(dim), 0))
            for dim in array.dims
            if dim not in kept
        }
        self.lines.append(f"{name} = {source}[{variable!r}]")
        if at:
            self.lines.append(_call(f"{name} = {name}.isel", _commented(array, at)))
        return array.isel(at)

    def span(
        self, array: xr.DataArray, dim: str, ends: Ends | None, *, roll: bool = False
    ) -> xr.DataArray:
        """Keep what lies between two values of a dimension; put longitudes in order first."""
        axis = axis_of(array, dim, as_map=roll)
        if roll and axis.kind == "longitude":
            array = self._rolled(array, dim, axis, ends)
            axis = axis_of(array, dim)
        if ends is None:
            return array
        inside = (axis.values >= ends[0]) & (axis.values <= ends[1])
        if not inside.any():
            inside[np.abs(axis.values - sum(ends) / 2).argmin()] = True
        kept = axis.order[inside]
        first, last = int(kept.min()), int(kept.max())
        if last - first + 1 == array.sizes[dim]:
            return array
        numbers = array[dim].values if dim in array.indexes else np.empty(0, "O")
        if numbers.dtype.kind in "iuf" and _is_monotonic(numbers):
            text = f"slice({numbers[first].item()!r}, {numbers[last].item()!r})"
            self.lines.append(_call("view = view.sel", {dim: (text, "")}))
        else:
            labels = labels_of(coordinate_of(array, dim), [first, last], array.sizes[dim])
            text = f"slice({first}, {last + 1})"
            self.lines.append(_call("view = view.isel", {dim: (text, " to ".join(labels))}))
        return array.isel({dim: slice(first, last + 1)})

    def _rolled(self, array: xr.DataArray, dim: str, axis: Axis, ends: Ends | None) -> xr.DataArray:
        """Wrap longitudes so that those that are seen follow each other."""
        coordinate = coordinate_of(array, dim)
        assert coordinate is not None
        name = str(coordinate.name)
        stored = coordinate.values.astype(np.float64)
        if ends is None:
            low, high = float(axis.values.min()), float(axis.values.max())
            as_is = stored.size == axis.values.size and np.allclose(np.sort(stored), axis.values)
        else:
            low, high = ends
            seen = (stored >= low) & (stored <= high)
            as_is = bool(seen.any()) and seen.sum() == ((stored - low) % 360 <= high - low).sum()
        if as_is and _is_monotonic(stored):
            return array
        start = next((s for s in (-180.0, 0.0) if s <= low and high <= s + 360), low)
        before, after = ("+", "-") if start < 0 else ("-", "+")
        value = f"(view[{name!r}] {before} {abs(start):g}) % 360 {after} {abs(start):g}"
        if start == 0:
            value = f"view[{name!r}] % 360"
        elif float(f"{start:g}") != start:
            value = f"(view[{name!r}] - {start!r}) % 360 + {start!r}"
        self.lines.append(
            _call("view = view.assign_coords", {name: (value, "")}) + f".sortby({name!r})"
        )
        wrapped = ((coordinate - start) % 360 + start).assign_attrs(coordinate.attrs)
        array = array.assign_coords({name: wrapped}).sortby(name)
        if name == dim and not array.indexes[dim].is_unique:
            self.lines.append(f"view = view.drop_duplicates({dim!r})")
            array = array.drop_duplicates(dim)
        return array

    def within(
        self,
        array: xr.DataArray,
        places: dict[str, tuple[str, xr.DataArray]],
        window: tuple[float, float, float, float] | None,
    ) -> xr.DataArray:
        """Keep the cells whose own place lies in the window."""
        if window is None:
            return array
        x0, x1, y0, y1 = window
        (lat, north), (lon, east) = places["latitude"], places["longitude"]
        self.lines += [
            f"east = (view[{lon!r}] - {x0!r}) % 360 <= {x1 - x0!r}",
            f"north = (view[{lat!r}] >= {y0!r}) & (view[{lat!r}] <= {y1!r})",
            "view = view.where((east & north).compute(), drop=True)",
        ]
        inside = ((east - x0) % 360 <= x1 - x0) & (north >= y0) & (north <= y1)
        return array.where(inside.compute(), drop=True)


def _checked(array: xr.DataArray, dim: str, i: int) -> int:
    if i >= array.sizes[dim]:
        raise InvalidParameter(
            f"The index of {dim} is out of range",
            found=str(i),
            advice=f"Give a whole number from 0 to {array.sizes[dim] - 1}.",
        )
    return i


def _commented(array: xr.DataArray, at: Mapping[str, int]) -> dict[str, tuple[str, str]]:
    return {
        dim: (str(i), labels_of(coordinate_of(array, dim), [i], array.sizes[dim])[0])
        for dim, i in at.items()
    }


def _is_monotonic(values: NDArray[np.generic]) -> bool:
    steps = np.diff(values)
    return bool((steps > 0).all() or (steps < 0).all())


def _call(function: str, arguments: Mapping[str, tuple[str, str]]) -> str:
    """Write a call with keywords, a line each where they carry comments."""
    names = all(n.isidentifier() and not keyword.iskeyword(n) for n in arguments)
    form = "{}={}" if names else "{!r}: {}"
    opening, closing = ("(", ")") if names else ("({", "})")
    written = [(form.format(n, value), note) for n, (value, note) in arguments.items()]
    if not any(note for _, note in written):
        return f"{function}{opening}{', '.join(text for text, _ in written)}{closing}"
    lines = [f"    {text}," + (f"  # {_one_line(note)}" if note else "") for text, note in written]
    return "\n".join([f"{function}{opening}", *lines, closing])


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:80]
