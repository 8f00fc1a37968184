"""The ``slurm`` compute driver: batch jobs of a Slurm cluster, asked here or by SSH."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from portal.core.job import JobSpec, JobState, Resources
from portal.core.standing import Standing
from portal.drivers.compute import _slurm_standing, _slurm_words
from portal.drivers.compute._batch import BatchCompute
from portal.drivers.compute._dialect import Ended, Entry
from portal.drivers.compute._machine import Interpreter
from portal.drivers.compute._ssh import transport_of
from portal.errors import InvalidConfig, InvalidParameter, PortalError

_MEBIBYTE: Final = 2**20
#: Jobs of this many minutes and more are sent SIGTERM a minute before the end; it may come a minute
#: sooner. Slurm ends the others by SIGTERM too, half a minute before SIGKILL as a rule.
_SIGNAL_MINUTES: Final = 10
_FIELD: Final = "\x1f"
_FIELDS: Final = ("%i", "%T", "%r", "%V", "%S", "%N", "%D", "%C", "%k", "%j")
_QUEUE_MOST: Final = 20_000
#: The user's jobs; and where one of them waits, the whole queue, for its place in it. @ stands for
#: a word that no name of a job can hold, as it is made anew by each driver.
_LISTING: Final = f"""
export SLURM_TIME_FORMAT=%s LC_ALL=C
mine=$(squeue -h -a -t all -u "$(id -un)" -o '@{_FIELD.join(_FIELDS)}') || exit
printf '%s\\n' "$mine"
case $mine in *{_FIELD}PENDING{_FIELD}*)
    printf '@queue\\n'
    squeue -h -a -t PENDING -o '%i %Q %P %r' | head -n {_QUEUE_MOST}
    ;;
