"""Records of batch jobs at the site: the words of _batch.sh.

A job is noted by its key before the scheduler is asked, and again by the job's own script: so that
a cut during a submission starts no second job, and one that the scheduler has forgotten is still
told truthfully.
"""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from typing import Final

from portal.core.job import JobState, JobStatus
from portal.drivers.compute import processes
from portal.drivers.compute._batch_site import Site, answers, text_of
from portal.drivers.compute._dialect import Ended, Entry
from portal.drivers.compute._transport import TIMEOUT, Completed
from portal.errors import Unavailable

_PAUSE: Final = 0.2
_CUT_PAUSE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Submission:
    """A job that is to be submitted.

    Parameters
    ----------
    name
        The job's, for messages.
    key
        A file name that stands for its key.
    mark
        A word by which the scheduler's list tells it from others; where a list shows no such
        words, the job's name does, if it is the key.
    command
        What submits a script.
    directory, shell
        Where the job's script is run, and by what.
    """

    name: str
    key: str
    mark: str
    command: tuple[str, ...]
    script: bytes
    directory: str
    shell: str


class Records:
    """What is noted of jobs at a site.

    Parameters
    ----------
    root
        Directory, there, in which it is noted.
    """

    def __init__(self, site: Site, root: str) -> None:
        self._site, self._root = site, root

    def submit(self, job: Submission) -> str:
        """Submit a job, once for its key, whatever is cut meanwhile; return its id.

        Each turn of a submission is claimed by one submitter only. The next turn is taken only when
        the scheduler's list does not show the job.

        Raises
        ------
        Unavailable
            The machine or the scheduler was not reached, or did not take the job.
        Denied, InvalidParameter
            The scheduler refused it.
        """
        record = f"{self._root}/{job.key}"
        batch = self._batch(job, record)
        end = time.monotonic() + self._site.patience
        turn = 0
        while True:
            done = self._patiently(
                "submit", record, str(turn), batch, *job.command, stdin=job.script, end=end
            )
            match (answers(done) or [""])[-1].split():
                case ["id", job_id]:
                    return job_id
                case ["running", _]:
                    self._wait(job, done, end)
                    continue
                case ["failed", last, "own"]:
                    if error := self._site.dialect.refusal(done.stderr):
                        raise error
                    self._wait(job, done, end)
                case ["failed" | "dead", last, *_]:
                    pass
                case _:
                    raise self._not_taken(job, done)
            # The scheduler may have taken the job though its answer was not heard.
            for entry in self._site.fresh(end).values():
                if entry.mark == job.mark or (not entry.mark and entry.name == job.key):
                    self._patiently("note", record, entry.id, end=end)
                    return entry.id
            turn = int(last) + 1

    def _batch(self, job: Submission, record: str) -> str:
        values = {"record": record, "directory": job.directory, "shell": job.shell}
        lines = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
        return "\n".join((*lines, text_of("_batch_job.sh")))

    def _wait(self, job: Submission, done: Completed, end: float) -> None:
        if time.monotonic() > end:
            raise self._not_taken(job, done)
        time.sleep(_PAUSE)

    def _not_taken(self, job: Submission, done: Completed) -> Unavailable:
        told = done.stderr.strip()[-1000:] or done.stdout.strip()[-1000:]
        return Unavailable(
            f"{self._site.name} did not take the job {job.name!r}",
            found=told or f"exit code {done.code}",
            advice="Ask again later: the same key starts no second job.",
        )

    def ended(self, job_id: str, entry: Entry | None) -> JobStatus:
        """Say how a job ended: as the scheduler's list, its accounting or its log says, or the job.

        Parameters
        ----------
        entry
            What the scheduler's list says; None where it does not show the job.
        """
        known = (
            Ended(entry.state, entry.message, entry.exit_code) if entry and entry.state else None
        )
        account = ["false"] if known else self._site.dialect.account(job_id)
        done = self._run("show", self._root, job_id, *account)
        told = [line.split(" ") for line in answers(done)]
        lines = [" ".join(rest) for kind, *rest in told if kind == "account"]
        record = next((rest for kind, *rest in told if kind == "record"), None)
        if record is None and ["unknown"] not in told:
            raise Unavailable(
                f"{self._site.transport.name} does not say how the job {job_id} ended",
                found=done.stderr.strip()[-500:] or f"exit code {done.code}",
                advice="Ask again; see that the workspace can be read.",
            )
        dialect = self._site.dialect
        known = known or dialect.accounted(lines)
        if known is None or (known.state is JobState.FAILED and not known.message):
            known = dialect.logged(done.stderr) or known
        if record is None and entry is None and known is None:
            message = f"{self._site.name} knows no job {job_id}"
            return JobStatus(JobState.FAILED, message, time=time.time())
        code, canceled, machine = record or ("-", "-", "-")
        exit_code = known.exit_code if known else None
        exit_code = _exit_code(int(code)) if code.isdecimal() else exit_code
        state, message = _how(known, exit_code, canceled != "-")
        if not message and state is JobState.FAILED:
            message = _why(exit_code, machine, done.stderr)
        nodes = entry.nodes if entry else ()
        nodes = nodes or (() if machine == "-" else (machine,))
        return JobStatus(state, message, exit_code, time.time(), nodes=nodes)

    def cancel(self, job_id: str) -> None:
        """Note that a job is to be canceled."""
        self._run("cancel", self._root, job_id)

    def _run(self, *words: str, stdin: bytes = b"") -> Completed:
        timeout = max(TIMEOUT, self._site.patience)
        return self._site.run(text_of("_batch.sh"), *words, stdin=stdin, timeout=timeout)

    def _patiently(self, *words: str, end: float, stdin: bytes = b"") -> Completed:
        """Run a word, and again after a cut: each may be said twice."""
        while True:
            try:
                return self._run(*words, stdin=stdin)
            except Unavailable:
                if time.monotonic() > end:
                    raise
                time.sleep(_CUT_PAUSE)


def _how(known: Ended | None, code: int | None, canceled: bool) -> tuple[JobState, str]:
    if canceled or (known and known.state is JobState.CANCELED):
        return JobState.CANCELED, "canceled"
    if known.state is JobState.COMPLETED if known else code == 0:
        return JobState.COMPLETED, ""
    return JobState.FAILED, known.message if known else ""


def _why(code: int | None, machine: str, log: str) -> str:
    if code is not None:
        lines = [line for line in log.splitlines() if line.strip()]
        last = next((line for line in lines if "***" in line), lines[-1] if lines else "")
        return processes.explain(code) + (f": {last}" if last else "")
    if machine != "-":
        return (
            f"it started on {machine}, and how it ended was not noted: it was killed, or the "
            "machine failed"
        )
    return "it has left the queue, and that it ever started was not noted"


def _exit_code(told: int) -> int:
    """Turn a shell's 128 + signal into minus the signal, as Python has it."""
    return 128 - told if 128 < told <= 192 else told
