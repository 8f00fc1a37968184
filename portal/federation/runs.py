"""Run: what a person holds of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from portal.core.job import JobState
from portal.core.plugins import display
from portal.core.policy import Action
from portal.core.run import CANCEL, RESULT, STATUS
from portal.errors import (
    InvalidParameter,
    RunCanceled,
    RunFailed,
    RunNotFinished,
)
from portal.federation import launch
from portal.federation.following import POLL, Followed
from portal.federation.learn import Lessons

if TYPE_CHECKING:
    import os

    import xarray as xr

    from portal.federation.fetch import Fetched

#: Seconds within which a job that was canceled has ended.
CANCELED_WITHIN = 60.0
#: Starts a run once more, see :meth:`portal.federation.running.Running.rerun`.
Again = Callable[..., "Run"]


@dataclass
class Run(Followed):
    """A run, found by its directory; it goes on whether or not anyone holds this.

    Parameters
    ----------
    at
        The compute resource, ``facility.name``.
    """

    again: Again | None = field(default=None, repr=False)
    lessons: Lessons | None = field(default=None, repr=False)

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
        self.require(Action.READ_RUN)
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
        RunNotFinished
            Its scheduler has taken the word, and the job has not ended a minute later.
        """
        self.require(Action.CANCEL)
        if self.status().state.final:
            return
        # Tells the runner that the signal it gets is no wall time's end.
        self.directory.write(CANCEL, {"by": self.gate.actor.id})
        job_id = self._job()
        self.compute.cancel(job_id)
        self.gate.write("cancel", run=self.id)
        end = time.monotonic() + CANCELED_WITHIN
        while not self.compute.status(job_id).state.final:
            if time.monotonic() > end:
                raise RunNotFinished(
                    f"The run {self.id} was canceled, and its job has not ended yet",
                    found=f"after {CANCELED_WITHIN:g} s the job {job_id} is "
                    f"{self.compute.status(job_id).state}",
                    advice="See what its scheduler says of it, and cancel again.",
                )
            time.sleep(POLL)
        known = self.directory.status()
        if not known.state.final:
            message = "canceled before its runner could say so"
            canceled = replace(known, state=JobState.CANCELED, message=message)
            self.directory.write(STATUS, canceled.to_dict())
            self.directory.tidy()

    def _job(self) -> str:
        """Return the job's id; where it is not known, ask for it, which starts no second one."""
        job = self.directory.job()
        return self.resume().directory.job()[1] if job is None else job[1]  # type: ignore[index]

    def resume(self) -> Run:
        """Submit it where it is not known whether that was done; no second job is started.

        Returns
        -------
        Run
            Itself. A run that was submitted, or has ended, is left as it is.

        Raises
        ------
        Unavailable
            The facility is not reached, and it is still not known.
        Denied, InvalidParameter
            The run is somebody else's, or the facility refuses the job.
        """
        self.require(Action.RUN)
        if self.directory.job() is None and not self.directory.status().state.final:
            python = launch.python_of(self.spec.environment, self.compute)
            launch.submit(self.spec, self.directory, self.compute, python=python)
        return self

    def retry(self) -> Run:
        """Run the same once more, at the same place, as a run of its own.

        Raises
        ------
        EnvironmentMismatch, Unavailable, Denied
        """
        return self.rerun()

    def rerun(self, *, at: str | None = None, **changes: Any) -> Run:
        """Run it once more, at another place or with a change, as a run of its own.

        Parameters
        ----------
        at
            ``facility.compute``, ``facility`` or "auto"; by default where it ran.
        **changes
            Inputs and parameters of the analysis that are to be others, and ``title``,
            ``resources``, ``duration``.

        Raises
        ------
        InvalidParameter
            The analysis has no such input or parameter, or it is of another kind.
        EnvironmentMismatch, Unavailable, UnknownItem, Denied
        """
        self.require(Action.READ_RUN)
        if self.again is None:
            raise InvalidParameter(
                f"The run {self.id} is held without its federation",
                found="a Run that no federation gave",
                advice=f'Take it from one: portal.connect().get_run("{self.id}").',
            )
        return self.again(self, at=at, **changes)

    def fetch(self, path: str | os.PathLike[str]) -> Fetched:
        """Copy the result here, whole and with its checksum compared.

        Cut short, and asked again with the same path, it goes on where it was.

        Parameters
        ----------
        path
            The Zarr store to make; it appears when all of it is there.

        Raises
        ------
        RunFailed, RunCanceled, RunNotFinished
            There is no result.
        InvalidParameter
            There is something at the path already.
        Unreadable
            It is not what the run has written, or a name in it leads elsewhere.
        Unavailable
            The facility was not reached for too long.
        """
        from pathlib import Path

        from portal.federation.fetch import fetch

        self.result()
        got = fetch(self.directory, Path(path), expected=self.directory.checksum())
        if self.lessons is not None:
            self.lessons.transfer(self.at, got.moved, got.seconds)
        return got

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return display("run", self) or {"text/plain": str(self)}


def _asynchronous(fs: Any) -> Any:
    """Return a file system as zarr wants it: asynchronous."""
    if fs.async_impl:
        return fs
    from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper

    return AsyncFileSystemWrapper(fs, asynchronous=True)
