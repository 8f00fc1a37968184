"""Units: what they measure, and which names they leave."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.words import convertible, understand
from portal.words.tables import load
from portal.words.units import dimension_of


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("mm/day", "m s-1", True),
        ("mm per day", "m s-1", True),
        ("mm d-1", "m s-1", True),
        ("degC", "K", True),
        ("°C", "K", True),
        ("W m-2", "W/m^2", True),
        ("W m**-2", "W/m²", True),
        ("W m⁻²", "J m-2 s-1", True),
        ("µg/m³", "kg m-3", True),
        ("hPa", "dbar", True),
        ("knots", "m s-1", True),
        ("ppm", "1", True),
        ("1e-3", "psu", True),
        ("W m-2 sr-1 (m-1)-1", "W sr-1 m-1", True),
        ("kg m-2 s-1", "mm/day", False),
        ("kg m-2", "mm", False),
        ("degree", "1", False),
        ("Bq m-3", "s-1 m-3", False),
        ("furlongs", "m", False),
        ("", "", False),
        ("m/", "m", False),
        ("(m", "m", False),
    ],
)
def test_convertible(one: str, other: str, same: bool) -> None:
    assert convertible(one, other) is same
    assert convertible(other, one) is same


def test_all_canonical_units_are_understood() -> None:
    assert [u for u in set(load().units.values()) if u and dimension_of(u) is None] == []


def test_pint_agrees_about_dimensions() -> None:
    """On the units that both read, but for angles and levels, which pint takes for numbers."""
    import pint

    registry = pint.UnitRegistry()
    symbols = (
        "m mm km s min hour day week g kg t K mol N Pa hPa mbar bar J W kW V S T Hz ha l ft mile"
    )
    held = symbols.split()
    for one in held:
        for other in held:
            same = registry.Unit(one).dimensionality == registry.Unit(other).dimensionality
            assert convertible(one, other) is same, (one, other)
            assert convertible(f"{one} {other}-2", f"{one}/{other}^2")


@given(st.text(max_size=50))
def test_no_text_is_refused(text: str) -> None:
    assert convertible(text, text) in (True, False)


@pytest.mark.parametrize(
    ("text", "first", "units"),
    [
        ("rain in mm/day", "lwe_precipitation_rate", "mm/day"),
        ("rain in kg m-2 s-1", "precipitation_flux", "kg m-2 s-1"),
        ("precipitation (mm/day)", "lwe_precipitation_rate", "mm/day"),
        ("precipitation [kg m-2 s-1] monthly", "precipitation_flux", "kg m-2 s-1"),
        ("rain over Texas in mm/day since 1990", "lwe_precipitation_rate", "mm/day"),
        ("wind in m/s", "wind_speed", "m/s"),
        ("wind in degrees", "wind_from_direction", "degrees"),
        ("temperature in degC", "air_temperature", "degC"),
        ("salinity in 1e-3", "sea_water_salinity", "1e-3"),
        ("flux in W m-2", "surface_downwelling_shortwave_flux_in_air", "W m-2"),
        ("flux in kg m-2 s-1", "precipitation_flux", "kg m-2 s-1"),
        ("ozone in DU", "equivalent_thickness_at_stp_of_atmosphere_ozone_content", "DU"),
    ],
)
def test_only_names_with_such_units_are_kept(text: str, first: str, units: str) -> None:
    found = understand(text)
    (concept,) = found.concepts
    assert concept.names[0] == first
    assert concept.units == units
    canonical = load().units
    assert all(convertible(canonical[n], units) for n in concept.names if n in canonical)
    assert found.text in ("", "monthly")


@pytest.mark.parametrize("text", ["rain in K", "rain (K)", "rain in furlongs"])
def test_units_that_no_name_has_stay_words(text: str) -> None:
    found = understand(text)
    (concept,) = found.concepts
    assert concept.names == understand("rain").concepts[0].names
    assert concept.units == ""
    assert found.text in ("K", "(K)", "furlongs")


def test_a_number_is_no_unit() -> None:
    found = understand("wind in 10 m")
    assert found.concepts == understand("wind").concepts
    assert found.text == "10 m"
