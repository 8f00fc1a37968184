"""APS: how the elements absorb and scatter X-rays, from xraydb."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.core.asset import Provider
from portal.core.variable import Dimension, Variable
from portal.sample.lazy import lazy_array
from portal.sample.record import RECORDED, SQLITE, Sample

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import xarray as xr

ELEMENTS = 98
#: Photon energies of the attenuation spectra: first, last and step, eV.
FIRST, LAST, STEP = 1_000, 100_000, 50
ENERGIES = (LAST - FIRST) // STEP + 1
LEVELS = ("K", "L1", "L2", "L3", "M1", "M2", "M3", "M4", "M5", "N1", "N2", "N3", "N4", "N5", "N6", "N7",
          "O1", "O2", "O3", "O4", "O5", "P1", "P2", "P3")  # fmt: skip
PROCESSES = {
    "photo": "photoelectric absorption",
    "coherent": "coherent scattering",
    "incoherent": "incoherent scattering",
}
_SPLINES = {"photo": "photo", "coherent": "coh", "incoherent": "incoh"}
_BLOCK = 14


def _query(path: Path, sql: str) -> list[Any]:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            return database.execute(sql).fetchall()
    except sqlite3.Error as error:
        raise ValueError(f"{path} is no database of XrayDB: {error}") from error


def _elements(path: Path) -> dict[str, Any]:
    """Coordinates along the elements: atomic number, symbol, density and molar mass."""
    import numpy as np

    rows = _query(
        path,
        "SELECT atomic_number, element, density, molar_mass FROM elements ORDER BY atomic_number",
    )[:ELEMENTS]
    number, symbol, density, mass = zip(*rows, strict=True)
    dim = "atomic_number"
    return {
        dim: (dim, np.array(number, dtype="int32"), {"long_name": "atomic number", "units": "1"}),
        "element": (dim, np.array(symbol, dtype=object), {"long_name": "symbol of the element"}),
        "density": (dim, np.array(density), {"long_name": "density", "units": "g cm-3"}),
        "molar_mass": (dim, np.array(mass), {"long_name": "molar mass", "units": "g mol-1"}),
    }


def _attenuation(process: str, first: int, last: int) -> npt.NDArray[np.float64]:
    """Mass attenuation of the elements first to last (inclusive): (element, energy), cm2 g-1."""
    import numpy as np
    import xraydb

    energies = np.arange(FIRST, LAST + 1, STEP, dtype=float)
    database = xraydb.XrayDB()
    try:
        return np.stack(
            [
                database.cross_section_elam(z, energies, kind=_SPLINES[process])
                for z in range(first, last + 1)
            ]
        )
    finally:
        database.close()


def _blocks() -> list[tuple[int, int]]:
    """Return the first and last atomic number of each chunk."""
    return [(z, min(z + _BLOCK - 1, ELEMENTS)) for z in range(1, ELEMENTS + 1, _BLOCK)]


def open_attenuation(path: Path) -> xr.Dataset:
    """Open the mass attenuation: 98×1981 (atomic_number, energy), cm2 g-1.

    Each block of elements is interpolated by xraydb, as Elam, Ravel and Sieber (2002) do, when it
    is asked for.
    """
    import dask.array as da
    import numpy as np
    import xarray as xr

    ds = xr.Dataset(
        coords=_elements(path)
        | {
            "energy": (
                "energy",
                np.arange(FIRST, LAST + 1, STEP, dtype=float),
                {"long_name": "photon energy", "units": "eV"},
            )
        }
    )
    for process, words in PROCESSES.items():
        blocks = [
            lazy_array(
                _attenuation,
                process,
                first,
                last,
                shape=(last - first + 1, ENERGIES),
            )
            for first, last in _blocks()
        ]
        ds[process] = (
            ("atomic_number", "energy"),
            da.concatenate(blocks),  # type: ignore[no-untyped-call]
            {"long_name": f"mass attenuation by {words}", "units": "cm2 g-1"},
        )
    ds["total"] = ds["photo"] + ds["coherent"] + ds["incoherent"]
    ds["total"].attrs = {"long_name": "total mass attenuation", "units": "cm2 g-1"}
    return ds


def _edges(path: Path) -> npt.NDArray[np.float64]:
    """Edge energy, fluorescence yield and jump ratio: (quantity, element, level), NaN if none."""
    import numpy as np

    table = np.full((len(_EDGES), ELEMENTS, len(LEVELS)), np.nan)
    rows = _query(
        path,
        "SELECT e.atomic_number, x.iupac_symbol, x.absorption_edge, x.fluorescence_yield, "
        "x.jump_ratio FROM xray_levels x JOIN elements e ON x.element = e.element",
    )
    for number, level, *values in rows:
        if number <= ELEMENTS:
            table[:, number - 1, LEVELS.index(level)] = values
    return table


def open_edges(path: Path) -> xr.Dataset:
    """Open the absorption edges: 98×24 (atomic_number, level); edge energies in eV."""
    import numpy as np
    import xarray as xr

    shape = (len(_EDGES), ELEMENTS, len(LEVELS))
    table = lazy_array(_edges, path, shape=shape)
    return xr.Dataset(
        {
            v.name: (v.dims, table[i], {"long_name": v.long_name, "units": v.units})
            for i, v in enumerate(_EDGES)
        },
        coords=_elements(path)
        | {"level": ("level", np.array(LEVELS, dtype=object), {"long_name": "IUPAC symbol"})},
    )


_DIMS = ("atomic_number", "energy")
_EDGES = (
    Variable("edge_energy", ("atomic_number", "level"), "energy of the absorption edge", "", "eV", "float64"),
    Variable("fluorescence_yield", ("atomic_number", "level"), "fluorescence yield", "", "1", "float64"),
    Variable("jump_ratio", ("atomic_number", "level"), "edge jump ratio", "", "1", "float64"),
)  # fmt: skip
_ATOMS = Dimension("atomic_number", "element", size=ELEMENTS, extent=(1, ELEMENTS), step=1)
_COMMON: dict[str, Any] = {
    "created": RECORDED,
    "license": "MIT",
    "providers": [
        Provider("W. T. Elam, B. D. Ravel and J. R. Sieber", ("producer",)),
        Provider(
            "GSECARS, The University of Chicago, at the Advanced Photon Source",
            ("processor", "host"),
            "https://xraypy.github.io/XrayDB/",
        ),
    ],
    "citation": (
        "Elam, W.T., Ravel, B.D., Sieber, J.R. (2002). A new atomic database for X-ray spectroscopic calculations. Radiation "
        "Physics and Chemistry 63, 121-128, doi:10.1016/S0969-806X(01)00227-4. As distributed by XrayDB."
    ),
    "properties": {
        "sci:publications": [
            {
                "doi": "10.1016/S0969-806X(01)00227-4",
                "citation": "Elam, W.T., Ravel, B.D., Sieber, J.R. (2002). A new atomic database for X-ray spectroscopic "
                "calculations. Radiation Physics and Chemistry 63, 121-128.",
            }
        ]
    },
}  # fmt: skip
_ATTENUATION: dict[str, Any] = _COMMON | {
    "title": "X-ray mass attenuation spectra of the elements",
    "description": (
        "Mass attenuation coefficients of the elements hydrogen to californium for photons of 1 to "
        "100 keV: photoelectric absorption, coherent and incoherent scattering, and their total. "
        "Times the density it is the linear attenuation coefficient, cm-1."
    ),
    "variables": [
        *(Variable(p, _DIMS, f"mass attenuation by {words}", "", "cm2 g-1", "float64") for p, words in PROCESSES.items()),
        Variable("total", _DIMS, "total mass attenuation", "", "cm2 g-1", "float64"),
    ],
    "dimensions": [
        _ATOMS,
        Dimension("energy", "bands", size=ENERGIES, extent=(FIRST, LAST), unit="eV", step=STEP),
    ],
    "keywords": ["X-ray", "attenuation", "absorption", "cross section", "spectroscopy", "synchrotron", "elements"],
}  # fmt: skip
_EDGE_FIELDS: dict[str, Any] = _COMMON | {
    "title": "X-ray absorption edges of the elements",
    "description": (
        "Energies of the absorption edges K to P3 of the elements hydrogen to californium, with "
        "their fluorescence yields and jump ratios."
    ),
    "variables": _EDGES,
    "dimensions": [_ATOMS, Dimension("level", "level", size=len(LEVELS), extent=(0, len(LEVELS) - 1))],
    "keywords": ["X-ray", "absorption edge", "fluorescence", "spectroscopy", "XAFS", "synchrotron", "elements"],
}  # fmt: skip

SAMPLES = (
    Sample(
        "xray-attenuation", "xraydb", ("xraydb.sqlite",), SQLITE, open_attenuation, _ATTENUATION
    ),
    Sample("xray-edges", "xraydb", ("xraydb.sqlite",), SQLITE, open_edges, _EDGE_FIELDS),
)
