"""The verb of harvests: take the records of catalogs, or of a file, into the index."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from portal.core.contracts import Batch, Catalog, SupportsHarvest
from portal.core.item import Item
from portal.core.policy import Action
from portal.errors import InvalidParameter, PortalError, Unavailable
from portal.federation.door import Door
from portal.federation.ndjson import PIECE, NdjsonFile
from portal.federation.registry import FROM_FILE
from portal.federation.warned import collected

#: Faults that a report keeps; all of them are counted, and told as they come.
MOST_FAULTS = 1_000

_LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Harvest:
    """How far the harvest of a catalog has come.

    Parameters
    ----------
    records
        Records that were taken in, those included that were there already.
    removed
        Records that had gone, and were removed.
    broken
        Records that were left out.
    faults
        Why, one text each, the first ``MOST_FAULTS``; and at last what stopped the harvest.
    done
        Whether the catalog was read to its end.
    """

    facility: str
    catalog: str
    records: int = 0
    removed: int = 0
    broken: int = 0
    faults: tuple[str, ...] = ()
    done: bool = False


Tell = Callable[[Harvest], None]


class _Batches(Protocol):
    def batches(self, cursor: str | None) -> Iterator[Batch]: ...


class Harvesting(Door):
    """Take records into the index."""

    def harvest(
        self,
        facility: str,
        *,
        catalog: str | None = None,
        source: Path | None = None,
        anew: bool = False,
        tell: Tell | None = None,
        stop: threading.Event | None = None,
    ) -> tuple[Harvest, ...]:
        """Fill the index with the records of a facility's catalogs, or with those of a file.

        A harvest that was stopped, by a fault or by the end of its process, goes on where it was;
        one that is asked for again takes in what has changed, where the catalog can tell. Nothing
        is taken twice.

        Parameters
        ----------
        facility
            Its id.
        catalog
            One of its catalogs; by default all of them, or, with ``source``, the first.
        source
            A file of STAC Items, one a line. The catalog opens their data.
        anew
            Begin at the beginning, and remove what is not there any more.
        tell
            Is told how far it has come, with the faults of each step.
        stop
            Ends it, when set, after the step that is under way.

        Returns
        -------
        tuple of Harvest
            One for each catalog. One that failed says why in its faults.

        Raises
        ------
        UnknownFacility, Denied
        InvalidParameter
            The facility has no such catalog, or none.
        Unavailable, InvalidInput
            The file cannot be read.
        """
        held = self.registry.facility(facility)
        self.gate.require(Action.HARVEST, self.gate.site(held))
        names = [catalog] if catalog is not None else list(held.catalogs)
        if not names or any(name not in held.catalogs for name in names):
            raise InvalidParameter(
                f"The facility {facility!r} has no catalog {catalog!r}"
                if names
                else f"The facility {facility!r} has no catalog",
                found=f"catalogs: {', '.join(held.catalogs) or 'none'}",
                advice="Correct the name, or add a [catalog.NAME] table to its file.",
            )
        if source is not None:
            path = Path(source).expanduser().absolute()
            if not path.exists():
                raise Unavailable(f"There is no file {path}", advice="Check the path.")
            file = NdjsonFile(facility, path)
            names = [f"{names[0]}{FROM_FILE}{path.name}"]
        reports = []
        for name in names:
            step = _Step(Harvest(facility, name), tell, stop or threading.Event())
            given = (lambda: file) if source is not None else self._source(facility, name)
            reports.append(self._one(step, given, anew=anew))
        for report in reports:
            self.gate.write(
                "harvest",
                facility=facility,
                catalog=report.catalog,
                records=report.records,
                removed=report.removed,
                broken=report.broken,
                done=report.done,
            )
        return tuple(reports)

    def _source(self, facility: str, name: str) -> Callable[[], _Batches]:
        def build() -> _Batches:
            catalog = self.registry.catalog(facility, name)
            return catalog if isinstance(catalog, SupportsHarvest) else _Listing(catalog)

        return build

    def _one(self, step: _Step, source: Callable[[], _Batches], *, anew: bool) -> Harvest:
        """Take one catalog in; whatever it fails with is named, and what came before is kept."""
        index, facility, name = self.records.index, step.report.facility, step.report.catalog
        cursor = None if anew else index.cursor(facility, name)
        kept: set[str] | None = None
        try:
            with collected() as texts:
                batches = source()
                if anew or isinstance(batches, _Listing):
                    kept = index.local_ids(facility, name)
                for given in batches.batches(cursor):
                    batch = _own(given, facility)
                    index.take(facility, name, batch)
                    if kept is not None:
                        kept.difference_update(item.local_id for item in batch.items)
                    step.add(batch, texts)
                    if step.stop.is_set():
                        return step.report
                if kept:
                    last = index.cursor(facility, name) or _LISTED
                    gone = Batch((), last, removed=tuple(kept))
                    index.take(facility, name, gone)
                    step.add(gone, texts)
                step.finish(texts)
        except Exception as error:  # noqa: BLE001 - a catalog is a plug-in: any fault of it is named
            said = (
                str(error) if isinstance(error, PortalError) else f"{type(error).__name__}: {error}"
            )
            step.fail(f"The harvest stopped: {said} What came is kept; ask again to go on.")
        finally:
            index.flush()
        return step.report


@dataclass
class _Step:
    report: Harvest
    tell: Tell | None
    stop: threading.Event

    def add(self, batch: Batch, warned: list[str]) -> None:
        faults = (*batch.faults, *warned)
        warned.clear()
        before = self.report
        self._set(
            replace(
                before,
                records=before.records + len(batch.items),
                removed=before.removed + len(batch.removed),
                broken=before.broken + len(faults),
                faults=faults,
            ),
            before.faults,
        )

    def finish(self, warned: list[str]) -> None:
        before = self.report
        broken, faults = before.broken + len(warned), tuple(warned)
        warned.clear()
        self._set(replace(before, done=True, broken=broken, faults=faults), before.faults)

    def fail(self, reason: str) -> None:
        self._set(replace(self.report, faults=(reason,)), self.report.faults)

    def _set(self, told: Harvest, before: tuple[str, ...]) -> None:
        """Tell the step with its own faults, and keep them with those before."""
        if self.tell is not None:
            self.tell(told)
        self.report = replace(told, faults=(*before, *told.faults)[-MOST_FAULTS:])


@dataclass(frozen=True, slots=True)
class _Listing:
    """A catalog that gives its records in one go, in pieces: read whole each time."""

    catalog: Catalog

    def batches(self, cursor: str | None) -> Iterator[Batch]:
        records = iter(self.catalog.items())
        while items := tuple(islice(records, PIECE)):
            yield Batch(items, _LISTED)
        yield Batch((), _LISTED)


def _own(batch: Batch, facility: str) -> Batch:
    """Leave out what is no record of this facility, and say so."""
    given: tuple[object, ...] = batch.items
    items = tuple(i for i in given if isinstance(i, Item) and i.facility == facility)
    if len(items) == len(given):
        return batch
    said = tuple(
        f"{str(other)[:200]!r} is no record of {facility!r}"
        for other in given
        if not isinstance(other, Item) or other.facility != facility
    )
    return replace(batch, items=items, faults=(*batch.faults, *said))
