"""The schedule that keeps harvested catalogs fresh while a server runs."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import IO

from portal.errors import PortalError
from portal.federation.federation import Federation

#: Each wait is longer or shorter by so much of it, for many servers not to ask at one moment.
JITTER = 0.1


class Schedule:
    """Harvests again, every so often, the catalogs that were harvested once.

    Of several servers on one home, one does it at a time.

    Parameters
    ----------
    fed
        Gives the federation; called in the schedule's thread.
    every
        Seconds between two rounds; 0 for none.
    log
        Is told of each harvest, one line.
    """

    def __init__(self, fed: Callable[[], Federation], every: float, log: logging.Logger) -> None:
        self._fed = fed
        self._every = every
        self._log = log
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="portal-schedule", daemon=True)

    def start(self) -> None:
        """Begin to wait for the first round."""
        if self._every > 0:
            self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End it; the step of a harvest that is under way is waited for."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.wait(self._every * random.uniform(1 - JITTER, 1 + JITTER)):  # noqa: S311 - no secret
            try:
                self.round()
            except Exception:  # noqa: BLE001 - a fault of one round is no reason to have no other
                self._log.exception("portal: the harvest failed")

    def round(self) -> None:
        """Harvest once what was harvested before; nothing where another server is at it."""
        fed = self._fed()
        with (fed.home.path / "harvest.lock").open("a") as file:
            if not _locked(file):
                return
            for facility in fed.facilities.values():
                for name in facility.catalogs:
                    if self._stop.is_set():
                        return
                    if fed.records.index.cursor(facility.id, name) is not None:
                        self._harvest(fed, facility.id, name)

    def _harvest(self, fed: Federation, facility: str, name: str) -> None:
        try:
            (report,) = fed.harvest(facility, catalog=name, stop=self._stop)
        except PortalError as error:
            self._log.warning("portal: %s (%s) was not harvested: %s", facility, name, error)
            return
        self._log.info(
            "portal: %s (%s): %d records, %d removed, %d left out%s",
            facility, name, report.records, report.removed, report.broken,
            "" if report.done else f"; {report.faults[-1] if report.faults else 'stopped'}",
        )  # fmt: skip


def _locked(file: IO[str]) -> bool:
    """Take the lock of a file, which goes with the process; False where another has it."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
