"""The workers of one machine: as many as are wanted, those that have died replaced."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from portal.core.job import Resources

if TYPE_CHECKING:
    from distributed import Nanny

_THREADS: Final = 4
_ENDED: Final = ("closing", "closed", "failed", "stopping", "stopped")
#: How often a keeper that ended while its worker was wanted is replaced, in each slot.
REPLACED: Final = 10


@dataclass(frozen=True, slots=True)
class Layout:
    """Worker processes of a machine, the threads of each, and the bytes each may hold."""

    workers: int
    threads: int
    memory: int

    @classmethod
    def choose(cls, resources: Resources, *, cores: int, memory: int, nodes: int = 1) -> Layout:
        """Lay out what was asked for; else all cores, as processes of up to four threads.

        Measured on two cores with the turbidity job of the sample data: one process of two
        threads took 8.2 to 9.3 s, two processes of one thread, which pass arrays to each other
        through TLS, 13.1 to 17.5 s.

        Parameters
        ----------
        resources
            Of the whole job; each of its nodes gets an equal part.
        cores, memory
            What the machine, or the control group of this process, allows.
        nodes
            The machines that the job has.
        """
        threads = resources.cpu_cores_per_process
        workers = resources.processes_per_node
        if workers is None and resources.process_count is not None:
            workers = -(-resources.process_count // nodes)
        if threads is None:
            threads = min(_THREADS, cores) if workers is None else max(1, cores // workers)
        if workers is None:
            workers = max(1, cores // threads)
        held = min(resources.memory // nodes if resources.memory else memory, memory)
        return cls(workers, threads, held // workers)


def worker_name(node: str, slot: int, generation: int = 0) -> str:
    """Return the name of a worker: its machine, its slot there, and which one it is in that slot."""
    return f"{node}/{slot}.{generation}"


def place_of(name: object) -> tuple[str, int]:
    """Return the machine and the slot in a worker's name."""
    node, _, rest = str(name).rpartition("/")
    return node, int(rest.partition(".")[0])


class Crew:
    """The worker processes of this machine, each with a keeper (Dask's nanny) in this process.

    A worker process that dies is started again by its keeper; a keeper that has ended is replaced
    by :meth:`keep`.

    Parameters
    ----------
    node
        What this machine is called.
    address
        The scheduler's.
    where
        The host, protocol and security of Dask's servers.
    first
        The generation of its first workers; the scheduler may still know those of a crew before.
    """

    def __init__(
        self,
        node: str,
        address: str,
        layout: Layout,
        scratch: Path,
        where: dict[str, Any],
        *,
        first: int = 0,
    ) -> None:
        self.node = node
        self.layout = layout
        self._address = address
        self._scratch = scratch
        self._where = where
        self._first = first
        self._nannies: dict[int, Nanny] = {}
        self._started: Counter[int] = Counter()
        self._lost: Counter[int] = Counter()

    async def keep(self, wanted: Collection[int]) -> None:
        """See that each wanted slot has a worker. One that is not wanted any more is left alone.

        Whoever wants fewer workers retires them, so that what they hold is moved first.
        """
        ended = [s for s, nanny in self._nannies.items() if nanny.status.name in _ENDED]
        for slot in ended:
            del self._nannies[slot]
            self._lost[slot] += slot in wanted
        new = {
            slot: self._nanny(slot)
            for slot in wanted
            if slot not in self._nannies and self._lost[slot] <= REPLACED
        }
        self._nannies |= new
        await asyncio.gather(*new.values())

    def _nanny(self, slot: int) -> Nanny:
        from distributed import Nanny

        from portal.runner.dask_nodes import QuietWorker

        generation = self._first + self._started[slot]
        self._started[slot] += 1
        return Nanny(
            self._address,
            name=worker_name(self.node, slot, generation),
            nthreads=self.layout.threads,
            memory_limit=self.layout.memory,
            local_directory=str(self._scratch),
            worker_class=QuietWorker,
            dashboard=False,
            **self._where,
        )
