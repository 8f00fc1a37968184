"""The presets: each is a facility file that builds, with its facts and their sources."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal.core.plugins import CATALOGS, build_driver
from portal.core.query import BBox
from portal.errors import InvalidInput, UnknownFacility
from portal.federation.config import Home, read_facility, sample_files
from portal.federation.presets import Preset, add, presets

LABORATORIES = {
    "ames", "anl", "bnl", "fnal", "inl", "jlab", "lanl", "lbnl", "llnl", "netl", "nrel", "oak-ridge",
    "pnnl", "pppl", "slac", "snl", "srnl",
}  # fmt: skip
SERVICES = {
    "alcf", "arm", "data-gov", "datacite", "esgf", "esnet", "ess-dive", "materials-project",
    "nersc", "nsls2", "oedi", "olcf", "osti",
}  # fmt: skip
ALL = {preset.id: preset for preset in presets()}
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def ror_is_right(url: str) -> bool:
    """A ROR id is 0, six characters of Crockford's base 32, and two digits: ISO 7064 mod 97-10."""
    match = re.fullmatch(r"https://ror\.org/(0[0-9a-hj-km-np-tv-z]{6})(\d{2})", url)
    if match is None:
        return False
    number = 0
    for character in match[1]:
        number = number * 32 + _DIGITS.index(character)
    return (98 - number * 100 % 97) == int(match[2])


def test_a_mistyped_ror_id_is_caught() -> None:
    assert ror_is_right("https://ror.org/05gvnxz63")
    for wrong in ("05gvnxz36", "05gvnzx63", "15gvnxz63", "05gvnxz6", "05gvlxz63"):
        assert not ror_is_right(f"https://ror.org/{wrong}")


def test_all_laboratories_and_services_are_there() -> None:
    assert set(ALL) == LABORATORIES | SERVICES
    assert len(LABORATORIES) == 17


def test_no_preset_is_called_as_a_facility_of_the_sample_federation() -> None:
    taken = {name.removesuffix(".toml") for name, _ in sample_files()}
    assert not taken & set(ALL)


@pytest.mark.parametrize("preset", ALL.values(), ids=ALL)
def test_every_driver_of_a_preset_builds_and_asks_nobody(preset: Preset) -> None:
    facility = preset.facility
    for config in facility.catalogs.values():
        assert build_driver(CATALOGS, config, facility.id)
    assert facility.catalogs or facility.endpoints
    assert facility.access == "public"


@pytest.mark.parametrize("preset", ALL.values(), ids=ALL)
def test_every_fact_of_a_preset_has_a_source(preset: Preset) -> None:
    facility = preset.facility
    stated = {"name", "homepage"}
    stated |= {k for k in ("ror", "place", "latitude", "longitude") if getattr(facility, k)}
    stated |= {f"catalog.{name}" for name in facility.catalogs}
    assert stated <= set(facility.sources)
    assert all(facility.sources.values())
    for endpoint in facility.endpoints.values():
        assert endpoint.source.startswith("https://")
        assert endpoint.kind
    assert facility.homepage.startswith("https://")
    assert not facility.ror or ror_is_right(facility.ror)
    assert facility.description.endswith(".")


@pytest.mark.parametrize("name", sorted(LABORATORIES))
def test_a_laboratory_says_where_it_is(name: str) -> None:
    facility = ALL[name].facility
    assert facility.place
    assert facility.ror
    assert facility.latitude is not None
    assert facility.longitude is not None
    states = BBox(-125, 24, -66, 50)
    spot = BBox(facility.longitude, facility.latitude, facility.longitude, facility.latitude)
    assert states.intersects(spot)
    assert facility.catalogs


def test_a_laboratory_lies_in_the_box_that_searches_by_its_name_use() -> None:
    from importlib import resources

    text = resources.files("portal.words").joinpath("data", "regions.txt").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line.startswith("lab\t")]
    boxes = {row[5]: BBox(*(float(x) for x in row[1:5])) for row in rows}
    for name in LABORATORIES:
        facility = ALL[name].facility
        x, y = facility.longitude, facility.latitude
        assert x is not None
        assert y is not None
        assert boxes[facility.name].intersects(BBox(x, y, x, y)), name


def test_no_two_laboratories_share_an_id_or_a_place() -> None:
    found = [ALL[name].facility for name in LABORATORIES]
    assert len({f.ror for f in found}) == len({(f.latitude, f.longitude) for f in found}) == 17


def test_a_preset_is_added_whole_and_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    path = add("nsls2", home)
    assert path == home.facilities / "nsls2.toml"
    assert path.read_text(encoding="utf-8") == ALL["nsls2"].text
    assert read_facility(path).catalogs == ALL["nsls2"].facility.catalogs
    path.write_text("mine")
    with pytest.raises(InvalidInput, match="configured already"):
        add("nsls2", home)
    assert path.read_text() == "mine"
    assert [p.name for p in home.facilities.iterdir()] == ["nsls2.toml"]


def test_an_unknown_preset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownFacility, match="Did you mean 'nsls2'"):
        add("nsls", Home(tmp_path))
    assert not (tmp_path / "facilities").exists()
