"""Which colours suit a quantity: a table by its CF standard name, long name and name.

The first rule of `RULES` that matches decides. What no rule names runs from low to high in the
default map.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.viewer.colors import DIVERGING, SEQUENTIAL

if TYPE_CHECKING:
    from collections.abc import Iterable

NEVER = float("inf")
MANY_DECADES = 4.0
"""A positive quantity that spans more powers of ten than this is shown on a logarithmic scale."""


@dataclass(frozen=True, slots=True)
class Coloring:
    """How a quantity is coloured.

    Attributes
    ----------
    color_map
        Name in `portal.viewer.colors.COLOR_MAPS`.
    centre
        Value in the middle of the colours; None where the quantity has none.
    only_across
        Use `color_map` only where values lie on both sides of the centre.
    decades
        Powers of ten beyond which the scale is logarithmic.
    turn
        The quantity comes round again: its limits are 0 and 360 degrees.
    """

    color_map: str = SEQUENTIAL
    centre: float | None = None
    only_across: bool = False
    decades: float = MANY_DECADES
    turn: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """What a quantity's names contain, how it is then coloured, and why."""

    words: str
    coloring: Coloring
    why: str


_WET = r"precip|(?<![a-z])rain|snowfall|\bpr\b|humidity|moisture|water_vapou?r|water vapou?r|runoff"
_DIFFERENCE = r"anomal|differen|(?<!ex)change|tendency|departure|trend|warming|\bbias|increment"

RULES: tuple[Rule, ...] = (
    Rule(
        rf"(?=.*({_DIFFERENCE}))(?=.*({_WET}))",
        Coloring("BrBG", centre=0.0),
        "differences of water: brown is drier, green is wetter, none is white",
    ),
    Rule(_DIFFERENCE, Coloring(DIVERGING, centre=0.0), "differences: none is white"),
    Rule(
        r"_from_direction|_to_direction|wind direction|wave direction|current direction",
        Coloring("romaO", turn=True, decades=NEVER),
        "directions: 0 and 360 degrees are one colour",
    ),
    Rule(
        r"eastward_|northward_|upward_.*velocity|downward_.*velocity|lagrangian_tendency|"
        r"[xy]_wind|_[xy]_velocity|vorticity|divergence|\bcurl\b|stream_?function|"
        r"zonal wind|meridional wind|(zonal|meridional|vertical) velocity",
        Coloring(DIVERGING, centre=0.0, decades=NEVER),
        "components of vectors: opposite directions are opposite colours",
    ),
    Rule(
        r"^(?!.*angle).*(altitude|elevation|topograph|bathymetr|orograph|\btopo\b|\brelief\b)",
        Coloring("oleron", centre=0.0, only_across=True, decades=NEVER),
        "land and sea floor: the colours change at sea level",
    ),
    Rule(
        r"chlorophyll|phytoplankton|zooplankton|primary_productivity|\bchl",
        Coloring("algae", decades=1.5),
        "life in the sea is near to log-normal: a few blooms would hide all else",
    ),
    Rule(
        r"\bndvi\b|leaf_area|vegetation_area|biomass", Coloring("algae"), "plants: more is greener"
    ),
    Rule(r"salinity", Coloring("haline", decades=NEVER), "made for salinity"),
    Rule(
        r"sea_ice|sea ice|ice_area|ice_thickness|\bsic\b|\bsiconc\b|"
        r"snow_(depth|thickness)|surface_snow",
        Coloring("ice", decades=NEVER),
        "dark water to white ice",
    ),
    Rule(
        _WET,
        Coloring("rain", decades=NEVER),
        "no water is pale. Linear: a logarithm would paint drizzle, and the tiny amounts that "
        "models leave where it is dry, as strongly as rain",
    ),
    Rule(
        r"temperature|\bsst\b|\btas\b|\bt2m\b|brightness_temp",
        Coloring("thermal", decades=NEVER),
        "cold is dark blue, hot is pale yellow",
    ),
    Rule(r"cloud", Coloring("grey", decades=NEVER), "clouds are white"),
    Rule(
        r"concentration|mole_fraction|mass_fraction|optical_thickness|optical_depth|number_density",
        Coloring(SEQUENTIAL, decades=2.5),
        "plumes fall off by powers of ten",
    ),
)


def coloring_of(names: Iterable[str]) -> Coloring:
    """Return how a quantity is coloured.

    Parameters
    ----------
    names
        Its CF standard name, long name and the name of its variable, as far as it has them.
    """
    words = " ".join(names).lower()
    return next((r.coloring for r in RULES if re.search(r.words, words)), Coloring())
