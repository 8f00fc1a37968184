"""The verbs of running: place, run, runs."""

from __future__ import annotations

from typing import Any

from portal.core.analysis import Analysis
from portal.core.job import Resources
from portal.core.plugins import display
from portal.core.policy import Action
from portal.core.run import RunSpec, new_run_id
from portal.errors import Unavailable
from portal.federation import launch, store
from portal.federation.environments import settle
from portal.federation.estimating import Overrides
from portal.federation.placing import Placing, require_analysis
from portal.federation.runs import Run, Runs


class Running(Placing):
    """Run analyses beside their data, and find the runs again."""

    def run(
        self,
        analysis: Analysis,
        *,
        at: str = "auto",
        title: str = "",
        resources: Resources | None = None,
        duration: int | None = None,
        key: str | None = None,
        overrides: Overrides | None = None,
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
        overrides
            Seconds of terms of the estimate that you know better; see :meth:`place`.
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
        require_analysis(analysis)
        names, parameters = analysis.split(given)
        inputs = {name: self._input(name, value) for name, value in names.items()}
        items = {name: ref.item for name, ref in inputs.items()}
        if analysis.grids == "match":
            launch.require_same_grid(items)
        placement = self._place(
            analysis,
            parameters,
            inputs,
            at=at,
            resources=resources,
            duration=duration,
            overrides=overrides,
            quick=True,
        )
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
            placed=placement.to_dict(),
        )
        display("placement", placement)
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
