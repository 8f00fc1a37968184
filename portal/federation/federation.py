"""Federation: the one door. The policy is asked here, before every verb, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from portal.core.analysis import Analysis
from portal.core.contracts import SupportsPublish
from portal.core.facility import DriverConfig, Facility
from portal.core.found import SearchResult
from portal.core.item import Item, split_id
from portal.core.job import Resources
from portal.core.policy import Action, Actor, Policy
from portal.core.query import BBox, Interval, Query
from portal.core.run import RESULT, InputRef, RunSpec, new_run_id
from portal.errors import (
    InvalidAnalysis,
    InvalidParameter,
    PortalError,
    Unavailable,
)
from portal.federation import launch, store
from portal.federation.config import LOCAL, Home
from portal.federation.gate import Gate
from portal.federation.journal import Journal
from portal.federation.place import Estimate, Placement, estimate, rank
from portal.federation.publish import result_record
from portal.federation.records import Records
from portal.federation.registry import Registry
from portal.federation.runs import Run, Runs

if TYPE_CHECKING:
    import xarray as xr

Time = Interval | str | datetime | Sequence[str | datetime | None]


def connect(
    *, home: str | os.PathLike[str] | None = None, sample: bool = True, policy: Policy | None = None
) -> Federation:
    """Open the federation that is configured here.

    Parameters
    ----------
    home
        Portal's own directory; by default ``$PORTAL_HOME`` or the platform's place for user data.
    sample
        Whether the sample federation, whose data ships in packages, is part of it.
    policy
        Rules other than the built-in ones.

    Returns
    -------
    Federation

    Raises
    ------
    Unavailable
        The home cannot be made.

    Warns
    -----
    PortalWarning
        A facility file is at fault; the facility is left out.
    """
    import getpass

    place = Home.of(home)
    place.make()
    gate = Gate(Actor(getpass.getuser()), policy or Policy(), Journal(place.journal))
    return Federation(place, Registry.load(place, sample=sample), gate)


@dataclass
class Federation:
    """Every facility's data and machines, for one person; see :func:`connect`."""

    home: Home
    registry: Registry = field(repr=False)
    gate: Gate
    records: Records = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.records = Records(self.home, self.registry)

    def close(self) -> None:
        """Let go of the index. Runs go on."""
        self.records.close()

    def __enter__(self) -> Federation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def facilities(self) -> Mapping[str, Facility]:
        """The facilities configured here, by id."""
        return self.registry.facilities

    # find ---------------------------------------------------------------------------------

    def search(
        self,
        text: str = "",
        *,
        bbox: BBox | Sequence[float] | None = None,
        time: Time | None = None,
        facility: str | Iterable[str] = (),
        variable: str | Iterable[str] = (),
        keyword: str | Iterable[str] = (),
        limit: int = 20,
        offset: int = 0,
    ) -> SearchResult:
        """Find datasets of all facilities.

        Parameters
        ----------
        text
            Free words, in English.
        bbox
            (west, south, east, north), degrees.
        time
            "2003/2010", "2003-07", "2003/..", a datetime, or a pair of these.
        facility, variable, keyword
            Only records that have one of the values given.
        limit, offset
            The page of hits wanted.

        Returns
        -------
        SearchResult
            A sequence of Items, best first, with the total, the facets, and the facilities that
            could not answer.

        Raises
        ------
        InvalidQuery
            A value cannot be taken.
        """
        query = Query.of(
            text,
            bbox=bbox,
            time=time,
            facility=facility,
            variable=variable,
            keyword=keyword,
            limit=limit,
            offset=offset,
        )
        return self.find(query)

    def find(self, query: Query) -> SearchResult:
        """Answer a :class:`Query`; see :meth:`search`."""
        visible = tuple(f.id for f in self.facilities.values() if self.gate.sees(f))
        return self.records.find(query, visible)

    def item(self, item: Item | str) -> Item:
        """Return a record by its id.

        Raises
        ------
        InvalidItem, UnknownFacility, UnknownItem, Denied
        """
        return self._item(item)[0]

    def open(self, item: Item | str) -> xr.Dataset:
        """Open a dataset lazily; nothing is read but metadata and coordinates.

        Returns
        -------
        xarray.Dataset
            Dask-backed, in the chunks in which it is stored.

        Raises
        ------
        InvalidItem, UnknownFacility, UnknownItem, Denied
        Unavailable, Unreadable, TooLarge, MissingDependency
        """
        found, name = self._item(item)
        self._require_data(found)
        dataset = self.registry.catalog(found.facility, name).open(found)
        self.gate.write("open", item=found.id)
        return dataset

    # run ----------------------------------------------------------------------------------

    def place(self, **inputs: Item | str) -> Placement:
        """Estimate, for every compute resource, what a run over these inputs would cost."""
        return self._place({name: self._item(item)[0] for name, item in inputs.items()})

    def run(
        self,
        analysis: Analysis,
        *,
        at: str = "auto",
        title: str = "",
        resources: Resources | None = None,
        duration: int | None = None,
        key: str | None = None,
        **given: Any,
    ) -> Run:
        """Run an analysis beside its data, as a job of its own.

        Parameters
        ----------
        analysis
            A function decorated with :func:`portal.analysis`.
        at
            ``facility.compute``, ``facility``, or "auto": the quickest by estimate.
        title
            What the run is called in lists.
        resources, duration
            Processes, cores, memory in bytes; wall time in seconds.
        key
            Idempotency key: asked twice with the same key, the run starts once.
        **given
            The analysis' inputs, as Items or ids, and its parameters.

        Returns
        -------
        Run
            It goes on by itself; :meth:`runs` finds it again from any process.

        Raises
        ------
        InvalidAnalysis, InvalidParameter, GridMismatch, EnvironmentMismatch
            Refused before anything runs.
        UnknownItem, UnknownFacility, UnknownCompute, Denied
        """
        if not isinstance(analysis, Analysis):
            raise InvalidAnalysis(
                "Only an analysis can be run",
                found=f"a {type(analysis).__name__}",
                advice="Decorate the function with @portal.analysis.",
            )
        names, parameters = analysis.split(given)
        inputs = {name: self._input(name, value) for name, value in names.items()}
        items = {name: ref.item for name, ref in inputs.items()}
        if analysis.grids == "match":
            launch.require_same_grid(items)
        placement = self._place(items, None if at == "auto" else at)
        best = placement.best
        if best is None:
            raise Unavailable(
                "There is nowhere to run",
                found=str(placement) or "no compute resource",
                advice="Configure a facility with a [compute.NAME] table, or choose other data.",
            )
        full, compute = self.registry.compute(best.at)
        known = None if key is None else store.find_by_key(key, full, compute, self.gate)
        if known is not None:
            return known
        environment = launch.require_same_environment(compute, full)
        reference, code = launch.pack(analysis)
        run_id = new_run_id(analysis.name, key=key)
        spec = RunSpec(
            id=run_id,
            analysis=reference,
            inputs=inputs,
            parameters=parameters,
            at=full,
            environment=environment,
            requested_by=self.gate.actor.id,
            key=key or run_id,
            created=launch.now(),
            resources=resources or Resources(),
            title=title,
            placement=tuple(term.to_dict() for term in best.terms),
        )
        directory = launch.launch(spec, code, compute, duration=duration)
        self.gate.write(
            "run",
            run=spec.id,
            analysis=reference.reference,
            digest=reference.digest,
            inputs=[item.id for item in items.values()],
            at=full,
        )
        return Run(spec.id, full, directory, compute, self.gate)

    def runs(self) -> Runs:
        """Find every run from the run directories alone, newest first."""
        return store.list_runs(self.registry, self.gate)

    def get_run(self, run_id: str) -> Run:
        """Return a run by its id, or by the end of its id.

        Raises
        ------
        UnknownRun, Denied
        """
        run = store.get_run(self.registry, self.gate, run_id)
        self.gate.require(Action.READ_RUN, self.gate.run(run.id, run.spec.requested_by))
        return run

    # publish ------------------------------------------------------------------------------

    def publish(
        self,
        run: Run | str,
        *,
        title: str,
        description: str = "",
        keywords: Iterable[str] = (),
        to: str = LOCAL,
    ) -> Item:
        """Make a run's result a dataset that others find, with its lineage.

        Parameters
        ----------
        to
            The facility whose catalog takes it.

        Returns
        -------
        Item
            Searches find it at once. A result that was published already under this title is
            left as it is.

        Raises
        ------
        RunFailed, RunCanceled, InvalidInput, UnknownFacility, Denied
        InvalidParameter
            The facility has no catalog that takes results.
        """
        held = run if isinstance(run, Run) else self.get_run(run)
        self.gate.require(Action.PUBLISH, self.gate.site(self.registry.facility(to)))
        held.result()
        record = result_record(
            held.spec,
            to,
            title=title,
            description=description,
            keywords=keywords,
            created=launch.now(),
        )
        known = self.records.index.get(record.id)
        if known is not None:
            return known[0]
        for name, catalog in self.registry.catalogs(to):
            if isinstance(catalog, SupportsPublish):
                item = catalog.publish(record, held.directory.file(RESULT))
                self.records.add(item, name)
                self.gate.write("publish", item=item.id, run=held.id)
                return item
        raise InvalidParameter(
            f"No catalog of {to!r} takes results",
            found=f"catalogs: {', '.join(self.facilities[to].catalogs) or 'none'}",
            advice=f'Publish to {LOCAL!r}, or give it a catalog with driver = "folder".',
        )

    # parts --------------------------------------------------------------------------------

    def _item(self, item: Item | str) -> tuple[Item, str]:
        """A record and the name of its catalog."""
        item_id = item.id if isinstance(item, Item) else item
        facility = self.registry.facility(split_id(item_id)[0])
        self.gate.require(Action.DISCOVER, self.gate.site(facility))
        return self.records.get(item_id)

    def _require_data(self, item: Item) -> None:
        facility = self.registry.facility(item.facility)
        self.gate.require(Action.OPEN, self.gate.data(facility, item.id))

    def _input(self, name: str, value: Any) -> InputRef:
        if not isinstance(value, Item | str):
            raise InvalidParameter(
                f"The input {name!r} is a dataset of a facility",
                found=f"a {type(value).__name__}",
                advice="Give an Item, or an id such as 'sandia:altitude'; data of your own is "
                "added with a facility file of five lines.",
            )
        item, catalog = self._item(value)
        self._require_data(item)
        config: DriverConfig = self.facilities[item.facility].catalogs[catalog]
        return InputRef(item, config)

    def _place(self, items: Mapping[str, Item], at: str | None = None) -> Placement:
        estimates = []
        for name in self.registry.computes() if at is None else (at,):
            try:
                full, _ = self.registry.compute(name)
                self.gate.require(Action.RUN, self.gate.machine(full))
            except PortalError as error:
                if at is not None:
                    raise
                estimates.append(Estimate(name, ruled_out=str(error)))
            else:
                estimates.append(estimate(full, items, None))
        return rank(estimates)
