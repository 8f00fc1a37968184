"""Sources: every catalog of the federation, kept up with in the background.

A catalog that searches by itself is asked live. The others are taken into the index, each in a
thread of its own, so that one that is slow or hangs delays neither a search nor the rest. One that
gives its records in batches is large: it is taken in only when a harvest is asked for.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.core.contracts import (
    Catalog,
    SupportsFingerprint,
    SupportsHarvest,
    SupportsSearch,
)
from portal.core.found import Problem
from portal.errors import PortalError
from portal.federation.harvest import harvest
from portal.federation.lanes import DEADLINE, Lane
from portal.federation.registry import Registry
from portal.federation.warned import collected

if TYPE_CHECKING:
    from portal.index import Index

#: Seconds for which a catalog is not looked at again, and the least number of times that it took
#: to read it for which it is left alone.
FRESH, REST = 5.0, 10.0
#: The same for a catalog that cannot tell cheaply whether it has changed.
FRESH_WHOLE = 900.0
#: Seconds for which a search waits for a catalog that it has known before.
GRACE = 0.2

_CLOSING = 2.0
_WISHES = 8


@dataclass(eq=False, slots=True)
class Source:
    """One catalog.

    Parameters
    ----------
    live
        The catalog, where it searches by itself.
    begun
        When the work on it that is under way began (monotonic clock); None without any.
    due
        When it is to be looked at again.
    known
        Whether it has been looked at before.
    problems
        What was wrong when it was last looked at.
    failed
        Whether it could not be built then.
    """

    facility: str
    name: str
    live: SupportsSearch | None = None
    begun: float | None = None
    due: float = float("-inf")
    known: bool = False
    problems: tuple[Problem, ...] = ()
    failed: bool = False

    @property
    def lane(self) -> Lane:
        """Where it is asked."""
        return Lane(self.facility, self.name)

    @property
    def awaited(self) -> bool:
        """Whether it is being looked at for the first time."""
        return self.begun is not None and not self.known

    def expiry(self, patience: float) -> float:
        """Return the moment up to which a search waits for the work that is under way."""
        if self.begun is None:
            return float("-inf")
        return self.begun + (GRACE if self.known else patience)


class Sources:
    """Every catalog.

    Parameters
    ----------
    registry
        Holds the catalogs.
    index
        Gives the index, opened when first needed.
    changed
        Held for every change, and notified of each that is of consequence.
    """

    def __init__(
        self, registry: Registry, index: Callable[[], Index], changed: threading.Condition
    ) -> None:
        self._registry = registry
        self._index = index
        self._changed = changed
        self._closed = False
        self._then: dict[Source, deque[Callable[[], None]]] = {}
        self._threads: set[threading.Thread] = set()
        # A process that ends while a thread writes the search files would be aborted.
        weakref.finalize(self, _join, self._threads)
        self._sources = {
            facility.id: tuple(Source(facility.id, name) for name in facility.catalogs)
            for facility in registry.facilities.values()
        }
        #: How often records have been taken into the index.
        self.harvests = 0

    def of(self, facilities: Iterable[str]) -> list[Source]:
        """Return the catalogs of some facilities."""
        return [source for name in facilities for source in self._sources.get(name, ())]

    def refresh(self, sources: Iterable[Source], *, force: bool = False) -> None:
        """Begin to look at those that are due; at all of them by ``force``."""
        now = time.monotonic()
        with self._changed:
            for source in sources:
                idle = source.begun is None and source.live is None and not self._closed
                if idle and (force or now >= source.due):
                    source.begun = now
                    thread = threading.Thread(
                        target=self._look,
                        args=(source,),
                        name=f"portal-refresh-{source.facility}-{source.name}",
                        daemon=True,
                    )
                    self._threads.add(thread)
                    thread.start()

    def then(self, source: Source, do: Callable[[], None]) -> None:
        """Do something, with the lock held, when the work that is under way has ended.

        Of many such wishes the last ``_WISHES`` are kept.
        """
        with self._changed:
            self._then.setdefault(source, deque(maxlen=_WISHES)).append(do)

    def wait(self, sources: Iterable[Source]) -> None:
        """Wait until there is nothing under way with any of them, or it is late."""
        wanted = list(sources)
        with self._changed:
            while True:
                now = time.monotonic()
                late = [s.begun + DEADLINE for s in wanted if s.begun is not None]
                coming = [moment for moment in late if moment > now]
                if not coming:
                    return
                self._changed.wait(min(coming) - now)

    def close(self) -> None:
        """Begin nothing more, and wait a little for what is under way."""
        with self._changed:
            self._closed = True
        _join(self._threads)

    def _look(self, source: Source) -> None:
        began = time.monotonic()
        live: SupportsSearch | None = None
        failed, changed, fresh = True, False, FRESH
        problems: tuple[Problem, ...] = ()
        try:
            with collected() as texts:
                catalog = self._registry.catalog(source.facility, source.name)
            failed = False
            if isinstance(catalog, SupportsSearch):
                live = catalog
            else:
                fresh = FRESH if isinstance(catalog, SupportsFingerprint) else FRESH_WHOLE
                problems, changed = self._harvest(source, catalog)
            problems += tuple(Problem(source.facility, text, source.name) for text in texts)
        except PortalError as error:
            problems = (Problem(source.facility, str(error), source.name),)
        except BaseException as error:  # noqa: BLE001 - a catalog is a plug-in: any fault is named
            said = f"The catalog failed: {type(error).__name__}: {error}."
            problems = (Problem(source.facility, said, source.name),)
        finally:
            now = time.monotonic()
            with self._changed:
                source.live, source.problems, source.failed = live, problems, failed
                source.begun, source.known = None, True
                source.due = now + max(fresh, REST * (now - began))
                self.harvests += changed
                self._threads.discard(threading.current_thread())
                for do in self._then.pop(source, ()):
                    do()
                self._changed.notify_all()

    def _harvest(self, source: Source, catalog: Catalog) -> tuple[tuple[Problem, ...], bool]:
        """Take a catalog into the index; say what was wrong, and whether the index may differ."""
        index, facility, name = self._index(), source.facility, source.name
        if isinstance(catalog, SupportsHarvest):
            if index.cursor(facility, name) is not None:
                return (), False
            said = f"Its records are not here yet: take them in by `portal harvest {facility}`."
            return (Problem(facility, said, name),), False
        before = index.fingerprint(facility, name)
        problems = harvest(index, facility, name, catalog)
        return problems, before is None or index.fingerprint(facility, name) != before


def _join(threads: set[threading.Thread]) -> None:
    until = time.monotonic() + _CLOSING
    for thread in list(threads):
        thread.join(max(0.0, until - time.monotonic()))
