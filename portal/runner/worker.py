"""``python -m portal.runner.worker RUN_DIR NODE``: the workers of one more machine of a run's job.

It asks the run's scheduler what is wanted here, and ends when the scheduler has gone.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from portal.core.cluster import TLS, TLS_PEM
from portal.runner.cluster import CONFIG, start_fork_server
from portal.runner.crew import Crew, Layout
from portal.runner.nodes import Nodes, address, allotted
from portal.runner.scratch import make_scratch
from portal.runner.trap import stop_descendants

#: What the workers of other machines have to know, beside the key.
MUSTER: Final = "workers.json"
_ASK_SECONDS: Final = 0.5
_GONE_SECONDS: Final = 20.0


def main(arguments: list[str]) -> None:
    """Keep the workers of this machine until the scheduler has gone; never returns."""
    directory, node = Path(arguments[0]), arguments[1]
    start_fork_server()
    scratch = make_scratch(f"{directory.name}-{node}")

    def end(*_: object) -> None:
        stop_descendants()
        shutil.rmtree(scratch, ignore_errors=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)

    async def serve() -> None:
        await _serve(directory, node, scratch)
        end()

    try:
        asyncio.run(serve())
    finally:
        end()


async def _serve(directory: Path, node: str, scratch: Path) -> None:
    import dask
    from dask.system import CPU_COUNT
    from distributed import rpc
    from distributed.system import MEMORY_LIMIT

    from portal.runner.security import RunSecurity

    place = directory / TLS
    muster = json.loads((place / MUSTER).read_text(encoding="utf-8"))
    security = RunSecurity.from_pem((place / TLS_PEM).read_text(encoding="ascii"))
    dask.config.set(CONFIG | {"temporary-directory": str(scratch)})
    _, memory = allotted(os.environ, CPU_COUNT, MEMORY_LIMIT)
    workers = muster["workers"]
    layout = Layout(workers, muster["threads"], min(muster["memory"], memory // workers))
    reached_by = address(os.environ, Nodes(node, (muster["host"],)))
    where: dict[str, Any] = {"host": reached_by, "protocol": "tls://", "security": security}
    crew = Crew(node, muster["address"], layout, scratch, where, first=int(time.time()))
    arguments = security.get_connection_args("worker")  # type: ignore[no-untyped-call]
    scheduler: Any = rpc(muster["address"], connection_args=arguments)  # type: ignore[no-untyped-call]
    seen = time.monotonic()
    while time.monotonic() - seen < _GONE_SECONDS:
        try:
            wanted = await scheduler.portal_wanted(node=node)
            if wanted is None:  # the run ends
                return
            await crew.keep(wanted)
        except OSError:
            if not place.is_dir():  # the run has ended
                return
        else:
            seen = time.monotonic()
        await asyncio.sleep(_ASK_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1:])
