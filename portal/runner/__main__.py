"""``python -m portal.runner RUN_DIR``: execute one run directory, to its end.

The fork server of the workers starts first, so that their imports run beside this process's own.
Nothing heavy is imported at the top: every worker imports this module once more.
"""

from __future__ import annotations

import faulthandler
import sys
from pathlib import Path

from portal.core.job import JobState
from portal.core.run import RUN_JSON
from portal.runner.cluster import start_fork_server
from portal.runner.trap import Trap


def main(arguments: list[str]) -> None:
    """Execute the run directory named by the one argument; never returns."""
    if len(arguments) != 1 or not (Path(arguments[0]) / RUN_JSON).is_file():
        sys.exit(
            f"usage: python -m portal.runner RUN_DIR, a directory that holds {RUN_JSON}; "
            f"given: {arguments}"
        )
    faulthandler.enable()
    trap = Trap(Path(arguments[0]).resolve())
    trap.arm()
    start_fork_server()
    try:
        from portal.runner.execute import execute

        execute(trap)
    except BaseException as error:  # noqa: BLE001  (the analysis is a plug-in)
        from portal.runner.failure import describe

        failure = describe(error)
        trap.end(JobState.FAILED, message=failure["message"], error=failure)


if __name__ == "__main__":
    main(sys.argv[1:])
