"""From nothing to two workers: a Slurm cluster over SSH with TLS, beside the peers.

Portal's laboratory is in a network of its own and is reached by SSH as an ordinary user; every
round connects anew. dask-jobqueue asks a Slurm cluster of this machine directly, since it does not
go through SSH, with a temporary certificate. SSHCluster starts its processes over SSH at the same
laboratory as Portal, without TLS and outside of Slurm. Each is closed before the next begins.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import portal
from tests.benchmarks.facilities import add_facility
from tests.benchmarks.report import figure
from tests.drivers.compute.servers.labs import Lab, lab_afar, lab_here
from tests.site import make_site_python, open_directory, unix_user

ROUNDS = 5
WORKERS = 2
GOAL_S = 3.5


def figures() -> list[dict[str, Any]]:
    """Measure all in turns."""
    ours: list[float] = []
    jobqueue: list[float] = []
    ssh: list[float] = []
    with (
        open_directory("site") as site,
        unix_user(f"portal-bench-{os.getpid()}") as user,
        tempfile.TemporaryDirectory(prefix="portal-bench-") as home,
        tempfile.TemporaryDirectory(prefix="portal-bench-") as shared,
        lab_here() as near,
        lab_afar(make_site_python(site), user) as far,
    ):
        add_facility(Path(home), "labb", {"driver": "slurm", **far.options})
        for turn in range(ROUNDS + 1):
            for taken, measure in (
                (ours, lambda: _portal(Path(home))),
                (jobqueue, lambda: _jobqueue(near, shared)),
                (ssh, lambda: _ssh_cluster(far)),
            ):
                seconds = _timed(measure)
                if turn:
                    taken.append(seconds)
            print(f"portal {ours[-1:]}, dask-jobqueue {jobqueue[-1:]}, SSHCluster {ssh[-1:]}")
    mine = statistics.median(ours)
    name = "nothing to two workers, Slurm over SSH, TLS, median"
    peers = (("dask-jobqueue, Slurm here, TLS", jobqueue), ("SSHCluster, no Slurm, no TLS", ssh))
    return [
        figure(name, mine, "s", goal=GOAL_S, peer=peer, peer_value=statistics.median(taken))
        for peer, taken in peers
    ] + [figure("nothing to two workers, slowest", max(ours), "s")]


def _timed(measure: Callable[[], float]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return measure()


def _portal(home: Path) -> float:
    began = time.perf_counter()
    with portal.connect(home=home) as fed, fed.cluster(at="labb.debug", workers=WORKERS) as cluster:
        cluster.client.wait_for_workers(WORKERS)
        return time.perf_counter() - began


def _jobqueue(lab: Lab, shared: str) -> float:
    from dask_jobqueue import SLURMCluster
    from distributed import Client
    from distributed.security import Security

    path = os.environ["PATH"]
    os.environ["PATH"] = f"{lab.cluster.bin}:{path}"
    began = time.perf_counter()
    try:
        with (
            SLURMCluster(
                cores=1,
                processes=1,
                memory="1GB",
                n_workers=WORKERS,
                protocol="tls://",
                interface="lo",
                security=Security.temporary(),
                shared_temp_directory=shared,
                log_directory=shared,
                scheduler_options={"dashboard": False},
            ) as cluster,
            Client(cluster) as client,
        ):
            client.wait_for_workers(WORKERS)
            return time.perf_counter() - began
    finally:
        os.environ["PATH"] = path


def _ssh_cluster(lab: Lab) -> float:
    from distributed import Client, SSHCluster

    told = lab.options
    connect = {
        "port": told["port"],
        "username": told["user"],
        "client_keys": [told["key_file"]],
        "known_hosts": told["known_hosts"],
    }
    began = time.perf_counter()
    with (
        SSHCluster(
            [told["host"]] * (WORKERS + 1),
            connect_options=connect,
            remote_python=told["python"],
            scheduler_options={"dashboard": False, "port": 0, "host": told["host"]},
            worker_options={"nthreads": 1, "host": told["host"]},
        ) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(WORKERS)
        return time.perf_counter() - began


if __name__ == "__main__":
    for row in figures():
        print(row)
