"""Places by their names: "over Texas", "off the coast of Norway", "near Oak Ridge"."""

from __future__ import annotations

from collections.abc import Sequence

from portal.core.understood import Place
from portal.words.boxes import around, widen
from portal.words.chunks import Chunk
from portal.words.tables import Named, Words

#: Degrees by which "near", "around" and "off" reach beyond a place's box, on every side.
NEAR = 2.0

_NEAR = frozenset(("near", "around", "off"))
_BEFORE = _NEAR.union(
    ("over", "in", "across", "within", "at", "for", "above", "throughout", "inside", "along", "on")
)
_BETWEEN_WORDS = (
    "the of coast coasts shore shores state country whole central north south east west northern"
    " southern eastern western"
)
_BETWEEN = frozenset(_BETWEEN_WORDS.split())
_MAX_BETWEEN = 5
_AND = frozenset(("and", "or", "&"))
_HOME = "United States of America"

Hit = tuple[int, tuple[Named, ...]]


def find_place(
    found: Sequence[Chunk], taken: set[int], tables: Words
) -> tuple[Place, list[Place]] | None:
    """Find the first place that stands after a preposition, and take its chunks.

    Several places with "and" between them are one box around them all.

    Returns
    -------
    tuple
        The place, and others of the same name.
    """
    for start, chunk in enumerate(found):
        before = chunk.core.casefold()
        if start in taken or before not in _BEFORE:
            continue
        if (hit := _after(found, start + 1, taken, tables)) is None:
            continue
        end, (one, *namesakes) = hit
        joined = [one]
        while (more := _and(found, end, taken, tables)) is not None:
            end = more[0]
            joined.append(more[1][0])
        taken.update(range(start, end))
        said = _said(found, start, end)
        box = around([n.box for n in joined]) if len(joined) > 1 else one.box
        name = " and ".join(n.name for n in joined)
        place = Place(said, name, widen(box, NEAR) if before in _NEAR else box)
        return place, [Place(said, n.name, n.box) for n in namesakes]
    return None


def bare_places(
    found: Sequence[Chunk], taken: set[int], tables: Words
) -> list[tuple[range, Place]]:
    """Return the places that are named without a preposition, each with its chunks."""
    given: list[tuple[range, Place]] = []
    start = 0
    while start < len(found):
        hit = _longest(found, start, taken, tables)
        end = hit[0] if hit else start + 1
        said = _said(found, start, end)
        given += [
            (range(start, end), Place(said, one.name, one.box)) for one in (hit[1] if hit else ())
        ]
        start = end
    return given


def _after(found: Sequence[Chunk], start: int, taken: set[int], tables: Words) -> Hit | None:
    """Return the place after a preposition, words such as "the coast of" between them aside."""
    for at in range(start, min(start + _MAX_BETWEEN + 1, len(found))):
        if (hit := _longest(found, at, taken, tables)) is not None:
            return _of_home(found, hit, taken, tables)
        if at in taken or found[at].core.casefold() not in _BETWEEN:
            return None
    return None


def _of_home(found: Sequence[Chunk], hit: Hit, taken: set[int], tables: Words) -> Hit:
    """Take "USA" after a state or a laboratory with it; no other place is meant then."""
    end, named = hit
    if named[0].kind not in ("state", "lab") or end == len(found):
        return hit
    home = _longest(found, end, taken, tables)
    return (home[0], named[:1]) if home and home[1][0].name == _HOME else hit


def _and(found: Sequence[Chunk], end: int, taken: set[int], tables: Words) -> Hit | None:
    if end in taken or end == len(found) or found[end].core.casefold() not in _AND:
        return None
    return _after(found, end + 1, taken, tables)


def _longest(found: Sequence[Chunk], start: int, taken: set[int], tables: Words) -> Hit | None:
    """Return where the longest place name that starts here ends, and the places of that name."""
    if start == len(found) or not found[start].words:
        return None
    best: Hit | None = None
    limit = tables.longest_place.get(found[start].words[0], 0)
    for end in range(start + 1, min(start + limit, len(found)) + 1):
        if end - 1 in taken or not found[end - 1].words:
            break
        if named := tables.places_of(found[start:end]):
            best = (end, named)
    return best


def _said(found: Sequence[Chunk], start: int, end: int) -> str:
    return " ".join(chunk.core for chunk in found[start:end])
