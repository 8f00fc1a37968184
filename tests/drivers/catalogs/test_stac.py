"""The STAC driver against stac-fastapi-pgstac, and against services that are not what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from portal.core.facility import DriverConfig
from portal.core.query import Concept, Query
from portal.drivers.catalogs.stac import StacCatalog
from portal.errors import Denied, PortalWarning, Unavailable, Unreadable
from portal.testing import LiveCatalogTests
from tests.drivers.catalogs.servers.small_stac import FILTER, FREE_TEXT, feature, small_stac
from tests.drivers.catalogs.servers.stac import stac_server

TITLES = {
    "climate/t-2001": "Air temperature of 2001",
    "climate/t-2002": "Air temperature of 2002",
    "climate/summary": "Summary of the climate runs",
    "ocean/summary": "Ocean stations: summary",
    "ocean/cruise": "Über die Fahrt: salinité 100%",
    "notes/a": "Rain gauges; not yet digitised",
    "notes/b": "Snow depth, by hand",
    "reanalysis": "Wind reanalysis",
}


@pytest.fixture(scope="session")
def stac(tmp_path_factory) -> Iterator[str]:
    with stac_server(tmp_path_factory.mktemp("stac")) as url:
        yield url


@pytest.fixture
def options(stac) -> dict:
    return {"url": stac, "allow": ["127.0.0.1"]}


class TestStac(LiveCatalogTests):
    @pytest.fixture
    def config(self, options) -> DriverConfig:
        return DriverConfig("stac", {**options, "page_size": 2})

    @pytest.fixture
    def local_id(self) -> str:
        return "climate/t-2001"


class TestOneCollection(LiveCatalogTests):
    @pytest.fixture
    def config(self, options) -> DriverConfig:
        return DriverConfig("stac", {**options, "collections": ["ocean", "reanalysis"]})

    @pytest.fixture
    def local_id(self) -> str:
        return "reanalysis"

    def test_the_others_are_not_there(self, catalog, items):
        assert {i.local_id for i in items} == {"ocean/summary", "ocean/cruise", "reanalysis"}
        assert catalog.get("climate/t-2001") is None
        assert ids(catalog, "temperature 2001") == set()


def ids(catalog, text: str = "", **asked) -> set[str]:
    return {item.local_id for item in catalog.search(Query.of(text, **asked))}


def test_every_record_has_an_id_of_its_own_and_what_its_collection_says(options):
    items = {i.local_id: i for i in StacCatalog("lab", **options).items()}
    assert {name: item.title for name, item in items.items()} == TITLES
    assert {item.license for item in items.values()} == {"CC-BY-4.0"}
    assert items["ocean/summary"].keywords == ("buoys",)
    assert items["ocean/cruise"].keywords == ("in situ",)
    assert items["ocean/cruise"].properties["portal:stac_id"] == "cruise"
    assert [v.name for v in items["reanalysis"].variables] == ["wind"]
    assert str(items["reanalysis"].interval) == "1990-01-01T00:00:00Z/1990-01-05T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("temperature", {"climate/t-2001", "climate/t-2002", "ocean/summary"}),
        ("AIR temperatures", {"climate/t-2001", "climate/t-2002"}),
        ("über salinité", {"ocean/cruise"}),
        ("salinite 100%", set()),
        ("air_temperature 2002", {"climate/t-2002"}),
        ("wind", {"reanalysis"}),
        ("in situ", {"ocean/cruise"}),
        ("buoy", {"ocean/summary"}),
        ("rain snow", set()),
    ],
)
def test_words_are_found_in_titles_keywords_variables_and_collections(options, text, found):
    catalog = StacCatalog("lab", **options, page_size=2)
    assert ids(catalog, text) == found


def test_quantities_and_facets(options):
    catalog = StacCatalog("lab", **options)
    warmth = Query(concepts=(Concept("warmth", ("sea_surface_temperature", "air_temperature")),))
    assert {i.local_id for i in catalog.search(warmth)} == {
        "climate/t-2001", "climate/t-2002", "ocean/summary",
    }  # fmt: skip
    assert ids(catalog, variable="sea_surface_temperature") == {"ocean/summary"}
    assert ids(catalog, keyword="model") == {"climate/t-2001", "climate/t-2002", "climate/summary"}
    assert ids(catalog, facility="elsewhere") == set()
    assert ids(catalog, bbox=(140, 0, 170, 60), keyword="in situ") == {"ocean/cruise"}


def test_titles_with_the_words_come_first(options):
    found = StacCatalog("lab", **options).search(Query.of("summary"))
    assert {item.local_id for item in found} == {"climate/summary", "ocean/summary"}
    found = StacCatalog("lab", **options).search(Query.of("climate"))
    assert found[0].local_id == "climate/summary"


def test_this_service_ignores_free_text_in_item_search(options):
    """The reason for all the care: it declares none, takes it, and answers as if it were not there."""
    url = options["url"]
    every = requests.get(f"{url}/search", timeout=20).json()["features"]
    asked = requests.get(f"{url}/search", params={"q": "zyxqv"}, timeout=20).json()["features"]
    assert len(asked) == len(every) == 7
    assert StacCatalog("lab", **options)._service.free_text is False


def test_a_later_harvest_gives_what_was_updated(options):
    catalog = StacCatalog("lab", **options, page_size=3)
    batches = list(catalog.batches(None))
    assert [len(b.items) for b in batches] == [1, 3, 3, 1]
    later = [i.local_id for b in catalog.batches(batches[-1].cursor) for i in b.items]
    assert later == ["reanalysis", "notes/b"]
    broken = json.loads(batches[1].cursor)
    broken["next"]["href"] += "/gone"
    again = {i.local_id for b in catalog.batches(json.dumps(broken)) for i in b.items}
    assert again == set(TITLES)


RAIN, SNOW = feature("1", "Rain"), feature("2", "Snow")


@pytest.mark.parametrize(
    ("service", "first", "later"),
    [
        ({}, [[]], [[]]),
        ({"declares": (FREE_TEXT,)}, [["q"], []], [[]]),
        ({"declares": (FREE_TEXT,), "searches": True}, [["q"], ["q"]], [["q"]]),
        ({"declares": (FILTER,)}, [["filter"]], [["filter"]]),
        ({"declares": (FILTER,), "filters": 400}, [["filter"], []], [["filter"], []]),
        ({"declares": (FILTER,), "filters": 500}, [["filter"], []], [["filter"], []]),
        ({"declares": (FREE_TEXT, FILTER)}, [["q"], ["filter"]], [["filter"]]),
    ],
)
def test_a_service_that_breaks_its_word_gives_no_other_records(service, first, later):
    with small_stac(features=[RAIN, SNOW], **service) as app:
        catalog = StacCatalog("lab", url=app.served.url)
        for text, found, questions in (("snow", {"c/2"}, first), ("hail", set(), later)):
            app.asked.clear()
            assert ids(catalog, text) == found
            assert [[k for k in asked if k in ("q", "filter")] for asked in app.asked] == questions


def test_a_search_looks_through_some_pages_only():
    many = [feature(str(n), f"Rain {n}") for n in range(100)]
    with small_stac(features=many) as app:
        catalog = StacCatalog("lab", url=app.served.url, page_size=10)
        assert ids(catalog, "rain 7") == {"c/7"}
        assert len(ids(catalog, "rain", limit=5)) == 5
        app.asked.clear()
        assert ids(catalog, "rain 99") == set()
        assert len(app.asked) == 5
        assert len(list(catalog.items())) == 100


def test_broken_records_are_named_and_left_out():
    broken = [
        feature("3", "x") | {"geometry": None, "assets": {"a": {}}}, 5,
        feature("4", "x") | {"bbox": [1, 2, "three", 4]}, feature("5", "x") | {"properties": None},
    ]  # fmt: skip
    with small_stac(features=[RAIN, *broken, SNOW]) as app:
        catalog = StacCatalog("lab", url=app.served.url)
        with pytest.warns(PortalWarning, match="left out") as warned:
            assert [i.local_id for i in catalog.items()] == ["c/1", "c/2"]
        assert len(warned) == 4
        *_, batch = catalog.batches(None)
        assert len(batch.faults) == 4
        assert "'3'" in batch.faults[0]


def test_links_and_assets_lead_nowhere_else():
    inside = feature("3", "Inside") | {
        "assets": {"data": {"href": "http://127.0.0.1:9/x.zarr", "roles": ["data"]}}
    }
    with small_stac(features=[RAIN, SNOW]) as other:
        there = f"{other.served.url}/search"
        with small_stac(features=[inside, SNOW], next_href=there) as app:
            catalog = StacCatalog("lab", url=app.served.url, page_size=1)
            with pytest.raises(Denied, match="allow"):
                list(catalog.items())
            with pytest.raises(Denied, match="allow"):
                catalog.open(catalog.get("c/3"))
            app.next_href = "file:///etc/passwd"
            with pytest.raises(Denied, match="a path on this computer"):
                list(catalog.items())
            app.served.fault = f"redirect {there}"
            with pytest.raises(Denied, match="allow"):
                list(catalog.items())
        assert other.asked == []


def test_a_circle_of_pages_ends():
    with small_stac(features=[RAIN, SNOW]) as app:
        app.next_href = f"{app.served.url}/search?limit=1"
        assert len(list(StacCatalog("lab", url=app.served.url, page_size=1).items())) == 2
        app.next_href, app.served.fault = "", f"redirect {app.served.url}/"
        with pytest.raises(Unreadable, match="redirects without end"):
            list(StacCatalog("lab", url=app.served.url).items())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("500", Unavailable), ("503", Unavailable), ("429", Unavailable), ("401", Denied),
        ("403", Denied), ("rubbish", Unreadable), ("slow", Unavailable), ("400", Unreadable),
    ],
)  # fmt: skip
def test_faults_name_the_service(fault, error):
    with small_stac(features=[RAIN]) as app:
        app.served.fault = fault
        catalog = StacCatalog("lab", url=f"{app.served.url}?token=secret", timeout=0.5)
        for ask in (
            lambda: ids(catalog, "rain"),
            lambda: list(catalog.items()),
            lambda: catalog.get("c/1"),
        ):
            with pytest.raises(error) as caught:
                ask()
            assert app.served.url in str(caught.value)
            assert "secret" not in str(caught.value)
            assert caught.value.advice


def test_a_service_that_is_down_or_no_stac_api():
    with small_stac() as app:
        url = app.served.url
        with pytest.raises(Unreadable, match="does not answer as a STAC API"):
            list(StacCatalog("lab", url=f"{url}/search").items())
        app.served.fault = ""
    with pytest.raises(Unavailable, match="cannot be reached"):
        list(StacCatalog("lab", url=url).items())


def test_the_key_goes_to_the_service_and_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_KEY", "s3cret")
    with small_stac(features=[RAIN]) as other, small_stac(features=[RAIN, SNOW]) as app:
        port = other.served.url.rpartition(":")[2]
        options = {"url": app.served.url, "key_env": "LAB_KEY", "page_size": 1}
        assert len(list(StacCatalog("lab", **options).items())) == 2
        assert all("Bearer s3cret" in sent for sent in app.served.headers)
        app.next_href = f"{other.served.url}/search"
        own = StacCatalog("lab", **options, allow=["127.0.0.0/8"], key_header="X-API-Key")
        assert len(list(own.items())) == 2
        assert "X_API_KEY=s3cret" in app.served.headers[-1]
        assert other.asked
        assert port
        assert not any("s3cret" in sent for sent in other.served.headers)
        app.served.fault = "401"
        with pytest.raises(Denied, match="LAB_KEY"):
            list(StacCatalog("lab", **options).items())
