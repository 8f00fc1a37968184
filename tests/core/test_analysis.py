"""A function becomes an analysis, its parameters a schema, and bad values are refused."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

import cloudpickle
import pydantic
import pytest
import xarray as xr

import portal
from portal.errors import InvalidAnalysis, InvalidParameter


class Season(StrEnum):
    SUMMER = "summer"
    WINTER = "winter"


@portal.analysis(version="2")
def land_mean(
    turbidity: xr.Dataset,
    relief: xr.Dataset,
    *,
    above: float = 0.0,
    how: Literal["mean", "max"] = "mean",
    months: Annotated[int, pydantic.Field(ge=1, le=12)] = 12,
    since: date = date(2000, 1, 1),
    season: Season | None = None,
) -> xr.Dataset:
    """Mean over land.

    above: metres.
    """
    return turbidity.where(relief.altitude > above)


def test_inputs_and_schema() -> None:
    assert land_mean.inputs == ("turbidity", "relief")
    properties = land_mean.schema()["properties"]
    assert list(properties) == ["above", "how", "months", "since", "season"]
    assert properties["above"] == {"default": 0.0, "title": "Above", "type": "number"}
    assert properties["how"]["enum"] == ["mean", "max"]
    assert properties["months"]["maximum"] == 12
    assert land_mean.title == "Mean over land"
    assert land_mean.reference.endswith("test_analysis:land_mean")
    assert len(land_mean.digest) == 64


def test_values_are_checked_made_json_and_made_python_again() -> None:
    inputs, parameters = land_mean.split(
        {
            "turbidity": "a:b",
            "relief": "a:c",
            "above": "3",
            "since": "2001-02-03",
            "season": "winter",
        }
    )
    assert inputs == {"turbidity": "a:b", "relief": "a:c"}
    assert parameters["above"] == 3.0
    assert parameters["since"] == "2001-02-03"
    arguments = land_mean.arguments(parameters)
    assert arguments["since"] == date(2001, 2, 3)
    assert arguments["season"] is Season.WINTER


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"above": "high"}, r"'above' of analysis 'land_mean'.*number.*'high'.*above \(float"),
        ({"how": "median"}, "'how'.*'mean' or 'max'.*'median'"),
        ({"months": 13}, "'months'.*less than or equal to 12"),
        ({"abov": 1}, "takes no 'abov'.*above"),
        ({"relief": None}, "lacks its input 'relief'"),
    ],
)
def test_bad_values_name_the_parameter_and_what_it_takes(values: dict, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        land_mean.split({"turbidity": "a:b", "relief": "a:c"} | values)


def test_it_is_still_the_function_and_travels() -> None:
    data = xr.Dataset({"altitude": ("x", [-1.0, 1.0])})
    assert land_mean(data, data).altitude.count() == 1
    again = cloudpickle.loads(cloudpickle.dumps(land_mean))
    assert again.version == "2"
    assert again.inputs == land_mean.inputs


def no_type(data: xr.Dataset, above=1) -> xr.Dataset:
    return data


def no_input(above: float) -> xr.Dataset:
    return xr.Dataset()


def variadic(data: xr.Dataset, *more: float) -> xr.Dataset:
    return data


def reserved(data: xr.Dataset, at: str) -> xr.Dataset:
    return data


def returns_array(data: xr.Dataset) -> xr.DataArray:
    return data.x


def unknown_name(data: Nowhere) -> xr.Dataset:  # noqa: F821
    return data


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_type, "without a type.*above"),
        (no_input, "has no input"),
        (variadic, "cannot be given by name"),
        (reserved, "name Portal uses itself.*at"),
        (returns_array, "does not return a Dataset"),
        (unknown_name, "annotations.*cannot be read.*Nowhere"),
        (len, "Python function"),
    ],
)
def test_functions_that_cannot_serve(function, message: str) -> None:
    with pytest.raises(InvalidAnalysis, match=message):
        portal.analysis(function)


def test_a_type_without_a_json_form() -> None:
    class Thing:
        pass

    def f(data: xr.Dataset, thing) -> xr.Dataset:
        return data

    f.__annotations__ = {"data": xr.Dataset, "thing": Thing, "return": xr.Dataset}
    with pytest.raises(InvalidAnalysis, match="no JSON form"):
        portal.analysis(f).schema()
