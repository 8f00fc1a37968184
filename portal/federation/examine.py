"""Examine: looks at a compute resource and at a catalog, by their contracts alone.

Each look is made in a thread of its own and has a deadline, since what is broken may also hang.
"""

from __future__ import annotations

import contextlib
import queue
import stat
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

from portal.core.check import Check, Verdict
from portal.core.contracts import (
    Catalog,
    Compute,
    SupportsChecks,
    SupportsEnvironment,
    SupportsJobs,
    SupportsProvision,
    SupportsPublish,
    SupportsSearch,
    SupportsStanding,
)
from portal.core.environment import local_environment
from portal.core.job import JobAttributes, JobSpec, JobState, JobStatus
from portal.core.needed import needed
from portal.core.query import Query
from portal.errors import PortalError

#: Seconds that one look may take, and one at a catalog; a build of an environment may take longer.
DEADLINE, CATALOG_DEADLINE, BUILD = 60.0, 20.0, 3600.0
#: What a driver calls its look at what holds its jobs; without it jobs are not looked at.
SCHEDULER = "scheduler"
#: Seconds by which two clocks may differ.
SKEW = 30.0

_POLL_SECONDS = 0.2
_JOB_SECONDS = 300
_BYTES = 4096

T = TypeVar("T")


def compute(machine: Compute, at: str, *, job: bool, wait: float) -> Iterator[Check]:
    """Look at a compute resource.

    Parameters
    ----------
    job
        Whether a tiny job is submitted.
    wait
        Seconds for which it is waited for.
    """
    failed = set()
    if isinstance(machine, SupportsChecks):
        for check in _all(machine.checks):
            yield check
            failed |= {check.name} if check.verdict is Verdict.FAIL else set()
            if check.blocks and check.verdict is Verdict.FAIL:
                yield Check("the rest", Verdict.SKIPPED, f"nothing else without: {check.name}")
                return
    workspace = look("workspace", lambda: _workspace(machine))
    yield workspace
    if workspace.verdict is not Verdict.FAIL:
        yield look("files", lambda: _files(machine))
        yield look("clock", lambda: _clock(machine))
    yield look("python", lambda: _python(machine, at))
    asked: dict[str, Callable[[], Check]] = {}
    if isinstance(machine, SupportsStanding):
        asked["standing"] = lambda: _standing(machine)
    if isinstance(machine, SupportsJobs):
        asked["jobs"] = lambda: Check("jobs", found=f"{len([*machine.jobs()])} of yours")
    if job:
        asked["job"] = lambda: _job(machine, wait)
    for name, what in asked.items():
        if SCHEDULER in failed:
            yield Check(name, Verdict.SKIPPED, f"nothing without: {SCHEDULER}")
        else:
            yield look(name, what, seconds=wait + BUILD if name == "job" else DEADLINE)


def catalog(held: Catalog) -> Check:
    """Look for the first record of a catalog."""

    def first() -> Check:
        asks = isinstance(held, SupportsSearch)
        records = held.search(Query(limit=1)) if isinstance(held, SupportsSearch) else held.items()
        item = next(iter(records), None)
        if item is None and isinstance(held, SupportsPublish):
            return Check("catalog", found="it has no record yet; it takes results")
        if item is None:
            return Check("catalog", Verdict.WARN, "it has no record", "See what it should hold.")
        return Check("catalog", found=f"{item.id}{', asked live' if asks else ''}")

    return look("catalog", first, seconds=CATALOG_DEADLINE)


def look(name: str, what: Callable[[], Check], *, seconds: float = DEADLINE) -> Check:
    """Make one look; whatever goes wrong, or lasts too long, is what was found."""
    try:
        return within(seconds, what)
    except PortalError as error:
        return Check.of(name, error)
    except TimeoutError:
        return Check(
            name, Verdict.FAIL, f"no answer within {seconds:g} s", "See whether the system is down."
        )
    except Exception as error:  # noqa: BLE001 - a driver is a plug-in: any fault of it is what was found
        return Check(
            name, Verdict.FAIL, f"{type(error).__name__}: {error}", "This is a fault of the driver."
        )