esac
"""
_SIGNALS: Final = {
    "TERM": 'scancel --signal=TERM --full "$1"',
    "KILL": 'scancel --signal=USR2 --batch "$1"',
    "END": 'scancel "$1"',
}
_LOGGED: Final = (
    ("DUE TO TIME LIMIT", "TIMEOUT"),
    ("DUE TO NODE FAILURE", "NODE_FAIL"),
    ("DUE TO PREEMPTION", "PREEMPTED"),
    ("oom-kill event", "OUT_OF_MEMORY"),
)
_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9-]*")
#: What Portal itself says to sbatch, or may not be said: it would run something else.
_OURS: Final = re.compile(
    "array|chdir|comment|error|export|export-file|get-user-env|gid|input|job-name|no-requeue|"
    "open-mode|output|parsable|requeue|test-only|uid|wait|wrap"
)


class SlurmDialect:
    """Slurm: sbatch, squeue, scancel, sinfo, scontrol, and sacct and sshare where they are."""

    name = "Slurm"

    def __init__(self) -> None:
        self._record = f"\x1e{secrets.token_hex(8)} "

    def is_id(self, text: str) -> bool:
        """Whether a text can be a job's id."""
        return _slurm_words.is_id(text)

    def submission(self, job: JobSpec, mark: str) -> list[str]:
        """Return the sbatch command of a job.

        Raises
        ------
        InvalidParameter
            A custom attribute is no option of sbatch, or one that Portal sets.
        """
        attributes = job.attributes
        name = re.sub(r"[^\w.+:@-]", "_", job.name or "portal", flags=re.ASCII)[:128]
        options: dict[str, str | int | None] = {
            "job-name": name,
            "comment": mark,
            "output": "log",
            "open-mode": "append",
            "export": "ALL" if job.inherit_environment else "NONE",
            "partition": attributes.queue_name,
            "account": attributes.account,
            "reservation": attributes.reservation_id,
            **_resources(job.resources),
        }
        if attributes.duration is not None:
            minutes = math.ceil(attributes.duration / 60)
            options["time"] = minutes
            options["signal"] = "B:TERM@60" if minutes >= _SIGNAL_MINUTES else None
        command = ["sbatch", "--parsable", "--no-requeue"]
        command += [f"--{name}={value}" for name, value in options.items() if value is not None]
        command += ["--exclusive"] if job.resources.exclusive_node_use else []
        return command + [_attribute(*pair) for pair in attributes.custom_attributes.items()]

    def listing(self) -> str:
        """Return the script that lists the user's jobs, those of late that have ended too."""
        return _LISTING.replace("@", self._record)

    def entries(self, text: str) -> Mapping[str, Entry]:
        """Read what squeue printed."""
        listed, _, queue = text.partition(f"{self._record}queue\n")
        waiting = [tuple(line.split(" ", 3)) for line in queue.splitlines()]
        found = {}
        for record in listed.split(self._record)[1:]:
            fields = record.removesuffix("\n").split(_FIELD, len(_FIELDS) - 1)
            if len(fields) == len(_FIELDS):
                entry = _entry(fields, waiting)
                found[entry.id] = entry
        return found

    def account(self, job_id: str) -> Sequence[str]:
        """Return the sacct command of a job."""
        return "sacct", "-X", "-n", "-P", "-o", "State,ExitCode", "-j", job_id

    def accounted(self, lines: Sequence[str]) -> Ended | None:
        """Read what sacct printed: the state of the job's last run."""
        for line in reversed(lines):
            told, _, codes = line.partition("|")
            word = told.partition(" ")[0]
            state = _slurm_words.STATES.get(word)
            if state is not None and state.final:
                code, _, signal = codes.partition(":")
                number = -int(signal) if signal.isdecimal() and int(signal) else None
                if number is None and code.isdecimal():
                    number = int(code)
                return Ended(state, _slurm_words.MEANT.get(word, ""), number)
        return None

    def logged(self, text: str) -> Ended | None:
        """Read how slurmstepd says that it ended the job."""
        for part, word in _LOGGED:
            if any(part in line for line in text.splitlines() if line.startswith("slurmstepd")):
                return Ended(_slurm_words.STATES[word], _slurm_words.MEANT[word])
        return None

    def signal(self, number: str) -> str:
        """Return the scancel command."""
        return _SIGNALS[number]

    def standing(self) -> str:
        """Return the script that asks how the cluster stands."""
        return _slurm_standing.SCRIPT

    def stands(self, text: str, queue: str) -> Standing:
        """Read what it printed."""
        return _slurm_standing.read(text, queue)

    def refusal(self, text: str) -> PortalError | None:
        """Return the error that a refusal of sbatch is."""
        return _slurm_words.refusal(text)


def _resources(wanted: Resources) -> dict[str, str | int | None]:
    memory = wanted.memory
    options: dict[str, str | int | None] = {
        "nodes": wanted.node_count,
        "ntasks": wanted.process_count,
        "ntasks-per-node": wanted.processes_per_node,
        "cpus-per-task": wanted.cpu_cores_per_process,
        "gpus-per-task": wanted.gpu_cores_per_process,
    }
    if wanted.gpu_cores_per_process and not (wanted.process_count or wanted.processes_per_node):
        options["ntasks"] = wanted.node_count or 1
    if memory is not None and wanted.node_count is None and wanted.process_count is not None:
        cores = wanted.process_count * (wanted.cpu_cores_per_process or 1)
        options["mem-per-cpu"] = f"{math.ceil(memory / cores / _MEBIBYTE)}M"
    elif memory is not None:
        options["nodes"] = wanted.node_count or 1
        options["mem"] = f"{math.ceil(memory / (wanted.node_count or 1) / _MEBIBYTE)}M"
    return options


def _attribute(name: str, value: str) -> str:
    ours = _OURS.fullmatch(name)
    if not _ATTRIBUTE.fullmatch(name) or ours or "\0" in value:
        raise InvalidParameter(
            f"The custom attribute {name!r} cannot be given to sbatch",
            found="an option that Portal sets" if ours else "no long option of sbatch",
            advice="Write an option of sbatch without its hyphens, such as constraint or qos.",
        )
    return f"--{name}={value}" if value else f"--{name}"


