"""Run: what a person holds of a run; Runs: all that are found in the run directories."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from portal.core.contracts import Compute
from portal.core.job import JobState
from portal.core.plugins import display
from portal.core.policy import Action
from portal.core.run import CANCEL, RESULT, STATUS, STDERR, STDOUT, RunSpec, RunStatus
from portal.errors import (
    InvalidParameter,
    PortalError,
    RunCanceled,
    RunFailed,
    RunNotFinished,
    Unreadable,
)
from portal.federation.directory import RunDirectory, failed
from portal.federation.gate import Gate

if TYPE_CHECKING:
    import xarray as xr

POLL = 0.1


@dataclass
class Run:
    """A run, found by its directory; it goes on whether or not anyone holds this.

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
    _final: RunStatus | None = field(default=None, repr=False)

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

    def status(self) -> RunStatus:
        """Return what is known now: status.json, else the scheduler's word and the events.

        A job that has ended without a status.json has failed, with what is known about it.
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
            return status
        known = self.compute.status(job[1])
        if not known.state.final:
            started = status.state is JobState.ACTIVE or known.state is JobState.NEW
            return status if started else replace(status, state=known.state)
        status = self.directory.status()
        if status.state.final:
            return status
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
            Seconds between two looks.
        """
        last: RunStatus | None = None
        while last is None or not last.state.final:
            status = self.status()
            if status != last:
                last = status
                yield status
            else:
                time.sleep(poll)

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until the run has ended, whichever way.

        Raises
        ------
        RunNotFinished
            ``timeout`` seconds have passed.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self.status().state.final:
            if end is not None and time.monotonic() > end:
                raise RunNotFinished(
                    f"The run {self.id} has not ended after {timeout:g} s",
                    found=f"state: {self.state}",
                    advice="It goes on; wait again, or run.cancel().",
                )
            time.sleep(POLL)
        return self

    def result(self, timeout: float | None = None) -> xr.Dataset:
        """Wait for the run, and open its result lazily.

        Raises
        ------
        RunFailed
            It failed; the analysis' own traceback is attached.
        RunCanceled
            It was canceled.
        RunNotFinished
            ``timeout`` seconds have passed.
        InvalidParameter
            It is an interactive cluster.
        Denied
            The run is somebody else's.
        """
        self.gate.require(Action.READ_RUN, self.gate.run(self.id, self.spec.requested_by))
        if self.spec.cluster is not None:
            raise InvalidParameter(
                f"The run {self.id} is an interactive cluster: it has no result",
                found=f"state: {self.state}",
                advice=f'fed.cluster(run_id="{self.id}").client is its Dask client.',
            )
        status = self.wait(timeout).status()
        if status.state is JobState.CANCELED:
            raise RunCanceled(
                f"The run {self.id} was canceled",
                found=status.message or None,
                advice="There is no result; run the analysis again.",
            )
        if status.state is JobState.FAILED:
            error = status.error or {}
            raise RunFailed(
                f"The run {self.id} failed: {error.get('type', '')}: "
                f"{error.get('message') or status.message}",
                advice=f"Its directory is {self.directory.path}; run.log() shows its output.",
            ).with_traceback_text(error.get("traceback", ""))
        return self._open()

    def _open(self) -> xr.Dataset:
        import xarray as xr
        import zarr

        store = zarr.storage.FsspecStore(
            _asynchronous(self.directory.fs), path=self.directory.file(RESULT), read_only=True
        )
        dataset: xr.Dataset = xr.open_zarr(store, chunks={}, consolidated=True)
        return dataset

    def cancel(self) -> None:
        """End the run and every process of it; a run that has ended is left as it is.

        Raises
        ------
        Denied
            The run is somebody else's.
        """
        self.gate.require(Action.CANCEL, self.gate.run(self.id, self.spec.requested_by))
        job = self.directory.job()
        if job is not None and not self.status().state.final:
            # Tells the runner that the signal it gets is no wall time's end.
            self.directory.write(CANCEL, {"by": self.gate.actor.id})
            self.compute.cancel(job[1])
            self.gate.write("cancel", run=self.id)
            ended = self.compute.status(job[1]).state.final
            if ended and not self.directory.status().state.final:
                message = "canceled before its runner could say so"
                canceled = replace(
                    self.directory.status(), state=JobState.CANCELED, message=message
                )
                self.directory.write(STATUS, canceled.to_dict())

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

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return display("run", self) or {"text/plain": str(self)}


class Runs(Sequence[Run]):
    """Runs, newest first; shown as a table."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = tuple(runs)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> Run | Runs:
        found = self._runs[index]
        return found if isinstance(found, Run) else Runs(found)

    def __len__(self) -> int:
        return len(self._runs)

    def __repr__(self) -> str:
        lines = ("  ".join(_row(run)) for run in self._runs)
        return "\n".join(lines) or "No runs yet."

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(text)}' for text in _row(run))}</tr>" for run in self._runs
        )
        head = "<tr><th>run<th>state<th>at<th>title</tr>"
        return f"<table>{head}{rows}</table>" if rows else "No runs yet."


def _row(run: Run) -> tuple[str, str, str, str]:
    """The columns of a run in lists; a damaged directory must not hide the others."""
    try:
        return run.id, run.state.value, run.at, run.title
    except PortalError as error:
        return run.id, "unreadable", run.at, str(error)


def _asynchronous(fs: Any) -> Any:
    """Return a file system as zarr wants it: asynchronous."""
    if fs.async_impl:
        return fs
    from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper

    return AsyncFileSystemWrapper(fs, asynchronous=True)
