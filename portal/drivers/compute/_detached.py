"""Detached jobs of a machine without a scheduler: the words of _site.sh, asked over a transport."""

from __future__ import annotations

import re
import shlex
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from portal.core.job import JobSpec, JobState, JobStatus
from portal.core.standing import Job
from portal.drivers.compute import processes
from portal.drivers.compute._keys import name_of
from portal.drivers.compute._transport import Completed, Transport
from portal.errors import InvalidParameter, Unavailable

_ID: Final = re.compile(r"[1-9][0-9]*-[0-9]+-[0-9a-f]+")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ANSWER: Final = "portal: "
_NO_SIGNAL: Final = 128


@dataclass(frozen=True)
class Detached:
    """Starts jobs that outlive the connection, and tells how they are.

    Parameters
    ----------
    records
        Directory, at the machine, in which jobs are noted.
    setup
        Shell lines that are run before a job, by a login shell of bash.
    """

    transport: Transport
    records: str
    setup: str = ""

    def start(self, job: JobSpec) -> str:
        """Start a job once for its key; return its id.

        The whole of it is one script, sent before anything is done, so that a cut leaves either a
        job that is noted under its key or none.
        """
        done = self._ask(
            "start",
            self.records,
            name_of(job.key or uuid.uuid4().hex),
            str(job.attributes.duration or 0),
            job.directory or ".",
            " ".join((job.name or job.executable).split()),
            self._text,
            *([] if job.inherit_environment else ["env", "-i"]),
            *(["bash", "-l"] if self.setup else ["sh"]),
            stdin=script_of(job, self.setup),
        )
        answers = _answers(done)
        if done.code or not answers:
            raise Unavailable(
                f"{self.transport.name} did not start the job {job.name or job.executable!r}",
                found=done.stderr.strip()[-500:] or f"exit code {done.code}",
                advice="See that its directory is there, and that the disk is not full.",
            )
        return answers[-1]

    def status(self, job_id: str) -> JobStatus:
        """Say whether a job runs, or how it ended."""
        now = time.time()
        if not _ID.fullmatch(job_id):
            return self._unknown(job_id, now)
        done = self._ask("show", self.records, job_id)
        words = (_answers(done) or [""])[-1].split()
        if len(words) != 4:
            raise Unavailable(
                f"{self.transport.name} does not say how the job {job_id} is",
                found=done.stderr.strip()[-500:] or f"exit code {done.code}",
                advice="See that sh, ps, awk and /proc are there.",
            )
        state, code, canceled, machine = words
        nodes = () if machine == "-" else (machine,)
        if state == "unknown":
            return self._unknown(job_id, now)
        exit_code = None if code == "-" else _exit_code(int(code))
        if canceled != "-" and (state == "dead" or exit_code is not None):
            return JobStatus(JobState.CANCELED, "canceled", exit_code, now, nodes=nodes)
        if exit_code is not None:
            if exit_code == 0:
                return JobStatus(JobState.COMPLETED, exit_code=0, time=now, nodes=nodes)
            message = processes.explain(exit_code)
            return JobStatus(JobState.FAILED, message, exit_code, now, nodes=nodes)
        if state == "alive":
            return JobStatus(JobState.ACTIVE, time=now, nodes=nodes)
        if state == "elsewhere":
            raise Unavailable(
                f"The job {job_id} was started on {machine}, and {self.transport.name} has led to "
                "another machine",
                found="one name for several machines",
                advice="Set `host` of this compute resource to one of them.",
            )
        return JobStatus(
            JobState.FAILED,
            f"There is no process of the job {job_id} on {machine}, and how it ended was not "
            "noted: it was killed, or the machine was started anew",
            time=now,
            nodes=nodes,
        )

    def _unknown(self, job_id: str, now: float) -> JobStatus:
        message = f"{self.transport.name} has no record of a job {job_id}"
        return JobStatus(JobState.FAILED, message, time=now)

    def end(self, job_id: str) -> None:
        """Ask a job to end; kill what is left of it after ten seconds."""
        if not _ID.fullmatch(job_id):
            return
        done = self._ask("end", self.records, job_id)
        if done.code:
            raise Unavailable(
                f"The job {job_id} on {self.transport.name} could not be ended",
                found=done.stderr.strip()[-500:] or f"exit code {done.code}",
                advice=f"Try again, or end the processes of the session {job_id.partition('-')[0]}.",
            )

    def running(self) -> list[Job]:
        """Give the jobs that run."""
        found = []
        for answer in _answers(self._ask("list", self.records)):
            job_id, _, rest = answer.partition(" ")
            started, _, name = rest.partition(" ")
            at = float(started)
            found.append(Job(job_id, name, JobState.ACTIVE, submitted=at, started=at, nodes=1))
        return found

    @cached_property
    def _text(self) -> str:
        return Path(__file__).with_name("_site.sh").read_text()

    def _ask(self, *words: str, stdin: bytes = b"") -> Completed:
        return self.transport.run(["sh", "-c", self._text, "portal", *words], stdin=stdin)


def under(setup: str, argv: Sequence[str]) -> list[str]:
    """Return the command that runs another after the setup lines; what they print is set apart."""
    if not setup:
        return [*argv]
    lines = f'{{\n{setup}\n}} </dev/null >&2\nexec "$@"'
    return ["bash", "-l", "-c", lines, "portal", *argv]


def script_of(job: JobSpec, setup: str) -> bytes:
    """Return the shell script of a job; its first argument is the user's umask.

    Raises
    ------
    InvalidParameter
        A name of the environment is none that a shell takes, or something holds a NUL.
    """
    wrong = [name for name in job.environment if not _VARIABLE.fullmatch(name)]
    texts = [job.executable, *job.arguments, *job.environment.values()]
    if wrong or any("\0" in text for text in texts):
        raise InvalidParameter(
            "The job cannot be written as a shell script",
            found=f"environment: {wrong}" if wrong else "a NUL character",
            advice="Names of variables are letters, digits and _; texts have no NUL.",
        )
    out, err = (shlex.quote(p or "/dev/null") for p in (job.stdout_path, job.stderr_path))
    exports = [f"export {name}={shlex.quote(v)}" for name, v in job.environment.items()]
    lines = [
        f"umask 077; exec </dev/null >>{out} 2>>{err}",
        'umask "$1"; shift',
        setup,
        *exports,
        f"exec {shlex.join([job.executable, *job.arguments])}",
        "# whole",
    ]
    return ("\n".join(lines) + "\n").encode(errors="surrogateescape")


def _answers(done: Completed) -> list[str]:
    lines = done.stdout.split("\n")
    return [line.removeprefix(_ANSWER) for line in lines if line.startswith(_ANSWER)]


def _exit_code(told: int) -> int:
    """Turn a shell's 128 + signal into minus the signal, as Python has it."""
    return _NO_SIGNAL - told if _NO_SIGNAL < told <= _NO_SIGNAL + 64 else told
