"""The exit trap: a run ends once, and says in status.json how, whatever ended it.

The first ending decides. Every ending stops the workers, removes what is half done, and writes
the crate, status.json and the last event, in this order; then the process exits at once. A signal
is seen by a thread of its own, so that an analysis that is deep in compiled code, or catches
everything, is canceled all the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from portal.core.cluster import TLS
from portal.core.events import Event
from portal.core.job import JobState
from portal.core.run import CANCEL, EVENTS, PARTIAL, RESERVE, STATUS, RunStatus
from portal.runner.scratch import make_scratch

if TYPE_CHECKING:
    import psutil

    from portal.runner.walltime import WallTime

_RESERVED_BYTES: Final = 512 * 1024
_POLL_SECONDS: Final = 0.005
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

Finish = Callable[[RunStatus], None]


class Trap:
    """The state of a run and its end.

    Parameters
    ----------
    directory
        The run directory.

    Attributes
    ----------
    lock
        Held while the run ends; hold it where an ending must not come in between.
    began
        When it was made, by ``time.monotonic()``.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lock = threading.RLock()
        self.began = time.monotonic()
        self.status = RunStatus()
        self._finish: Finish | None = None
        self._before: Callable[[], None] | None = None
        self._log = _EventLog(directory / EVENTS)
        self._scratch: Path | None = None
        self._wall: WallTime | None = None

    def arm(self) -> None:
        """Reserve room for the last words, and watch for signals."""
        with contextlib.suppress(OSError):
            (self.directory / RESERVE).write_bytes(os.urandom(_RESERVED_BYTES))
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(reader,), name="trap", daemon=True).start()

    def _watch(self, reader: int) -> None:
        while True:
            number = os.read(reader, 1)[0]
            if number in _SIGNALS:
                name = signal.Signals(number).name
                asked = (self.directory / CANCEL).exists()
                if not asked and (wall := self._reached()) is not None:
                    wall.over(self)
                self.end(JobState.CANCELED, message=f"canceled by {name}")

    def _reached(self) -> WallTime | None:
        from portal.runner.walltime import WallTime

        if self._wall is not None and self._wall.near:
            return self._wall
        return WallTime.reached(os.environ, self.began)

    def limit(self, wall: WallTime | None) -> None:
        """Have the run warned before its wall time is over, and ended then."""
        self._wall = wall
        if wall is not None:
            wall.watch(self)

    def before_end(self, prepare: Callable[[], None]) -> None:
        """Have a function called before the processes below this one are killed."""
        self._before = prepare

    def at_end(self, finish: Finish) -> None:
        """Have a function called with the final status, before status.json is written."""
        self._finish = finish

    def scratch(self, name: str) -> Path:
        """Return a private directory for spilled data, removed at the end."""
        self._scratch = make_scratch(name)
        return self._scratch

    def event(self, kind: str, **data: Any) -> None:
        """Append an event; once the run has ended nothing is added."""
        with self.lock:
            event = Event.now(kind, **data)
            self.status = self.status.then(event)
            self._log.append(event)

    def end(
        self, state: JobState, *, message: str = "", error: Mapping[str, str] | None = None
    ) -> NoReturn:
        """End the run and the process."""
        with self.lock:
            try:
                self._end(state, message, error)
            except BaseException as failure:  # noqa: BLE001  (stderr.log is all that is left)
                sys.stderr.write(f"portal: the end of the run could not be recorded: {failure!r}\n")
            finally:
                with contextlib.suppress(OSError, ValueError):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(0 if state is JobState.COMPLETED else 1)

    def _end(self, state: JobState, message: str, error: Mapping[str, str] | None) -> None:
        if self._before is not None:
            self._before()
        stop_descendants()
        shutil.rmtree(self.directory / TLS, ignore_errors=True)
        shutil.rmtree(self.directory / PARTIAL, ignore_errors=True)
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
        (self.directory / RESERVE).unlink(missing_ok=True)
        if error is not None:
            self.event("error", **error)
        last = Event.now("state", state=str(state), message=message)
        status = self.status.then(last)
        if self._finish is not None:
            try:
                self._finish(status)
            except (OSError, ValueError, TypeError) as failure:
                self.event("message", text=f"The run crate could not be written: {failure}")
        write_atomically(self.directory / STATUS, status.to_dict())
        self._log.append(last)


class _EventLog:
    """events.jsonl: whole lines; a line cut off by a full disk is closed before the next."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._torn = False

    def append(self, event: Event) -> None:
        line = (b"\n" if self._torn else b"") + event.to_line().encode()
        try:
            self._torn = os.write(self._file, line) < len(line)
        except OSError as error:
            sys.stderr.write(f"portal: an event could not be written: {error}\n")


def write_atomically(path: Path, values: Mapping[str, Any]) -> None:
    """Write JSON so that a reader sees all of it or what was there before."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            json.dump(values, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stop_descendants() -> None:
    """Kill every process below this one, those that are started meanwhile included."""
    import psutil

    me = psutil.Process()
    known: set[psutil.Process] = set()
    while left := {p for p in known.union(me.children(recursive=True)) if _lives(p)}:
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        known = left
        time.sleep(_POLL_SECONDS)


def _lives(process: psutil.Process) -> bool:
    import psutil

    try:
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
