"""Whether a record fits a query: for catalogs that cannot filter by themselves, and to check them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from portal.core.item import Item
from portal.core.query import Concept, Query
from portal.core.variable import variable_names

_WORD = re.compile(r"[^\W_]+")


def fits(item: Item, query: Query) -> bool:
    """Whether a record fits every demand of a query: text, concepts, place, time and facets.

    Every word of the text is the beginning of a word of the record, accents and plurals aside.

    Raises
    ------
    InvalidQuery, ArithmeticError, AttributeError, LookupError, TypeError, ValueError
        The record's own fields are not as STAC has them.
    """
    return matches(item, query) and text_fits(item, query)


def matches(item: Item, query: Query) -> bool:
    """Whether a record fits the place, the time and the facets of a query, its text aside.

    Raises
    ------
    InvalidQuery, ArithmeticError, AttributeError, LookupError, TypeError, ValueError
        The record's own fields are not as STAC has them.
    """
    box, interval = item.bbox, item.interval
    names = variable_names(item.variables) if query.variables else ()
    return (
        (query.bbox is None or (box is not None and query.bbox.intersects(box)))
        and (query.time is None or (interval is not None and query.time.intersects(interval)))
        and (not query.facilities or item.facility in query.facilities)
        and (not query.variables or not set(query.variables).isdisjoint(names))
        and (not query.keywords or not set(query.keywords).isdisjoint(item.keywords))
    )


def text_fits(item: Item, query: Query) -> bool:
    """Whether a record has every word of a query's text, and fits every concept of it."""
    wanted = tuple(words(query.text))
    if not wanted and not query.concepts:
        return True
    held = frozenset(words(text_of(item)))
    return _has(held, wanted) and all(_means(item, held, concept) for concept in query.concepts)


def text_of(item: Item) -> str:
    """Return the text by which a record is found."""
    variables = (t for v in item.variables for t in (v.name, v.long_name, v.standard_name))
    parts = (item.title, item.description, *item.keywords, *variables, item.local_id)
    return " ".join(str(part) for part in parts)


def words(text: str) -> Iterator[str]:
    """Give the words of a text: lower case, without accents, without a plural's s."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    for word in _WORD.findall(plain.casefold()):
        yield (
            word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        )


def _has(held: frozenset[str], wanted: tuple[str, ...]) -> bool:
    return all(word in held or any(h.startswith(word) for h in held) for word in wanted)


def _means(item: Item, held: frozenset[str], concept: Concept) -> bool:
    names = variable_names(item.variables)
    return not set(concept.names).isdisjoint(names) or _has(held, tuple(words(concept.words)))
