"""The difference of two variables: the second one is taken at the cells of the first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from portal.errors import GridMismatch, InvalidParameter
from portal.viewer.colors import DIVERGING
from portal.viewer.coordinates import coordinate_of, is_time, labels_of, positions_of, role_of
from portal.viewer.limits import Limits
from portal.viewer.meshes import places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from portal.viewer.describe import Description, Dimension, VariableView
    from portal.viewer.earth import Earth, Pair

    Picks = Mapping[str, NDArray[np.intp]]

#: Degrees by which the places of one grid may differ where they were rounded.
SAME_PLACE = 1e-3
#: Longest dimension whose steps are told apart by label when two datasets are shown side by side.
MOST_LINKED = 20_000


@dataclass(frozen=True, slots=True)
class Second:
    """A variable that is taken away from a first one.

    Attributes
    ----------
    data
        ``a`` or ``b``: its dataset.
    factor, offset
        From its units to those of the first.
    notes
        What a reader of the difference should know.
    """

    data: str
    view: VariableView
    array: xr.DataArray
    factor: float = 1.0
    offset: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def is_converted(self) -> bool:
        """Whether it comes in other units."""
        return (self.factor, self.offset) != (1.0, 0.0)

    def taken(
        self,
        values: NDArray[np.generic],
        there: Aligned,
        read: Callable[[str, xr.DataArray, Mapping[str, int], Picks], NDArray[np.generic]],
    ) -> NDArray[np.floating]:
        """Return the difference, in the units of the first; NaN where the second has no cell.

        Parameters
        ----------
        values
            What was read of the first.
        there
            Where this one has the same cells, of `align`.
        read
            Reads an array of a dataset.
        """
        away = read(self.data, self.array, there.at, there.picks)
        single = values.dtype == away.dtype == np.float32
        dtype = np.float32 if single else np.float64
        if self.is_converted:
            away = (away.astype(np.float64) * self.factor + self.offset).astype(dtype)
        found = np.asarray(np.subtract(values, away, dtype=dtype))
        for axis, far in enumerate(there.beyond):
            found[(slice(None),) * axis + (far,)] = np.nan
        return found


@dataclass(frozen=True, slots=True)
class Aligned:
    """Where a second variable has the cells of a first.

    Attributes
    ----------
    at
        The one step along each dimension that is not picked from.
    picks
        Stored indices along the others.
    beyond
        For each of `picks`, True where the first lies outside of the second.
    notes
        What was not the same in both.
    """

    at: dict[str, int]
    picks: dict[str, NDArray[np.intp]]
    beyond: tuple[NDArray[np.bool_], ...]
    notes: tuple[str, ...]


def align(
    first: xr.DataArray,
    second: xr.DataArray,
    at: Mapping[str, int],
    picks: Mapping[str, NDArray[np.intp]],
) -> Aligned:
    """Find the cells of `second` that are nearest to cells of `first`, by their coordinates.

    A dimension without coordinates in either has to be as long in both. What `second` alone has is
    taken at its first step.

    Raises
    ------
    GridMismatch
        A dimension of the picture is missing in `second`, or not comparable.
    """
    notes = []
    steps = {str(d): 0 for d in second.dims if d not in picks}
    for dim in list(steps):
        if dim not in at:
            if second.sizes[dim] > 1:
                notes.append(f"{second.name} is taken at its first {dim}")
            continue
        found, _ = _nearest(first, second, dim, np.array([at[dim]]))
        steps[dim] = int(found[0])
        texts = [
            labels_of(coordinate_of(a, dim), [i], a.sizes[dim])[0]
            for a, i in ((first, at[dim]), (second, steps[dim]))
        ]
        if texts[0] != texts[1]:
            notes.append(f"{second.name} is taken at {dim} {texts[1]}, the nearest")
    places, beyond = {}, []
    for dim, pick in picks.items():
        if dim not in second.dims:
            raise GridMismatch(
                f"{second.name} cannot be taken away from {first.name}",
                found=f"it has no dimension {dim}: {', '.join(map(str, second.dims)) or 'none'}",
                advice="Compare variables that share the dimensions of the picture.",
            )
        places[dim], far = _nearest(first, second, dim, pick)
        beyond.append(far)
        if not np.array_equal(places[dim], pick):
            notes.append(f"{second.name} is taken at the nearest {dim}")
    return Aligned(steps, places, tuple(beyond), tuple(notes))


def onto(second: xr.DataArray, first: xr.DataArray) -> xr.DataArray:
    """Bring a variable to the cells of another, as a difference of a view does.

    Parameters
    ----------
    second
        What is brought, lazy or not.
    first
        Where to; every dimension of it is one of `second` as well.

    Returns
    -------
    xarray.DataArray
        Of the dimensions of `first` and with their coordinates: along each the nearest value, and
        NaN further than half a cell beyond the ends.

    Raises
    ------
    GridMismatch
        A dimension is missing in `second`, or not comparable.
    """
    picks = {str(d): np.arange(first.sizes[d]) for d in first.dims}
    there = align(first, second, {}, picks)
    found = second.isel(there.at).isel(there.picks).drop_vars(second.coords, errors="ignore")
    found = found.assign_coords({d: first[d] for d in picks if d in first.indexes})
    for dim, far in zip(picks, there.beyond, strict=True):
        if far.any():
            found = found.where(first[dim].copy(data=~far).drop_vars(first.coords, errors="ignore"))
    return found


def lie_together(second: xr.DataArray, first: xr.DataArray, there: Aligned) -> bool:
    """Whether xarray takes the one from the other cell by cell: their indexes are the same."""
    return not any(far.any() for far in there.beyond) and all(
        first.sizes[dim] == second.sizes[dim]
        and np.array_equal(pick, np.arange(first.sizes[dim]))
        and (
            dim not in first.indexes
            or dim not in second.indexes
            or first.indexes[dim].equals(second.indexes[dim])
        )
        for dim, pick in there.picks.items()
    )


def second_of(first: VariableView, view: VariableView, array: xr.DataArray, data: str) -> Second:
    """Return how a variable is taken away from another, by the units of both.

    Raises
    ------
    InvalidParameter
        Their units measure different things.
    """
    ours, theirs = first.units, view.units
    if ours == theirs:
        return Second(data, view, array)
    plain = Second(
        data, view, array, notes=(f"the units differ: {ours or 'none'} and {theirs or 'none'}",)
    )
    found = _conversion(theirs, ours) if ours and theirs else None
    if found is None:
        return plain
    if not found:
        raise InvalidParameter(
            f"{view.title} cannot be taken away from {first.title}",
            found=f"one is in {ours}, the other in {theirs}",
            advice="Compare them side by side, or give both the same units.",
        )
    if found == (1.0, 0.0):
        return Second(data, view, array)
    note = f"{view.title} is converted from {theirs} to {ours}"
    return Second(data, view, array, *found, notes=(note,))


def _conversion(source: str, target: str) -> tuple[float, float] | tuple[()] | None:
    """Return factor and offset from one unit to another; () where there are none, None unknown."""
    import warnings

    with warnings.catch_warnings():
        # It says that matplotlib is missing.
        warnings.simplefilter("ignore")
        from cf_xarray.units import units
    try:
        old, new = units.Unit(source), units.Unit(target)
        if not old.is_compatible_with(new):
            return ()
        zero, one = (units.Quantity(n, old).to(new).magnitude for n in (0.0, 1.0))
    except Exception:  # noqa: BLE001 - parsers of units raise what they like
        return None
    return float(f"{one - zero:.12g}"), float(f"{zero:.12g}")


def check_places(
    first: xr.DataArray, view: VariableView, earth: Earth, second: Second, other: Earth
) -> None:
    """See that cells of the same index lie at the same place, where both grids have places.

    Raises
    ------
    GridMismatch
        They do not.
    """
    here, there = (_places(a, view, e) for a, e in ((first, earth), (second.array, other)))
    if here is None or there is None:
        return
    if here[0].shape != there[0].shape:
        raise _other_grid(first, second, f"{here[0].size:,} cells and {there[0].size:,}")
    turned = np.abs((here[0] - there[0] + 180) % 360 - 180)
    far = max(float(np.nanmax(d, initial=0.0)) for d in (turned, np.abs(here[1] - there[1])))
    if far > SAME_PLACE:
        raise _other_grid(first, second, f"their cells lie up to {far:.3g} degrees apart")


def _places(array: xr.DataArray, view: VariableView, earth: Earth) -> Pair | None:
    if view.kind != "map" or view.x is None or view.x not in array.dims:
        return None
    if view.y is None:
        mesh = earth.meshes.get(view.x)
        return None if mesh is None else earth.places(mesh)
    if view.y in array.dims and places_of(array, view.x, view.y):
        return earth.centers(array, view.y, view.x)
    return None


def _other_grid(first: xr.DataArray, second: Second, found: str) -> GridMismatch:
    return GridMismatch(
        f"{second.array.name} cannot be taken away from {first.name}: they lie on other grids",
        found=found,
        advice="Compare them side by side, or bring one onto the grid of the other.",
    )


def linked(first: xr.Dataset, second: xr.Dataset, description: Description) -> Description:
    """Say for each step of a first dataset which one of the second belongs to it, by its label."""

    def link(dim: Dimension) -> Dimension:
        size = first.sizes.get(dim.name, 0)
        if not 0 < size <= MOST_LINKED or not 0 < dim.size <= MOST_LINKED:
            return dim
        steps = np.arange(size)
        try:
            found, _ = _nearest(first, second, dim.name, steps)
        except GridMismatch:
            return dim
        same = size == dim.size and np.array_equal(found, steps)
        return dim if same else replace(dim, link=tuple(found.tolist()))

    return replace(description, dimensions=tuple(link(d) for d in description.dimensions))


def about_zero(seen: NDArray[np.generic]) -> Limits:
    """Return limits of a difference: as far on both sides of zero as most of it reaches."""
    known = np.abs(seen[np.isfinite(seen)])
    if known.size == 0:
        return Limits(-1.0, 1.0, DIVERGING, found=False)
    reach = float(np.percentile(known, 98)) or float(known.max()) or 1.0
    return Limits(-reach, reach, DIVERGING)


def _comparable(here: xr.DataArray, there: xr.DataArray) -> bool:
    """Whether both are dates, or both numbers."""
    kinds = ["time" if is_time(c) else c.dtype.kind for c in (here, there)]
    numbers = all(k in "iufb" for k in kinds)
    return numbers or (kinds[0] == kinds[1] and kinds[0] in {"time", "m"})


def _nearest(
    first: xr.DataArray | xr.Dataset,
    second: xr.DataArray | xr.Dataset,
    dim: str,
    pick: NDArray[np.intp],
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    size = second.sizes[dim]
    here, there = coordinate_of(first, dim), coordinate_of(second, dim)
    if here is None or there is None or not _comparable(here, there):
        if first.sizes[dim] != size:
            raise GridMismatch(
                f"{_name(second)} cannot be taken away from {_name(first)}",
                found=f"{dim} has {first.sizes[dim]:,} steps in one and {size:,} in the other",
                advice="Give both datasets coordinates of one kind.",
            )
        return pick, np.zeros(pick.size, dtype=bool)
    wanted = positions_of(here, first.sizes[dim])[pick]
    known = positions_of(there, size)
    around = 360.0 if role_of(dim, here) == "longitude" else None
    if around:
        wanted, known = wanted % around, known % around
    order = np.argsort(known, kind="stable")
    known = known[order]
    if around:
        known = np.concatenate([known[-1:] - around, known, known[:1] + around])
        order = np.concatenate([order[-1:], order, order[:1]])
    after = np.clip(np.searchsorted(known, wanted), 1, max(1, known.size - 1))
    if known.size == 1:
        return np.full(pick.size, order[0]), np.zeros(pick.size, dtype=bool)
    left, right = known[after - 1], known[after]
    nearest = np.where(wanted - left < right - wanted, after - 1, after)
    # Half a cell beyond the ends still belongs to the last cell.
    far = np.abs(wanted - known[nearest]) > (right - left) * 0.5 + 1e-6
    return order[nearest], far


def _name(of: xr.DataArray | xr.Dataset) -> str:
    return str(getattr(of, "name", "a dataset"))
