"""A harvest of a file that waits, half-way, to be killed: ``harvest_slowly HOME FILE``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import portal
from portal.federation.harvesting import Harvest

HALF = 2_000


def tell(step: Harvest) -> None:
    """Say how far it has come; half-way, wait."""
    print(step.records, flush=True)
    if step.records >= HALF:
        time.sleep(600)


if __name__ == "__main__":
    with portal.connect(home=sys.argv[1]) as fed:
        fed.harvest("lab", source=Path(sys.argv[2]), tell=tell)
