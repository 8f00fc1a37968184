"""What qstat and pbsnodes of the PBS family print, and what it means."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from portal.core.job import JobState
from portal.core.standing import Standing
from portal.drivers.compute._dialect import Ended, Entry, refused
from portal.errors import PortalError

STATES: Final = {
    "Q": JobState.QUEUED,
    "W": JobState.QUEUED,
    "T": JobState.QUEUED,
    "H": JobState.HELD,
    "S": JobState.HELD,
    "U": JobState.HELD,
    "R": JobState.ACTIVE,
    "E": JobState.ACTIVE,
    "B": JobState.ACTIVE,
}

_MEANT: Final = {
    "W": "its time to begin has not come",
    "T": "it is being moved to another server",
    "H": "it is held back",
    "S": "it is suspended",
    "U": "it is suspended while its machine is in use",
    "E": "it is ending",
}

_ATTRIBUTE: Final = re.compile(r"\s+([A-Za-z_][\w.]*) = (.*)")
_ID: Final = re.compile(r"[0-9]{1,12}(\[\])?(\.[A-Za-z0-9.-]{1,200})?")
#: Torque wants a letter at the beginning, and the ids of runs have none.
_RUN: Final = re.compile(r"^j(?=\d{8}T\d{6}-)")
_SIZES: Final = {"b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}
#: Exit codes beyond this are of jobs that a signal ended, whose number is the rest.
_BY_SIGNAL: Final = 256
_PASSING: Final = ("cannot connect", "onnection refused", "onnection timed out", "Pbs Server is")
_PASSING_SLURM: Final = ("Unable to contact slurm controller", "Socket timed out")
_DENIED: Final = ("nauthorized", "ot permitted", "ccess", "nvalid account", "enied")


def is_id(text: str) -> bool:
    """Whether a text can be a job's id."""
    return _ID.fullmatch(text) is not None