def _entry(fields: Sequence[str], waiting: Sequence[tuple[str, ...]]) -> Entry:
    job_id, word, reason, submitted, start, nodes, count, cores, mark, name = fields
    state = _slurm_words.STATES.get(word, JobState.ACTIVE)
    message = _slurm_words.MEANT.get(word, "")
    position = None
    if word == "PENDING":
        message = _slurm_words.why(reason)
        if _slurm_words.held(reason):
            state = JobState.HELD
        else:
            position = _position(job_id, waiting)
    return Entry(
        job_id,
        name,
        state,
        message,
        mark=mark,
        position=position,
        submitted=_number(submitted),
        start=_number(start),
        nodes=_slurm_words.names_of(nodes) if state is not JobState.QUEUED else (),
        node_count=int(count) if count.isdecimal() else None,
        cores=int(cores) if cores.isdecimal() else None,
    )


def _position(job_id: str, waiting: Sequence[tuple[str, ...]]) -> int | None:
    """Return a job's place among those of its queue that are not held: by priority, then by age."""
    mine = next((words for words in waiting if words[0] == job_id and len(words) >= 4), None)
    if mine is None:
        return None
    ahead = [
        words
        for words in waiting
        if len(words) >= 4
        and words[2] == mine[2]
        and not _slurm_words.held(words[3])
        and words[1].isdecimal()
        and (-int(words[1]), _age(words[0])) < (-int(mine[1]), _age(job_id))
    ]
    return len(ahead) + 1


def _age(job_id: str) -> int:
    return int(re.sub(r"\D.*", "", job_id) or 0)


def _number(text: str) -> float | None:
    return float(text) if text.isdecimal() else None


class SlurmCompute(BatchCompute):
    """Runs jobs on a Slurm cluster.

    Parameters
    ----------
    host
        The log-in node, by name or by its alias in ~/.ssh/config. Without it Slurm is asked on this
        machine.
    user, port, key_file, known_hosts, jump
        What ~/.ssh/config does not say: see :class:`portal.drivers.compute._address.Address`.
    workspace
        Directory of the run directories there, which the compute nodes see too; made, closed to
        other users, when first needed. By default ``~/.portal/runs``.
    python
        The Python there that runs ``-m portal.runner``; by default "python3".
    provision, base_python
        Instead of ``python``: how one is made from the run's lock, "auto", "index" or "upload", and
        the Python there on which it is built, which is found when not given.
    setup
        Shell lines that come first in a job, run by a login shell: ``module load python``.
    queue, account
        Partition and account of jobs that name none.
    bin
        Directory of Slurm's commands, where they are not found without.

    Raises
    ------
    InvalidConfig
        The workspace has characters that Slurm reads as its own in the path of a job's log.
    """

    def __init__(
        self,
        *,
        host: str | None = None,
        user: str | None = None,
        port: int | None = None,
        key_file: str | None = None,
        known_hosts: str | None = None,
        jump: str | None = None,
        workspace: str | None = None,
        python: str | None = None,
        provision: str | None = None,
        base_python: str | None = None,
        setup: str = "",
        queue: str | None = None,
        account: str | None = None,
        bin: str | None = None,
    ) -> None:
        if workspace and set("%\\") & set(workspace):
            raise InvalidConfig(
                "The workspace of a Slurm cluster has no % and no backslash in its path",
                found=repr(workspace),
                advice="Choose another `workspace`: Slurm would look for a job's log elsewhere.",
            )
        super().__init__(
            transport_of(host, user, port, key_file, known_hosts, jump),
            SlurmDialect(),
            workspace=workspace,
            interpreter=Interpreter(python, provision, base_python),
            setup=setup,
            bin=bin,
            queue=queue,
            account=account,
        )
