"""From what a run needs and what is known of a compute resource to an estimate, term by term."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from portal.core.item import Item
from portal.core.job import Resources
from portal.core.standing import Allocation, Standing
from portal.errors import InvalidParameter
from portal.federation.config import LOCAL
from portal.federation.learn import History
from portal.federation.place import TERMS, Estimate, Term, size
from portal.federation.touched import Needs

#: Bytes a second between sites, until transfers have been measured.
BANDWIDTH = 100e6
#: Decoded bytes that one core reads and reduces a second (0.3e9 to 0.5e9 were measured).
DECODE = 0.4e9
#: Seconds until a runner's workers are ready (measured on this computer).
START = 2.5
#: Seconds of a scheduler's work for one task (0.7 to 1 ms were measured).
TASK = 1e-3
#: Seconds in a queue, until waits have been learnt: for one of which nothing is known, for one in
#: which nothing waits, for each job that waits, and the most that is supposed so.
QUEUE, EMPTY, EACH, MOST = 60.0, 5.0, 60.0, 3600.0
#: Runs from which on only what was learnt counts.
_ENOUGH = 3

Overrides = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a compute resource when a run is placed.

    Parameters
    ----------
    queues
        Whether jobs wait there for a scheduler.
    standing
        How it stands; None where it does not tell.
    unknown
        Why it is not known how it stands.
    fault
        Why nothing runs there now, in its own words.
    start
        Seconds from now at which its scheduler expects a run that waits already to start.
    account
        What its jobs are charged to; empty where its facility file does not say.
    """

    at: str
    queues: bool = False
    standing: Standing | None = None
    unknown: str = ""
    fault: str = ""
    history: History = field(default_factory=History)
    start: float | None = None
    account: str = ""

    @property
    def facility(self) -> str:
        """The id of its facility."""
        return self.at.partition(".")[0]


def estimate(
    known: Known,
    needs: Needs,
    resources: Resources = Resources(),
    *,
    duration: int | None = None,
    overrides: Overrides | None = None,
    now: float,
) -> Estimate:
    """Estimate a run at one compute resource.

    What would be moved is the stored bytes of the chunks of inputs that do not lie there; what
    would be decoded are all chunks that are touched, at their size in memory.

    Parameters
    ----------
    duration
        Wall time of the job in seconds; an outage before its end rules the resource out.
    overrides
        Seconds of terms that the user knows better, by the resource or its facility.
    now
        Seconds since the epoch.
    """
    cores, whence = _cores(known, resources)
    given = _given(overrides, known)
    found = (
        _queue(known),
        Term("start", START, "Python and its workers"),
        _data(known, needs),
        _decode(known, needs, cores, whence),
        _tasks(needs),
        _result(known, needs),
    )
    terms = tuple(
        Term(t.name, given[t.name], "given by you", t.bytes) if t.name in given else t
        for t in found
    )
    seconds = {t.name: t.seconds for t in terms}
    runs = sum(seconds.values()) - seconds["queue"]
    nodes = resources.node_count or 1
    price = nodes * runs / 3600
    ends = now + seconds["queue"] + (duration or runs)
    ruled_out = _ruled_out(known, price, now, ends)
    notes = tuple(
        f"it runs worse than usual: {o.text}"
        for o in (known.standing.outages if known.standing else ())
        if not o.down and o.start < ends and (o.end is None or o.end > now)
    )
    if known.unknown:
        notes = (f"how it stands is not known: {known.unknown}", *notes)
    return Estimate(known.at, terms, ruled_out, price, cores, _left(known), notes)


def require_overrides(overrides: Overrides | None, names: tuple[str, ...]) -> None:
    """Refuse overrides of what is no compute resource, no term, or no number of seconds.

    Raises
    ------
    InvalidParameter
    """
    places = {*names, *(name.partition(".")[0] for name in names)}
    for at, terms in (overrides or {}).items():
        if at not in places:
            raise InvalidParameter(
                "What is overridden is a term of a compute resource or of a facility",
                found=repr(at),
                advice=f"Choose from: {', '.join(sorted(places)) or 'none is configured'}.",
            )
        for name, value in terms.items():
            seconds: object = value
            number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
            if name not in TERMS or not number or not 0 <= value < math.inf:
                raise InvalidParameter(
                    f"An override for {at!r} names a term and its seconds",
                    found=f"{name!r}: {value!r}",
                    advice=f'For instance overrides={{"{at}": {{"queue": 60}}}}; the terms are '
                    f"{', '.join(TERMS)}.",
                )


def _given(overrides: Overrides | None, known: Known) -> dict[str, float]:
    held = overrides or {}
    return {**held.get(known.facility, {}), **held.get(known.at, {})}


def _cores(known: Known, resources: Resources) -> tuple[int, str]:
    processes = resources.process_count
    if processes is None and resources.processes_per_node is not None:
        processes = resources.processes_per_node * (resources.node_count or 1)
    asked = resources.cpu_cores_per_process
    if processes is not None or asked is not None:
        return (processes or 1) * (asked or 1), ""
    told = known.standing.cores_per_node if known.standing else None
    if told is not None:
        return told * (resources.node_count or 1), ""
    here = (os.cpu_count() or 1) * (resources.node_count or 1)
    return here, "" if known.facility == LOCAL else ", as many as here are supposed"