def within(seconds: float, what: Callable[[], T]) -> T:
    """Call a function in a daemon thread, and return what it returns.

    Raises
    ------
    TimeoutError
        It had not returned after so many seconds; the thread is left to itself.
    """
    answers: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue()

    def call() -> None:
        try:
            answers.put((what(), None))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            answers.put((None, error))

    threading.Thread(target=call, name="portal-doctor", daemon=True).start()
    try:
        value, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]


def _all(checks: Callable[[], Any]) -> Iterator[Check]:
    given: list[Iterator[Check]] = []

    def following() -> Check:
        if not given:
            given.append(iter(checks()))
        return next(given[0], _END)

    while (check := look("driver", following)) is not _END:
        yield check
        if check.name == "driver" and check.verdict is Verdict.FAIL:
            return  # the generator itself has ended, or hangs


_END = Check("")


def _workspace(machine: Compute) -> Check:
    workspace = machine.workspace
    fs, root = workspace.fs, workspace.root
    fs.makedirs(root, exist_ok=True)
    mode = fs.info(root).get("mode")
    if not isinstance(mode, int):
        return Check("workspace", Verdict.WARN, f"{root}; who may read it is not told")
    mode = stat.S_IMODE(mode)
    if mode & 0o077:
        return Check(
            "workspace",
            Verdict.FAIL,
            f"{root} is open to other users: mode {mode:04o}",
            f"Run there: chmod 700 {root}",
        )
    return Check("workspace", found=f"{root}, mode {mode:04o}")


