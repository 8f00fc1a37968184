"""Marks of a time axis, at round dates of the data's own calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

MOST_TICKS = 8

# (years, months, days, hours, minutes) between two marks, finest first.
_STEPS: tuple[tuple[float, str, int], ...] = (
    (1 / 1440, "minute", 1),
    (5 / 1440, "minute", 5),
    (15 / 1440, "minute", 15),
    (1 / 24, "hour", 1),
    (3 / 24, "hour", 3),
    (6 / 24, "hour", 6),
    (12 / 24, "hour", 12),
    (1, "day", 1),
    (2, "day", 2),
    (5, "day", 5),
    (10, "day", 10),
    (30.4, "month", 1),
    (91.3, "month", 3),
    (182.6, "month", 6),
    (365.2, "year", 1),
    (730.5, "year", 2),
    *((365.2 * n * 10**e, "year", n * 10**e) for e in range(1, 7) for n in (1, 2, 5)),
)
_STEPS = tuple(sorted((*_STEPS, (365.2 * 5, "year", 5))))


def time_ticks(
    coordinate: xr.DataArray, days: NDArray[np.float64]
) -> tuple[tuple[float, str], ...]:
    """Choose at most `MOST_TICKS` round dates within a time axis.

    Parameters
    ----------
    coordinate
        The dates, of any calendar.
    days
        The same as days since 1970-01-01 of that calendar.

    Returns
    -------
    tuple of (position in days, text)
    """
    import cftime

    calendar = "proleptic_gregorian"
    if coordinate.dtype.kind == "O" and coordinate.size:
        calendar = coordinate.values.flat[0].calendar
    low, high = float(days.min()), float(days.max())
    step = next((s for s in _STEPS if (high - low) / s[0] < MOST_TICKS), _STEPS[-1])
    units = "days since 1970-01-01"

    def position(**date: int) -> float:
        whole = {"month": 1, "day": 1} | date
        return float(cftime.date2num(cftime.datetime(**whole, calendar=calendar), units, calendar))

    start: Any = cftime.num2date(low, units, calendar)
    if step[1] == "year":
        first = start.year // step[2] * step[2]
        years = range(first, first + step[2] * (MOST_TICKS + 3), step[2])
        marks = [(position(year=y), f"{y:04d}") for y in years if y or start.has_year_zero]
    elif step[1] == "month":
        first = start.year * 12 + (start.month - 1) // step[2] * step[2]
        months = range(first, first + step[2] * (MOST_TICKS + 3), step[2])
        marks = [
            (position(year=m // 12, month=m % 12 + 1), f"{m // 12:04d}-{m % 12 + 1:02d}")
            for m in months
        ]
    else:
        marks = _even(low, step, units, calendar)
    return tuple((p, text) for p, text in marks if low <= p <= high)


def _even(
    low: float, step: tuple[float, str, int], units: str, calendar: str
) -> list[tuple[float, str]]:
    import cftime

    first = np.floor(low / step[0]) * step[0]
    # Rounded to whole microseconds of a day, so that 06:00 does not become 05:59.
    places = [round((first + i * step[0]) * 1440) / 1440 for i in range(MOST_TICKS + 3)]
    form = "%Y-%m-%d" if step[1] == "day" else "%m-%d %H:%M"
    dates = cftime.num2date(places, units, calendar)
    return [(p, d.strftime(form)) for p, d in zip(places, dates, strict=True)]
