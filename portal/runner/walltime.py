"""The wall time of a run's job: warned about before it is over, and told as what it is when it is."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portal.core.job import JobState

if TYPE_CHECKING:
    from portal.runner.trap import Trap

#: A run is warned this many seconds before the end, or a tenth of its wall time if that is less.
_WARN_SECONDS: Final = 300.0
#: It ends itself this many seconds before, or a fiftieth: what ends it then leaves no time.
_LEAD_SECONDS: Final = 5.0
#: A signal this many seconds before the end, or a quarter, is taken for its forerunner: sites send
#: one a minute or two before.
_NEAR_SECONDS: Final = 150.0
#: Slurm is asked for this long why a signal came; half a minute after it the job is killed.
_ASK_SECONDS: Final = 5.0
#: So many seconds by which two clocks differ do no harm.
_CLOCKS_DIFFER: Final = 5.0


@dataclass(frozen=True, slots=True)
class WallTime:
    """The wall time of a job.

    Parameters
    ----------
    duration
        Seconds.
    end
        By ``time.monotonic()``.
    """

    duration: float
    end: float

    @classmethod
    def of_job(
        cls, duration: int | None, environ: Mapping[str, str], began: float
    ) -> WallTime | None:
        """Take it from Slurm, which knows it to the second; else from what was asked for.

        Parameters
        ----------
        duration
            What was asked for, seconds.
        began
            When this process began, by ``time.monotonic()``.
        """
        start, end = (environ.get(f"SLURM_JOB_{name}_TIME", "") for name in ("START", "END"))
        if start.isdecimal() and end.isdecimal():
            duration, left = int(end) - int(start), int(end) - time.time()
            if 0 < left <= duration + _CLOCKS_DIFFER:
                return cls(duration, time.monotonic() + left)
            return cls(duration, began + duration)  # the controller's clock is another one
        return None if duration is None else cls(duration, began + duration)

    @property
    def near(self) -> bool:
        """Whether a signal to end is most likely the wall time's."""
        return self.end - time.monotonic() < min(_NEAR_SECONDS, self.duration / 4)

    @classmethod
    def reached(cls, environ: Mapping[str, str], began: float) -> WallTime | None:
        """Ask Slurm whether a signal came because of a limit that this job was not told.

        A site's own limit, or one that was made shorter since. None where it does not say so.

        Parameters
        ----------
        began
            When this process began, by ``time.monotonic()``.
        """
        job_id = environ.get("SLURM_JOB_ID", "")
        if not job_id:
            return None
        command = ("squeue", "-h", "-t", "all", "-j", job_id, "-o", "%r")
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False
            )
        except (OSError, subprocess.SubprocessError):
            return None
        now = time.monotonic()
        return cls(now - began, now) if done.stdout.strip() == "TimeLimit" else None

    def watch(self, trap: Trap) -> None:
        """Warn before the end, and end the run when it has come."""
        threading.Thread(target=self._watch, args=(trap,), name="walltime", daemon=True).start()

    def _watch(self, trap: Trap) -> None:
        self._sleep(min(_WARN_SECONDS, self.duration / 10))
        left = max(0.0, self.end - time.monotonic())
        trap.event("message", text=f"the wall time is over in {_spoken(left)}")
        self._sleep(min(_LEAD_SECONDS, self.duration / 50))
        self.over(trap)

    def _sleep(self, before: float) -> None:
        time.sleep(max(0.0, self.end - before - time.monotonic()))

    def over(self, trap: Trap) -> None:
        """End the run as failed: its wall time was reached."""
        left = self.end - time.monotonic()
        message = (
            f"wall time reached: the job may take {_spoken(self.duration)}"
            + (f", and was told to end {_spoken(left)} before. " if left > _LEAD_SECONDS else ". ")
            + "Nothing of a result was kept. Ask for a longer `duration` or for more workers, or "
            "take less data."
        )
        error = {"type": "WallTimeReached", "message": message, "traceback": ""}
        trap.end(JobState.FAILED, message=message, error=error)


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