def records(text: str, head: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Give what a full listing tells: the names after ``head``, and the attributes of each."""
    if re.search(r"^ {4}\w", text, re.MULTILINE):  # where attributes are indented by spaces,
        text = text.replace("\n\t", "")  # a line that begins with a tab goes on with the last one
    name, values = "", dict[str, str]()
    for line in text.splitlines():
        if line.startswith(head):
            if name:
                yield name, values
            name, values = line.removeprefix(head).strip(), {}
        elif found := _ATTRIBUTE.fullmatch(line):
            values.setdefault(found[1], found[2].strip())
    if name:
        yield name, values


def entry(job_id: str, values: Mapping[str, str]) -> Entry:
    """Read one job of ``qstat -f``; times are those of Greenwich."""
    letter = values.get("job_state", "")
    state = STATES.get(letter)
    message = _MEANT.get(letter, "")
    if letter == "Q":
        message = why(values.get("comment", ""))
    ended = ended_by(values) if state is None else None
    variables = values.get("Variable_List", "").split(",")
    mark = next((v.partition("=")[2] for v in variables if v.startswith("PORTAL_JOB=")), "")
    name = _RUN.sub("", values.get("Job_Name", ""))
    hosts = re.findall(r"(?:^|\+)\(?([\w.-]+)/", values.get("exec_host", ""))
    running = state is JobState.ACTIVE
    start = "stime" if running else "estimated.start_time"
    return Entry(
        job_id,
        name,
        ended.state if ended else state,
        message,
        exit_code=ended.exit_code if ended else None,
        mark=mark,
        submitted=_time(values.get("qtime", "")),
        start=_time(values.get(start, values.get("start_time", "") if running else "")),
        nodes=tuple(dict.fromkeys(hosts)),
        node_count=_number(values.get("Resource_List.nodect", "")),
        cores=_number(values.get("Resource_List.ncpus", "")),
    )


def ended_by(values: Mapping[str, str]) -> Ended | None:
    """Read how a job ended, where that is told."""
    told = values.get("exit_status", values.get("Exit_status", ""))
    if not re.fullmatch(r"-?[0-9]+", told):
        return None
    code = int(told)
    if code == 0:
        return Ended(JobState.COMPLETED, exit_code=0)
    if code < 0:
        return Ended(JobState.FAILED, f"PBS could not run it (its exit status is {code})")
    signal = code - _BY_SIGNAL if code > _BY_SIGNAL else code - 128 if 128 < code <= 192 else 0
    return Ended(JobState.FAILED, exit_code=-signal if signal else code)


def why(comment: str) -> str:
    """Say why a job waits: the scheduler's comment, in words where they are known."""
    if not comment:
        return "it waits; the scheduler does not say why"
    told = comment.removeprefix("Not Running: ").removeprefix("Not Running - ")
    lower = told.lower()
    if "insufficient amount" in lower or "not enough" in lower:
        return f"it waits for machines that are in use ({told})"
    if "limit" in lower:
        return f"a limit of the queue or the account is reached ({told})"
    if "dedicated time" in lower or "reservation" in lower:
        return f"machines that it needs are reserved ({told})"
    return told


def standing(text: str, wanted: str) -> Standing:
    """Read what ``qstat -Q -f`` and ``pbsnodes -a`` printed, with ``== nodes`` between them."""
    queues_text, _, nodes_text = text.partition("== nodes\n")
    queues = [(name, v) for name, v in records(queues_text, "Queue:") if wanted in ("", name)]
    if not queues:
        return Standing(up=False, text=f"there is no queue {wanted!r}")
    open_ = [name for name, v in queues if _yes(v, "enabled") and _yes(v, "started")]
    nodes = list(_nodes(nodes_text))
    good = [v for v in nodes if not re.search("down|offline|unknown|drain", v.get("state", ""))]
    closed = ", ".join(name for name, _ in queues if name not in open_)
    parts = [f"queue {wanted}" if wanted else f"{len(queues)} queues"]
    parts += [f"closed or stopped: {closed}"] if closed else []
    parts += [f"{len(good)} of {len(nodes)} nodes are in service"] if nodes else []
    counts = [dict(re.findall(r"(\w+):(\d+)", v.get("state_count", ""))) for _, v in queues]
    told = any(counts)
    return Standing(
        up=bool(open_) and (bool(good) or not nodes),
        text="; ".join(parts),
        queued=sum(int(c.get("Queued", 0)) for c in counts) if told else None,
        running=sum(int(c.get("Running", 0)) for c in counts) if told else None,
        nodes=len(nodes) or None,
        cores_per_node=max((_cores(v) for v in nodes), default=0) or None,
        memory_per_node=max((_memory(v) for v in nodes), default=0) or None,
    )


def _nodes(text: str) -> Iterator[dict[str, str]]:
    for block in re.split(r"\n\s*\n", text):
        lines = filter(None, map(_ATTRIBUTE.fullmatch, block.splitlines()))
        found = {line[1]: line[2] for line in lines}
        if found:
            yield found


def _cores(values: Mapping[str, str]) -> int:
    return _number(values.get("resources_available.ncpus", values.get("np", ""))) or 0


def _memory(values: Mapping[str, str]) -> int:
    told = values.get("resources_available.mem", "")
    told = told or dict(re.findall(r"(\w+)=([^,]*)", values.get("status", ""))).get("physmem", "")
    found = re.fullmatch(r"(\d+)([kmgt]?b)", told)
    return int(found[1]) * _SIZES[found[2]] if found else 0


def refusal(text: str) -> PortalError | None:
    """Return the error that qsub's refusal is; None for what may pass by itself."""
    found = text.strip()[-1000:]
    if not found or any(part in text for part in (*_PASSING, *_PASSING_SLURM)):
        return None
    missing = re.search(r"^sh: .*qsub.*not found|qsub: not found", text, re.MULTILINE) is not None
    denied = any(part in text for part in _DENIED)
    return refused("PBS", "qsub", found, missing=missing, denied=denied)


def logged(lines: Sequence[str]) -> Ended | None:
    """Read how PBS says, in the job's output, that it ended the job."""
    for line in lines:
        if "PBS: job killed: walltime" in line:
            return Ended(JobState.FAILED, "its wall time was over")
        if re.search(r"PBS: job killed: v?mem", line):
            return Ended(JobState.FAILED, "it took more memory than it had asked for")
    return None


def _yes(values: Mapping[str, str], name: str) -> bool:
    return values.get(name, "True").lower() in ("true", "yes")


def _time(text: str) -> float | None:
    if text.isdecimal():
        return float(text)
    try:
        return float(calendar.timegm(time.strptime(text, "%a %b %d %H:%M:%S %Y")))
    except ValueError:
        return None


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
