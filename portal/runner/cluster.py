"""A Dask cluster of the run's own: scheduler here, workers beside, TLS between them all.

The run's certificate exists in the memory of its processes alone, unless other machines or the
person who asked have to hold it (:mod:`portal.runner.wide`). Nothing else listens: no plain TCP,
no dashboard, no HTTP. Workers are forked from a fork server that has imported what they need
once, which starts them in a fraction of a second and lets them share that memory.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from portal.errors import Unavailable
from portal.runner.crew import Crew, Layout
from portal.runner.nodes import LOOPBACK

if TYPE_CHECKING:
    from distributed import Client, Scheduler

    from portal.runner.pool import Pool
    from portal.runner.wide import Wide

_START_SECONDS: Final = 120
#: How long is waited for workers on other machines; those that come later join in.
_JOIN_SECONDS: Final = 60
_STOP_SECONDS: Final = 2
#: Priority of the last thing that multiprocessing gives back: its directory of sockets.
_LAST_PRIORITY: Final = -100
#: Imported once by the fork server. h5py and netCDF4 are left to the workers: HDF5 must not be forked.
_PRELOAD: Final = ("portal.runner.dask_nodes", "dask.array", "xarray", "zarr")
#: One thread for a library's own loops, since Dask runs as many tasks as there are cores, and one
#: hash seed: as Dask's nanny sets them, but before the fork server. Freed memory up to a quarter of
#: a GiB is kept for the next chunk, where Dask gives it back at once: to take and clear the pages of
#: 40 MB chunks anew took as long as decoding them (``make bench-run``: the mean of 1e9 cells).
_ENVIRONMENT: Final = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "268435456",
    "MALLOC_TRIM_THRESHOLD_": "268435456",
    "PYTHONHASHSEED": "6640",
    "DASK_LOGGING__DISTRIBUTED": "warning",
}
CONFIG: Final = {
    "distributed.comm.require-encryption": True,
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.idle-timeout": None,
    # Without distributed.http.proxy, by which the scheduler would fetch from other machines.
    "distributed.scheduler.http.routes": [
        f"distributed.http.{name}"
        for name in (
            "scheduler.prometheus",
            "scheduler.info",
            "scheduler.json",
            "health",
            "statics",
        )
    ],
    "distributed.nanny.pre-spawn-environ": _ENVIRONMENT,
}


def start_fork_server() -> None:
    """Start the process from which workers are forked; it imports while this one goes on."""
    os.environ.update({k: os.environ.get(k, v) for k, v in _ENVIRONMENT.items()})
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(_PRELOAD))
    forkserver.ensure_running()


class Cluster:
    """The cluster of one run. It starts in the background; :meth:`client` waits for it.

    Parameters
    ----------
    scratch
        Directory for spilled data.
    on_scheduler
        Called once, in the scheduler's loop, when the scheduler listens.
    wide
        Who else belongs to it; None for this machine's workers alone.

    Attributes
    ----------
    pool
        The workers of a wide cluster, once the first of them are there.
    """

    def __init__(
        self,
        layout: Layout,
        scratch: Path,
        on_scheduler: Callable[[Scheduler], None],
        wide: Wide | None = None,
    ) -> None:
        self.layout = layout
        self.pool: Pool | None = None
        self._wide = wide
        self._scratch = scratch
        self._on_scheduler = on_scheduler
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._address = ""
        self._loop: Any = None
        threading.Thread(target=self._serve, name="cluster", daemon=True).start()

    def _serve(self) -> None:
        try:
            asyncio.run(self._live())
        except Exception as error:  # noqa: BLE001 - a thread's end: wait() tells of it
            self._failure = error
        finally:
            self._ready.set()

    async def _live(self) -> None:
        import dask
        from tornado.ioloop import IOLoop

        from portal.runner.security import RunSecurity

        self._security = RunSecurity.for_run()
        dask.config.set(CONFIG | {"temporary-directory": str(self._scratch)})
        self._loop = IOLoop.current()
        await self._start()
        self._ready.set()
        await asyncio.Event().wait()

    async def _start(self) -> None:
        from portal.runner.dask_nodes import QuietScheduler, ShownScheduler

        wide = self._wide
        where: dict[str, Any] = {
            "host": wide.host if wide else LOOPBACK,
            "protocol": "tls://",
            "security": self._security,
        }
        shown = wide is not None and wide.cluster is not None
        kind = ShownScheduler if shown else QuietScheduler
        self.scheduler = scheduler = await kind(dashboard=False, port=0, **where)
        self._on_scheduler(scheduler)
        showing = (
            [asyncio.create_task(scheduler.show())] if isinstance(scheduler, ShownScheduler) else []
        )
        node = wide.nodes.here if wide else "worker"
        crew = Crew(node, scheduler.address, self.layout, self._scratch, where)
        if wide is None:
            await asyncio.wait_for(crew.keep(range(self.layout.workers)), _START_SECONDS)
        else:
            self.pool = wide.gather(scheduler, crew, self._security)
            await asyncio.wait_for(self.pool.tick(), _START_SECONDS)
            self._watch = asyncio.create_task(self.pool.watch())
            await asyncio.gather(self.pool.wait(_JOIN_SECONDS), *showing)
        self._address = scheduler.address

    def wait(self) -> None:
        """Wait until the workers are there.

        Raises
        ------
        Unavailable
            They did not start.
        """
        self._ready.wait()
        if not self._address:
            raise Unavailable(
                "The Dask workers of the run did not start",
                found=f"{type(self._failure).__name__}: {self._failure}",
                advice=f"{self.layout.workers} processes were asked for: ask for fewer, or see "
                "stderr.log.",
            ) from self._failure

    def client(self) -> Client:
        """Wait until every worker is there, and return the default client of this process.

        Raises
        ------
        Unavailable
            The workers did not start.
        """
        from distributed import Client

        self.wait()
        return Client(self._address, security=self._security, loop=self._loop)  # type: ignore[no-untyped-call]

    def call(self, function: Callable[[], None]) -> None:
        """Call a function in the loop, where the scheduler's state stands still, and wait for it."""
        called = threading.Event()

        def run() -> None:
            try:
                function()
            finally:
                called.set()

        self._loop.add_callback(run)
        called.wait(_STOP_SECONDS)

    def abandon(self) -> None:
        """Stop the loop where it is, so that no worker that dies from now on is replaced.

        What the system holds for the workers' queues is given back.
        """
        from multiprocessing import util

        def halt() -> None:
            stopped.set()
            threading.Event().wait()

        if self.pool is not None:
            self.pool.end()
        stopped = threading.Event()
        if self._loop is not None:
            self._loop.add_callback(halt)
            stopped.wait(_STOP_SECONDS)
        util._run_finalizers(_LAST_PRIORITY)  # type: ignore[attr-defined]
