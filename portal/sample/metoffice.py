"""Met Office: climate projections and ocean analyses, from iris-sample-data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.core.asset import Provider
from portal.core.variable import Dimension, Variable
from portal.sample.record import NETCDF, Sample

if TYPE_CHECKING:
    import xarray as xr

LICENCE = {
    "rel": "license",
    "href": "http://www.nationalarchives.gov.uk/doc/open-government-licence",
    "title": "Open Government Licence, British Crown copyright 2018",
}
MET_OFFICE = Provider("Met Office", ("producer", "licensor"), "https://www.metoffice.gov.uk")
SCITOOLS = Provider("SciTools", ("host",), "https://github.com/SciTools/iris-sample-data")
PACKAGED = "As distributed by iris-sample-data, British Crown copyright 2018."
OPEN_KWARGS: dict[str, Any] = {"engine": "h5netcdf", "decode_coords": "all"}


def _netcdf(path: Path, chunks: dict[str, int]) -> xr.Dataset:
    import xarray as xr

    return xr.open_dataset(path, chunks=chunks, **OPEN_KWARGS)


def open_scenario(path: Path) -> xr.Dataset:
    """Open a projection: 240×37×49 (time, latitude, longitude), K, in a calendar of 360 days."""
    return _netcdf(path, {"time": 60})


def open_ostia(path: Path) -> xr.Dataset:
    """Open the OSTIA months: 54×18×432 (time, latitude, longitude), K, NaN over land."""
    return _netcdf(path, {"time": 54})


def open_nemo(*paths: Path) -> xr.Dataset:
    """Open the NEMO months: 3×330×360 (time, y, x), degC, NaN over land, curvilinear.

    The files' own time axis holds no times; they are taken from ``time_centered``.
    """
    import xarray as xr

    months = []
    for path in paths:
        month = xr.open_dataset(path, engine="h5netcdf", chunks={"y": 330, "x": 360})
        kept = month[["tos", "time_centered_bounds"]].set_coords("time_centered_bounds")
        kept = kept.drop_vars("time_counter").rename(
            time_counter="time",
            time_centered="time",
            time_centered_bounds="time_bounds",
            axis_nbounds="nv",
            nav_lat="lat",
            nav_lon="lon",
        )
        kept["time"].attrs = {"standard_name": "time", "axis": "T", "bounds": "time_bounds"}
        for name in ("lat", "lon"):
            kept[name].attrs.pop("bounds")
        kept["tos"].attrs.pop("cell_measures")
        months.append(kept)
    ds = xr.concat(
        months, "time", data_vars="minimal", coords="minimal", compat="override", join="exact"
    )
    ds = ds.assign_coords(time=ds["time"].compute())
    ds.attrs = {
        "institution": "Met Office",
        "source": "NEMO ocean model, files nemo_1m_2015*_grid-T.nc",
    }
    return ds


def _scenario(name: str, meaning: str) -> Sample:
    fields: dict[str, Any] = {
        "title": f"Air temperature of North America, scenario {name}, 1860-2099",
        "description": (
            f"Annual mean near-surface air temperature over North America from the HadGEM2-AO "
            f"model under the scenario {name}: {meaning}. Years run from December to November in a "
            "calendar of 360 days."
        ),
        "bbox": (-135, 15, -45, 60),
        "time": "1859-12-01T00:00:00Z/2099-12-01T00:00:00Z",
        "variables": [
            Variable("air_temperature", ("time", "latitude", "longitude"), "", "air_temperature", "K", "float32")
        ],
        "dimensions": [
            Dimension("time", "temporal", size=240, extent=("1860-06-01T00:00:00Z", "2099-06-01T00:00:00Z")),
            Dimension("latitude", "spatial", axis="y", size=37, extent=(15.0, 60.0), unit="degrees_north", step=1.25),
            Dimension("longitude", "spatial", axis="x", size=49, extent=(225.0, 315.0), unit="degrees_east", step=1.875),
        ],
        "keywords": ["climate projection", "global warming", "climate change", "emission scenario", name, "HadGEM2-AO", "ENSEMBLES"],
        "license": "other",
        "links": [LICENCE],
        "providers": [MET_OFFICE, SCITOOLS],
        "citation": (
            "Johns, T.C., et al. (2011). Climate change under aggressive mitigation: the ENSEMBLES multi-model experiment. "
            f"Climate Dynamics 37 (9-10), doi:10.1007/s00382-011-1005-5. {PACKAGED}"
        ),
        "properties": {
            "sci:publications": [
                {
                    "doi": "10.1007/s00382-011-1005-5",
                    "citation": "Johns, T.C., et al. (2011). Climate change under aggressive mitigation: the ENSEMBLES "
                    "multi-model experiment. Climate Dynamics 37 (9-10).",
                }
            ]
        },
    }  # fmt: skip
    return Sample(
        f"{name.lower()}-north-america",
        "iris_sample_data",
        (f"sample_data/{name}_north_america.nc",),
        NETCDF,
        open_scenario,
        fields,
        OPEN_KWARGS,
    )


_OSTIA: dict[str, Any] = {
    "title": "Sea surface temperature of the tropics, OSTIA, monthly 2006-2010",
    "description": (
        "Monthly mean sea surface temperature between 5°S and 5°N, April 2006 to September 2010, "
        "from the Operational Sea Surface Temperature and Sea Ice Analysis (OSTIA)."
    ),
    "bbox": (-180, -5, 180, 4.45),
    "time": "2006-04-01T00:00:00Z/2010-10-01T00:00:00Z",
    "variables": [
        Variable("surface_temperature", ("time", "latitude", "longitude"), "", "surface_temperature", "K", "float32")
    ],
    "dimensions": [
        Dimension("time", "temporal", size=54, extent=("2006-04-16T00:00:00Z", "2010-09-16T00:00:00Z")),
        Dimension("latitude", "spatial", axis="y", size=18, extent=(-5.0, 4.44445), unit="degrees_north"),
        Dimension("longitude", "spatial", axis="x", size=432, extent=(0.0, 359.16666), unit="degrees_east"),
    ],
    "keywords": ["sea surface temperature", "SST", "ocean", "OSTIA", "El Niño", "tropics"],
    "license": "other",
    "links": [LICENCE],
    "providers": [MET_OFFICE, SCITOOLS],
    "citation": (
        "Donlon, C.J., et al. (2012). The Operational Sea Surface Temperature and Sea Ice Analysis (OSTIA) system. "
        f"Remote Sensing of Environment 116, 140-158, doi:10.1016/j.rse.2010.10.017. {PACKAGED}"
    ),
    "properties": {
        "sci:publications": [
            {
                "doi": "10.1016/j.rse.2010.10.017",
                "citation": "Donlon, C.J., et al. (2012). The Operational Sea Surface Temperature and Sea Ice Analysis (OSTIA) system. "
                "Remote Sensing of Environment 116, 140-158.",
            }
        ]
    },
}  # fmt: skip

_NEMO: dict[str, Any] = {
    "title": "Sea surface temperature, NEMO ocean model, January to March 2015",
    "description": (
        "Monthly mean sea surface temperature of the global ocean on a curvilinear tripolar grid, "
        "from a run of the NEMO ocean model in a calendar of 360 days."
    ),
    "bbox": (-180, -85.64, 180, 89.75),
    "time": "2015-01-01T00:00:00Z/2015-04-01T00:00:00Z",
    "variables": [
        Variable("tos", ("time", "y", "x"), "Sea Surface Temperature", "sea_surface_temperature", "degree_C", "float32")
    ],
    "dimensions": [
        Dimension("time", "temporal", size=3, extent=("2015-01-16T00:00:00Z", "2015-03-16T00:00:00Z")),
        Dimension("y", "index", size=330, extent=(0, 329)),
        Dimension("x", "index", size=360, extent=(0, 359)),
    ],
    "keywords": ["sea surface temperature", "SST", "ocean model", "NEMO", "curvilinear grid"],
    "license": "other",
    "links": [LICENCE],
    "providers": [MET_OFFICE, SCITOOLS],
    "citation": f"Met Office. NEMO sea surface temperature, January to March 2015. {PACKAGED}",
}  # fmt: skip

SAMPLES = (
    _scenario("A1B", "balanced growth without climate policy"),
    _scenario("E1", "aggressive mitigation that stabilises greenhouse gases"),
    Sample(
        "ostia-monthly",
        "iris_sample_data",
        ("sample_data/ostia_monthly.nc",),
        NETCDF,
        open_ostia,
        _OSTIA,
        OPEN_KWARGS,
    ),
    Sample(
        "nemo-sst",
        "iris_sample_data",
        tuple(
            f"sample_data/NEMO/nemo_1m_{months}_grid-T.nc"
            for months in ("20150101-20150201", "20150201-20150301", "20150301-20150401")
        ),
        NETCDF,
        open_nemo,
        _NEMO,
        {"engine": "netcdf4"},
    ),
)
