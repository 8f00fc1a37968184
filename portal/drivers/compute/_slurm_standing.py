"""How a Slurm cluster stands: its queue, its load, its planned maintenances, its allocations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from portal.core.standing import Allocation, Outage, Standing

#: The queue is $1, or empty for the cluster's default; each answer has a first word of its own.
SCRIPT: Final = r"""
export SLURM_TIME_FORMAT=%s LC_ALL=C
queue=$1
if [ -z "$queue" ]; then
    queue=$(sinfo -h -o %P) || exit
    queue=$(printf '%s\n' "$queue" | sed -n '/\*$/{s///;p;q;}')
fi
echo "queue $queue"
sinfo -h -e ${queue:+"--partition=$queue"} -o 'nodes %a %T %D %c %m' || exit
states=$(squeue -h -a ${queue:+"--partition=$queue"} -t PENDING,RUNNING -o 'jobs %T') || exit
printf '%s\n' "$states" | sort | uniq -c
scontrol show reservation --oneliner 2>/dev/null | sed 's/^/reservation /'
if command -v sshare >/dev/null 2>&1; then
    sshare -n -P -o Account,GrpTRESMins,GrpTRESRaw 2>/dev/null | sed 's/^/share /'
fi
true
"""

_MEBIBYTE: Final = 2**20
_MINUTES: Final = 60.0
_BAD: Final = (
    "down",
    "drain",
    "fail",
    "maint",
    "unk",
    "inval",
    "powering_down",
    "reboot",
    "no_respond",
)


def read(text: str, wanted: str) -> Standing:
    """Read what :data:`SCRIPT` printed."""
    lines = [line.split() for line in text.splitlines()]
    queue = next((words[1] for words in lines if words[:1] == ["queue"] and words[1:]), wanted)
    groups = [_Group(words[1:]) for words in lines if words[:1] == ["nodes"] and len(words) == 6]
    counts = {words[2]: int(words[0]) for words in lines if words[1:2] == ["jobs"]}
    told = [line.split(" ", 1)[1] for line in text.splitlines() if line.startswith("reservation ")]
    shares = [line.split(" ", 1)[1] for line in text.splitlines() if line.startswith("share ")]
    nodes = sum(group.count for group in groups)
    good = sum(group.count for group in groups if group.good)
    open_ = any(group.available for group in groups)
    if not groups:
        return Standing(up=False, text=f"there is no partition {queue!r}")
    return Standing(
        up=open_ and good > 0,
        text=_text(queue, groups, nodes, good, open_),
        outages=tuple(_outages(told)),
        allocations=tuple(_allocations(shares)),
        queued=counts.get("PENDING", 0),
        running=counts.get("RUNNING", 0),
        nodes=nodes,
        cores_per_node=max(group.cores for group in groups),
        memory_per_node=max(group.memory for group in groups),
    )


class _Group:
    """Nodes of one state: sinfo's words of them."""

    def __init__(self, words: Sequence[str]) -> None:
        available, state, count, cores, memory = words
        self.available = available == "up"
        self.state = state.rstrip("*~#!%$@^-+").lower()
        self.silent = state.endswith("*")
        self.count = int(count)
        self.cores, self.memory = (int(re.sub(r"\D.*", "", n) or 0) for n in (cores, memory))
        self.memory *= _MEBIBYTE

    @property
    def good(self) -> bool:
        """Whether jobs run, or may start, on them."""
        return not self.silent and not any(self.state.startswith(bad) for bad in _BAD)


def _text(queue: str, groups: Sequence[_Group], nodes: int, good: int, open_: bool) -> str:
    if not open_:
        return f"the partition {queue} is not up: no job starts"
    if good == nodes:
        return f"partition {queue}: {nodes} nodes"
    bad: dict[str, int] = {}
    for group in groups:
        if not group.good:
            state = group.state + (", not answering" if group.silent else "")
            bad[state] = bad.get(state, 0) + group.count
    told = ", ".join(f"{count} {state}" for state, count in sorted(bad.items()))
    return f"partition {queue}: {good} of {nodes} nodes are in service ({told})"


def _outages(lines: Sequence[str]) -> Iterator[Outage]:
    """Give the reservations that are maintenances; others are somebody's own."""
    for line in lines:
        values = dict(re.findall(r"(\w+)=(\S*)", line))
        flags = values.get("Flags", "").split(",")
        if "MAINT" not in flags or not values.get("StartTime", "").isdecimal():
            continue
        end = values.get("EndTime", "")
        some = "ALL_NODES" not in flags
        yield Outage(
            f"maintenance {values.get('ReservationName', '')} of "
            f"{values.get('NodeCnt', '?') if some else 'all'} nodes",
            start=float(values["StartTime"]),
            end=float(end) if end.isdecimal() else None,
            planned=True,
            down=not some,
        )


def _allocations(lines: Sequence[str]) -> Iterator[Allocation]:
    """Give the accounts with a limit of node or core minutes: the first of the two that is set."""
    for line in lines:
        account, limits, used, *_ = [*line.split("|"), "", ""]
        granted, spent = (_minutes(text) for text in (limits, used))
        for kind, unit in (("node", "node_hours"), ("cpu", "core_hours")):
            if account.strip() and kind in granted:
                yield Allocation(
                    account.strip(),
                    unit=unit,
                    granted=granted[kind] / _MINUTES,
                    used=spent[kind] / _MINUTES if kind in spent else None,
                )
                break


def _minutes(text: str) -> dict[str, float]:
    return {kind: float(n) for kind, n in re.findall(r"([\w/]+)=(\d+(?:\.\d+)?)", text)}
