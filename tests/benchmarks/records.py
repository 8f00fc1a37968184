"""Synthetic records, the same for the same seed: titles from vocabularies, boxes, times."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from portal.core.item import Item
from portal.core.query import BBox, Interval, Query
from portal.core.variable import Variable

FACILITIES = (
    "ameslab", "anl", "bnl", "fnal", "inl", "jlab", "lanl", "lbnl", "llnl",
    "netl", "nrel", "ornl", "pnnl", "pppl", "sandia", "slac", "srnl",
)  # fmt: skip
QUANTITIES = (
    ("air_temperature", "tas", "Near-surface air temperature", "K"),
    ("precipitation_flux", "pr", "Precipitation", "kg m-2 s-1"),
    ("sea_surface_temperature", "tos", "Sea surface temperature", "degC"),
    ("sea_water_salinity", "so", "Sea water salinity", "1e-3"),
    ("wind_speed", "sfcWind", "Wind speed", "m s-1"),
    ("surface_downwelling_shortwave_flux_in_air", "rsds", "Downwelling solar radiation", "W m-2"),
    ("relative_humidity", "hur", "Relative humidity", "%"),
    ("soil_moisture_content", "mrso", "Soil moisture", "kg m-2"),
    ("snow_amount", "snw", "Snow amount", "kg m-2"),
    ("leaf_area_index", "lai", "Leaf area index", "1"),
    ("atmosphere_optical_thickness_due_to_aerosol", "aod", "Aerosol optical depth", "1"),
    ("mole_fraction_of_carbon_dioxide_in_air", "co2", "Carbon dioxide", "ppm"),
    ("mole_fraction_of_methane_in_air", "ch4", "Methane", "ppb"),
    ("surface_altitude", "orog", "Surface altitude", "m"),
    ("cloud_area_fraction", "clt", "Cloud cover", "%"),
    ("river_water_volume_transport", "rivo", "River discharge", "m3 s-1"),
    ("sea_ice_area_fraction", "siconc", "Sea ice concentration", "%"),
    ("mass_concentration_of_pm2p5_in_air", "pm25", "Fine particulate matter", "ug m-3"),
    ("atmosphere_turbidity", "tl", "Linke turbidity", "1"),
    ("net_primary_productivity", "npp", "Net primary productivity", "kg m-2 s-1"),
)
KINDS = ("monthly mean", "daily", "hourly", "climatology", "reanalysis", "projection", "observed",
         "gridded", "satellite", "in situ", "simulated", "assimilated")  # fmt: skip
PLACES = ("Arctic", "Amazon basin", "North America", "Sahel", "Southern Ocean", "Great Plains",
          "Alps", "Gulf of Mexico", "Siberia", "Pacific", "Atlantic", "Himalaya", "Oklahoma",
          "Puerto Rico", "Alaska", "Congo", "Mediterranean", "Australia", "global")  # fmt: skip
PROJECTS = ("CMIP6", "ERA", "ARM", "AmeriFlux", "E3SM", "NGEE", "SPRUCE", "MODIS", "GOES",
            "WRF", "SPEAR", "Daymet", "GRACE", "ARGO", "TOGA")  # fmt: skip
SENTENCES = (
    "Quality controlled and homogenised across stations.",
    "Derived from retrievals with uncertainty estimates per pixel.",
    "Downscaled from an ensemble of coupled models under several scenarios.",
    "Measured with calibrated instruments at a supersite and averaged.",
    "Part of a long-term archive for the study of water and energy cycles.",
    "Bias corrected against observations and interpolated to a regular grid.",
    "Includes flags for missing values, clouds and instrument faults.",
    "Produced for the evaluation of land surface and ocean models.",
)
KEYWORDS = ("climate", "atmosphere", "ocean", "land", "cryosphere", "carbon", "energy", "water",
            "aerosol", "radiation", "ecosystem", "hydrology", "model output", "observation",
            "remote sensing", "air quality")  # fmt: skip

_FIRST = datetime(1950, 1, 1, tzinfo=UTC)


def records(count: int, seed: int = 2026) -> Iterator[Item]:
    """Give ``count`` records; the first ``n`` are the same for every count of at least ``n``."""
    rng = random.Random(seed)
    for number in range(count):
        yield _record(number, rng)


def _record(number: int, rng: random.Random) -> Item:
    chosen = rng.sample(QUANTITIES, rng.randint(1, 4))
    place, project, kind = rng.choice(PLACES), rng.choice(PROJECTS), rng.choice(KINDS)
    quantity = chosen[0][2]
    start = _FIRST + timedelta(days=rng.randint(0, 25_000))
    end = start + timedelta(days=int(rng.expovariate(1 / 1500)) + 1)
    return Item.build(
        rng.choice(FACILITIES),
        f"{project.lower()}-{chosen[0][1]}-{number:07d}",
        title=f"{quantity} over {place}, {kind}, {project} {start.year}",
        description=f"{kind.capitalize()} {quantity.lower()} of {project} for {place}. "
        + " ".join(rng.sample(SENTENCES, rng.randint(1, 4))),
        bbox=_box(rng),
        time=Interval(start, end),
        variables=[
            Variable(short, ("time", "lat", "lon"), long, standard, units, "float32")
            for standard, short, long, units in chosen
        ],
        keywords=rng.sample(KEYWORDS, rng.randint(1, 4)),
    )


def _box(rng: random.Random) -> BBox:
    """Return a box: one in ten is global, one in fifty crosses the antimeridian."""
    draw = rng.random()
    if draw < 0.1:
        return BBox(-180, -90, 180, 90)
    width, height = rng.expovariate(1 / 15) + 0.1, rng.expovariate(1 / 10) + 0.1
    west = rng.uniform(-180, 180) if draw > 0.12 else 180 - rng.uniform(0, min(width, 90))
    south = rng.uniform(-88, 80)
    east = west + min(width, 120)
    return BBox(
        round(west, 3), round(south, 3),
        round(east - 360 if east > 180 else east, 3), round(min(south + height, 90), 3),
    )  # fmt: skip


def queries(count: int, seed: int = 7) -> Iterator[Query]:
    """Give queries with a text, a box and a time, as people ask."""
    rng = random.Random(seed)
    for _ in range(count):
        quantity = rng.choice(QUANTITIES)[2].lower()
        words = [quantity, rng.choice((*KINDS, *PLACES, *PROJECTS, "")).lower()]
        west, south = rng.uniform(-180, 120), rng.uniform(-80, 40)
        year = rng.randint(1955, 2010)
        yield Query.of(
            " ".join(words),
            bbox=(west, south, west + rng.uniform(5, 60), south + rng.uniform(5, 45)),
            time=f"{year}/{year + rng.randint(0, 15)}",
        )
