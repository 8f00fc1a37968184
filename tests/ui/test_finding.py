"""What the faces are told of datasets, over the sample federation."""

from __future__ import annotations

import base64
import io
import json

import pytest
from PIL import Image

import portal
from portal.core.item import Item
from portal.core.query import BBox, Query
from portal.errors import InvalidInput, InvalidQuery, UnknownItem, Unreadable
from portal.federation.interpret import interpret
from portal.federation.quicklook import quicklook
from portal.ui import finding
from tests.viewer.earths import columns


def read(values) -> Query:
    given = finding.arguments(values)
    del given["wait"]
    return interpret(**given)[0]


def test_a_query_of_nulls_is_the_default_query():
    nothing = dict.fromkeys(finding.QUERY_KEYS)
    assert finding.arguments(nothing) == finding.arguments({})


def test_a_query_takes_its_values():
    query = read(
        {"text": " co2 ", "bbox": [-10, 0, 10, 5.5], "time": "2003/..", "facilities": ["ornl"]}
    )
    assert query.words == "co2"
    assert query.bbox == BBox(-10, 0, 10, 5.5)
    assert query.time is not None
    assert query.time.end is None
    assert query.facilities == ("ornl",)


@pytest.mark.parametrize("values", [None, [], "co2", 3])
def test_what_is_no_mapping_is_no_query(values):
    with pytest.raises(InvalidQuery, match="mapping"):
        read(values)


@pytest.mark.parametrize("bbox", [[float("nan")] * 4, [1, 2, 3, None], [[1], 2, 3, 4], []])
def test_a_box_of_bad_numbers_is_refused(bbox):
    with pytest.raises(InvalidQuery):
        read({"bbox": bbox})


def test_a_search_is_strict_json(fed):
    found = finding.search(fed, {"text": "temperature", "limit": 3})
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert len(found["hits"]) <= 3 <= found["total"] + 3
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert found["took_ms"] >= 0


def test_every_item_of_the_sample_has_details_that_are_strict_json(fed):
    items = fed.search(limit=1000)
    assert items
    for item in items:
        details = finding.item(fed, item.id)
        json.dumps(details, allow_nan=False)
        assert details["problem"] is None, details["problem"]
        assert details["repr_html"]
        assert details["providers"], item.id
        assert details["license"], item.id
        assert details["citation"], item.id
        for variable in details["variables"]:
            assert len(variable["shape"]) == len(variable["dims"])


@pytest.mark.parametrize("item_id", ["", None, 3, ["sandia:altitude"]])
def test_an_id_is_a_text(fed, item_id):
    with pytest.raises(InvalidInput):
        finding.item(fed, item_id)


def test_an_unknown_item_names_the_nearest(fed):
    with pytest.raises(UnknownItem, match="sandia:altitude"):
        finding.item(fed, "sandia:altitud")


def test_a_record_with_odd_fields_is_still_told():
    """As an index of another version may hold one: what is bad is as if it were missing."""
    document = {
        "type": "Feature",
        "id": "odd",
        "bbox": [1, 2],
        "properties": {
            "datetime": "never",
            "keywords": 3,
            "providers": [{}],
            "cube:variables": {"t": 3},
        },
        "assets": {},
        "links": [],
    }
    odd = Item("lab", json.dumps(document))
    told = finding._hit(odd, 1.0, ())
    assert told["title"] == "odd"
    assert (told["bbox"], told["start"], told["keywords"], told["variables"]) == (
        None,
        None,
        [],
        [],
    )


def test_what_was_understood_is_told_and_taken_back(fed):
    told = finding.search(fed, {"text": "temperature over North America since 1990"})
    meant = told["understood"]
    assert "air_temperature" in meant["concepts"][0]["names"]
    assert meant["place"]["name"] == "North America"
    assert meant["time"]["start"].startswith("1990")
    assert told["hits"]
    taken = [meant["place"]["words"], meant["time"]["words"]]
    literal = finding.search(
        fed, {"text": "temperature over North America since 1990", "literal": taken}
    )
    assert literal["understood"] is None or literal["understood"]["place"] is None


def test_a_time_line_counts_what_matches(fed):
    bins = finding.timeline(fed, {"text": "temperature", "time": "1850"})["bins"]
    assert sum(b["count"] for b in bins) > 0
    assert all(b["start"] <= b["end"] for b in bins)


def test_pictures_are_made_once(fed):
    first = finding.quicklook(fed, "sandia:altitude")
    assert first["problem"] is None
    kept = list(fed.home.quicklooks.iterdir())
    assert len(kept) == 1
    kept[0].write_bytes(b"kept")
    again = finding.quicklook(fed, "sandia:altitude")["url"]
    assert base64.b64decode(again.partition(",")[2]) == b"kept"


