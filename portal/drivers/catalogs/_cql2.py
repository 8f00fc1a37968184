"""A query as words and as CQL2-JSON: what a STAC API is asked, so that it gives little beside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from portal.core.match import words
from portal.core.query import Query

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 16
_LONGEST_WORD = 64
_TEXTS = ("title", "description", "keywords", "cube:variables", "id")

Filter = dict[str, Any]


def asked_words(query: Query) -> tuple[str, ...]:
    """Return the words of every phrasing, as typed and in the singular without accents.

    A record that fits has one of them at least. They are letters and digits only, so that no
    service reads anything else into them.
    """
    typed = (w[:_LONGEST_WORD] for t in query.phrasings for w in _WORD.findall(t.casefold()))
    return tuple(islice(dict.fromkeys(w for t in typed for w in (t, *words(t))), _MOST_WORDS))


def cql2(query: Query, collections: Mapping[str, Mapping[str, Any]]) -> Filter | None:
    """Write the text and the facets of a query as CQL2-JSON; None where it has neither.

    An item takes part in the words and keywords of its collection. It lets through more than what
    fits, and less in one case only: a word typed without its accents ("uber" finds no "über", which
    finds both).

    Parameters
    ----------
    collections
        STAC Collections by id.
    """
    held = {name: frozenset(words(_text(c))) for name, c in collections.items()}

    def word(typed: str, plain: str) -> Filter:
        within = [name for name, has in held.items() if any(h.startswith(plain) for h in has)]
        return _any([*(_like(column, typed) for column in _TEXTS), *_within(within)])

    def all_of(text: str) -> list[Filter]:
        typed = (w[:_LONGEST_WORD] for w in dict.fromkeys(_WORD.findall(text.casefold())))
        found = ((t[: len(p)], p) for t in typed for p in words(t))
        return _all([word(t, p) for t, p in islice(found, _MOST_WORDS)])

    def named(names: Iterable[str], column: str) -> list[Filter]:
        return [_like(column, name.casefold()[:_LONGEST_WORD]) for name in names]

    parts = all_of(query.text)
    for concept in query.concepts:
        meant = all_of(concept.words) + named(concept.names, "cube:variables")
        parts += [_any(meant)] if meant else []
    if query.variables:
        parts.append(_any(named(query.variables, "cube:variables")))
    if query.keywords:
        within = [n for n, c in collections.items() if {*query.keywords} & {*_keywords(c)}]
        parts.append(_any([*named(query.keywords, "keywords"), *_within(within)]))
    return next(iter(_all(parts)), None)


def _text(collection: Mapping[str, Any]) -> str:
    parts = (collection.get(key) or "" for key in ("id", "title", "description"))
    return " ".join(str(part) for part in (*parts, *_keywords(collection)))


def _keywords(collection: Mapping[str, Any]) -> Sequence[str]:
    return [str(word) for word in collection.get("keywords") or ()]


def _within(names: list[str]) -> list[Filter]:
    return [{"op": "in", "args": [{"property": "collection"}, names]}] if names else []


def _like(column: str, text: str) -> Filter:
    pattern = f"%{re.sub('[^a-z0-9]', '_', text)}%"
    sides = ({"property": column}, pattern)
    return {"op": "like", "args": [{"op": "casei", "args": [side]} for side in sides]}


def _any(parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else {"op": "or", "args": parts}


def _all(parts: list[Filter]) -> list[Filter]:
    return parts if len(parts) < 2 else [{"op": "and", "args": parts}]
