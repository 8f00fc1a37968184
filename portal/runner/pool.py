"""The workers of a whole job, in the scheduler's process: how many are wanted, and where.

What is wanted is held here; every machine's crew asks for its part (over the run's TLS) and sees
to it. Fewer are made of many by retiring workers, which moves what they hold.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from distributed import Scheduler

from portal.runner.crew import Crew, place_of

TICK_SECONDS: Final = 0.5
#: So many ticks in a row must want fewer workers before there are fewer.
_PATIENCE: Final = 10

Slot = tuple[str, int]


@dataclass
class Pool:
    """What is wanted of the workers.

    Parameters
    ----------
    crew
        The workers of the scheduler's own machine.
    capacity
        The most workers that each machine holds, its own first.
    adapt
        The least and the most workers, where their number follows the load.
    tell
        Is told of what goes wrong.
    every_tick
        Called twice a second.
    at_end
        Called when the run ends, and the other machines are told so.
    """

    scheduler: Scheduler
    crew: Crew
    capacity: Mapping[str, int]
    tell: Callable[[str], None]
    adapt: tuple[int, int] | None = None
    every_tick: tuple[Callable[[], object], ...] = ()
    at_end: Callable[[], object] = lambda: None
    wanted: set[Slot] = field(default_factory=set)
    _fewer: int = 0
    _ended: bool = False

    def __post_init__(self) -> None:
        self.scheduler.handlers |= {
            "portal_wanted": self._wanted_at,
            "portal_scale": self._scale,
            "portal_adapt": self._adapt,
            "portal_state": self._state,
        }
        self.want(self.most if self.adapt is None else max(self.adapt[0], 1))

    @property
    def most(self) -> int:
        """The most workers that the job holds."""
        return sum(self.capacity.values())

    def want(self, count: int) -> None:
        """Want so many workers: the first free slots are filled, the least busy workers retired."""
        free = [
            (node, slot)
            for node, slots in self.capacity.items()
            for slot in range(slots)
            if (node, slot) not in self.wanted
        ]
        self.wanted.update(free[: max(0, count - len(self.wanted))])
        for slot in sorted(self.wanted, key=self._load)[: max(0, len(self.wanted) - count)]:
            self.wanted.remove(slot)

    def _load(self, slot: Slot) -> tuple[int, int, int]:
        for worker in self.scheduler.workers.values():
            if place_of(worker.name) == slot:
                return 1, len(worker.processing), worker.nbytes
        return 0, 0, 0

    def end(self) -> None:
        """Tell the other machines that the run ends, and replace nothing from now on."""
        self._ended = True
        self.at_end()

    async def watch(self) -> None:
        """See twice a second to what is wanted, for as long as the scheduler lives."""
        while not self._ended:
            try:
                await self.tick()
            except (OSError, RuntimeError, ValueError) as error:
                self.tell(f"a worker could not be started: {type(error).__name__}: {error}")
            await asyncio.sleep(TICK_SECONDS)

    async def wait(self, seconds: float) -> None:
        """Wait until all that are wanted are there, or so many seconds have passed."""
        end = time.monotonic() + seconds
        while len(self.scheduler.workers) < len(self.wanted) and time.monotonic() < end:
            await asyncio.sleep(TICK_SECONDS / 10)

    async def tick(self) -> None:
        """Adapt, replace what has died here, retire what is not wanted."""
        for call in self.every_tick:
            call()
        if self.adapt is not None:
            self._follow(self.adapt)
        await self.crew.keep(self._slots(self.crew.node))
        extra = [
            worker.address
            for worker in self.scheduler.workers.values()
            if place_of(worker.name) not in self.wanted
        ]
        if extra:
            await self.scheduler.retire_workers(extra, close_workers=True)

    def _follow(self, bounds: tuple[int, int]) -> None:
        target = min(max(self.scheduler.adaptive_target(), bounds[0]), bounds[1], self.most)
        self._fewer = self._fewer + 1 if target < len(self.wanted) else 0
        if target > len(self.wanted) or self._fewer >= _PATIENCE:
            self._fewer = 0
            self.want(target)

    def _slots(self, node: str) -> list[int]:
        return sorted(slot for name, slot in self.wanted if name == node)

    def _wanted_at(self, node: str) -> list[int] | None:
        return None if self._ended else self._slots(node)

    def _scale(self, count: int) -> dict[str, Any]:
        self.adapt = None
        self.want(min(max(0, count), self.most))
        return self._state()

    def _adapt(self, least: int, most: int) -> dict[str, Any]:
        self.adapt = (least, most)
        return self._state()

    def _state(self) -> dict[str, Any]:
        return {
            "workers": len(self.scheduler.workers),
            "wanted": len(self.wanted),
            "capacity": self.most,
            "adapt": list(self.adapt) if self.adapt else None,
        }
