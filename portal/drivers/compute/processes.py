"""Processes of this machine: which one is meant, whether it runs, and all that belong to it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Final

import psutil

_TIMED_OUT: Final = 124
_POLL_SECONDS: Final = 0.01


def parse(job_id: str) -> tuple[int, str]:
    """Return the process id and the start time in a job's id; (0, "") for what is none."""
    pid, _, start = job_id.partition("-")
    return (int(pid), start) if pid.isdecimal() and start.isdecimal() else (0, "")


def start_of(pid: int) -> str | None:
    """Return when a process started, in the system's own count; None where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    else:
        return text.rpartition(")")[2].split()[19]
    try:
        return str(round(psutil.Process(pid).create_time() * 1000))
    except psutil.NoSuchProcess:
        return None


def has_ended(pid: int) -> bool:
    """Whether a process has ended, though it may still be in the process table."""
    try:
        return _wait(pid) is not None
    except ChildProcessError:
        pass
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def exit_code(pid: int) -> int | None:
    """Return the exit code of an ended child, minus the signal's number for a killed one.

    None for what is no child of this process.
    """
    try:
        ended = _wait(pid)
    except ChildProcessError:
        return None
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def _wait(pid: int) -> os.waitid_result | None:
    """Ask the system for a child's end; it stays in the table for whoever asks meanwhile."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)


def reap(pid: int) -> None:
    """Take an ended child out of the process table."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def members(leader: int) -> set[psutil.Process]:
    """Return the processes of a leader's session, and those below it that have left the session.

    A session id is not given out again while a process of the session lives.
    """
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == leader:
                found.add(process)
    for process in tuple(found):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.update(process.children(recursive=True))
    return found


def kill(processes: set[psutil.Process]) -> None:
    """Kill processes and what they start meanwhile, and wait until they have ended."""
    while processes := {p for p in processes if p.is_running() and not has_ended(p.pid)}:
        for process in tuple(processes):
            with contextlib.suppress(psutil.NoSuchProcess):
                processes.update(process.children(recursive=True))
                process.kill()
        time.sleep(_POLL_SECONDS)


def explain(code: int) -> str:
    """Say what an exit code other than 0 means."""
    if code < 0:
        return f"ended by the signal {signal.Signals(-code).name}"
    if code == _TIMED_OUT:
        return "exit code 124: its wall time was over"
    return f"exit code {code}"
