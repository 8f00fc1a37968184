"""The xarray steps that lead from a dataset to the slice of a view: run here, or written as code."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from portal.errors import InvalidParameter
from portal.viewer.axes import axis_of
from portal.viewer.coordinates import Role, coordinate_of, labels_of
from portal.viewer.describe import VariableView, describe, view_along
from portal.viewer.earth import Earth
from portal.viewer.meshes import in_degrees, meshes, places_of, with_places
from portal.viewer.minus import align, check_places, lie_together, onto, second_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.axes import Axis
    from portal.viewer.state import ViewState

Ends = tuple[float, float]
Window = tuple[float, float, float, float]


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
    known = meshes(ds)
    places = with_places(ds, known)
    view = _shown(places, state)
    x, y = view.x, view.y
    kept = [d for d in (y, x) if d is not None]
    steps = _Steps()
    array = steps.start("view", "ds", places, view.name, state.index, kept)
    if state.compare is not None and state.compare.mode == "difference":
        array = _minus(steps, array, places, view, other, state, kept)
    if array.dtype.kind == "c":
        steps.lines.append("view = abs(view)  # complex numbers are shown by their magnitude")
        array = abs(array)
    window = state.window
    found: Mapping[Role, xr.DataArray] = {}
    if x is not None and y is not None:
        found = places_of(places[view.name], x, y)
    elif view.kind == "map" and (centers := known[str(x)].centers):
        found = {"longitude": places[centers[0]], "latitude": places[centers[1]]}
    if found:
        array = steps.within(array, places, found, window)
    elif x is not None and (y is not None or view.kind == "series"):
        array = steps.span(array, x, window and window[:2], roll=y is not None)
        if y is not None:
            array = steps.span(array, y, window and window[2:])
    if tuple(kept) != array.dims:
        steps.lines.append(f"view = view.transpose({', '.join(map(repr, kept))})")
        array = array.transpose(*kept)
    return Slice(array, "\n".join(steps.lines) + "\n")


def _shown(ds: xr.Dataset, state: ViewState) -> VariableView:
    description = describe(ds)
    name = description.default if state.variable is None else state.variable
    view = description.variable(name)
    if view is None:
        raise InvalidParameter(
            f"There is no variable {name!r} to take",
            found=", ".join(v.name for v in description.variables) or "no variables",
            advice="Name one of these.",
        )
    if view.kind == "none":
        raise InvalidParameter(
            f"{name} has no picture to take", found=view.problem, advice="Choose another variable."
        )
    return view_along(ds[name], view, state.x, state.y)


def _minus(
    steps: _Steps,
    array: xr.DataArray,
    ds: xr.Dataset,
    view: VariableView,
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
    first, taken = ds[view.name], second[compare.variable]
    shown = describe(second).variable(compare.variable)
    assert shown is not None
    away = second_of(view, shown, taken, compare.data)
    check_places(first, view, Earth(ds), away, Earth(second))
    at = {str(d): state.index.get(str(d), 0) for d in first.dims if d not in kept}
    there = align(first, taken, at, {d: np.arange(first.sizes[d]) for d in kept})
    minus = steps.start("minus", source, second, compare.variable, there.at, kept)
    if away.is_converted:
        scaled = f"minus * {away.factor!r} + {away.offset!r}"
        steps.lines += [
            f"# {_one_line(away.notes[0])}",
            f"minus = ({scaled}).assign_attrs(units={view.units!r})",
        ]
        minus = (minus * away.factor + away.offset).assign_attrs(units=view.units)
    if not lie_together(minus, array, there):
        steps.lines += ["from portal.viewer.minus import onto", "minus = onto(minus, view)"]
        minus = onto(minus, array)
    if "f" in (array.dtype.kind, minus.dtype.kind):
        steps.lines.append("view = view - minus")
    else:
        steps.lines.append("view = view.astype(float) - minus")
        array = array.astype(float)
    difference = (array - minus).rename(f"{view.name}_difference")
    difference.attrs = {"long_name": f"{view.name} minus {compare.variable}"}
    if view.units and (view.units == shown.units or away.is_converted):
        difference.attrs["units"] = view.units
    return difference


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
        ds: xr.Dataset,
        places: Mapping[Role, xr.DataArray],
        window: Window | None,
    ) -> xr.DataArray:
        """Keep the cells whose own place lies in the window."""
        if window is None:
            return array
        x0, x1, y0, y1 = window
        lon = self._degrees(ds, places["longitude"], "lon")
        lat = self._degrees(ds, places["latitude"], "lat")
        self.lines += [
            f"inside = ((lon - {x0!r}) % 360 <= {x1 - x0!r}) & (lat >= {y0!r}) & (lat <= {y1!r})",
            "view = view.where(inside.compute(), drop=True)",
        ]
        inside = ((lon - x0) % 360 <= x1 - x0) & (lat >= y0) & (lat <= y1)
        return array.where(inside.compute(), drop=True)

    def _degrees(self, ds: xr.Dataset, place: xr.DataArray, name: str) -> xr.DataArray:
        """Take the places of cells from the dataset, which holds them as coordinate or variable."""
        line = f"{name} = ds[{str(place.name)!r}]"
        moving = [str(d) for d in ds[place.name].dims if d not in place.dims]
        if moving:
            line = _call(f"{line}.isel", dict.fromkeys(moving, ("0", "")))
        factor = float(in_degrees(place, np.ones(1))[0])
        self.lines.append(line if factor == 1 else f"{line} * {factor!r}")
        return place if factor == 1 else place * factor


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
