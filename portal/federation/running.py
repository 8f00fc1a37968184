"""The verbs of running: place, run, runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.core.analysis import Analysis
from portal.core.item import Item
from portal.core.job import Resources
from portal.core.policy import Action
from portal.core.run import InputRef, RunSpec, new_run_id
from portal.errors import InvalidAnalysis, InvalidParameter, PortalError, Unavailable
from portal.federation import launch, store
from portal.federation.door import Door
from portal.federation.environments import settle
from portal.federation.place import Estimate, Placement, estimate, rank
from portal.federation.runs import Run, Runs


class Running(Door):
    """Run analyses beside their data, and find the runs again."""

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
        settled = settle(compute, full, self.home, analysis.function)
        reference, code = launch.pack(analysis)
        run_id = new_run_id(analysis.name, key=key)
        spec = RunSpec(
            id=run_id,
            analysis=reference,
            inputs=inputs,
            parameters=parameters,
            at=full,
            environment=settled.environment,
            requested_by=self.gate.actor.id,
            key=key or run_id,
            created=launch.now(),
            resources=resources or Resources(),
            title=title,
            placement=tuple(term.to_dict() for term in best.terms),
            duration=duration,
        )
        directory = launch.launch(spec, code, compute, python=settled.python)
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
        config = self.registry.catalog_config(item.facility, catalog)
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
