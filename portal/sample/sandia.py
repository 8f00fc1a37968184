"""Sandia: turbidity and relief of the globe, typical weather years and solar spectra, from pvlib."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.core.asset import Provider
from portal.core.variable import Dimension, Variable
from portal.sample import tmy3
from portal.sample.lazy import lazy_array
from portal.sample.record import CSV, HDF5, RECORDED, Sample

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import xarray as xr

PVLIB = Provider(
    name="pvlib python contributors",
    roles=("processor", "host"),
    url="https://pvlib-python.readthedocs.io",
)
SANDIA = Provider(
    name="Sandia National Laboratories", roles=("processor",), url="https://pvpmc.sandia.gov"
)
MINES = Provider(
    name="SoDa: Meteotest and École des Mines de Paris",
    roles=("producer",),
    url="https://www.soda-pro.com",
)

#: One cell of the global grids is 1/12 degree; rows run from north to south.
ROWS, COLUMNS, STEP = 2160, 4320, 1 / 12

#: Dask chunks: whole multiples of the files' own 135×270×2 and 216×432, of which those of the
#: relief hold whole ones of the turbidity, so that the two are joined without mixing chunks.
TURBIDITY_CHUNKS = {"lat": 540, "lon": 1080, "time": 12}
ALTITUDE_CHUNKS = {"lat": 1080, "lon": 2160}

_LAT = Dimension(
    "lat", "spatial", axis="y", size=ROWS, extent=(-90.0, 90.0), unit="degrees_north", step=-STEP
)
_LON = Dimension(
    "lon", "spatial", axis="x", size=COLUMNS, extent=(-180.0, 180.0), unit="degrees_east", step=STEP
)


def _grid(path: Path, array: str, sizes: dict[str, int], chunks: dict[str, int]) -> xr.Dataset:
    """Open one array that has no coordinates as stored numbers, with the grid's coordinates."""
    import numpy as np
    import xarray as xr

    stored = xr.open_dataset(
        path,
        engine="h5netcdf",
        phony_dims="sort",
        mask_and_scale=False,
        chunks={f"phony_dim_{i}": chunks[name] for i, name in enumerate(sizes)},
    )[array].variable
    if stored.shape != tuple(sizes.values()):
        raise ValueError(f"{array} has the shape {stored.shape}, not {tuple(sizes.values())}")
    lat = 90 - (np.arange(ROWS) + 0.5) * STEP
    lon = -180 + (np.arange(COLUMNS) + 0.5) * STEP
    return xr.Dataset(
        {array: xr.Variable(tuple(sizes), stored.data)},
        coords={
            "lat": (
                "lat",
                lat,
                {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"},
            ),
            "lon": (
                "lon",
                lon,
                {"standard_name": "longitude", "units": "degrees_east", "axis": "X"},
            ),
        },
    )


def open_turbidity(path: Path) -> xr.Dataset:
    """Open the Linke turbidity climatology: 2160×4320×12 (lat, lon, time), factor of 1.

    The file holds 20 times the turbidity as bytes (pvlib.clearsky.lookup_linke_turbidity).
    """
    import numpy as np
    import xarray as xr

    ds = _grid(path, "LinkeTurbidity", {"lat": ROWS, "lon": COLUMNS, "time": 12}, TURBIDITY_CHUNKS)
    ds = ds.rename(LinkeTurbidity="linke_turbidity")
    ds["linke_turbidity"].attrs = {
        "long_name": "Linke turbidity factor",
        "units": "1",
        "cell_methods": "time: mean within years time: mean over years",
        "scale_factor": np.float32(0.05),
    }
    months = np.arange("2003-01", "2004-02", dtype="datetime64[M]").astype("datetime64[ns]")
    bounds = np.stack([months[:-1], months[1:]], axis=1)
    time = {
        "standard_name": "time",
        "long_name": "middle of the month",
        "axis": "T",
        "climatology": "climatology_bounds",
        "comment": "The months stand for no particular year; 2003 is that of the source.",
    }
    ds = xr.decode_cf(ds, decode_times=False).assign_coords(
        time=("time", bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) // 2, time),
        climatology_bounds=(("time", "nv"), bounds),
    )
    for name in ("time", "climatology_bounds"):
        ds[name].encoding = {
            "units": "hours since 2003-01-01",
            "calendar": "standard",
            "dtype": "int32",
        }
    return ds


def open_altitude(path: Path) -> xr.Dataset:
    """Open the relief of the globe: 2160×4320 (lat, lon), metres, NaN where there is no land.

    The file holds (altitude + 450 m) / 28 m as bytes, and 255 where there is no data, which is
    the ocean (pvlib.location.lookup_altitude).
    """
    import numpy as np
    import xarray as xr

    ds = _grid(path, "Altitude", {"lat": ROWS, "lon": COLUMNS}, ALTITUDE_CHUNKS)
    ds = ds.rename(Altitude="altitude")
    ds["altitude"].attrs = {
        "standard_name": "surface_altitude",
        "long_name": "height of the land above sea level",
        "units": "m",
        "scale_factor": np.float32(28),
        "add_offset": np.float32(-450),
        "_FillValue": np.uint8(255),
    }
    return xr.decode_cf(ds)


def _table(path: Path) -> npt.NDArray[np.float64]:
    import numpy as np

    return np.loadtxt(path, delimiter=",", skiprows=2)


def open_spectra(path: Path) -> xr.Dataset:
    """Open the ASTM G173 reference spectra: 2002 wavelengths, W m-2 nm-1."""
    import xarray as xr

    table = lazy_array(_table, path, shape=(2002, 4))
    wavelength = _table(path)[:, 0]
    named = {v.name: v for v in _SPECTRA}
    return xr.Dataset(
        {
            name: ("wavelength", table[:, column], {"long_name": v.long_name, "units": v.units})
            for column, (name, v) in enumerate(named.items(), start=1)
        },
        coords={
            "wavelength": (
                "wavelength",
                wavelength,
                {"standard_name": "radiation_wavelength", "units": "nm"},
            )
        },
    )


_SPECTRA = (
    Variable("extraterrestrial", ("wavelength",), "spectral irradiance above the atmosphere", "", "W m-2 nm-1", "float64"),
    Variable("global_tilted", ("wavelength",), "hemispherical spectral irradiance on a surface tilted by 37 degrees", "", "W m-2 nm-1", "float64"),
    Variable("direct", ("wavelength",), "direct normal and circumsolar spectral irradiance", "", "W m-2 nm-1", "float64"),
)  # fmt: skip

_TURBIDITY: dict[str, Any] = {
    "title": "Linke turbidity of the atmosphere, monthly climatology",
    "description": (
        "Monthly climatology of the Linke turbidity factor on a global grid of 1/12 degree: how "
        "many clean, dry atmospheres would attenuate sunlight as much as the aerosols and water "
        "vapour of the real one. Stored in steps of 0.05. The months stand for no particular "
        "year; the time axis takes 2003, the year of the source."
    ),
    "bbox": (-180, -90, 180, 90),
    "time": "2003-01-01T00:00:00Z/2003-12-31T23:59:59Z",
    "variables": [
        Variable("linke_turbidity", ("lat", "lon", "time"), "Linke turbidity factor", "", "1", "float32")
    ],
    "dimensions": [
        _LAT,
        _LON,
        Dimension("time", "temporal", size=12, extent=("2003-01-16T12:00:00Z", "2003-12-16T12:00:00Z")),
    ],
    "keywords": ["atmospheric turbidity", "linke turbidity", "aerosol", "water vapour", "clear sky", "solar radiation", "climatology"],
    "license": "BSD-3-Clause",
    "providers": [MINES, SANDIA, PVLIB],
    "citation": (
        "Remund, J., Wald, L., Lefèvre, M., Ranchin, T., Page, J. (2003). Worldwide Linke turbidity "
        "information. Proceedings of ISES Solar World Congress, Göteborg, Sweden. As distributed by pvlib python."
    ),
}  # fmt: skip

_ALTITUDE: dict[str, Any] = {
    "title": "Altitude of the land, global relief",
    "description": (
        "Coarse relief of the globe on a grid of 1/12 degree, in steps of 28 m from -450 m, "
        "aggregated by Mapzen from open elevation models (ETOPO1, SRTM, GMTED2010, ArcticDEM and "
        "national ones). The ocean has no data. Errors of 100 m and more are possible."
    ),
    "bbox": (-180, -90, 180, 90),
    "created": RECORDED,
    "variables": [
        Variable("altitude", ("lat", "lon"), "height of the land above sea level", "surface_altitude", "m", "float32")
    ],
    "dimensions": [_LAT, _LON],
    "keywords": ["altitude", "elevation", "relief", "topography", "orography", "land mask", "digital elevation model"],
    "license": "other",
    "providers": [
        Provider("Mapzen (Joerd terrain tiles)", ("producer",), "https://github.com/tilezen/joerd"),
        PVLIB,
    ],
    "citation": (
        "Mapzen terrain tiles (Joerd), from ETOPO1, SRTM, GMTED2010, 3DEP, EU-DEM, ArcticDEM and others; "
        "attributions: https://github.com/tilezen/joerd/blob/master/docs/attribution.md. As distributed by pvlib python."
    ),
    "links": [
        {
            "rel": "license",
            "href": "https://github.com/tilezen/joerd/blob/master/docs/attribution.md",
            "title": "Attributions of the sources",
        }
    ],
}  # fmt: skip

_ASTM: dict[str, Any] = {
    "title": "Reference solar spectra, ASTM G173-03",
    "description": (
        "Reference spectral irradiance at air mass 1.5 from 280 to 4000 nm, derived from SMARTS "
        "2.9.2: above the atmosphere, on a surface tilted by 37 degrees, and direct."
    ),
    "created": RECORDED,
    "variables": _SPECTRA,
    "dimensions": [Dimension("wavelength", "bands", size=2002, extent=(280.0, 4000.0), unit="nm")],
    "keywords": ["solar spectrum", "spectral irradiance", "air mass 1.5", "photovoltaics"],
    "license": "other",
    "providers": [
        Provider("National Renewable Energy Laboratory", ("producer",), "https://www.nrel.gov"),
        PVLIB,
    ],
    "citation": (
        "ASTM G173-03, Standard Tables for Reference Solar Spectral Irradiances: Direct Normal and "
        "Hemispherical on 37° Tilted Surface. As distributed by pvlib python."
    ),
}

SAMPLES = (
    Sample(
        "linke-turbidity",
        "pvlib",
        ("data/LinkeTurbidities.h5",),
        HDF5,
        open_turbidity,
        _TURBIDITY,
        {"engine": "h5netcdf", "phony_dims": "sort"},
    ),
    Sample(
        "altitude",
        "pvlib",
        ("data/Altitude.h5",),
        HDF5,
        open_altitude,
        _ALTITUDE,
        {"engine": "h5netcdf", "phony_dims": "sort"},
    ),
    *tmy3.samples(PVLIB),
    Sample("astm-g173", "pvlib", ("data/ASTMG173.csv",), CSV, open_spectra, _ASTM),
)
