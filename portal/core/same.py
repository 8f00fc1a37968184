"""Whether two records are of the same dataset: the marks by which it is known wherever it is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from portal.core.item import Item

_RESOLVER = ("https://doi.org/", "http://doi.org/", "https://dx.doi.org/", "http://dx.doi.org/")


def keys(item: Item) -> tuple[str, ...]:
    """Return the marks of a record's dataset: "href:…" and "doi:10.…", as far as it has them.

    The address is that of its data asset: of several, the first in the order of the alphabet. Only
    absolute URLs count; a path is of one machine. A DOI counts without resolver and case. What
    cannot be read of a record is no mark.
    """
    found = (_address(item), _doi(item))
    return tuple(
        f"{kind}:{mark}" for kind, mark in zip(("href", "doi"), found, strict=True) if mark
    )


class Groups:
    """Sorts records, best first, into datasets.

    A record joins the first dataset with one of its marks that has no record of its facility yet,
    by address before by DOI; else it begins a dataset. So a DOI that a facility gives to many
    records, as of a collection, never makes them one; and what a record joins depends on those
    before it only.
    """

    def __init__(self) -> None:
        self._known: dict[str, list[int]] = {}
        self._facilities: list[set[str]] = []

    def place(self, facility: str, marks: Iterable[str]) -> int:
        """Return the number of the record's dataset, counted from 0 in the order they came."""
        names = list(marks)
        group = next(self._open(facility, names), len(self._facilities))
        if group == len(self._facilities):
            self._facilities.append(set())
        self._facilities[group].add(facility)
        for name in names:
            known = self._known.setdefault(name, [])
            if group not in known:
                known.append(group)
        return group

    def _open(self, facility: str, names: list[str]) -> Iterator[int]:
        for name in names:
            for group in self._known.get(name, ()):
                if facility not in self._facilities[group]:
                    yield group


def _doi(item: Item) -> str:
    try:
        doi = item.doi.strip().casefold()
    except (AttributeError, LookupError, TypeError, ValueError):
        return ""
    for start in (*_RESOLVER, "doi:"):
        doi = doi.removeprefix(start)
    return doi if doi.startswith("10.") else ""


def _address(item: Item) -> str:
    try:
        assets = item.assets.values()
        hrefs = [a.href for a in assets if "data" in a.roles or not a.roles]
    except (AttributeError, LookupError, TypeError, ValueError):
        return ""
    return min((url for url in map(_absolute, hrefs) if url), default="")


def _absolute(href: str) -> str:
    """Return a URL with scheme and host in lower case, empty for what is none."""
    try:
        parts = urlsplit(href.strip())
    except ValueError:
        return ""
    if not parts.netloc or parts.scheme in ("", "file"):
        return ""
    return parts._replace(netloc=parts.netloc.lower(), fragment="").geturl()
