"""Quantities, what stays words, and taking back."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.query import Query
from portal.words import understand

TODAY = date(2026, 3, 31)

#: Words that mean something, words that mean nothing, and what breaks parsers.
_MADE_OF = (
    "rain|sea ice|sea-ice|wind|SST|CAPE|air_temperature|over Texas|near Fiji|in Georgia|Texas|over"
    "|in Russia and|in|the|and|since 1990|1990-2000|in 1998|July 2003|last year|in m/s|(mm/day)|K|*"
    '|temp*|-rain|-|"|"sea ice"|data|zebra|é|İstanbul|\0|ß|in m|1e-3|((|[m|:|AND|2003|%|a/b'
)
_PIECES = st.sampled_from(_MADE_OF.split("|"))
_TEXTS = st.lists(_PIECES, max_size=14).map(" ".join) | st.text(max_size=60)


def names(text: str) -> tuple[str, ...]:
    (concept,) = understand(text).concepts
    return concept.names


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("rain", "precipitation_flux"),
        ("Rainfalls", "precipitation_flux"),
        ("sunlight", "surface_downwelling_shortwave_flux_in_air"),
        ("sea surface temperature", "sea_surface_temperature"),
        ("soil moisture", "mass_content_of_water_in_soil_layer"),
        ("wind speed", "wind_speed"),
        ("CO2", "mole_fraction_of_carbon_dioxide_in_air"),
        ("PM2.5", "mass_concentration_of_pm2p5_ambient_aerosol_particles_in_air"),
        ("tas", "air_temperature"),
        ("sea-ice", "sea_ice_area_fraction"),
        ("sulphur dioxide", "mole_fraction_of_sulfur_dioxide_in_air"),
        ("sulfur dioxide", "mole_fraction_of_sulfur_dioxide_in_air"),
        ("El Niño", "sea_water_temperature_anomaly"),
        ("humidities", "relative_humidity"),
        ("air temperature", "air_temperature"),
        ("air_temperature", "air_temperature"),
        (
            "radioactivity concentration of 137cs in air",
            "radioactivity_concentration_of_137Cs_in_air",
        ),
        ("soil_moisture_content", "mass_content_of_water_in_soil"),
        (
            "number concentration of ambient aerosol particles in air",
            "number_concentration_of_ambient_aerosol_particles_in_air",
        ),
    ],
)
def test_lay_words_mean_the_likeliest_standard_name(text: str, first: str) -> None:
    assert names(text)[0] == first


def test_temperature_alone_means_that_of_the_air_and_of_the_sea() -> None:
    assert names("temperature")[0] == "air_temperature"
    assert "sea_surface_temperature" in names("temperature")


def test_the_longest_phrase_wins() -> None:
    assert [c.words for c in understand("sea level pressure and sea level").concepts] == [
        "sea level pressure",
        "sea level",
    ]


def test_names_that_a_quantity_had_before_come_last() -> None:
    found = names("turbidity of the air")
    assert found[0] == "atmosphere_optical_thickness_due_to_ambient_aerosol_particles"
    assert "atmosphere_optical_thickness_due_to_aerosol" in found[1:]


def test_an_abbreviation_that_is_a_word_needs_its_capitals() -> None:
    assert names("CAPE")[0] == "atmosphere_convective_available_potential_energy"
    assert not understand("cape").concepts


def test_what_is_left_stays_in_order_without_small_words_at_its_ends() -> None:
    assert understand("the turbidity over land by month").text == "land by month"
    assert understand("rain data over Texas").text == ""


def test_a_text_without_anything_known_is_left_as_it_is() -> None:
    found = understand('  the "sea ice"  zebra* ')
    assert not found
    assert found.text == 'the "sea ice"  zebra*'


@pytest.mark.parametrize(
    "text", ['"rain"', "-rain", "rain*", '"rain over Texas since 1990"', "-Texas", '"in July 2003"']
)
def test_quoted_unwanted_and_starred_words_are_never_interpreted(text: str) -> None:
    found = understand(text)
    assert not found
    assert not found.offers
    assert found.text == text


def test_two_words_for_one_quantity_are_one_concept() -> None:
    assert [c.words for c in understand("rain, precipitation").concepts] == ["rain"]


def test_it_fits_a_query() -> None:
    found = understand("rain over Texas since 1990 daily")
    assert found.place is not None
    assert found.time is not None
    query = Query(found.text, found.place.bbox, found.time.interval, concepts=found.concepts)
    assert query.words == "daily rain"


@given(_TEXTS)
def test_no_text_is_refused(text: str) -> None:
    found = understand(text, today=TODAY)
    assert found.original == text
    assert found == understand(text, today=TODAY)


@pytest.mark.parametrize(
    "piece", ["in ", '"', "in m ", "since ", "[m ", "ŉ", "((", "1990 ", "a/", "*"]
)
def test_ten_thousand_characters_are_taken(piece: str) -> None:
    assert understand(piece * (10_000 // len(piece))).original


@given(_TEXTS)
def test_every_part_can_be_taken_back(text: str) -> None:
    found = understand(text, today=TODAY)
    said = [part.words for part in (*found.concepts, found.place, found.time) if part]
    for words in said:
        again = understand(text, literal=(words.upper(),), today=TODAY)
        assert words not in [p.words for p in (*again.concepts, again.place, again.time) if p]
    assert not understand(text, literal=said + _offered(text, said), today=TODAY).place
    for words in said:
        kept = understand(text, literal=(words,), today=TODAY).text.split()
        inner = [
            word for word in words.split() if word.casefold() not in ("in", "the", "over", "near")
        ]
        assert all(any(word in chunk for chunk in kept) for word in inner)


def _offered(text: str, said: list[str]) -> list[str]:
    """Return the places that come up when others were taken back, one after the other."""
    more: list[str] = []
    while place := understand(text, literal=said + more, today=TODAY).place:
        more.append(place.words)
    return more


def test_only_what_is_named_is_taken_back() -> None:
    found = understand("rain over Texas since 1990", literal=("OVER texas",))
    assert found.text == "over Texas"
    assert [c.words for c in found.concepts] == ["rain"]
    assert found.place is None
    assert found.time is not None
    assert not found.offers


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; before = set(sys.modules); from portal.words import understand;"
        "understand('rain in mm/day over Texas since 1990');"
        "heavy = {'pint', 'numpy', 'xarray', 'pandas', 'tantivy'} & (set(sys.modules) - before);"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
