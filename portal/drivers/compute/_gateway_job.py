"""The keeper of one job: started by a Dask worker of a gateway's cluster, with the job's record.

It needs Python's own library alone: its text is sent there, and run by the worker's own Python, 3.8
and later. It starts the program once, whoever starts the keeper again; ends every
process of the job, those that have left its session too; leaves word of the end in the record; and
has the gateway stop the cluster.

The record is a directory that both sides see:

- ``job.json``: the job (written by the driver),
- ``wanted``: "run", or "cancel" (written by the driver; the keeper opens it again and again, which
  a network file system answers with what is there now),
- ``started.json``, ``ended.json``: made once, by the keeper.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import FrameType
from typing import Any

GRACE_SECONDS = 10.0
POLL_SECONDS = 0.1
LOOK_SECONDS = 0.5
TIMED_OUT = 124
#: What the cluster knows and the program must not: tokens, certificates, the cluster's own ways.
PRIVATE = ("DASK_GATEWAY_", "DASK_DISTRIBUTED__COMM__", "DASK_INTERNAL_INHERIT_CONFIG")
#: Seconds between attempts to have the cluster stopped, while the gateway is away.
ATTEMPTS = (0.5, 1, 2, 4, 8, 15, 30, 30, 30)

_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36


class Keeper:
    """One job: its record, its program, what ends it.

    Parameters
    ----------
    record
        The record's directory.
    """

    def __init__(self, record: str) -> None:
        self.record = Path(record)
        self.job: dict[str, Any] = json.loads((self.record / "job.json").read_text())
        self.worker = os.getppid()
        self.told: str | None = None
        self.looked = 0.0
        self.canceled = False

    def keep(self) -> None:
        """Run the program to its end, and say how it ended."""
        if self.is_canceled():
            return self.end("canceled", "canceled before it started")
        if not self.leave("started.json", {"host": socket.gethostname(), "pid": os.getpid()}):
            return self.end(
                "failed",
                "The Dask worker that ran it was lost; it is not started a second time",
            )
        prctl(_SET_CHILD_SUBREAPER, 1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.tell)
        try:
            program = self.start()
        except (OSError, ValueError) as error:
            return self.end("failed", f"The program could not be started: {error}")
        reason = self.watch(program)
        if reason is not None:
            terminate(program)
        code = program.poll()
        kill_descendants()
        if reason is None and code and self.told is not None:
            reason = self.stopped()  # the program had the signal too
        state, message = reason or ended(program.returncode)
        return self.end(state, message, code)

    def tell(self, number: int, _frame: FrameType | None) -> None:
        """Remember a signal."""
        self.told = signal.Signals(number).name

    def start(self) -> subprocess.Popen[bytes]:
        """Start the program in a session of its own, without what is private to the cluster."""
        environment: dict[str, str] = {}
        if self.job["inherit_environment"]:
            environment = {k: v for k, v in os.environ.items() if not k.startswith(PRIVATE)}
        environment.update(self.job["environment"])
        with contextlib.ExitStack() as stack:
            logs = [open_log(self.job[name], stack) for name in ("stdout_path", "stderr_path")]
            return subprocess.Popen(
                [self.job["executable"], *self.job["arguments"]],
                cwd=self.job["directory"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=logs[0],
                stderr=logs[1],
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - the keeper has one thread
            )

    def watch(self, program: subprocess.Popen[bytes]) -> tuple[str, str] | None:
        """Wait for the program; return why it has to end where it does not by itself."""
        duration = self.job["duration"]
        over = None if duration is None else time.monotonic() + duration
        while program.poll() is None:
            if self.is_canceled():
                return "canceled", "canceled"
            if self.told is not None:
                return self.stopped()
            if os.getppid() != self.worker:
                return "failed", "The Dask worker that ran it was lost, and the program was ended"
            if over is not None and time.monotonic() > over:
                return "failed", f"exit code {TIMED_OUT}: its wall time was over"
            time.sleep(POLL_SECONDS)
        return None

    def stopped(self) -> tuple[str, str]:
        """Say that the job was ended by a signal from outside."""
        return "failed", f"Stopped from outside by {self.told}, with its worker or cluster"

    def is_canceled(self) -> bool:
        """Look, now and then, whether the job is wanted no more."""
        if not self.canceled and time.monotonic() - self.looked > LOOK_SECONDS:
            with contextlib.suppress(OSError):
                self.canceled = (self.record / "wanted").read_text() == "cancel"
            self.looked = time.monotonic()
        return self.canceled

    def leave(self, name: str, values: dict[str, Any]) -> bool:
        """Make a file of the record, whole, where there is none; return whether there was none."""
        part = self.record / f".{name}.{socket.gethostname()}.{os.getpid()}"
        values = dict(values, time=time.time())
        with part.open("w", encoding="utf-8") as file:
            json.dump(values, file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, self.record / name)
        except FileExistsError:
            return False
        finally:
            part.unlink()
        return True

    def end(self, state: str, message: str, code: int | None = None) -> None:
        """Say how the job ended, where nothing is said yet, and have the cluster stopped."""
        self.leave("ended.json", {"state": state, "message": message, "exit_code": code})
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        stop_cluster()


def ended(code: int) -> tuple[str, str]:
    """Return the state and the words for an exit code."""
    if code == 0:
        return "completed", ""
    if code < 0:
        return "failed", f"ended by the signal {signal.Signals(-code).name}"
    return "failed", f"exit code {code}"


def open_log(path: str | None, stack: contextlib.ExitStack) -> int:
    """Open a log that only its owner may read, to add to it."""
    if path is None:
        return subprocess.DEVNULL
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    stack.callback(os.close, descriptor)
    return descriptor


def prctl(option: int, value: int) -> None:
    """Ask Linux for a property of this process; elsewhere nothing is asked."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def die_with_parent() -> None:
    """Have the program killed when the keeper is."""
    prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def terminate(program: subprocess.Popen[bytes]) -> None:
    """Ask the program to end, and give it time to leave its own word."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(program.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.wait(GRACE_SECONDS)


def kill_descendants() -> None:
    """Kill what is left below this process, to which orphans of the job have come, and wait."""
    while left := descendants():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(POLL_SECONDS / 10)


def descendants() -> set[int]:
    """Return the ids of the processes below this one."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                text = Path(entry.path, "stat").read_text(errors="replace")
                state, parent = text.rpartition(")")[2].split()[:2]
                parents[int(entry.name)] = int(parent), state
    found: set[int] = set()
    new = {os.getpid()}
    while new:
        new = {pid for pid, (parent, _) in parents.items() if parent in new} - found
        found |= new
    return {pid for pid in found if parents[pid][1] != "Z" or parents[pid][0] == os.getpid()}


def stop_cluster() -> None:
    """Have the gateway stop the cluster that this process is part of."""
    token = os.environ["DASK_GATEWAY_API_TOKEN"]
    if "/" in token:
        token = Path(token).read_text()
    name = os.environ["DASK_GATEWAY_CLUSTER_NAME"]
    request = urllib.request.Request(  # noqa: S310 - the gateway's own address
        f"{os.environ['DASK_GATEWAY_API_URL']}/v1/clusters/{name}",
        headers={"Authorization": f"token {token}"},
        method="DELETE",
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for seconds in ATTEMPTS:
        try:
            direct.open(request, timeout=10).close()
        except OSError as error:
            sys.stderr.write(f"portal: the gateway could not be asked to stop {name}: {error}\n")
            time.sleep(seconds)
        else:
            return


def main(record: str) -> None:
    """Keep a job; where its record cannot be used, leave no cluster that does nothing."""
    try:
        Keeper(record).keep()
    except OSError as error:
        sys.stderr.write(f"portal: the record of a job cannot be used: {error}\n")
        kill_descendants()
        stop_cluster()


if __name__ == "__main__":
    main(sys.argv[1])
