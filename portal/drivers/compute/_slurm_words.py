"""What Slurm's words mean: states, reasons, lists of nodes, refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from portal.core.job import JobState
from portal.drivers.compute._dialect import refused
from portal.errors import PortalError

STATES: Final = {
    "PENDING": JobState.QUEUED,
    "CONFIGURING": JobState.QUEUED,
    "REQUEUED": JobState.QUEUED,
    "REQUEUE_FED": JobState.QUEUED,
    "REQUEUE_HOLD": JobState.HELD,
    "RESV_DEL_HOLD": JobState.HELD,
    "SPECIAL_EXIT": JobState.HELD,
    "SUSPENDED": JobState.HELD,
    "STOPPED": JobState.HELD,
    "RUNNING": JobState.ACTIVE,
    "COMPLETING": JobState.ACTIVE,
    "RESIZING": JobState.ACTIVE,
    "SIGNALING": JobState.ACTIVE,
    "STAGE_OUT": JobState.ACTIVE,
    "COMPLETED": JobState.COMPLETED,
    "CANCELLED": JobState.CANCELED,
    "FAILED": JobState.FAILED,
    "TIMEOUT": JobState.FAILED,
    "NODE_FAIL": JobState.FAILED,
    "PREEMPTED": JobState.FAILED,
    "OUT_OF_MEMORY": JobState.FAILED,
    "BOOT_FAIL": JobState.FAILED,
    "DEADLINE": JobState.FAILED,
    "REVOKED": JobState.FAILED,
}

MEANT: Final = {
    "CONFIGURING": "its machines are being started",
    "SUSPENDED": "it is suspended",
    "STOPPED": "it is stopped",
    "COMPLETING": "it is ending",
    "TIMEOUT": "its wall time was over",
    "NODE_FAIL": "one of its machines failed",
    "PREEMPTED": "it had to make room for another job",
    "OUT_OF_MEMORY": "it took more memory than it had asked for",
    "BOOT_FAIL": "its machine did not start",
    "DEADLINE": "its deadline had passed",
    "CANCELLED": "canceled",
}

_REASONS: Final = {
    "Resources": "it waits for machines that are in use",
    "Priority": "jobs of higher priority come before it",
    "Dependency": "it waits for another job to end",
    "DependencyNeverSatisfied": "it waits for a job that cannot end as it must: it will never start",
    "BeginTime": "its time to begin has not come",
    "JobHeldUser": "its user holds it back",
    "JobHeldAdmin": "the site's administrators hold it back",
    "Reservation": "it waits for its reservation",
    "ReservationDeleted": "its reservation has been deleted",
    "PartitionDown": "its queue is down",
    "PartitionInactive": "its queue is inactive",
    "PartitionNodeLimit": "it asks for more machines than its queue gives: it will not start",
    "PartitionTimeLimit": "it asks for more time than its queue gives: it will not start",
    "PartitionConfig": "it asks for more than its queue has: it will not start",
    "NodeDown": "a machine that it needs is down",
    "BadConstraints": "no machine has what it asks for: it will not start",
    "Licenses": "it waits for a license",
    "Cleaning": "it ran before, and is being cleaned up",
    "InvalidAccount": "its account is not valid",
    "InvalidQOS": "its quality of service is not valid",
    "AccountingPolicy": "a limit of the account is reached",
    "JobArrayTaskLimit": "as many tasks of its array run as may",
}

_HELD: Final = ("JobHeldUser", "JobHeldAdmin", "ReservationDeleted", "DependencyNeverSatisfied")
_ID: Final = re.compile(r"[1-9][0-9]{0,9}")
_ONE: Final = re.compile(r"([^,\[\]]+)(?:\[([^\]]*)\])?([^,\[\]]*)")
_MOST_NODES: Final = 4096

#: Parts of what Slurm says where asking again may help, of its table of errors (slurm_errno.c).
_PASSING: Final = (
    "Unable to contact slurm controller",
    "Socket timed out",
    "Communication",
    "Message send failure",
    "Message receive failure",
    "Unexpected message received",
    "Unexpected missing socket",
    "Zero Bytes were transmitted",
    "try again",
    "standby mode",
    "Slurm internal error",
    "Resource temporarily unavailable",
)
_DENIED: Final = (
    "denied",
    "Invalid account",
    "Invalid qos",
    "Invalid wckey",
    "not permitted",
    "violates accounting/QOS policy",
    "breached requested QOS",
    "disabled",
)


def is_id(text: str) -> bool:
    """Whether a text can be a job's id."""
    return _ID.fullmatch(text) is not None


def why(reason: str) -> str:
    """Say why a job waits: the scheduler's reason in words, and as it says it."""
    word, _, more = reason.partition(",")
    if word == "None":
        return "the scheduler has not yet looked at it"
    if "DOWN, DRAINED or reserved" in reason:
        return "machines that it needs are down, drained or reserved"
    if word in _REASONS:
        meant = _REASONS[word]
    elif word == "ReqNodeNotAvail":
        reserved = "maintenance" in reason.lower()
        meant = "machines that it needs are " + (
            "reserved for a maintenance" if reserved else "not available"
        )
    elif re.match(r"(QOS|Assoc|Max|Grp)", word):
        meant = "a limit of the queue or the account is reached"
    else:
        return reason
    return f"{meant} ({word}{',' + more if more else ''})"


def held(reason: str) -> bool:
    """Whether a waiting job does not start by itself."""
    return reason.partition(",")[0] in _HELD


def names_of(listed: str) -> tuple[str, ...]:
    """Write out a list of nodes: ``n[1-2,5],m`` becomes n1, n2, n5, m."""
    found: list[str] = []
    for stem, ranges, tail in _ONE.findall(listed):
        numbers = _numbers(ranges) if ranges else [""]
        found += [f"{stem}{number}{tail}" for number in numbers]
        if len(found) > _MOST_NODES:
            break
    return tuple(found[:_MOST_NODES])


def _numbers(ranges: str) -> Iterator[str]:
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            continue
        for number in range(int(first), min(int(last or first), int(first) + _MOST_NODES) + 1):
            yield f"{number:0{len(first)}d}"


def refusal(text: str) -> PortalError | None:
    """Return the error that sbatch's refusal is; None for what may pass by itself."""
    if any(part in text for part in _PASSING) or "sbatch: " not in text:
        return None
    return refused(
        "Slurm",
        "sbatch",
        text.strip()[-1000:],
        missing="not found" in text,
        denied=any(part in text for part in _DENIED),
    )
