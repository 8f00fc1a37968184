"""Whether the inputs of an analysis lie on one grid."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from portal.errors import GridMismatch

if TYPE_CHECKING:
    import xarray as xr

_ADVICE = (
    "Bring them to one grid in the analysis, `b.interp_like(a)` or `b.reindex_like(a, "
    'method="nearest", tolerance=…)`, and declare `@analysis(grids="any")`.'
)


def require_match(inputs: Mapping[str, xr.Dataset]) -> None:
    """Refuse inputs that share a dimension and differ along it; nothing but indexes is read.

    xarray's arithmetic would silently keep the common part, which may be nothing.

    Raises
    ------
    GridMismatch
        Their sizes or coordinates differ; the first pair found is named.
    """
    for (name, one), (other, two) in combinations(inputs.items(), 2):
        for dimension in sorted({str(d) for d in one.sizes} & {str(d) for d in two.sizes}):
            difference = _difference(one, two, dimension)
            if difference:
                raise GridMismatch(
                    f"The inputs {name!r} and {other!r} differ along their common dimension "
                    f"{dimension!r}",
                    found=difference,
                    advice=_ADVICE,
                )


def _difference(one: xr.Dataset, two: xr.Dataset, dimension: str) -> str:
    sizes = one.sizes[dimension], two.sizes[dimension]
    if sizes[0] != sizes[1]:
        return f"sizes {sizes[0]} and {sizes[1]}"
    first, second = one.indexes.get(dimension), two.indexes.get(dimension)
    if first is None or second is None or first.equals(second):
        return ""
    import pandas

    for position, (a, b) in enumerate(zip(first, second, strict=True)):
        if a != b and not (pandas.isna(a) and pandas.isna(b)):
            return f"values {a} and {b} at position {position} of {sizes[0]}"
    return f"coordinates of the types {first.dtype} and {second.dtype}"
