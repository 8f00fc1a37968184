"""The verbs of running: place, run, runs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from portal.core.analysis import Analysis
from portal.core.contracts import Compute
from portal.core.job import Resources
from portal.core.plugins import display
from portal.core.policy import Action
from portal.core.run import RunSpec, key_suffix, new_run_id
from portal.errors import InvalidParameter, Unavailable
from portal.federation import again, launch
from portal.federation.again import changed
from portal.federation.environments import settle
from portal.federation.estimating import Overrides
from portal.federation.learn import Lessons
from portal.federation.listing import Runs
from portal.federation.place import Placement
from portal.federation.placing import Placing, require_analysis
from portal.federation.runs import Run
from portal.federation.store import DEADLINE, RunStore
from portal.federation.together import together


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
        known = None if key is None else self._known(key, at)
        if known is not None:
            return known
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
        full, compute = self._best(placement)
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
            placement=_terms(placement),
            duration=duration,
            placed=placement.to_dict(),
        )
        if len(placement.estimates) > 1:
            display("placement", placement)
        return self._launch(spec, code, compute, settled.python)

    def _best(self, placement: Placement) -> tuple[str, Compute]:
        best = placement.best
        if best is None:
            raise Unavailable(
                "There is nowhere to run",
                found=str(placement) or "no compute resource",
                advice="Configure a facility with a [compute.NAME] table, or choose other data.",
            )
        return self.registry.compute(best.at)

    def _known(self, key: str, at: str) -> Run | None:
        """Return the run that was asked for with this key, submitted if that is not known.

        Raises
        ------
        Unavailable
            It was started at a facility that does not tell its runs now.
        """
        allowed, _ = self._candidates(at)
        store = self._store()
        asked = together({name: partial(store.by_key, key, name) for name in allowed}, DEADLINE)
        found = [run for run in asked.answers.values() if run is not None]
        if found:
            return found[0].resume()
        silent = {name for name in allowed if name not in asked.answers}
        for event in self.gate.journal.events() if silent else ():
            run_id, where = str(event.data.get("run")), event.data.get("at")
            if event.kind == "run" and where in silent and run_id.endswith(f"-{key_suffix(key)}"):
                raise Unavailable(
                    f"The run with the key {key!r} was started, and does not answer now",
                    found=f"{run_id} at {where}: {asked.reason(str(where), DEADLINE)}",
                    advice="Ask again when it does, or take another key to start a second run.",
                )
        return None

    def rerun(
        self,
        run: Run | str,
        *,
        at: str | None = None,
        title: str | None = None,
        resources: Resources | None = None,
        duration: int | None = None,
        key: str | None = None,
        **changes: Any,
    ) -> Run:
        """Run a run's analysis once more, as it was or with changes, as a run of its own.

        Its code is that of the run: it is taken along where it was sent along.

        Parameters
        ----------
        at
            ``facility.compute``, ``facility`` or "auto"; by default where it ran.
        title, resources, duration
            Others than those of the run.
        key
            Idempotency key: asked twice with the same key, the run starts once.
        **changes
            Inputs, as Items or ids, and parameters that are to be others.

        Raises
        ------
        InvalidParameter, EnvironmentMismatch
            Refused before anything runs.
        UnknownRun, UnknownItem, UnknownFacility, UnknownCompute, Unavailable, Denied
        """
        held = run if isinstance(run, Run) else self.get_run(run)
        held.require(Action.READ_RUN)
        old = held.spec
        if old.cluster is not None:
            raise InvalidParameter(
                f"The run {held.id} is an interactive cluster, which is not run again",
                advice="fed.cluster(…) starts another.",
            )
        where = held.at if at is None else at
        known = None if key is None else self._known(key, where)
        if known is not None:
            return known
        inputs, parameters = changed(old, changes, self._input)
        code = again.code_of(held)
        asked, wall = resources or old.resources, duration or old.duration
        placement = self._place(
            None,
            parameters,
            inputs,
            at=where,
            resources=asked,
            duration=wall,
            overrides=None,
            quick=True,
        )
        full, compute = self._best(placement)
        environment, python = again.settle_again(held, full, compute, self.home)
        run_id = new_run_id(old.analysis.name, key=key)
        spec = replace(
            old,
            id=run_id,
            inputs=inputs,
            parameters=parameters,
            at=full,
            environment=environment,
            requested_by=self.gate.actor.id,
            key=key or run_id,
            created=launch.now(),
            title=old.title if title is None else title,
            placement=_terms(placement),
            placed=placement.to_dict(),
            repeats=held.id,
            resources=asked,
            duration=wall,
        )
        return self._launch(spec, code, compute, python)

    def _launch(self, spec: RunSpec, code: bytes | None, compute: Compute, python: str) -> Run:
        try:
            launch.launch(spec, code, compute, python=python)
        except Unavailable:  # it may have started all the same
            self._started(spec)
            raise
        self._started(spec)
        return self._store().run(spec.id, spec.at, compute)

    def _started(self, spec: RunSpec) -> None:
        self.gate.write(
            "run",
            run=spec.id,
            analysis=spec.analysis.reference,
            digest=spec.analysis.digest,
            inputs=[ref.item.id for ref in spec.inputs.values()],
            at=spec.at,
        )

    def _store(self) -> RunStore:
        return RunStore(self.registry, self.gate, Lessons(self.home.lessons), self.rerun)

    def runs(self, *, wait: float = DEADLINE) -> Runs:
        """Find every run from the run directories alone, newest first.

        Parameters
        ----------
        wait
            Seconds to wait for facilities; ``problems`` names those whose runs are missing.
        """
        return self._store().all(wait)

    def get_run(self, run_id: str) -> Run:
        """Return a run by its id, or by the end of its id.

        Raises
        ------
        UnknownRun, Denied
        """
        run = self._store().get(run_id)
        run.require(Action.READ_RUN)
        return run


def _terms(placement: Placement) -> tuple[dict[str, Any], ...]:
    return tuple(t.to_dict() for t in placement.best.terms) if placement.best else ()
