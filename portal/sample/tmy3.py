"""Typical meteorological years (TMY3) of two American stations, from pvlib."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from portal.core.asset import Provider
from portal.core.variable import Dimension, Variable
from portal.sample.lazy import lazy_array
from portal.sample.record import CSV, Sample

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import xarray as xr

HOURS = 8760

#: The year given to the hours: not a leap year, in the span of 1991-2005 that TMY3 draws on.
YEAR = 2001

#: What the files write where a value is missing.
MISSING = -9900.0


class Station(NamedTuple):
    """A station, as the first line of its file tells it; ``utc`` is its hours from UTC."""

    local_id: str
    file: str
    place: str
    utc: int
    lat: float
    lon: float
    altitude: float


STATIONS = (
    Station("tmy3-sand-point", "703165TY.csv", "Sand Point, Alaska", -9, 55.317, -160.517, 7.0),
    Station(
        "tmy3-greensboro", "723170TYA.CSV", "Greensboro, North Carolina", -5, 36.1, -79.95, 273.0
    ),
)


class Column(NamedTuple):
    """A column of the file: its header there, and the variable it becomes."""

    header: str
    variable: Variable
    method: str = "time: mean"
    factor: float = 1.0


def _column(
    header: str, name: str, long_name: str, standard_name: str, units: str, **rest: Any
) -> Column:
    return Column(
        header, Variable(name, ("time",), long_name, standard_name, units, "float32"), **rest
    )


_POINT = {"method": "time: point"}
COLUMNS = (
    _column("GHI (W/m^2)", "ghi", "global horizontal irradiance", "surface_downwelling_shortwave_flux_in_air", "W m-2"),
    _column("DNI (W/m^2)", "dni", "direct normal irradiance", "surface_direct_along_beam_shortwave_flux_in_air", "W m-2"),
    _column("DHI (W/m^2)", "dhi", "diffuse horizontal irradiance", "surface_diffuse_downwelling_shortwave_flux_in_air", "W m-2"),
    _column("Dry-bulb (C)", "temperature", "air temperature", "air_temperature", "degC", **_POINT),
    _column("Dew-point (C)", "dew_point", "dew point temperature", "dew_point_temperature", "degC", **_POINT),
    _column("RHum (%)", "relative_humidity", "relative humidity", "relative_humidity", "%", **_POINT),
    _column("Pressure (mbar)", "pressure", "station pressure", "surface_air_pressure", "hPa", **_POINT),
    _column("Wdir (degrees)", "wind_direction", "direction the wind comes from", "wind_from_direction", "degree", **_POINT),
    _column("Wspd (m/s)", "wind_speed", "wind speed", "wind_speed", "m s-1", **_POINT),
    _column("Alb (unitless)", "albedo", "surface albedo", "surface_albedo", "1", **_POINT),
    _column("Pwat (cm)", "precipitable_water", "precipitable water", "atmosphere_mass_content_of_water_vapor", "kg m-2", factor=10.0, **_POINT),
)  # fmt: skip
SOURCE_YEAR = Variable("source_year", ("time",), "year the hour was observed", "", "1", "float32")


def read(path: Path) -> npt.NDArray[np.float32]:
    """Read the columns of :data:`COLUMNS` and the year of each hour: (variable, hour)."""
    import csv

    import numpy as np

    with path.open(encoding="ascii", newline="") as file:
        rows = list(csv.reader(file))
    header = rows[1]
    places = [header.index(column.header) for column in COLUMNS]
    body = rows[2:]
    values = np.array([[row[i] for i in places] for row in body], dtype=np.float32).T
    values[values == MISSING] = np.nan
    values *= np.array([[column.factor] for column in COLUMNS], dtype=np.float32)
    years = np.array([[row[0][-4:] for row in body]], dtype=np.float32)
    return np.concatenate([values, years])


def open_station(station: Station, path: Path) -> xr.Dataset:
    """Open a year of hours: 8760 (time), UTC; each hour is stamped with its end, as in the file."""
    import numpy as np
    import xarray as xr

    shape = (len(COLUMNS) + 1, HOURS)
    table = lazy_array(read, path, shape=shape, dtype=np.float32)
    first = np.datetime64(f"{YEAR}-01-01T00:00", "ns") - np.timedelta64(station.utc, "h")
    edges = first + np.arange(HOURS + 1) * np.timedelta64(1, "h")
    ds = xr.Dataset(
        coords={
            "time": (
                "time",
                edges[1:],
                {
                    "standard_name": "time",
                    "long_name": "end of the hour, UTC",
                    "axis": "T",
                    "bounds": "time_bounds",
                    "comment": f"The months come from different years; all are given {YEAR}.",
                },
            ),
            "time_bounds": (("time", "nv"), np.stack([edges[:-1], edges[1:]], axis=1)),
            "lat": ((), station.lat, {"standard_name": "latitude", "units": "degrees_north"}),
            "lon": ((), station.lon, {"standard_name": "longitude", "units": "degrees_east"}),
            "altitude": ((), station.altitude, {"standard_name": "altitude", "units": "m"}),
        },
        attrs={"station": station.place, "featureType": "timeSeries"},
    )
    for name in ("time", "time_bounds"):
        ds[name].encoding = {"units": f"hours since {YEAR}-01-01", "dtype": "int32"}
    for row, column in enumerate(COLUMNS):
        v = column.variable
        ds[v.name] = (
            "time",
            table[row],
            {
                "long_name": v.long_name,
                "standard_name": v.standard_name,
                "units": v.units,
                "cell_methods": column.method,
            },
        )
    ds["source_year"] = (
        "time",
        table[len(COLUMNS)],
        {"long_name": SOURCE_YEAR.long_name, "units": SOURCE_YEAR.units},
    )
    return ds


def _fields(station: Station, host: Provider) -> dict[str, Any]:
    start, end = (
        f"{YEAR}-01-01T{-station.utc:02}:00:00Z",
        f"{YEAR + 1}-01-01T{-station.utc:02}:00:00Z",
    )
    return {
        "title": f"Typical meteorological year (TMY3), {station.place}",
        "description": (
            f"Hourly solar irradiance and weather at {station.place}, {station.altitude:g} m, for "
            "a year put together from months that are typical of 1976-2005 or 1991-2005. Times "
            f"are UTC and are given the year {YEAR}; source_year is the year observed."
        ),
        "bbox": (station.lon, station.lat, station.lon, station.lat),
        "time": f"{start}/{end}",
        "variables": [*(column.variable for column in COLUMNS), SOURCE_YEAR],
        "dimensions": [
            Dimension("time", "temporal", size=HOURS, extent=(start.replace(f"{-station.utc:02}:", f"{-station.utc + 1:02}:"), end))
        ],
        "keywords": ["solar irradiance", "weather", "typical meteorological year", "TMY3", "surface observations", "photovoltaics"],
        "license": "other",
        "providers": [
            Provider("National Renewable Energy Laboratory", ("producer", "licensor"), "https://nsrdb.nrel.gov"),
            host,
        ],
        "citation": (
            "Wilcox, S., Marion, W. (2008). Users Manual for TMY3 Data Sets. NREL/TP-581-43156, National Renewable "
            "Energy Laboratory, Golden, Colorado. As distributed by pvlib python."
        ),
    }  # fmt: skip


def samples(host: Provider) -> tuple[Sample, ...]:
    """Return the records of :data:`STATIONS`."""
    return tuple(
        Sample(
            station.local_id,
            "pvlib",
            (f"data/{station.file}",),
            CSV,
            partial(open_station, station),
            _fields(station, host),
        )
        for station in STATIONS
    )
