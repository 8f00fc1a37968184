"""The difference of two variables: the second one is taken at the cells of the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from portal.errors import GridMismatch
from portal.viewer.colors import DIVERGING
from portal.viewer.coordinates import coordinate_of, is_time, labels_of, positions_of, role_of
from portal.viewer.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray


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
    first: xr.DataArray, second: xr.DataArray, dim: str, pick: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    size = second.sizes[dim]
    here, there = coordinate_of(first, dim), coordinate_of(second, dim)
    if here is None or there is None or not _comparable(here, there):
        if first.sizes[dim] != size:
            raise GridMismatch(
                f"{second.name} cannot be taken away from {first.name}",
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
