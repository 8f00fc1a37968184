"""A Dask cluster of the run's own: scheduler here, workers beside, TLS between them all.

The run's certificate exists in the memory of its processes alone. Nothing else listens: no plain
TCP, no dashboard, no HTTP. Workers are forked from a fork server that has imported what they need
once, which starts them in a fraction of a second and lets them share that memory.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from portal.core.job import Resources
from portal.errors import Unavailable

if TYPE_CHECKING:
    from distributed import Client, Scheduler

_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 120
_STOP_SECONDS: Final = 2
_THREADS: Final = 4
#: Priority of the last thing that multiprocessing gives back: its directory of sockets.
_LAST_PRIORITY: Final = -100
#: Imported once by the fork server. h5py and netCDF4 are left to the workers: HDF5 must not be forked.
_PRELOAD: Final = ("portal.runner.dask_nodes", "dask.array", "xarray", "zarr")
#: One thread for a library's own loops, since Dask runs as many tasks as there are cores; memory
#: back to the system early; one hash seed: as Dask's nanny sets them, but before the fork server.
_ENVIRONMENT: Final = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "PYTHONHASHSEED": "6640",
    "DASK_LOGGING__DISTRIBUTED": "warning",
}
_CONFIG: Final = {
    "distributed.comm.require-encryption": True,
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.idle-timeout": None,
    "distributed.nanny.pre-spawn-environ": _ENVIRONMENT,
}


def start_fork_server() -> None:
    """Start the process from which workers are forked; it imports while this one goes on."""
    os.environ.update({k: os.environ.get(k, v) for k, v in _ENVIRONMENT.items()})
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(_PRELOAD))
    forkserver.ensure_running()


@dataclass(frozen=True, slots=True)
class Layout:
    """Worker processes, the threads of each, and the bytes each may hold."""

    workers: int
    threads: int
    memory: int

    @classmethod
    def choose(cls, resources: Resources, *, cores: int, memory: int) -> Layout:
        """Lay out what was asked for; else all cores, as processes of up to four threads.

        Measured on two cores with the turbidity job of the sample data: one process of two
        threads took 8.2 to 9.3 s, two processes of one thread, which pass arrays to each other
        through TLS, 13.1 to 17.5 s.

        Parameters
        ----------
        cores, memory
            What the machine, or the control group of this process, allows.
        """
        threads = resources.cpu_cores_per_process
        workers = resources.process_count
        if threads is None:
            threads = min(_THREADS, cores) if workers is None else max(1, cores // workers)
        if workers is None:
            workers = max(1, cores // threads)
        held = min(resources.memory or memory, memory)
        return cls(workers, threads, held // workers)


class Cluster:
    """The cluster of one run. It starts in the background; :meth:`client` waits for it.

    Parameters
    ----------
    scratch
        Directory for spilled data.
    on_scheduler
        Called once, in the scheduler's loop, when the scheduler listens.
    """

    def __init__(
        self, layout: Layout, scratch: Path, on_scheduler: Callable[[Scheduler], None]
    ) -> None:
        self.layout = layout
        self._scratch = scratch
        self._on_scheduler = on_scheduler
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._address = ""
        self._loop: Any = None
        self._nannies: list[Any] = []
        threading.Thread(target=self._serve, name="cluster", daemon=True).start()

    def _serve(self) -> None:
        try:
            asyncio.run(self._live())
        except (ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _live(self) -> None:
        import dask
        from tornado.ioloop import IOLoop

        from portal.runner.dask_nodes import RunSecurity

        self._security = RunSecurity.for_run()
        dask.config.set(_CONFIG | {"temporary-directory": str(self._scratch)})
        self._loop = IOLoop.current()
        await self._start()
        self._ready.set()
        await asyncio.Event().wait()

    async def _start(self) -> None:
        from distributed import Nanny

        from portal.runner.dask_nodes import QuietScheduler, QuietWorker

        where: dict[str, Any] = {"host": _HOST, "protocol": "tls://", "security": self._security}
        scheduler = await QuietScheduler(dashboard=False, port=0, **where)
        self._on_scheduler(scheduler)
        self._nannies = [
            Nanny(
                scheduler.address,
                name=number,
                nthreads=self.layout.threads,
                memory_limit=self.layout.memory,
                local_directory=str(self._scratch),
                worker_class=QuietWorker,
                dashboard=False,
                **where,
            )
            for number in range(self.layout.workers)
        ]
        self._scheduler = scheduler
        await asyncio.wait_for(asyncio.gather(*self._nannies), _START_SECONDS)
        self._address = scheduler.address

    def client(self) -> Client:
        """Wait until every worker is there, and return the default client of this process.

        Raises
        ------
        Unavailable
            The workers did not start.
        """
        from distributed import Client

        self._ready.wait()
        if not self._address:
            raise Unavailable(
                "The Dask workers of the run did not start",
                found=f"{type(self._failure).__name__}: {self._failure}",
                advice=f"{self.layout.workers} processes were asked for: ask for fewer, or see "
                "stderr.log.",
            ) from self._failure
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

        stopped = threading.Event()
        if self._loop is not None:
            self._loop.add_callback(halt)
            stopped.wait(_STOP_SECONDS)
        util._run_finalizers(_LAST_PRIORITY)  # type: ignore[attr-defined]
