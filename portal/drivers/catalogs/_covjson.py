"""CoverageJSON (OGC 21-069r2) as datasets: coverages of grids and points whose ranges are inline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from portal.errors import Unreadable

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

#: Steps along an axis; one that says more is not believed.
LONGEST_AXIS = 10_000_000
_NAMES = {"x": "lon", "y": "lat", "z": "z", "t": "time"}
_ATTRS = {
    "x": {"standard_name": "longitude", "units": "degrees_east"},
    "y": {"standard_name": "latitude", "units": "degrees_north"},
    "z": {"axis": "Z"},
    "t": {"standard_name": "time"},
}


def read_coverage(document: Any) -> xr.Dataset:
    """Make a dataset of a coverage on longitudes and latitudes, with the axes that it has.

    Raises
    ------
    Unreadable
        It is no such coverage, or its parts do not fit together.
    """
    import xarray as xr

    try:
        domain = document["domain"]
        plane = [r["system"]["type"] for r in domain["referencing"] if "x" in r["coordinates"]]
        if plane != ["GeographicCRS"]:
            raise ValueError(f"its x and y are of {plane}")
        axes = {k: _axis(k, axis) for k, axis in domain["axes"].items() if k in _NAMES}
        return xr.Dataset(
            {
                name: _range(said, axes, document["parameters"][name])
                for name, said in document["ranges"].items()
            },
            coords={_NAMES[k]: (_NAMES[k], values, _ATTRS[k]) for k, values in axes.items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise Unreadable(
            "The service's CoverageJSON cannot be read",
            found=f"{type(error).__name__}: {error}"[:200],
            advice="The service is at fault: tell its operators.",
        ) from error


def _axis(name: str, said: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    if "values" not in said:
        count = int(said["num"])
        if not 0 < count <= LONGEST_AXIS:
            raise ValueError(f"an axis of {count} steps")
        return np.linspace(float(said["start"]), float(said["stop"]), count)
    if name == "t":
        moments = [str(moment).removesuffix("Z") for moment in said["values"]]
        return np.array(moments, dtype="datetime64[ns]")
    return np.array(said["values"], dtype=float)


def _range(
    said: Mapping[str, Any], axes: Mapping[str, np.ndarray[Any, Any]], parameter: Mapping[str, Any]
) -> tuple[tuple[str, ...], np.ndarray[Any, Any], dict[str, str]]:
    import numpy as np

    if said["type"] != "NdArray":
        raise ValueError(f"its range is a {said['type']}")
    names, shape = list(said["axisNames"]), [int(n) for n in said["shape"]]
    if shape != [len(axes[name]) for name in names] or math.prod(shape) != len(said["values"]):
        raise ValueError(f"its range of {shape} does not fit its axes")
    values = np.array([math.nan if v is None else v for v in said["values"]], dtype=float)
    label = (parameter.get("observedProperty") or {}).get("label") or {}
    symbol = (parameter.get("unit") or {}).get("symbol")
    unit = symbol.get("value") if isinstance(symbol, dict) else symbol
    attrs = {"long_name": next(iter(label.values()), ""), "units": unit}
    dims = tuple(_NAMES[name] for name in names)
    return dims, values.reshape(shape), {k: str(v) for k, v in attrs.items() if v}
