"""The contracts of drivers: one or two required methods each, optional abilities apart.

A driver is a class named by an entry point of the group ``portal.catalogs``, ``portal.computes``,
``portal.streams`` or ``portal.models``. It is built with the options of the facility file as
explicit keywords; a catalog's first argument is the facility's id. Drivers are synchronous and are
called in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from portal.core.check import Check
from portal.core.cluster import ClusterSpec, InteractiveCluster
from portal.core.environment import Environment
from portal.core.item import Item
from portal.core.job import JobSpec, JobStatus, Resources
from portal.core.query import Query
from portal.core.standing import Job, Standing

if TYPE_CHECKING:
    import fsspec
    import xarray as xr


@runtime_checkable
class Catalog(Protocol):
    """Datasets of one facility. Built as ``Driver(facility_id, **options)``."""

    def items(self) -> Iterator[Item]:
        """Give every record, from metadata alone; warn about and pass over those that are broken.

        Raises
        ------
        Unavailable
            The catalog as a whole cannot be reached.
        """
        ...

    def open(self, item: Item) -> xr.Dataset:
        """Open one dataset lazily: Dask-backed, nothing read but metadata and coordinates.

        Raises
        ------
        Unavailable, Unreadable, TooLarge, MissingDependency
            It has gone, cannot be read, declares more than it can hold, or needs a package.
        """
        ...


@runtime_checkable
class SupportsSearch(Protocol):
    """A catalog that searches by itself: asked live, beside the index.

    It is not harvested by itself; who wants its records in the index asks for a harvest.
    """

    def search(self, query: Query) -> Iterable[Item]:
        """Give the records that match, best first, ``query.limit`` at most.

        Every record given fits every demand of the query. What the service cannot filter by, the
        driver filters itself (:func:`portal.core.match.fits`); it never gives unfiltered records.
        """
        ...


@runtime_checkable
class SupportsGet(Protocol):
    """A catalog that finds one record by its id, which one that is asked live must."""

    def get(self, local_id: str) -> Item | None:
        """Return the record of a local id; None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of a catalog, and where to go on.

    Parameters
    ----------
    items
        The records.
    cursor
        Names the place after them: a harvest that was stopped goes on from there. That of the last
        batch lets the next harvest begin with what has changed since.
    removed
        Local ids of records that have gone.
    faults
        What was left out, each with the reason and where it stood (the line of a file).
    """

    items: tuple[Item, ...]
    cursor: str
    removed: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@runtime_checkable
class SupportsHarvest(Protocol):
    """A catalog that gives its records in batches, and later those that have changed."""

    def batches(self, cursor: str | None) -> Iterator[Batch]:
        """Give the records after the place that a cursor names; all of them for None."""
        ...


@runtime_checkable
class SupportsQuicklook(Protocol):
    """A catalog whose records have pictures of their own."""

    def quicklook(self, item: Item) -> bytes | None:
        """Return the record's picture, as PNG, JPEG, GIF or WebP; None where it has none.

        Raises
        ------
        Unavailable, Denied, TooLarge
            It cannot be read.
        """
        ...


@runtime_checkable
class SupportsFingerprint(Protocol):
    """A catalog that can say cheaply whether it has changed."""

    def fingerprint(self) -> str:
        """Return a text that differs when the records do."""
        ...


@runtime_checkable
class SupportsPublish(Protocol):
    """A catalog to which results can be added."""

    def publish(self, item: Item, store: str) -> Item:
        """Copy the Zarr store at the path ``store`` in, whole or not at all; return its record.

        Parameters
        ----------
        item
            The record, whose assets do not yet say where the data lies.
        store
            Path of a committed Zarr store.
        """
        ...


@runtime_checkable
class Workspace(Protocol):
    """Where a compute resource keeps run directories: a file system and a root on it."""

    @property
    def fs(self) -> fsspec.AbstractFileSystem:
        """The file system."""
        ...

    @property
    def root(self) -> str:
        """Path of the directory of run directories."""
        ...


@runtime_checkable
class Compute(Protocol):
    """A place where jobs run. Built as ``Driver(**options)``; holds no state of its own."""

    @property
    def workspace(self) -> Workspace:
        """Where its run directories lie."""
        ...

    @property
    def python(self) -> str:
        """Path, at the facility, of the Python that runs ``-m portal.runner``."""
        ...

    def submit(self, job: JobSpec) -> str:
        """Start a job that outlives the caller; return its id.

        Asked again with the same ``job.key``, it starts nothing and returns the same id.

        Raises
        ------
        Unavailable
            The facility was not reached, or did not take the job.
        Denied, InvalidParameter
            It refused the job: the account, the queue or the resources asked for.
        """
        ...

    def status(self, job_id: str) -> JobStatus:
        """Say what the scheduler knows of a job. A job it has never heard of is FAILED, said so."""
        ...

    def cancel(self, job_id: str) -> None:
        """End a job and every process of it; a job that has ended is left as it is."""
        ...


@runtime_checkable
class SupportsEnvironment(Protocol):
    """A compute resource that can say what its Python environment holds."""

    def environment(self) -> Environment:
        """Describe it, as :func:`portal.core.environment.local_environment` does for this process."""
        ...


@runtime_checkable
class SupportsProvision(Protocol):
    """A compute resource at which the Python of a run can be made from the run's lock."""

    @property
    def provisions(self) -> bool:
        """Whether its Python is to be made so; otherwise ``python`` names one that is there."""
        ...

    def provision(self, environment: Environment, tell: Callable[[str], None] | None = None) -> str:
        """Make the environment of a lock where there is none; return the path of its Python.

        Built once for each hash of a lock, whoever asks at the same time, and used by all runs.

        Parameters
        ----------
        tell
            Called with each step of a build, in words.

        Raises
        ------
        EnvironmentMismatch
            There is no Python of the wanted minor version.
        Unavailable
            It could not be made; what was half done is removed.
        """
        ...


