"""What the pictures have left in memory of a series: it need not be read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from portal.viewer.read import as_real
from portal.viewer.stream import Kept

if TYPE_CHECKING:
    import xarray as xr

    from portal.viewer.planes import Reader
    from portal.viewer.sources import Source


def kept_along(
    reader: Reader, source: Source | None, array: xr.DataArray, along: str, at: Mapping[str, int]
) -> list[Kept]:
    """Return the values along a dimension at one place that lie in decoded chunks.

    Parameters
    ----------
    reader
        Whose chunks they are.
    source
        What it reads the array by; None for one in memory, of which there are no chunks.
    array
        The whole variable.
    along
        The dimension.
    at
        Index along each of the others.
    """
    if source is None or along not in array.dims:
        return []
    found = {}
    for cache in (reader.slices, reader.blocks):
        for region, chunk in cache.of(source.token):
            places = dict(zip(array.dims, region, strict=True))
            start, _, every = places.pop(along)
            inside = all(a <= at[str(d)] < b and s == 1 for d, (a, b, s) in places.items())
            if inside and every == 1:
                where = {str(d): at[str(d)] - a for d, (a, _, _) in places.items()}
                values = chunk[tuple(where.get(str(d), slice(None)) for d in array.dims)]
                found[start] = Kept(start, as_real(values))
    return [found[start] for start in sorted(found)]
