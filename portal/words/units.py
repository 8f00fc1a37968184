"""Units as people and the CF conventions (UDUNITS) write them, by their dimensions.

Only dimensions are asked for, no factors: a small table answers at once, where a registry that can
convert takes a second to load.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from types import MappingProxyType

from portal.words.chunks import Chunk

#: Exponents of m, kg, s, K, A, mol, cd, rad, Bq and dB; angles, activities and levels are told
#: apart from plain numbers here.
Dimension = tuple[int, ...]

_BASES = ("m", "kg", "s", "K", "A", "mol", "cd", "rad", "Bq", "dB")
_NONE: Dimension = (0,) * len(_BASES)
_MOST = 40
_FRACTIONS = frozenset(("1", "1e-3", "1e-6"))

#: Symbols that take SI prefixes, in terms of the bases.
_SYMBOLS = MappingProxyType(
    {
        "m": "m",
        "g": "kg",
        "s": "s",
        "K": "K",
        "A": "A",
        "mol": "mol",
        "cd": "cd",
        "rad": "rad",
        "sr": "rad2",
        "Bq": "Bq",
        "dB": "dB",
        "Hz": "s-1",
        "N": "kg m s-2",
        "Pa": "kg m-1 s-2",
        "bar": "kg m-1 s-2",
        "J": "kg m2 s-2",
        "W": "kg m2 s-3",
        "Wh": "kg m2 s-2",
        "V": "kg m2 s-3 A-1",
        "S": "kg-1 m-2 s3 A2",
        "T": "kg s-2 A-1",
        "eV": "kg m2 s-2",
        "l": "m3",
        "L": "m3",
    }
)
_PREFIXES = frozenset(("da", *"yzafpnuµμmcdhkMGTPEZY"))
#: Words and symbols that take none; plurals of the words are understood.
_WORDS = MappingProxyType(
    {
        "kg": "kilogram kilogramme gram gramme t tonne ton pound lb",
        "m": "metre meter millimetre millimeter centimetre centimeter kilometre kilometer micron"
        " inch inche foot feet ft mile gpm DU dobson",
        "m2": "ha hectare acre",
        "m3": "litre liter gallon",
        "s": "second sec minute min hour hr h day d week month mo year yr decade",
        "K": "kelvin degK degC degree_C degrees_C degree_Celsius degrees_Celsius °C celsius C"
        " centigrade degF °F fahrenheit F",
        "mol": "mole",
        "rad": "degree deg ° radian degree_north degrees_north degree_east degrees_east",
        "m s-1": "knot kt kts kn mph kph kmh",
        "kg m-1 s-2": "mb atm pascal hectopascal mmHg inHg psi",
        "kg m2 s-3": "watt kilowatt megawatt",
        "kg m2 s-2": "joule cal",
        "s-1": "hertz",
        "dB": "dBZ decibel",
        "": "% percent ppm ppb ppt ppmv ppbv pptv psu PSU",
    }
)
_TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<per>/|per\b)|(?P<times>\*(?!\*)|·|\.(?!\d))"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<symbol>%|°[CF]?|[^\W\d]+))"
)
_POWER = re.compile(r"(?:\^|\*\*)?([+-]?\d)(?!\d)")


def convertible(units_a: str, units_b: str) -> bool:
    """Whether values in the one units can be given in the other; False where one is unknown.

    >>> convertible("mm/day", "m s-1"), convertible("degC", "K"), convertible("mm", "kg m-2")
    (True, True, False)
    """
    dimension = dimension_of(units_a)
    return dimension is not None and dimension == dimension_of(units_b)


def dimension_of(units: str) -> Dimension | None:
    """Return the dimension of units; None where they are no units that are known here."""
    text = unicodedata.normalize("NFKC", units.replace("º", "°")).replace("\N{MINUS SIGN}", "-")
    if not text.strip() or len(text) > _MOST:
        return None
    found, end = _product(text, 0)
    return found if found is not None and not text[end:].strip() else None


def find_units(found: Sequence[Chunk], taken: set[int]) -> Iterator[tuple[int, int, str]]:
    """Give the units that stand after "in" or in brackets: begin, end, and the units as typed."""
    start = 0
    while start < len(found):
        first = found[start]
        bracketed = first.raw[0] in "([" and bool(first.core)
        begin = start if bracketed else start + 1
        end = begin
        if start not in taken and (bracketed or first.core.casefold() == "in"):
            end = _longest(found, begin, taken, bracketed=bracketed)
        if end > begin:
            yield start, end, " ".join(chunk.core for chunk in found[begin:end])
        start = max(end, start + 1)


def _longest(found: Sequence[Chunk], begin: int, taken: set[int], *, bracketed: bool) -> int:
    end = begin
    text = ""
    for at in range(begin, min(begin + 7, len(found))):
        if at in taken or not found[at].core:
            break
        text = f"{text} {found[at].core}" if text else found[at].core
        closed = not bracketed or found[at].raw[-1] in ")]"
        if text[0].isdigit() and text not in _FRACTIONS:
            break
        if closed and dimension_of(text) is not None:
            end = at + 1
    return end


def _product(text: str, at: int) -> tuple[Dimension | None, int]:
    """Read factors up to the end or a closing bracket; None where one is not understood."""
    total, sign, some = _NONE, 1, False
    while (match := _TOKEN.match(text, at)) and not match["close"]:
        at = match.end()
        if match["per"] or match["times"]:
            sign = -1 if match["per"] else sign
            continue
        factor: Dimension | None = _NONE
        if match["open"]:
            factor, at = _product(text, at)
            if factor is None or text[at : at + 1] != ")":
                return None, at
            at += 1
        elif match["symbol"]:
            factor = _symbol(match["symbol"])
        if factor is None:
            return None, at
        if not match["number"] and (power := _POWER.match(text, at)):
            sign, at = sign * int(power[1]), power.end()
        total = tuple(t + sign * f for t, f in zip(total, factor, strict=True))
        sign, some = 1, True
    return (total if some and sign == 1 else None), at


def _symbol(symbol: str) -> Dimension | None:
    if (known := _bases(symbol)) is not None:
        return known
    for length in (1, 2):
        if symbol[:length] in _PREFIXES and symbol[length:] in _SYMBOLS:
            return _bases(symbol[length:])
    lower = symbol.casefold()
    return _bases(lower) or _bases(lower.removesuffix("s")) if len(symbol) > 2 else None


def _bases(symbol: str) -> Dimension | None:
    bases = _SYMBOLS.get(symbol)
    if bases is None:
        bases = next((b for b, words in _WORDS.items() if symbol in words.split()), None)
    if bases is None:
        return None
    powers = dict.fromkeys(_BASES, 0)
    for part in bases.split():
        base = part.rstrip("-0123456789")
        powers[base] = int(part[len(base) :] or 1)
    return tuple(powers.values())
