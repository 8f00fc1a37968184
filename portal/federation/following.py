"""What is known of a run: read from its directory, and asked of its scheduler."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Self

from portal.core.contracts import Compute
from portal.core.job import JobState, JobStatus
from portal.core.policy import Action
from portal.core.run import STDERR, STDOUT, RunSpec, RunStatus
from portal.errors import RunNotFinished, Unreadable
from portal.federation.directory import RunDirectory, failed
from portal.federation.gate import Gate
from portal.federation.patience import TRANSIENT, Patience
from portal.federation.place import Estimate, Placement, Term

POLL = 0.1
#: Seconds for which a run is followed whose facility is not reached.
PATIENCE = 600.0
_NOT_SUBMITTED = "its submission is not known; resume() asks for it again, and starts no second job"


@dataclass
class Followed:
    """A run, as far as it can be read.

    Parameters
    ----------
    at
        The compute resource, ``facility.name``.
    """

    id: str
    at: str
    directory: RunDirectory
    compute: Compute = field(repr=False)
    gate: Gate = field(repr=False)
    _final: RunStatus | None = field(default=None, init=False, repr=False)

    @cached_property
    def spec(self) -> RunSpec:
        """What was asked for.

        Raises
        ------
        Unreadable
            run.json has gone.
        """
        spec = self.directory.spec()
        if spec is None:
            raise Unreadable(
                f"The run {self.id} has no run.json",
                found=f"the directory {self.directory.path}",
                advice="The directory was damaged or emptied; start the analysis again.",
            )
        return spec

    @property
    def title(self) -> str:
        """Its title, or that of its analysis."""
        return self.spec.title or self.spec.analysis.title or self.spec.analysis.name

    @property
    def placement(self) -> Placement:
        """Where it could have run, as it was estimated when it was asked for."""
        if self.spec.placed is not None:
            return Placement.from_dict(self.spec.placed)
        terms = tuple(Term.from_dict(term) for term in self.spec.placement)
        return Placement((Estimate(self.spec.at, terms),))

    def status(self) -> RunStatus:
        """Return what is known now: status.json, else the scheduler's word and the events.

        A job that has ended without a status.json has failed, with what is known about it. Of one
        that waits, the message says why, and its place and expected start where they are told.
        """
        if self._final is None:
            status = self.directory.status()
            if not status.state.final:
                status = self._ask_scheduler(status)
            if status.state.final:
                self._final = status
            return status
        return self._final

    def _ask_scheduler(self, status: RunStatus) -> RunStatus:
        job = self.directory.job()
        if job is None:
            silent = status.state is JobState.NEW
            return replace(status, message=_NOT_SUBMITTED) if silent else status
        known = self.compute.status(job[1])
        if not known.state.final:
            if status.state is JobState.ACTIVE or known.state is JobState.NEW:
                return status
            return replace(
                status,
                state=known.state,
                message=_waits(known) or status.message,
                position=known.position,
                start=known.start,
            )
        status = self.directory.status()
        if status.state.final:
            return status
        if self.spec.requested_by == self.gate.actor.id:
            self.directory.tidy()
        if known.state is JobState.CANCELED:
            return replace(status, state=JobState.CANCELED, message=known.message)
        last = status.message or "nothing was reported"
        log = self.directory.tail(STDERR, 2_000).strip().splitlines()[-5:]
        return failed(
            status,
            f"The job ended without a status ({known.message or known.state}); it was killed, or "
            f"its machine went down. Last seen: {last}."
            + (f" Its log ends: {' / '.join(log)}" if log else ""),
        )

    @property
    def state(self) -> JobState:
        """The state now."""
        return self.status().state

    def follow(self, poll: float = POLL) -> Iterator[RunStatus]:
        """Give the status each time it has changed, and end with the final one.

        Parameters
        ----------
        poll
            Seconds between two looks; as many more as a look takes, so that a service that is far
            away is not asked all the time.
        """
        last: RunStatus | None = None
        tries = Patience(PATIENCE)
        while last is None or not last.state.final:
            began = time.monotonic()
            status = self._look(last, tries)
            if status != last:
                last = status
                yield status
            else:
                time.sleep(max(poll, time.monotonic() - began))

    def _look(self, last: RunStatus | None, tries: Patience) -> RunStatus:
        """Return the status; for a while, the last one where the facility is not reached."""
        try:
            status = self.status()
        except TRANSIENT as error:
            if not tries.again():
                raise
            told = str(error) or type(error).__name__
            message = f"{self.at} is not reached; the run goes on there. {told}"
            return replace(last or RunStatus(), message=message)
        tries.reached()
        return status

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until the run has ended, whichever way.

        Raises
        ------
        RunNotFinished
            ``timeout`` seconds have passed.
        """
        end = None if timeout is None else time.monotonic() + timeout
        tries = Patience(PATIENCE)
        last: RunStatus | None = None
        while True:
            began = time.monotonic()
            last = self._look(last, tries)
            if last.state.final:
                return self
            if end is not None and time.monotonic() > end:
                raise RunNotFinished(
                    f"The run {self.id} has not ended after {timeout:g} s",
                    found=f"state: {last.state}",
                    advice="It goes on; wait again, or run.cancel().",
                )
            time.sleep(max(POLL, time.monotonic() - began))

    def require(self, action: Action) -> None:
        """Ask the policy; a run whose owner has opened its directory to others may be read.

        Raises
        ------
        Denied
        """
        owner = self.spec.requested_by
        shared = owner != self.gate.actor.id and self.directory.shared()
        self.gate.require(action, self.gate.run(self.id, owner, shared=shared))

    def log(self, size: int = 8_192) -> str:
        """Return the last ``size`` bytes of its output and of its errors."""
        parts = (self.directory.tail(name, size) for name in (STDOUT, STDERR))
        return "\n".join(part for part in parts if part)

    def __str__(self) -> str:
        status = self.status()
        text = f"{self.id}: {status.state} at {self.at}"
        if status.progress and not status.state.final:
            text += f", {status.progress.done} of {status.progress.total} tasks"
        return f"{text}. {status.message}" if status.message else text


def _waits(known: JobStatus) -> str:
    """Say why a job waits, its place, and when it should start, as far as that is told."""
    parts = [known.message] if known.message else []
    if known.position is not None:
        parts.append(f"position {known.position} in the queue")
    if known.start is not None:
        moment = datetime.fromtimestamp(known.start, UTC)
        parts.append(f"expected to start at {moment:%Y-%m-%d %H:%M} UTC")
    return ", ".join(parts)
