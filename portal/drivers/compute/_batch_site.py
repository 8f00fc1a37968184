"""The machine at which a scheduler is asked: its answers, waited for, and the list of jobs."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from portal.drivers.compute._dialect import Dialect, Entry
from portal.drivers.compute._transport import TIMEOUT, Completed, Transport
from portal.errors import Unavailable

#: Seconds for which a list of jobs is believed.
AGE: Final = 0.5
_POLL: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
_ANSWER: Final = "portal: "


class Site:
    """A scheduler, behind a transport.

    Parameters
    ----------
    bin
        Directory of the scheduler's commands there; empty where they are found without.
    patience
        Seconds for which what does not answer is asked again.
    """

    def __init__(
        self, transport: Transport, dialect: Dialect, *, bin: str, patience: float
    ) -> None:
        self.transport, self.dialect, self.patience = transport, dialect, patience
        self._before = f"PATH={shlex.quote(bin)}:$PATH; export PATH\n" if bin else ""
        self._lock = threading.Lock()
        self._began = -AGE
        self._entries: Mapping[str, Entry] = {}
        self._failed: tuple[float, Unavailable] | None = None

    @property
    def name(self) -> str:
        """The scheduler and its machine, in words."""
        return f"{self.dialect.name} on {self.transport.name}"

    def run(
        self, script: str, *words: str, stdin: bytes = b"", timeout: float = TIMEOUT
    ) -> Completed:
        """Run a script of ``sh`` there, with the scheduler's commands at hand."""
        argv = ["sh", "-c", self._before + script, "portal", *words]
        return self.transport.run(argv, stdin=stdin, timeout=timeout)

    def ask(self, script: str, *words: str, end: float | None = None) -> str:
        """Return what the scheduler says to a script, which is run again while it fails.

        Raises
        ------
        Unavailable
            It has not answered until ``end`` (by ``time.monotonic()``), or the machine was not
            reached.
        """
        end = time.monotonic() + self.patience if end is None else end
        pause = _POLL
        while (done := self.run(script, *words)).code:
            if "not found" in done.stderr or time.monotonic() > end:
                raise Unavailable(
                    f"{self.name} does not answer",
                    found=done.stderr.strip()[-500:] or f"exit code {done.code}",
                    advice="Ask again later; where its commands are not found, name their "
                    "directory: `bin`.",
                )
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return done.stdout

    def recent(self) -> Mapping[str, Entry]:
        """Return the user's jobs, by a list that is half a second old at most."""
        return self._since(time.monotonic() - AGE, None)

    def fresh(self, end: float | None = None) -> Mapping[str, Entry]:
        """Return the user's jobs, by a list that was asked for after this call began."""
        return self._since(time.monotonic(), end)

    def _since(self, since: float, end: float | None) -> Mapping[str, Entry]:
        asked = time.monotonic()
        with self._lock:
            if self._failed and self._failed[0] > asked:  # while this call waited for its turn
                error = self._failed[1]
                raise Unavailable(error.happened, found=error.found, advice=error.advice)
            if self._began < since:
                began = time.monotonic()
                try:
                    text = self.ask(self.dialect.listing(), end=end)
                except Unavailable as error:
                    self._failed = (time.monotonic(), error)
                    raise
                self._entries, self._began = self.dialect.entries(text), began
            return self._entries


def answers(done: Completed) -> list[str]:
    """Return the lines that were meant for us; login shells may print others."""
    lines = done.stdout.split("\n")
    return [line.removeprefix(_ANSWER) for line in lines if line.startswith(_ANSWER)]


def text_of(name: str) -> str:
    """Return the text of a file that lies beside this one."""
    return Path(__file__).with_name(name).read_text()
