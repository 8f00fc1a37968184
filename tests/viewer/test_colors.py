"""Colour maps hold what their names promise, and colour as the front-end does."""

from __future__ import annotations

import numpy as np
import pytest

from portal.viewer.colors import (
    CATEGORICAL,
    COLOR_MAPS,
    color_points,
    color_table,
    colored,
    is_color_map,
    reversed_name,
)
from portal.viewer.quantities import RULES


@pytest.mark.parametrize("name", COLOR_MAPS)
def test_points_are_whole_and_reverse(name: str) -> None:
    points = color_points(name)
    assert len(points) >= 2
    assert len(COLOR_MAPS[name]) == 6 * len(points)
    assert is_color_map(reversed_name(name))
    np.testing.assert_array_equal(color_points(reversed_name(name)), points[::-1])


def test_every_rule_names_a_map_and_a_reason() -> None:
    assert all(rule.coloring.color_map in COLOR_MAPS and rule.why for rule in RULES)


def test_the_first_and_last_colours_of_known_maps() -> None:
    assert color_table("viridis")[[0, -1]].tolist() == [[68, 1, 84], [253, 231, 37]]
    assert color_table("RdBu")[0].tolist() == [103, 0, 31]


def lightness(table: np.ndarray) -> np.ndarray:
    """CIE L* of sRGB (IEC 61966-2-1), 0 to 100."""
    c = table / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    y = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)


@pytest.mark.parametrize(
    "name",
    [
        "viridis",
        "cividis",
        "batlow",
        "plasma",
        "inferno",
        "magma",
        "thermal",
        "haline",
        "algae",
        "rain",
        "ice",
        "grey",
    ],
)
def test_maps_from_low_to_high_are_told_apart_by_lightness_alone(name: str) -> None:
    steps = np.diff(lightness(color_table(name, 33)))
    assert (steps > 0).all() or (steps < 0).all()


@pytest.mark.parametrize("name", ["RdBu_r", "BrBG", "PuOr", "vik"])
def test_maps_about_a_middle_are_brightest_there(name: str) -> None:
    light = lightness(color_table(name, 33))
    assert 14 <= np.argmax(light) <= 18
    assert light[16] > max(light[0], light[-1]) + 30


def test_the_sea_ends_where_the_land_begins() -> None:
    table = lightness(color_table("oleron"))
    jump = np.abs(np.diff(table))
    assert np.argmax(jump) == 127


def test_values_beyond_the_limits_and_missing_ones() -> None:
    values = np.array([-np.inf, 0, 1.999, 2, 5, np.inf, np.nan])
    rgba = colored(values, "viridis", (0, 2))
    first, last = color_table("viridis")[[0, -1]].tolist()
    assert rgba[:, :3].tolist() == [first, first, last, last, last, last, [0, 0, 0]]
    assert rgba[:, 3].tolist() == [255] * 6 + [0]


def test_scales_put_values_at_their_places() -> None:
    table = color_table("viridis")
    log = colored(np.array([0.0, -1.0, 1.0, 10.0, 100.0]), "viridis", (1, 100), "log")
    assert log[:, :3].tolist() == table[[0, 0, 0, 128, 255]].tolist()
    both = colored(np.array([-1000.0, 0.0, 1000.0]), "viridis", (-1000, 1000), "symlog")
    assert both[:, :3].tolist() == table[[0, 128, 255]].tolist()


def test_categories_have_a_colour_each_and_other_values_none() -> None:
    rgba = colored(np.array([3, 7, 4, np.nan]), CATEGORICAL, (3, 7), categories=(7, 3))
    table = color_table(CATEGORICAL)
    assert rgba[:2, :3].tolist() == table[[1, 0]].tolist()
    assert rgba[2:].tolist() == [[0, 0, 0, 0]] * 2
