"""The federation's records: the index kept up with the catalogs, and the live ones beside it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from portal.core.contracts import Catalog, SupportsSearch
from portal.core.found import Problem, SearchResult
from portal.core.item import Item
from portal.core.query import Query
from portal.errors import PortalError, UnknownItem
from portal.federation.config import Home
from portal.federation.find import find
from portal.federation.harvest import harvest
from portal.federation.registry import Registry

if TYPE_CHECKING:
    from portal.index import Index

#: Seconds for which the catalogs' fingerprints are not asked again.
FRESH = 5.0


class Records:
    """Every facility's records.

    Parameters
    ----------
    home
        Holds the index.
    registry
        Holds the catalogs.
    """

    def __init__(self, home: Home, registry: Registry) -> None:
        self._home = home
        self._registry = registry
        self._lock = threading.RLock()
        self._opened: Index | None = None
        self._live: dict[str, Catalog] = {}
        self._problems: tuple[Problem, ...] = ()
        self._checked = float("-inf")

    @property
    def index(self) -> Index:
        """The embedded index, opened when first needed."""
        with self._lock:
            if self._opened is None:
                from portal.index import Index

                self._opened = Index(self._home.index)
            return self._opened

    def close(self) -> None:
        """Close the index."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def refresh(self, *, force: bool = False) -> None:
        """Harvest the catalogs that have changed; one at fault is named and passed over."""
        with self._lock:
            if not force and time.monotonic() - self._checked < FRESH:
                return
            problems: list[Problem] = []
            for facility_id in self._registry.facilities:
                problems += self._refresh(facility_id)
            self._problems = tuple(problems)
            self._checked = time.monotonic()

    def _refresh(self, facility_id: str) -> list[Problem]:
        problems: list[Problem] = []
        try:
            for name, catalog in self._registry.catalogs(facility_id):
                if isinstance(catalog, SupportsSearch):
                    self._live[facility_id] = catalog
                else:
                    problems += harvest(self.index, facility_id, name, catalog)
        except PortalError as error:
            problems.append(Problem(facility_id, str(error)))
        return problems

    def find(self, query: Query, visible: tuple[str, ...]) -> SearchResult:
        """Answer a query over the facilities that may be seen."""
        self.refresh()
        live = {name: catalog for name, catalog in self._live.items() if name in visible}
        return find(query, self.index, live, visible=visible, problems=self._problems)

    def get(self, item_id: str) -> tuple[Item, str]:
        """Return a record and the name of its catalog.

        Raises
        ------
        UnknownItem
            There is none of this id; the nearest ones are named.
        """
        import difflib

        found = self.index.get(item_id)
        if found is None:
            self.refresh(force=True)
            found = self.index.get(item_id)
        if found is None:
            facility = item_id.partition(":")[0]
            result = self.find(Query(facilities=(facility,), limit=1000), (facility,))
            ids = [item.id for item in result]
            near = difflib.get_close_matches(item_id, ids, 3)
            raise UnknownItem(
                f"No dataset is called {item_id!r}",
                found=f"{facility} has {', '.join(ids[:8]) or 'no datasets'}"
                + (" and more" if len(ids) > 8 else ""),
                advice=f"Did you mean {' or '.join(near)}?" if near else "Try fed.search().",
            )
        return found

    def add(self, item: Item, catalog: str) -> None:
        """Put a record into the index at once."""
        self.index.upsert([item], catalog=catalog)