def test_a_picture_shows_the_data(fed):
    url = finding.quicklook(fed, "sandia:altitude")["url"]
    picture = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    assert picture.width == 240
    assert picture.height in range(115, 121)
    everest, pacific = (
        picture.getpixel((int((lon + 180) / 360 * 240), int((90 - lat) / 180 * 120)))
        for lon, lat in ((86.9, 33), (-140, 0))
    )
    assert pacific[3] == 0
    assert everest[3] == 255
    assert everest[0] > 150, "the highest land has the brightest colour"


def test_every_sample_dataset_has_a_picture(fed):
    for item in fed.search(limit=100):
        assert finding.quicklook(fed, item.id)["problem"] is None, item.id


def test_columns_without_rows_have_a_picture(home):
    data = home / "data"
    data.mkdir(parents=True)
    columns(2_000).to_netcdf(data / "columns.nc")
    (home / "facilities").mkdir(parents=True)
    (home / "facilities" / "mesh.toml").write_text(
        f'name = "Mesh"\naccess = "public"\n[catalog.data]\ndriver = "folder"\npath = "{data}"\n'
    )
    with portal.connect(home=home) as fed:
        [item] = fed.search(facility="mesh")
        found = finding.quicklook(fed, item.id)
    assert found["problem"] is None
    picture = Image.open(io.BytesIO(base64.b64decode(found["url"].split(",")[1])))
    assert picture.width == 240
    assert picture.height in range(115, 121)


class Pictures:
    """A catalog that gives what it was told to as the picture of any record."""

    def __init__(self, picture: bytes) -> None:
        self.picture = picture

    def items(self):
        return iter(())

    def open(self, item):
        raise AssertionError

    def quicklook(self, item):
        return self.picture


def bomb() -> bytes:
    file = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("given", [b"", b"<svg onload=alert(1)>", b"\x89PNG\r\n\x1a\n", bomb()])
def test_a_bad_picture_of_a_catalog_is_refused(fed, tmp_path, given):
    item = fed.item("sandia:altitude")
    with pytest.raises(Unreadable):
        quicklook(tmp_path / "kept", item, Pictures(given))
    assert not (tmp_path / "kept").exists()


def test_a_picture_of_a_catalog_is_decoded_anew(fed, tmp_path):
    file = io.BytesIO()
    Image.new("RGB", (1000, 500), "red").save(file, "JPEG", comment=b"<script>")
    made = quicklook(tmp_path, fed.item("sandia:altitude"), Pictures(file.getvalue()))
    assert b"<script>" not in made
    assert Image.open(io.BytesIO(made)).size == (240, 120)


def test_searches_are_saved_and_forgotten(fed):
    query = {"text": "rain", "bbox": [1, 2, 3, 4]}
    assert finding.saved(fed) == []
    finding.save(fed, {"name": "wet", "query": query})
    finding.save(fed, {"name": "dry", "query": {}})
    finding.save(fed, {"name": "wet", "query": query | {"sort": "newest"}})
    assert [s["name"] for s in finding.saved(fed)] == ["wet", "dry"]
    assert finding.saved(fed)[0]["query"]["sort"] == "newest"
    assert fed.home.searches.stat().st_mode & 0o077 == 0
    assert [s["name"] for s in finding.forget(fed, {"name": "wet"})] == ["dry"]
    assert [s["name"] for s in finding.forget(fed, {"name": "no such"})] == ["dry"]


@pytest.mark.parametrize(
    "values",
    [{}, {"name": "x"}, {"name": "", "query": {}}, {"name": "x", "query": {"bad": 1}},
     {"name": "x" * 201, "query": {}}],
)  # fmt: skip
def test_a_bad_search_is_not_saved(fed, values):
    with pytest.raises(InvalidInput):
        finding.save(fed, values)
    assert not fed.home.searches.exists()


def test_damaged_saved_searches_are_not_written_over(fed):
    fed.home.searches.write_text("[{")
    with pytest.raises(Unreadable, match="saved searches"):
        finding.save(fed, {"name": "x", "query": {}})
    assert fed.home.searches.read_text() == "[{"


def test_an_export_is_a_file(fed):
    file = finding.export(fed, {"ids": ["sandia:altitude"], "format": "bibtex"})
    assert file["name"].startswith("sandia-altitude")
    assert "altitude" in file["text"]


@pytest.mark.parametrize("ids", [None, [], "sandia:altitude", [3], ["a:b"] * 1001])
def test_an_export_names_its_datasets(fed, ids):
    with pytest.raises(InvalidInput):
        finding.export(fed, {"ids": ids, "format": "bibtex"})
