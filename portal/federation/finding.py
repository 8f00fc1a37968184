"""The verbs of finding: search, find, watch, timeline, open, export."""

from __future__ import annotations

import time as clock
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from portal.core.found import Bin, SearchResult
from portal.core.item import Item
from portal.core.opening import opened
from portal.core.policy import Action
from portal.core.query import Query, Sort
from portal.federation.door import Door
from portal.federation.interpret import Box, Time, interpret
from portal.federation.lanes import DEADLINE
from portal.federation.quicklook import quicklook
from portal.federation.searches import SavedSearches

if TYPE_CHECKING:
    import xarray as xr


class Finding(Door):
    """Find datasets of all facilities, and open them."""

    def search(
        self,
        text: str = "",
        *,
        bbox: Box | None = None,
        time: Time | None = None,
        facility: str | Iterable[str] = (),
        variable: str | Iterable[str] = (),
        keyword: str | Iterable[str] = (),
        limit: int = 20,
        offset: int = 0,
        sort: Sort = "relevance",
        literal: Collection[str] = (),
        wait: float = DEADLINE,
    ) -> SearchResult:
        """Find datasets of all facilities by what a person types.

        Quantities, a place and a time in the words are understood: "rain over Texas since 1990"
        asks for variables that mean rain, for Texas' box and for the years from 1990. Where nothing
        at all is found so, and everybody has been asked, the words are searched as they are.

        Parameters
        ----------
        text
            Free words, in English.
        bbox
            (west, south, east, north), degrees; it stands above a place in the words.
        time
            "2003/2010", "2003-07", "2003/..", a datetime, or a pair of these; it stands above a
            time in the words.
        facility, variable, keyword
            Only records that have one of the values given.
        limit, offset
            The page of hits wanted.
        sort
            "relevance", "title", "newest" or "oldest".
        literal
            Phrases of the text that are words and mean nothing else.
        wait
            Seconds to wait for facilities that are asked live, see :meth:`find`.

        Returns
        -------
        SearchResult
            A sequence of Items, best first, with the total, the facets, the facilities that could
            not answer, and what was understood; None where the words were searched as they are.

        Raises
        ------
        InvalidQuery
            A value cannot be taken.
        """
        began = clock.monotonic()
        query, meant = interpret(
            text,
            bbox=bbox,
            time=time,
            facility=facility,
            variable=variable,
            keyword=keyword,
            limit=limit,
            offset=offset,
            sort=sort,
            literal=literal,
            meanings=self.meanings,
        )
        result = self.find(query, wait=wait)
        over = not result.pending and (wait or not self.records.asks(query, self._visible()))
        if not meant or result.total or not over:
            return replace(result, understood=meant or None)
        plain = Query.of(
            text,
            bbox=bbox,
            time=time,
            facility=query.facilities,
            variable=query.variables,
            keyword=query.keywords,
            limit=limit,
            offset=offset,
            sort=sort,
        )
        left = max(0.0, wait - (clock.monotonic() - began))
        literally = self.find(plain, wait=left)
        if not literally.total and not literally.pending:
            return replace(result, understood=meant)
        return replace(literally, took=clock.monotonic() - began)

    def find(self, query: Query, *, wait: float = DEADLINE) -> SearchResult:
        """Answer a :class:`Query` as it stands; nothing is read into its words.

        Parameters
        ----------
        wait
            Seconds to wait for facilities that are asked live; 0 to ask the index only. Whoever has
            not answered by then is named in ``pending``: the same query asked again gives more, and
            asks nobody twice. A facility that has not answered after 5 s, or after ``wait`` where
            that is more, is named in ``problems``.
        """
        return self.records.find(query, self._visible(), wait)

    def watch(self, query: Query, *, deadline: float = DEADLINE) -> Iterator[SearchResult]:
        """Answer a :class:`Query` at once from the index, and again as live facilities answer.

        Each result is more complete than the one before it; the last has nothing pending. It comes
        after ``deadline`` seconds at the latest.
        """
        return self.records.watch(query, self._visible(), deadline)

    def timeline(self, query: Query) -> tuple[Bin, ...]:
        """Count the records that match by spans of whole years, the query's own time aside.

        Those of the index are counted; what facilities that are asked live would give is not known.
        """
        return self.records.timeline(query, self._visible())

    def open(self, item: Item | str) -> xr.Dataset:
        """Open a dataset lazily; nothing is read but metadata and coordinates.

        Returns
        -------
        xarray.Dataset
            Dask-backed, in the chunks in which it is stored.

        Raises
        ------
        InvalidItem, UnknownFacility, UnknownItem, Denied
        Unavailable, Unreadable, TooLarge, MissingDependency
        """
        found, name = self._item(item)
        self._require_data(found)
        dataset = opened(self.registry.catalog(found.facility, name), found)
        self.gate.write("open", item=found.id)
        return dataset

    def quicklook(self, item: Item | str) -> bytes:
        """Return a small picture of a dataset, PNG; made when first asked for, and then kept.

        Raises
        ------
        InvalidItem, UnknownFacility, UnknownItem, Denied
        Unavailable, Unreadable, TooLarge, MissingDependency
            It has no map, one picture would read too much, or it cannot be opened.
        """
        found, name = self._item(item)
        self._require_data(found)
        catalog = self.registry.catalog(found.facility, name)
        return quicklook(self.home.quicklooks, found, catalog)

    def export(self, items: Item | str | Iterable[Item | str], format: str) -> str:
        """Write records in the words of other systems; their data is not touched.

        Parameters
        ----------
        items
            A record or its id, several of these, or what a search found.
        format
            "stac", "croissant", "dcat", "schema.org", "ro-crate" or "bibtex".

        Returns
        -------
        str
            The document. Of a record given twice, one is written; a field that a record has wrong
            is left out, except in "stac", which has the records as they are.

        Raises
        ------
        InvalidInput, InvalidItem, UnknownFacility, UnknownItem, Denied
        """
        from portal.export import export

        given = [items] if isinstance(items, Item | str) else items
        return export([self._permitted(item) for item in given], format)

    def _permitted(self, item: Item | str) -> Item:
        """Return a record that is known already as it is, and else by its id, if it may be seen."""
        if not isinstance(item, Item):
            return self.item(item)
        self.gate.require(Action.DISCOVER, self.gate.site(self.registry.facility(item.facility)))
        return item

    @property
    def searches(self) -> SavedSearches:
        """The searches that are saved here."""
        return SavedSearches(self.home.searches)

    def _visible(self) -> tuple[str, ...]:
        return tuple(f.id for f in self.facilities.values() if self.gate.sees(f))
