"""Facility files: read strictly, with errors that say what to do; one at fault never breaks the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import portal
from portal.core.facility import DriverConfig, Endpoint
from portal.errors import InvalidConfig, Unavailable, UnknownCompute, UnknownFacility
from portal.federation.config import parse_facility, read_facility

FIVE_LINES = """\
name = "My laboratory"
description = "What we measured."
[catalog.data]
driver = "folder"
path = "measured"
"""


def test_five_lines_of_toml(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FIVE_LINES)
    facility = read_facility(file)
    assert (facility.id, facility.name, facility.access) == ("mine", "My laboratory", "owner")
    assert facility.catalogs == {
        "data": DriverConfig("folder", {"path": str(tmp_path / "measured")})
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 'x'\ncatalogs = 1", r"unknown key. Found: 'catalogs'. Did you mean 'catalog'\?"),
        ("name = 'x'\nname = 'y'\nx = 1", r"not TOML.*line 2"),
        ("name = ", r"not TOML"),
        ("description = 'x'", r"has no name. Found: keys: description"),
        ("name = 3", r"'name' is a text. Found: 3"),
        ("name = 'x'\naccess = 'all'", r"access is one of two words. Found: 'all'"),
        ("name = 'x'\n[catalog]\ndriver = 'folder'", r"each catalog has a table of its own"),
        ("name = 'x'\n[compute.a]\nworkspace = '/x'", r"\[compute.a\] names no driver"),
        ("name = 'x'\nplace = 7", r"'place' is a text. Found: 7"),
        ("name = 'x'\nlatitude = '1'\nlongitude = 2", r"'latitude' is a number of degrees"),
        ("name = 'x'\nlatitude = true\nlongitude = 2", r"'latitude' is a number of degrees"),
        ("name = 'x'\nlatitude = nan\nlongitude = 2", r"'latitude' is a number of degrees"),
        ("name = 'x'\nlatitude = 1\nlongitude = 181", r"'longitude'.*from -180 to 180"),
        ("name = 'x'\nlongitude = 1", r"belong together. Found: only longitude"),
        ("name = 'x'\nendpoint = 'https://a'", r"each endpoint has a table of its own"),
        ("name = 'x'\n[endpoint.a]\nkind = 'b'", r"\[endpoint.a\] has no address"),
        ("name = 'x'\n[endpoint.a]\nurl = 'a b'", r"\[endpoint.a\] has no address"),
        ("name = 'x'\n[endpoint.a]\nurl = 3", r"'endpoint.a.url' is a text"),
        (
            "name = 'x'\n[endpoint.a]\nurl = 'https://a'\ntoken = 'b'",
            r"unknown key.*endpoint.a.token",
        ),
        ("name = 'x'\nsource = 'b'", r"'source' is a table"),
        ("name = 'x'\n[source]\nname = 1", r"'source.name' is a text"),
    ],
)
def test_faults_of_a_file(text: str, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        parse_facility(text, "lab", source="lab.toml")


def test_a_facility_says_where_it_is_and_what_else_it_offers() -> None:
    text = """
        name = "A lab"
        place = "Somewhere, Iowa"
        latitude = 42.0
        longitude = -93
        [endpoint.iri]
        url = "https://api.example.gov/v1"
        kind = "IRI Facility API"
        [source]
        place = "https://example.gov/about"
    """
    facility = parse_facility(text, "lab", source="lab.toml")
    assert (facility.place, facility.latitude, facility.longitude) == ("Somewhere, Iowa", 42, -93)
    assert facility.endpoints == {"iri": Endpoint("https://api.example.gov/v1", "IRI Facility API")}
    assert facility.sources == {"place": "https://example.gov/about"}
    bare = parse_facility('name = "A lab"', "lab", source="lab.toml")
    assert (bare.latitude, dict(bare.endpoints), dict(bare.sources)) == (None, {}, {})


@pytest.mark.parametrize("name", ["My Lab", "Ü", "", "a:b", "a\n"])
def test_a_bad_id(name: str) -> None:
    with pytest.raises(InvalidConfig, match="bad id"):
        parse_facility("name = 'x'", name, source="x")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be read"):
        read_facility(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Unavailable, match="cannot be read"):
        read_facility(tmp_path / "binary.toml")


def write(home: Path, name: str, text: str) -> None:
    (home / "facilities").mkdir(parents=True, exist_ok=True)
    (home / "facilities" / name).write_text(text)


def test_a_bad_file_warns_and_the_rest_goes_on(home: Path) -> None:
    write(home, "bad.toml", "nam = 'x'")
    write(home, "good.toml", "name = 'Good'")
    with pytest.warns(portal.PortalWarning, match="Did you mean 'name'"):
        fed = portal.connect()
    with fed:
        assert "good" in fed.facilities
        assert "bad" not in fed.facilities
        assert len(fed.search("turbidity")) > 0


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[catalog.x]\ndriver = 'fodler'", "There is no driver 'fodler'.*folder"),
        (
            "[catalog.x]\ndriver = 'folder'\npat = '/x'",
            "it takes no 'pat', it lacks 'path'.*It takes: path",
        ),
    ],
)
def test_a_bad_driver_is_named_by_the_search_and_the_rest_goes_on(
    home: Path, table: str, message: str
) -> None:
    write(home, "lab.toml", f"name = 'Lab'\n{table}")
    with portal.connect() as fed:
        result = fed.search("turbidity")
        assert len(result) > 0
        (problem,) = result.problems
        assert problem.facility == "lab"
        assert re.search(message, problem.reason)


def test_unknown_names_give_the_nearest(fed: portal.Federation) -> None:
    with pytest.raises(UnknownFacility, match=r"'sandai'.*Did you mean 'sandia'\?"):
        fed.open("sandai:altitude")
    with pytest.raises(UnknownCompute, match=r"Nothing runs at 'sandia'.*local.default"):
        fed.registry.compute("sandia")
    with pytest.raises(UnknownCompute, match=r"local.defualt.*Did you mean 'local.default'\?"):
        fed.registry.compute("local.defualt")


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(Unavailable, match="PORTAL_HOME"):
        portal.connect(home=file / "home")
