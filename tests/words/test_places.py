"""Places by their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.query import BBox
from portal.words import understand
from portal.words.boxes import around, widen
from portal.words.tables import load


def place(text: str) -> tuple[str, str]:
    found = understand(text).place
    assert found is not None
    return found.words, found.name


@pytest.mark.parametrize(
    ("text", "words", "name"),
    [
        ("rain over Texas", "over Texas", "Texas"),
        ("rain over texas, monthly", "over texas", "Texas"),
        ("rain in the USA", "in the USA", "United States of America"),
        ("rain in the U.S.", "in the U.S", "United States of America"),
        ("rain in the UK", "in the UK", "United Kingdom"),
        ("rain in New Mexico", "in New Mexico", "New Mexico"),
        ("rain in Mexico", "in Mexico", "Mexico"),
        ("rain in the Gulf of Mexico", "in the Gulf of Mexico", "Gulf of Mexico"),
        ("rain in West Virginia", "in West Virginia", "West Virginia"),
        ("rain in Virginia", "in Virginia", "Virginia"),
        ("rain in Washington", "in Washington", "Washington"),
        ("rain in Washington DC", "in Washington DC", "District of Columbia"),
        ("rain in Côte d'Ivoire", "in Côte d'Ivoire", "Côte d'Ivoire"),
        ("rain in the state of Texas", "in the state of Texas", "Texas"),
        ("waves off the west coast of Norway", "off the west coast of Norway", "Norway"),
        ("haze at Sandia", "at Sandia", "Sandia National Laboratories"),
        ("haze at NREL", "at NREL", "National Laboratory of the Rockies"),
        ("rain in Georgia, USA", "in Georgia USA", "Georgia"),
        ("rain in the Republic of Georgia", "in the Republic of Georgia", "Georgia (country)"),
    ],
)
def test_places_after_a_preposition(text: str, words: str, name: str) -> None:
    assert place(text) == (words, name)


def test_georgia_is_the_state_and_the_country_is_offered() -> None:
    found = understand("rain in Georgia")
    assert found.place is not None
    assert found.place.bbox.intersects(BBox(-84.4, 33.7, -84.4, 33.7))
    (offer,) = found.offers
    assert offer.name == "Georgia (country)"
    assert offer.bbox.intersects(BBox(44.8, 41.7, 44.8, 41.7))


def test_a_bare_name_is_offered_and_stays_a_word() -> None:
    found = understand("Texas rain")
    assert found.place is None
    assert found.text == "Texas"
    assert [(o.words, o.name) for o in found.offers] == [("Texas", "Texas")]


def test_a_quantity_does_not_cut_into_the_name_of_a_place() -> None:
    found = understand("Black Sea salinity")
    assert [c.words for c in found.concepts] == ["salinity"]
    assert [o.name for o in found.offers] == ["Black Sea"]


@pytest.mark.parametrize(
    "text", ["around us", "over land", "in north", "over", "near the coast of"]
)
def test_what_is_no_place(text: str) -> None:
    found = understand(text)
    assert found.place is None
    assert found.text == text


def test_several_places_are_one_box_around_them() -> None:
    found = understand("rain over Alaska and Fiji").place
    assert found is not None
    assert found.name == "Alaska and Fiji"
    assert found.bbox == BBox(172.4, -21.8, -129.9, 71.4)


def test_near_reaches_two_degrees_further() -> None:
    over, near = understand("over Fiji").place, understand("near Fiji").place
    assert over is not None
    assert near is not None
    assert near.bbox == BBox(
        over.bbox.west - 2, over.bbox.south - 2, over.bbox.east + 2, over.bbox.north + 2
    )


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("Fiji", [(178.4, -18.1), (-179.0, -18.0)], [(0, -18), (150, -18)]),
        ("Russia", [(37.6, 55.8), (177.5, 64.7), (-170, 66)], [(-100, 60), (0, 60)]),
        ("the United States", [(-95, 30), (-150, 61), (-157.8, 21.3), (173, 52.9)], [(0, 40)]),
        ("CONUS", [(-95, 30), (-70, 44)], [(-150, 61), (-157.8, 21.3)]),
        ("New Zealand", [(174.8, -41.3), (-176.5, -44)], [(150, -41)]),
        ("France", [(2.3, 48.9), (9, 42)], [(-53, 4), (55.5, -21)]),
        ("Portugal", [(-9.1, 38.7), (-25.7, 37.7)], [(3, 40)]),
        ("Norway", [(10.8, 59.9), (15.6, 78.2)], [(3.4, -54.4)]),
        ("Antarctica", [(0, -80), (179, -80), (-179, -80)], [(0, -50)]),
        ("Argonne", [(-88.0, 41.7)], [(-87.0, 41.7)]),
        ("Texas", [(-97.7, 30.3)], [(-110, 30)]),
    ],
)
def test_boxes_hold_what_they_should(
    name: str, inside: list[tuple[float, float]], outside: list[tuple[float, float]]
) -> None:
    found = understand(f"in {name}").place
    assert found is not None
    for expected, points in ((True, inside), (False, outside)):
        for x, y in points:
            assert found.bbox.intersects(BBox(x, y, x, y)) is expected, (x, y)


def test_every_place_is_found_by_every_name_of_its_own() -> None:
    places = {named for of_one_name in load().places.values() for named in of_one_name}
    assert sum(p.kind == "lab" for p in places) == 17
    assert sum(p.kind == "state" for p in places) == 56
    assert sum(p.kind == "country" for p in places) > 230
    for named in places - {p for p in places if p.name == "Georgia (country)"}:
        assert place(f"over {named.name}") == (f"over {named.name}", named.name)


_BOXES = st.tuples(*(st.integers(-180, 180),) * 2, *(st.integers(-90, 90),) * 2).map(
    lambda n: BBox(n[0], min(n[2:]), n[1], max(n[2:]))
)


@given(st.lists(_BOXES, min_size=1, max_size=4))
def test_a_box_around_boxes_holds_their_corners(boxes: list[BBox]) -> None:
    held = around(boxes)
    for box in boxes:
        for x in (box.west, box.east):
            for y in (box.south, box.north):
                assert held.intersects(BBox(x, y, x, y))


@given(_BOXES, st.integers(0, 5))
def test_a_wider_box_holds_what_lies_near(box: BBox, degrees: int) -> None:
    wider = widen(box, degrees)
    x = box.east + degrees if box.east + degrees <= 180 else box.east + degrees - 360
    assert wider.intersects(BBox(x, box.north, x, box.north))
    assert wider.intersects(box)
