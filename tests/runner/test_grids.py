"""Inputs that share a dimension lie on one grid, or are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from portal.errors import GridMismatch
from portal.runner.grids import require_match


def grid(**coordinates):
    sizes = {name: len(values) for name, values in coordinates.items()}
    return xr.Dataset({"x": (tuple(sizes), np.zeros(tuple(sizes.values())))}, coords=coordinates)


def test_same_coordinates_pass():
    require_match({"a": grid(lat=[1.0, 2.0], lon=[0.0]), "b": grid(lat=[1.0, 2.0], time=[5, 6, 7])})
    require_match({"a": grid(lat=[1.0, np.nan]), "b": grid(lat=[1.0, np.nan])})
    require_match({"a": grid(lat=[1, 2]), "b": grid(lat=[1.0, 2.0])})
    require_match({"a": xr.Dataset({"x": ("n", [1, 2])}), "b": grid(n=[3, 4])})


@pytest.mark.parametrize(
    ("one", "two", "says"),
    [
        (grid(lat=[1.0, 2.0]), grid(lat=[1.0, 2.0, 3.0]), "sizes 2 and 3"),
        (grid(lat=[1.0, 2.0]), grid(lat=[1.0, 2.5]), "values 2.0 and 2.5 at position 1 of 2"),
        (grid(lat=[1.0, 2.0]), grid(lat=[1.0, 2.0 + 1e-12]), "position 1"),
        (
            grid(t=pd.date_range("2000", periods=2)),
            grid(t=pd.date_range("2001", periods=2)),
            "2000",
        ),
        (xr.Dataset({"x": ("n", [1, 2])}), xr.Dataset({"x": ("n", [1])}), "sizes 2 and 1"),
    ],
)
def test_other_coordinates_are_refused_and_named(one, two, says):
    with pytest.raises(GridMismatch, match=says) as caught:
        require_match({"turbidity": one, "other": grid(z=[1]), "relief": two})
    text = str(caught.value)
    assert "'turbidity'" in text
    assert "'relief'" in text
    assert "interp_like" in text
    assert 'grids="any"' in text
