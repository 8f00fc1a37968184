"""The verbs of finding: search, open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from portal.core.found import SearchResult
from portal.core.item import Item
from portal.core.query import BBox, Interval, Query
from portal.federation.door import Door

if TYPE_CHECKING:
    import xarray as xr

Time = Interval | str | datetime | Sequence[str | datetime | None]


class Finding(Door):
    """Find datasets of all facilities, and open them."""

    def search(
        self,
        text: str = "",
        *,
        bbox: BBox | Sequence[float] | None = None,
        time: Time | None = None,
        facility: str | Iterable[str] = (),
        variable: str | Iterable[str] = (),
        keyword: str | Iterable[str] = (),
        limit: int = 20,
        offset: int = 0,
    ) -> SearchResult:
        """Find datasets of all facilities.

        Parameters
        ----------
        text
            Free words, in English.
        bbox
            (west, south, east, north), degrees.
        time
            "2003/2010", "2003-07", "2003/..", a datetime, or a pair of these.
        facility, variable, keyword
            Only records that have one of the values given.
        limit, offset
            The page of hits wanted.

        Returns
        -------
        SearchResult
            A sequence of Items, best first, with the total, the facets, and the facilities that
            could not answer.

        Raises
        ------
        InvalidQuery
            A value cannot be taken.
        """
        query = Query.of(
            text,
            bbox=bbox,
            time=time,
            facility=facility,
            variable=variable,
            keyword=keyword,
            limit=limit,
            offset=offset,
        )
        return self.find(query)

    def find(self, query: Query) -> SearchResult:
        """Answer a :class:`Query`; see :meth:`search`."""
        visible = tuple(f.id for f in self.facilities.values() if self.gate.sees(f))
        return self.records.find(query, visible)

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
        dataset = self.registry.catalog(found.facility, name).open(found)
        self.gate.write("open", item=found.id)
        return dataset
