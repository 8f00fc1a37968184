"""Analyses of the sample data, installed so that a run can name them by reference."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from portal.core.analysis import analysis
from portal.errors import InvalidParameter


def _variable(dataset: xr.Dataset, name: str, dims: tuple[str, ...]) -> xr.DataArray:
    if name not in dataset.data_vars or not set(dims) <= set(dataset[name].dims):
        held = ", ".join(f"{n}{tuple(v.dims)}" for n, v in dataset.data_vars.items())
        raise InvalidParameter(
            f"This analysis needs a variable {name!r} along {', '.join(dims)}",
            found=held or "no variable",
            advice="Give the dataset that its docstring names.",
        )
    return dataset[name]


def _area(latitude: xr.DataArray) -> xr.DataArray:
    """Area of a cell of a regular grid, but for a factor: the cosine of its latitude."""
    return latitude.copy(data=np.cos(np.deg2rad(latitude.to_numpy())))


@analysis(version="1")
def turbidity_by_surface(
    turbidity: xr.Dataset,
    relief: xr.Dataset,
    *,
    below: Annotated[float, Field(description="Land is lower than this, m.")] = 3000.0,
) -> xr.Dataset:
    """Mean turbidity of the atmosphere over land and over ocean.

    Means are weighted by area (the cosine of latitude); months count alike. Land is every cell
    whose altitude is known and lower than ``below``; every other cell counts as ocean, the ground
    at or above ``below`` included. With the limit of 3000 m, land covers 0.2815 of the globe; a
    limit of 9000 m counts all of it, 0.2953.

    Parameters
    ----------
    turbidity
        ``linke_turbidity`` (lat, lon, time), such as sandia:linke-turbidity.
    relief
        ``altitude`` (lat, lon), m, NaN over the ocean, such as sandia:altitude.
    below
        Metres.

    Returns
    -------
    xr.Dataset
        ``land`` and ``ocean`` (time), their means ``land_mean``, ``ocean_mean`` and
        ``global_mean`` over the year, ``land_fraction`` of the area, and the map ``annual_mean``
        (lat, lon). All are of the unit 1.
    """
    space = ("lat", "lon")
    values = _variable(turbidity, "linke_turbidity", (*space, "time"))
    is_land = _variable(relief, "altitude", space) < below
    area = _area(values["lat"])
    land_area = area.where(is_land, 0.0)
    ocean_area = area.where(~is_land, 0.0)

    land = values.weighted(land_area).mean(space)
    ocean = values.weighted(ocean_area).mean(space)
    everywhere = values.weighted(area).mean(space)
    result = xr.Dataset(
        {
            "annual_mean": values.mean("time"),
            "land": land,
            "ocean": ocean,
            "land_mean": land.mean("time"),
            "ocean_mean": ocean.mean("time"),
            "global_mean": everywhere.mean("time"),
            "land_fraction": land_area.sum() / (land_area.sum() + ocean_area.sum()),
        }
    )
    ground = f"land lower than {below:g} m"
    area_mean = "area: mean"
    for name, long_name, method in (
        ("annual_mean", "annual mean Linke turbidity factor", "time: mean"),
        ("land", f"mean Linke turbidity factor over {ground}", area_mean),
        ("ocean", f"mean Linke turbidity factor over all but {ground}", area_mean),
        ("land_mean", f"annual mean Linke turbidity factor over {ground}", f"{area_mean} time: mean"),
        ("ocean_mean", f"annual mean Linke turbidity factor over all but {ground}", f"{area_mean} time: mean"),
        ("global_mean", "annual mean Linke turbidity factor of the globe", f"{area_mean} time: mean"),
        ("land_fraction", f"fraction of the globe's area that is {ground}", ""),
    ):  # fmt: skip
        result[name].attrs = {"long_name": long_name, "units": "1"}
        if method:
            result[name].attrs["cell_methods"] = method
    return result.assign_attrs(Conventions="CF-1.11", title="Turbidity over land and ocean")


@analysis(version="1")
def warming(
    scenario: xr.Dataset,
    *,
    years: Annotated[int, Field(ge=1, description="Length of the first and last spans.")] = 10,
) -> xr.Dataset:
    """Warming between the first and the last years of a climate projection.

    Parameters
    ----------
    scenario
        ``air_temperature`` (time, latitude, longitude), one step a year, such as
        metoffice:a1b-north-america.
    years
        How many steps at either end are averaged.

    Returns
    -------
    xr.Dataset
        ``temperature`` (time), the mean weighted by area (the cosine of latitude); ``warming``,
        the difference of its last and first ``years``; and the map ``local_warming`` (latitude,
        longitude). All in K.

    Raises
    ------
    InvalidParameter
        The projection has fewer than twice ``years`` steps, or no such variable.
    """
    space = ("latitude", "longitude")
    values = _variable(scenario, "air_temperature", ("time", *space))
    steps = values.sizes["time"]
    if steps < 2 * years:
        raise InvalidParameter(
            f"Two spans of {years} years do not fit the projection",
            found=f"{steps} years",
            advice=f"Choose years={steps // 2} or fewer.",
        )
    first, last = slice(None, years), slice(steps - years, None)
    mean = values.weighted(_area(values["latitude"])).mean(space)
    result = xr.Dataset(
        {
            "temperature": mean,
            "warming": mean.isel(time=last).mean("time") - mean.isel(time=first).mean("time"),
            "local_warming": values.isel(time=last).mean("time")
            - values.isel(time=first).mean("time"),
        }
    )
    span = f"from the first to the last {years} years"
    difference = {"units": "K", "units_metadata": "temperature: difference"}
    result["temperature"].attrs = {
        "standard_name": "air_temperature",
        "long_name": "mean air temperature",
        "units": "K",
        "units_metadata": "temperature: on_scale",
        "cell_methods": "area: mean",
    }
    result["warming"].attrs = {
        "long_name": f"warming {span}",
        "cell_methods": "area: mean",
    } | difference
    result["local_warming"].attrs = {"long_name": f"local warming {span}"} | difference
    return result.assign_attrs(Conventions="CF-1.11", title=f"Warming {span}")