@runtime_checkable
class SupportsForward(Protocol):
    """A compute resource whose nodes can be reached from here."""

    def forward(self, host: str, port: int) -> AbstractContextManager[tuple[str, int]]:
        """Lend a way to a port of one of its nodes: the host and port on this side of it."""
        ...


@runtime_checkable
class SupportsStanding(Protocol):
    """A compute resource that tells how it stands."""

    def standing(self) -> Standing:
        """Say whether it is up, its outages, its load, and what is left of the user's allocations."""
        ...


@runtime_checkable
class SupportsJobs(Protocol):
    """A compute resource that lists the jobs of the person who asks."""

    def jobs(self) -> Iterable[Job]:
        """Give the jobs that wait or run, those that Portal did not start too."""
        ...


@runtime_checkable
class SupportsCluster(Protocol):
    """A compute resource whose own kind of system has interactive clusters (Dask Gateway).

    Elsewhere one is a job with a scheduler and workers in it, as a run is.
    """

    def cluster(
        self, spec: ClusterSpec, resources: Resources, *, duration: int | None = None
    ) -> InteractiveCluster:
        """Start one: its workers are the resources' ``process_count``, or those that it adapts to.

        Parameters
        ----------
        duration
            Seconds after which it ends in any case.

        Raises
        ------
        Unavailable, Denied, InvalidParameter
            Not reached, or not started; refused; asked for what there is no word for.
        EnvironmentMismatch
            Its Python or its packages differ from those here.
        """
        ...

    def find_cluster(self, cluster_id: str) -> InteractiveCluster:
        """Find one again.

        Raises
        ------
        Unavailable, Denied
            It has ended, or is another user's.
        """
        ...


@runtime_checkable
class SupportsChecks(Protocol):
    """A compute resource that can look for itself at what its kind of system needs."""

    def checks(self) -> Iterable[Check]:
        """Look at one thing after the other: reached, let in, the scheduler answers.

        What is at fault is a check that says so, and not an error. What the other contracts tell
        (the workspace, the Python, the standing) is looked at by the caller; the standing and the
        jobs only where no check of the name "scheduler" has failed.
        """
        ...


@runtime_checkable
class Stream(Protocol):
    """An instrument's live data."""

    def read(self) -> Iterator[xr.Dataset]:
        """Give Datasets as they come, each the next part along the stream's own dimension."""
        ...


@runtime_checkable
class Model(Protocol):
    """An AI model, run as an analysis."""

    def card(self) -> Mapping[str, Any]:
        """Say what the model is, its signature and its checksum."""
        ...

    def predict(self, inputs: xr.Dataset) -> xr.Dataset:
        """Apply the model lazily, chunk by chunk."""
        ...
