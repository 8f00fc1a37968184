"""Colours run between robust limits, the same for all slices of a variable."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from portal.viewer import render


def header(values: np.ndarray, name: str = "v", **attrs: str) -> dict[str, object]:
    ds = xr.Dataset({name: (("t", "y", "x")[-values.ndim :], values, attrs)})
    return render(ds, name, {}, 50, 50).header


def test_outliers_do_not_set_the_limits() -> None:
    values = np.random.default_rng(0).normal(300, 5, (40, 50))
    values[0, 0] = 1e20
    low, high = header(values, units="K")["limits"]
    assert 285 < low < 295
    assert 305 < high < 315


def test_limits_span_all_slices() -> None:
    values = np.broadcast_to(np.arange(10.0)[:, None, None], (10, 20, 20))
    low, high = header(values, units="m")["limits"]
    assert low == pytest.approx(0, abs=0.2)
    assert high == pytest.approx(9, abs=0.2)


@pytest.mark.parametrize(
    ("name", "attrs", "low", "diverges"),
    [
        ("v", {"long_name": "temperature anomaly", "units": "K"}, 2.0, True),
        ("warming", {"units": "K"}, 2.0, True),
        ("air_temperature", {}, -3.0, True),
        ("air_temperature", {"units": "K"}, -3.0, True),
        ("u", {"standard_name": "eastward_wind", "units": "m s-1"}, -3.0, True),
        ("t", {"standard_name": "sea_surface_temperature", "units": "degC"}, -3.0, False),
        ("altitude", {"units": "m"}, -3.0, False),
        ("air_temperature", {"units": "K"}, 250.0, False),
    ],
)
def test_what_is_coloured_about_zero(
    name: str, attrs: dict[str, str], low: float, diverges: bool
) -> None:
    values = np.linspace(low, abs(low) + 2, 400).reshape(20, 20)
    found = header(values, name, **attrs)
    assert (found["color_map"] == "RdBu_r") == diverges
    bottom, top = found["limits"]
    assert (bottom == -top) == diverges
