"""The workers on the other machines of a job: a process on each, started anew when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from portal.runner.nodes import Nodes

#: How often the process on a machine is started anew.
REPLACED: Final = 5
_END_SECONDS: Final = 3.0


@dataclass
class Steps:
    """One ``python -m portal.runner.worker`` on each of the other machines.

    Parameters
    ----------
    directory
        The run directory, which all machines of the job see.
    tell
        Is told of what ended.
    """

    nodes: Nodes
    directory: Path
    tell: Callable[[str], None]
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _ended: Counter[str] = field(default_factory=Counter)

    def check(self) -> None:
        """Start what is not running, but no more than :data:`REPLACED` times anew."""
        for node in self.nodes.others:
            process = self._running.get(node)
            if process is None:
                self._running[node] = self._start(node)
            elif process.poll() is not None and self._ended[node] <= REPLACED:
                self._ended[node] += 1
                again = self._ended[node] <= REPLACED
                self.tell(
                    f"the workers on {node} ended (exit code {process.returncode}); they are "
                    + ("started anew" if again else "given up: see stderr.log")
                )
                if again:
                    self._running[node] = self._start(node)

    def end(self) -> None:
        """Wait a moment for the workers on the other machines, which know that the run ends."""
        limit = time.monotonic() + _END_SECONDS
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, limit - time.monotonic()))

    def _start(self, node: str) -> subprocess.Popen[bytes]:
        worker = (sys.executable, "-P", "-m", "portal.runner.worker", str(self.directory), node)
        return subprocess.Popen(
            self.nodes.command(node, worker, os.environ),
            env=self.nodes.environment(os.environ),
            stdin=subprocess.DEVNULL,
        )
