"""The ``pbs`` compute driver: batch jobs of OpenPBS, PBS Professional or Torque."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

from portal.core.job import JobSpec, Resources
from portal.core.standing import Standing
from portal.drivers.compute import _pbs_words
from portal.drivers.compute._batch import BatchCompute
from portal.drivers.compute._dialect import Ended, Entry
from portal.drivers.compute._machine import Interpreter
from portal.drivers.compute._ssh import transport_of
from portal.drivers.compute.slurm import SlurmDialect
from portal.errors import InvalidConfig, InvalidParameter, PortalError

Style = Literal["openpbs", "torque"]

_MEBIBYTE: Final = 2**20
_PLAIN: Final = re.compile(r"[\w.:+=/@^-]+", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z][\w.]*", re.ASCII)
#: The user's jobs. qselect knows them by their user; where there is none all jobs are read. The exit
#: codes 153 and 35 say that a job which was asked for has left meanwhile.
_LISTING: Final = r"""
export LC_ALL=C TZ=UTC
me=$(id -un)
echo "user $me"
if command -v qselect >/dev/null 2>&1; then
    ids=$(qselect -u "$me") || exit
    [ -n "$ids" ] || exit 0
    qstat -f $ids
else
    qstat -f
fi
case $? in 0 | 35 | 153) exit 0 ;; *) exit 1 ;; esac
"""
_STANDING: Final = """
export LC_ALL=C
qstat -Q -f || exit
echo "== nodes"
pbsnodes -a 2>/dev/null
true
"""
_SIGNALS: Final = {
    "TERM": 'command -v qsig >/dev/null 2>&1 && qsig -s SIGTERM "$1" || qdel "$1"',
    "KILL": 'qdel "$1"',
    "END": 'qdel -W force "$1" 2>/dev/null || qdel -p "$1" 2>/dev/null || qdel "$1"',
}


class PbsDialect:
    """The qsub family: qsub, qstat, qdel, pbsnodes, and qselect and qsig where they are.

    Parameters
    ----------
    style
        "openpbs" asks for machines by ``-l select=…``, "torque" by ``-l nodes=…:ppn=…``.
    """

    name = "PBS"

    def __init__(self, style: Style = "openpbs") -> None:
        if style not in get_args(Style):
            raise InvalidConfig(
                "The option 'style' is one of two words",
                found=repr(style),
                advice=f"Write one of: {', '.join(get_args(Style))}.",
            )
        self._style = style

    def is_id(self, text: str) -> bool:
        """Whether a text can be a job's id."""
        return _pbs_words.is_id(text)

    def submission(self, job: JobSpec, mark: str) -> list[str]:
        """Return the qsub command of a job; every word of it is plain, as some qsub are scripts.

        Raises
        ------
        InvalidParameter
            A queue, an account or a custom attribute has other characters than names have.
        """
        attributes = job.attributes
        name = re.sub(r"[^\w.-]", "_", job.name or "portal", flags=re.ASCII)[:200] or "portal"
        if self._style == "torque" and not name[0].isalpha():
            name = f"j{name}"
        command = ["qsub", "-N", name, "-S", "/bin/sh", "-o", "log", "-j", "oe", "-r", "n"]
        command += ["-W", "umask=077", "-v", f"PORTAL_JOB={mark}"]
        command += ["-V"] if job.inherit_environment else []
        queue = attributes.reservation_id or attributes.queue_name
        for option, value in (("-q", queue), ("-A", attributes.account)):
            command += [option, _plain(value)] if value else []
        asked = self._asked(job.resources)
        if attributes.duration is not None:
            minutes, seconds = divmod(attributes.duration, 60)
            asked.append(f"walltime={minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}")
        for key, value in attributes.custom_attributes.items():
            if not _NAME.fullmatch(key):
                raise _not_plain(key)
            asked.append(f"{key}={_plain(value)}")
        return command + (["-l", ",".join(asked)] if asked else [])

    def _asked(self, wanted: Resources) -> list[str]:
        nodes = wanted.node_count or 1
        each = wanted.processes_per_node or math.ceil((wanted.process_count or 1) / nodes)
        cores = each * (wanted.cpu_cores_per_process or 1)
        gpus = each * (wanted.gpu_cores_per_process or 0)
        memory = wanted.memory
        if self._style == "torque":
            parts = [f"nodes={nodes}", f"ppn={cores}", *([f"gpus={gpus}"] if gpus else [])]
            asked = [":".join(parts)]
            asked += [f"mem={math.ceil(memory / _MEBIBYTE)}mb"] if memory else []
            return asked + (["naccesspolicy=singlejob"] if wanted.exclusive_node_use else [])
        parts = [f"select={nodes}", f"ncpus={cores}", f"mpiprocs={each}"]
        parts += [f"ngpus={gpus}"] if gpus else []
        parts += [f"mem={math.ceil(memory / nodes / _MEBIBYTE)}mb"] if memory else []
        place = ["scatter"] if nodes > 1 else []
        place += ["excl"] if wanted.exclusive_node_use else []
        return [":".join(parts), *([f"place={':'.join(place)}"] if place else [])]

    def listing(self) -> str:
        """Return the script that lists the user's jobs."""
        return _LISTING

    def entries(self, text: str) -> Mapping[str, Entry]:
        """Read what ``qstat -f`` printed of the user's own jobs."""
        first, _, rest = text.partition("\n")
        me = first.removeprefix("user ")
        return {
            job_id: _pbs_words.entry(job_id, values)
            for job_id, values in _pbs_words.records(rest, "Job Id:")
            if values.get("Job_Owner", "").partition("@")[0] == me
        }

    def account(self, job_id: str) -> Sequence[str]:
        """Return the command that asks for a job that has left the queue."""
        return ("qstat", "-x", "-f", job_id) if self._style == "openpbs" else ("false",)

    def accounted(self, lines: Sequence[str]) -> Ended | None:
        """Read how it says that the job ended."""
        text = "\n".join(line if line.startswith("Job Id:") else f"    {line}" for line in lines)
        found = next(_pbs_words.records(text, "Job Id:"), None)
        return _pbs_words.ended_by(found[1]) if found else None

    def logged(self, text: str) -> Ended | None:
        """Read how the scheduler says that it ended the job; it may be Slurm, with a qsub."""
        return _pbs_words.logged(text.splitlines()) or SlurmDialect().logged(text)

    def signal(self, number: str) -> str:
        """Return the qsig or qdel command."""
        return _SIGNALS[number]

    def standing(self) -> str:
        """Return the script that asks how queues and nodes stand."""
        return _STANDING

    def stands(self, text: str, queue: str) -> Standing:
        """Read what it printed."""
        return _pbs_words.standing(text, queue)

    def refusal(self, text: str) -> PortalError | None:
        """Return the error that a refusal of qsub is."""
        return _pbs_words.refusal(text)


def _plain(value: str) -> str:
    if not _PLAIN.fullmatch(value):
        raise _not_plain(value)
    return value


def _not_plain(value: str) -> InvalidParameter:
    return InvalidParameter(
        "A queue, an account or an attribute cannot be given to qsub",
        found=repr(value),
        advice="Write it with letters, digits and . : + = / @ - _ only; the name of an attribute, "
        "which becomes `-l name=value`, begins with a letter.",
    )


class PbsCompute(BatchCompute):
    """Runs jobs through PBS.

    Parameters
    ----------
    host
        The log-in node, by name or by its alias in ~/.ssh/config. Without it PBS is asked on this
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
        Of jobs that name none.
    bin
        Directory of the scheduler's commands, where they are not found without.
    style
        "openpbs" (PBS Professional too) or "torque": how machines are asked for.
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
        style: Style = "openpbs",
    ) -> None:
        super().__init__(
            transport_of(host, user, port, key_file, known_hosts, jump),
            PbsDialect(style),
            workspace=workspace,
            interpreter=Interpreter(python, provision, base_python),
            setup=setup,
            bin=bin,
            queue=queue,
            account=account,
        )
