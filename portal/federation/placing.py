"""The verb of placing: where a run would be quickest, with the reasons."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from portal.core.analysis import Analysis
from portal.core.contracts import Compute
from portal.core.item import Item
from portal.core.job import Resources
from portal.core.opening import opened
from portal.core.policy import Action
from portal.core.run import InputRef
from portal.errors import InvalidAnalysis, InvalidParameter, PortalError
from portal.federation.door import Door
from portal.federation.estimating import Known, Overrides, estimate, require_overrides
from portal.federation.learn import Lessons, history
from portal.federation.place import Estimate, Placement, rank
from portal.federation.survey import survey
from portal.federation.together import together
from portal.federation.touched import Needs, needs

_SURVEY, _NEEDS = "survey", "needs"


class Placing(Door):
    """Estimate what a run would cost at every compute resource."""

    def place(
        self,
        analysis: Analysis | None = None,
        /,
        *,
        at: str = "auto",
        resources: Resources | None = None,
        duration: int | None = None,
        overrides: Overrides | None = None,
        **given: Any,
    ) -> Placement:
        """Estimate, for every compute resource, what a run would cost; nothing is run.

        Parameters
        ----------
        analysis
            It is called on stand-ins of its inputs, so that its graph tells which chunks it
            touches; its data is not read. Without it, whole inputs are counted.
        at
            One compute resource or facility, or "auto" for all.
        resources, duration
            As for :meth:`run`.
        overrides
            Seconds that you know better: ``{"olcf.frontier": {"queue": 60}}``, by the compute
            resource or its facility; the terms are queue, start, data, decode, tasks and result.
        **given
            The inputs, as Items or ids, and the analysis' parameters.

        Returns
        -------
        Placement
            The quickest first; those ruled out come last, each with its reason.

        Raises
        ------
        InvalidAnalysis, InvalidParameter, UnknownItem, UnknownFacility, UnknownCompute, Denied
        """
        names: Mapping[str, Any] = given
        parameters: Mapping[str, Any] = {}
        if analysis is not None:
            names, parameters = require_analysis(analysis).split(given)
        inputs = {name: self._input(name, value) for name, value in names.items()}
        return self._place(
            analysis,
            parameters,
            inputs,
            at=at,
            resources=resources,
            duration=duration,
            overrides=overrides,
            quick=False,
        )

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

    def _place(
        self,
        analysis: Analysis | None,
        parameters: Mapping[str, Any],
        inputs: Mapping[str, InputRef],
        *,
        at: str,
        resources: Resources | None,
        duration: int | None,
        overrides: Overrides | None,
        quick: bool,
    ) -> Placement:
        """Rank the compute resources that may be used.

        Parameters
        ----------
        quick
            Whether it is enough to look at records where there is nothing to choose.
        """
        require_overrides(overrides, self.registry.computes())
        allowed, ruled_out = self._candidates(at)
        items = {name: ref.item for name, ref in inputs.items()}
        lessons = Lessons(self.home.lessons)
        if quick and len(allowed) < 2:
            needed = Needs.of_records(items)
            kept = lessons.all()
            known: Mapping[str, Known] = {
                name: Known(name, history=history(kept, name)) for name in allowed
            }
        else:
            known, needed = self._look(analysis, parameters, inputs, items, allowed, lessons)
        now = time.time()
        found = [
            estimate(
                known[name],
                needed,
                resources or Resources(),
                duration=duration,
                overrides=overrides,
                now=now,
            )
            for name in allowed
        ]
        return rank((*found, *ruled_out), needed.basis)

    def _candidates(self, at: str) -> tuple[tuple[str, ...], list[Estimate]]:
        """Ask the policy first: who may run where."""
        allowed: dict[str, Compute] = {}
        ruled_out: list[Estimate] = []
        for name in self.registry.computes() if at == "auto" else (at,):
            try:
                full, compute = self.registry.compute(name)
                self.gate.require(Action.RUN, self.gate.machine(full))
            except PortalError as error:
                if at != "auto":
                    raise
                ruled_out.append(Estimate(name, ruled_out=str(error)))
            else:
                allowed[full] = compute
        return tuple(allowed), ruled_out

    def _look(
        self,
        analysis: Analysis | None,
        parameters: Mapping[str, Any],
        inputs: Mapping[str, InputRef],
        items: Mapping[str, Item],
        allowed: tuple[str, ...],
        lessons: Lessons,
    ) -> tuple[Mapping[str, Known], Needs]:
        """Ask the facilities how they stand while the analysis is followed to its chunks."""

        def follow() -> Any:
            if analysis is None:
                return Needs.of_records(items)
            return needs(analysis, parameters, items, lambda name: self._open(inputs[name]))

        # Each has a deadline of its own.
        asked = together(
            {_NEEDS: follow, _SURVEY: lambda: survey(self.registry, allowed, lessons)}, 3600
        )
        for error in asked.faults.values():
            raise error
        return asked.answers[_SURVEY], asked.answers[_NEEDS]

    def _open(self, ref: InputRef) -> Any:
        from portal.core.plugins import CATALOGS, build_driver

        return opened(build_driver(CATALOGS, ref.opener, ref.item.facility), ref.item)


def require_analysis(analysis: object) -> Analysis:
    """Refuse what is no analysis.

    Raises
    ------
    InvalidAnalysis
    """
    if not isinstance(analysis, Analysis):
        raise InvalidAnalysis(
            "Only an analysis can be run",
            found=f"a {type(analysis).__name__}",
            advice="Decorate the function with @portal.analysis.",
        )
    return analysis
