"""ORNL: the carbon dioxide record of Mauna Loa kept by CDIAC, from statsmodels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.core.asset import Provider
from portal.core.variable import Dimension, Variable
from portal.sample.lazy import lazy_array
from portal.sample.record import CSV, Sample

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import xarray as xr

WEEKS = 2284
LAT, LON, ALTITUDE = 19.533, -155.583, 3397.0


def read(path: Path) -> npt.NDArray[np.float64]:
    """Read the concentrations, NaN where a week has none: 2284 (time), ppm."""
    import numpy as np

    values: npt.NDArray[np.float64] = np.genfromtxt(
        path, delimiter=",", skip_header=1, usecols=(1,)
    )
    return values


def open_co2(path: Path) -> xr.Dataset:
    """Open the weekly concentration: 2284 (time), ppm, NaN where a week has no data."""
    import numpy as np
    import xarray as xr

    lines = path.read_text(encoding="ascii").splitlines()[1:]
    days = np.array([f"{d[:4]}-{d[4:6]}-{d[6:8]}" for d in lines], dtype="datetime64[ns]")
    values = lazy_array(read, path, shape=(WEEKS,))
    return xr.Dataset(
        {
            "co2": (
                "time",
                values,
                {
                    "standard_name": "mole_fraction_of_carbon_dioxide_in_air",
                    "long_name": "concentration of carbon dioxide",
                    "units": "ppm",
                    "cell_methods": "time: mean",
                },
            )
        },
        coords={
            "time": (
                "time",
                days,
                {"standard_name": "time", "long_name": "week of the sample", "axis": "T"},
            ),
            "lat": ((), LAT, {"standard_name": "latitude", "units": "degrees_north"}),
            "lon": ((), LON, {"standard_name": "longitude", "units": "degrees_east"}),
            "altitude": ((), ALTITUDE, {"standard_name": "altitude", "units": "m"}),
        },
        attrs={"featureType": "timeSeries", "station": "Mauna Loa Observatory, Hawaii"},
    )


_CO2: dict[str, Any] = {
    "title": "Atmospheric carbon dioxide at Mauna Loa, weekly 1958-2001",
    "description": (
        "Weekly mean concentration of carbon dioxide in the air at Mauna Loa Observatory, Hawaii, "
        "March 1958 to December 2001: the Keeling curve, from the Carbon Dioxide Information "
        "Analysis Center (CDIAC). The package states that the data are in the public domain."
    ),
    "bbox": (LON, LAT, LON, LAT),
    "time": "1958-03-29T00:00:00Z/2001-12-29T00:00:00Z",
    "variables": [
        Variable("co2", ("time",), "concentration of carbon dioxide", "mole_fraction_of_carbon_dioxide_in_air", "ppm", "float64")
    ],
    "dimensions": [
        Dimension("time", "temporal", size=WEEKS, extent=("1958-03-29T00:00:00Z", "2001-12-29T00:00:00Z"))
    ],
    "keywords": ["carbon dioxide", "CO2", "greenhouse gas", "Keeling curve", "Mauna Loa", "atmospheric composition"],
    "license": "other",
    "links": [
        {
            "rel": "license",
            "href": "https://www.statsmodels.org/stable/datasets/generated/co2.html",
            "title": "Public domain, as statsmodels states",
        }
    ],
    "providers": [
        Provider("Scripps Institution of Oceanography", ("producer",), "https://scrippsco2.ucsd.edu"),
        Provider(
            "Carbon Dioxide Information Analysis Center, Oak Ridge National Laboratory",
            ("processor",),
            "https://www.ornl.gov",
        ),
        Provider("statsmodels", ("host",), "https://www.statsmodels.org"),
    ],
    "citation": (
        "Keeling, C.D., Whorf, T.P. (2004). Atmospheric CO2 concentrations derived from flask air samples at sites in the SIO "
        "network. In Trends: A Compendium of Data on Global Change. Carbon Dioxide Information Analysis Center, Oak Ridge "
        "National Laboratory, U.S. Department of Energy, Oak Ridge, Tennessee, U.S.A. As distributed by statsmodels."
    ),
}  # fmt: skip

SAMPLES = (Sample("mauna-loa-co2", "statsmodels", ("datasets/co2/co2.csv",), CSV, open_co2, _CO2),)