def _queue(known: Known) -> Term:
    learnt = known.history
    supposed, why = _supposed(known)
    waits = learnt.waits if len(learnt.waits) >= _ENOUGH else (*learnt.waits, supposed)
    seconds = History(waits=waits).wait or 0.0
    if learnt.waits:
        why = f"three in four of {len(learnt.waits)} past runs waited no longer"
        if len(learnt.waits) < _ENOUGH:
            why = f"{len(learnt.waits)} past runs, and {supposed:.0f} s supposed"
    if known.start is not None and known.start > seconds:
        seconds, why = known.start, "its scheduler expects a run that waits already to start then"
    return Term("queue", seconds, why)


def _supposed(known: Known) -> tuple[float, str]:
    queued = known.standing.queued if known.standing else None
    if not known.queues:
        return 0.0, "it has no queue"
    if queued is None:
        return QUEUE, f"not known: {QUEUE:.0f} s are supposed"
    if queued == 0:
        return EMPTY, f"nothing waits there: {EMPTY:.0f} s are supposed"
    seconds = min(MOST, EACH * queued)
    return seconds, f"{queued} jobs wait there: {seconds:.0f} s are supposed"


def _bandwidth(known: Known) -> tuple[float, str]:
    learnt = known.history.bandwidth
    return (BANDWIDTH, "supposed") if learnt is None else (learnt, "measured")


def _data(known: Known, needs: Needs) -> Term:
    moved = [n for n in needs.inputs.values() if not resident(n.item, known.facility)]
    count = sum(n.stored or 0 for n in moved)
    if not moved:
        return Term("data", 0.0, "all inputs lie there", 0)
    rate, how = _bandwidth(known)
    unknown = ", ".join(n.item.id for n in moved if n.stored is None)
    text = f"{size(count)} to move, {how} {size(rate)}/s"
    text += f"; size unknown of {unknown}" if unknown else ""
    return Term("data", count / rate, text, count)


def _decode(known: Known, needs: Needs, cores: int, whence: str) -> Term:
    count = sum(n.decoded or 0 for n in needs.inputs.values())
    learnt = known.history.rate
    rate = learnt or DECODE
    how = "measured" if learnt else "supposed"
    text = f"{size(count)} decoded by {cores} cores{whence}, {how} {size(rate)}/s each"
    unknown = ", ".join(n.item.id for n in needs.inputs.values() if n.decoded is None)
    text += f"; size unknown of {unknown}" if unknown else ""
    return Term("decode", count / (cores * rate), text, count)


def _tasks(needs: Needs) -> Term:
    if needs.tasks is None:
        return Term("tasks", 0.0, "their number is not known")
    return Term("tasks", needs.tasks * TASK, f"{needs.tasks:,} tasks")


def _result(known: Known, needs: Needs) -> Term:
    if known.facility == LOCAL:
        return Term("result", 0.0, "it stays here", needs.result)
    if needs.result is None:
        return Term("result", 0.0, "its size is not known")
    rate, how = _bandwidth(known)
    text = f"{size(needs.result)} to bring here, {how} {size(rate)}/s"
    return Term("result", needs.result / rate, text, needs.result)


def resident(item: Item, facility: str) -> bool:
    """Whether the data lies at the facility; files named by a path lie on this computer."""
    if item.facility == facility:
        return True
    return facility == LOCAL and all("://" not in a.href for a in item.assets.values())


def _allocations(known: Known) -> tuple[Allocation, ...]:
    """The allocations from which a job there would be paid."""
    told = known.standing.allocations if known.standing else ()
    mine = tuple(a for a in told if a.account == known.account)
    return mine if known.account else told


def _left(known: Known) -> str:
    return "; ".join(
        f"{a.left:,.6g} of {a.granted:,.6g} {a.unit.replace('_', '-')} ({a.account})"
        for a in _allocations(known)
        if a.left is not None and a.granted is not None
    )


def _ruled_out(known: Known, node_hours: float, now: float, ends: float) -> str:
    """Say why nothing can run there; empty where it can."""
    if known.fault:
        return known.fault
    standing = known.standing
    if standing is None:
        return ""
    if standing.up is False:
        return f"it is down{standing.text and f': {standing.text}'}"
    for outage in standing.outages:
        if outage.down and outage.start < ends and (outage.end is None or outage.end > now):
            until = "an end that is not told" if outage.end is None else _moment(outage.end)
            if outage.start <= now:
                return f"it is down until {until}: {outage.text}"
            return (
                f"it is down from {_moment(outage.start)} to {until}, before the run would have "
                f"ended: {outage.text}"
            )
    payers = _allocations(known)
    if payers and all(_spent(a, node_hours) for a in payers):
        told = "; ".join(
            f"{a.left:,.6g} {a.unit.replace('_', '-')} are left in {a.account}" for a in payers
        )
        return f"out of allocation: {told}, and the run takes about {node_hours:.3g} node-hours"
    return ""


def _spent(allocation: Allocation, node_hours: float) -> bool:
    if allocation.left is None:
        return False
    least = node_hours if allocation.unit == "node_hours" else 0.0
    return allocation.left <= 0 or allocation.left < least


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
