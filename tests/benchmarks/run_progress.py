"""How soon the progress of a running job is here, over each transport.

An analysis computes some hundred tasks over several seconds; its runner writes an event whenever
that has changed. Each event carries the time at which it was written, by the clock of this machine,
which is that of every laboratory here too. It is here when ``run.directory.events()``, asked as
often as ``run.follow()`` asks, has given it.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import portal
from portal.drivers.compute.local import LocalCompute
from portal.federation.following import POLL
from portal.testing.iri import serve
from tests.benchmarks.facilities import add_facility
from tests.benchmarks.report import figure
from tests.drivers.compute.servers.labs import lab_afar, lab_here
from tests.site import make_site_python, open_directory, unix_user

GOAL_S = 1.0


@portal.analysis
def slowly(co2: xr.Dataset) -> xr.Dataset:
    """Take a tenth of a second for each of a hundred blocks."""
    import time

    import dask.array as da

    def pause(block: np.ndarray) -> np.ndarray:
        time.sleep(0.1)
        return block

    steps = da.ones(100, chunks=1).map_blocks(pause, dtype=float)
    return xr.Dataset({"steps": ("step", steps)})


def figures() -> list[dict[str, Any]]:
    """Follow one run over each transport."""
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="portal-bench-") as name,
        _laboratories(Path(name)),
        portal.connect(home=Path(name) / "home") as fed,
    ):
        for transport in ("local-lab", "slurm", "ssh", "slurm-ssh", "iri-v1", "iri-v2"):
            late = list(_delays(fed, f"{transport}.debug"))
            print(f"{transport}: {len(late)} events, median {statistics.median(late):.2f} s")
            what = f"progress over {transport}, slowest of {len(late)} events"
            found.append(figure(what, max(late), "s", goal=GOAL_S))
    return found


def _delays(fed: portal.Federation, at: str) -> Iterator[float]:
    """Give, for each event of a run, the seconds from when it was written to when it was here."""
    run = fed.run(slowly, co2="ornl:mauna-loa-co2", at=at)
    directory = fed.get_run(run.id).directory  # run.state reads the events of its own
    while True:
        ended = run.state.final
        events = directory.events()
        now = time.time()
        yield from (now - event.time for event in events if event.kind == "progress")
        if ended:
            break
        time.sleep(POLL)
    assert run.state == "completed", run.log()


@contextmanager
def _laboratories(directory: Path) -> Iterator[None]:
    """Lend laboratories, one for each transport."""
    import sys

    home = directory / "home"
    with ExitStack() as stack:
        lend = stack.enter_context
        user = lend(unix_user(f"portal-bench-{os.getpid()}"))
        python = make_site_python(lend(open_directory("site")))
        near, far = lend(lab_here()), lend(lab_afar(python, user))
        local = {"workspace": str(directory / "here")}
        add_facility(home, "local-lab", {"driver": "local", **local})
        add_facility(home, "slurm", {"driver": "slurm", **local, **near.options})
        over_ssh = {k: v for k, v in far.options.items() if k != "bin"}
        add_facility(home, "ssh", {"driver": "ssh", **over_ssh})
        add_facility(home, "slurm-ssh", {"driver": "slurm", **far.options})
        server = lend(serve(LocalCompute(workspace=str(directory / "iri"))))
        token = directory / "token"
        server.write_token(token)
        for version in ("v1", "v2"):
            options = {
                "url": f"{server.url}/api/{version}",
                "resource": "debug",
                "token_file": str(token),
                "ca_file": str(server.ca_file),
                "workspace": f"{server.root}/runs",
                "python": sys.executable,
                "account": "portal-tests",
            }
            add_facility(home, f"iri-{version}", {"driver": "iri", **options})
        yield


if __name__ == "__main__":
    for row in figures():
        print(row)