def _files(machine: Compute) -> Check:
    fs, sent = machine.workspace.fs, uuid.uuid4().bytes * (_BYTES // 16)
    path = f"{machine.workspace.root.rstrip('/')}/.doctor-{uuid.uuid4().hex}"
    begun = time.monotonic()
    try:
        fs.pipe_file(path, sent)
        same = (
            fs.cat_file(path) == sent
            and fs.cat_file(path, start=_BYTES // 2) == sent[_BYTES // 2 :]
        )
    finally:
        with contextlib.suppress(FileNotFoundError):
            fs.rm_file(path)
    took = time.monotonic() - begun
    if not same:
        return Check(
            "files", Verdict.FAIL, "a file came back changed", "Choose another `workspace`."
        )
    return Check("files", found=f"written, read in part and removed in {took:.2f} s")


def _clock(machine: Compute) -> Check:
    fs = machine.workspace.fs
    path = f"{machine.workspace.root.rstrip('/')}/.doctor-{uuid.uuid4().hex}"
    before = time.time()
    try:
        fs.pipe_file(path, b"now")
        after = time.time()
        there = fs.modified(path)
    except NotImplementedError:
        return Check("clock", Verdict.SKIPPED, "its file system tells no times")
    finally:
        with contextlib.suppress(FileNotFoundError):
            fs.rm_file(path)
    aware = there if there.tzinfo else there.replace(tzinfo=UTC)
    seconds = aware.timestamp()
    skew = seconds - before if seconds < before else max(0.0, seconds - after)
    if abs(skew) > SKEW:
        now = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
        return Check(
            "clock",
            Verdict.WARN,
            f"{abs(skew):.0f} s {'behind' if skew < 0 else 'ahead of'} this computer's ({now})",
            "Set the clock that is wrong; times of runs are those of the facility.",
        )
    return Check("clock", found=f"within {max(2.0, abs(skew)):.0f} s of this computer's")


def _python(machine: Compute, at: str) -> Check:
    if isinstance(machine, SupportsProvision) and machine.provisions:
        return Check("python", found="made from the run's lock when a run needs it")
    if not isinstance(machine, SupportsEnvironment):
        return Check(
            "python", Verdict.SKIPPED, f"{machine.python}: this driver cannot look into it"
        )
    here, there = local_environment(), machine.environment()
    here.require_same(there, here="here", there=f"at {at}", python=machine.python)
    packages = ", ".join(f"{name} {version}" for name, version in there.packages.items())
    return Check("python", found=f"{machine.python}: Python {there.python}, {packages}")


def _standing(machine: SupportsStanding) -> Check:
    standing, now = machine.standing(), time.time()
    words = [standing.text or ("up" if standing.up else "not told")]
    if standing.nodes is not None:
        words.append(f"{standing.nodes} nodes")
    if standing.queued is not None or standing.running is not None:
        words.append(f"{standing.queued or 0} jobs wait, {standing.running or 0} run")
    verdict, advice = Verdict.OK, ""
    for outage in standing.outages:
        if outage.end is not None and outage.end < now:
            continue
        words.append(("planned: " if outage.start > now else "now: ") + outage.text)
        verdict, advice = Verdict.WARN, "Wait, or run elsewhere."
        if outage.down and outage.start <= now:
            verdict = Verdict.FAIL
    if standing.up is False:
        verdict, advice = Verdict.FAIL, "Wait, or run elsewhere."
    for allocation in standing.allocations:
        if allocation.left is not None:
            words.append(f"{allocation.account}: {allocation.left:g} {allocation.unit} left")
            if allocation.left <= 0 and verdict is Verdict.OK:
                verdict, advice = (
                    Verdict.WARN,
                    f"Ask for more, or do not charge {allocation.account}.",
                )
    return Check("standing", verdict, "; ".join(words), advice)


_RAN = "import portal.runner, pathlib; pathlib.Path('ran').write_text('yes')"


def _job(machine: Compute, wait: float) -> Check:
    provisions = isinstance(machine, SupportsProvision) and machine.provisions
    python = machine.provision(needed()) if provisions else machine.python  # type: ignore[attr-defined]
    fs, name = machine.workspace.fs, f"doctor-{uuid.uuid4().hex[:8]}"
    directory = f"{machine.workspace.root.rstrip('/')}/.{name}"
    fs.makedirs(directory)
    try:
        begun = time.monotonic()
        job_id = machine.submit(
            JobSpec(
                python,
                ("-P", "-c", _RAN),
                directory=directory,
                name=name,
                stdout_path=f"{directory}/stdout.log",
                stderr_path=f"{directory}/stderr.log",
                attributes=JobAttributes(duration=_JOB_SECONDS),
                key=name,
            )
        )
        taken = time.monotonic() - begun
        status, began = _followed(machine, job_id, begun, wait)
        ended = time.monotonic() - begun
        if not status.state.final:
            machine.cancel(job_id)
            waits = (
                f"{status.state.value} after {ended:.0f} s: {status.message or 'no reason told'}"
            )
            return Check(
                "job",
                Verdict.WARN,
                f"{waits}; it was cancelled",
                "Wait longer, or look at the queue.",
            )
        if status.state is not JobState.COMPLETED or not fs.exists(f"{directory}/ran"):
            return Check("job", Verdict.FAIL, _why(fs, directory, status), "Mend what it says.")
    finally:
        with contextlib.suppress(OSError):
            fs.rm(directory, recursive=True)
    start = f"seen to run after {began:.1f} s, " if began is not None else ""
    return Check("job", found=f"taken in {taken:.1f} s, {start}ended after {ended:.1f} s")


def _followed(
    machine: Compute, job_id: str, begun: float, wait: float
) -> tuple[JobStatus, float | None]:
    """Return a job's last status, and the seconds after which it was seen to run."""
    began = None
    while True:
        status = machine.status(job_id)
        passed = time.monotonic() - begun
        if began is None and status.state is JobState.ACTIVE:
            began = passed
        if status.state.final or passed > wait:
            return status, began
        time.sleep(_POLL_SECONDS)


def _why(fs: Any, directory: str, status: JobStatus) -> str:
    try:
        said = fs.cat_file(f"{directory}/stderr.log").decode(errors="replace").strip()
    except OSError:
        said = ""
    last = said.rpartition("\n")[2]
    return ". ".join(filter(None, (f"{status.state.value}: {status.message}".rstrip(": ."), last)))
