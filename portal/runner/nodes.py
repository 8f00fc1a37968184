"""The machines of a job, as Slurm and PBS tell of them, and how a command is started on each."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
#: Names the network interface on which the nodes of a job talk to each other.
INTERFACE: Final = "PORTAL_INTERFACE"
_MEGABYTE: Final = 2**20
_DISCARD: Final = 9
#: What sbatch says of the whole job, and srun would take for wishes of the step.
_OF_THE_JOB: Final = ("SLURM_MEM_PER_", "SLURM_NTASKS", "SLURM_NPROCS", "SLURM_CPUS_PER_TASK")
#: What a process that pbsdsh starts is given; it has next to none of the job's variables.
_KEPT: Final = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "HOME", "TMPDIR", INTERFACE)


@dataclass(frozen=True, slots=True)
class Nodes:
    """The machines of a job.

    Parameters
    ----------
    here
        What this one is called.
    others
        The names of the others.
    launcher
        "srun", "pbsdsh", or empty where nothing is known that starts a command on them.
    """

    here: str
    others: tuple[str, ...] = ()
    launcher: str = ""

    @classmethod
    def of_job(cls, environ: Mapping[str, str]) -> Nodes:
        """Read them from the variables of a job; outside a job there is this machine alone."""
        name = socket.gethostname()
        if environ.get("SLURM_JOB_ID"):
            here = environ.get("SLURMD_NODENAME", name)
            if int(environ.get("SLURM_JOB_NUM_NODES", "1")) < 2 or not shutil.which("srun"):
                return cls(here)
            return cls(here, tuple(n for n in _slurm_names(environ) if n != here), "srun")
        if environ.get("PBS_NODEFILE"):
            names = _pbs_names(environ)
            here = next((n for n in names if n.partition(".")[0] == name.partition(".")[0]), name)
            if len(names) < 2 or not shutil.which("pbsdsh"):
                return cls(here)
            return cls(here, tuple(n for n in names if n != here), "pbsdsh")
        return cls(name)

    def command(self, node: str, command: Iterable[str], environ: Mapping[str, str]) -> list[str]:
        """Return the command line that starts a command on another machine."""
        if self.launcher == "srun":
            return [
                *("srun", "--nodes=1", "--ntasks=1", f"--nodelist={node}", "--overlap", "--mem=0"),
                *("--cpu-bind=none", "--kill-on-bad-exit=0", "--input=none", "--quiet", *command),
            ]
        kept = [f"{name}={environ[name]}" for name in _KEPT if name in environ]
        place = _pbs_lines(environ).index(node)
        return ["pbsdsh", "-n", str(place), "--", "/usr/bin/env", *kept, *command]

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the variables with which :meth:`command` is started."""
        return {k: v for k, v in environ.items() if not k.startswith(_OF_THE_JOB)}


def _slurm_names(environ: Mapping[str, str]) -> list[str]:
    listed = environ.get("SLURM_JOB_NODELIST", environ.get("SLURM_NODELIST", ""))
    done = subprocess.run(
        ["scontrol", "show", "hostnames", listed], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def _pbs_lines(environ: Mapping[str, str]) -> list[str]:
    return Path(environ["PBS_NODEFILE"]).read_text().split()


def _pbs_names(environ: Mapping[str, str]) -> list[str]:
    with suppress(OSError):
        return list(dict.fromkeys(_pbs_lines(environ)))
    return []


def allotted(environ: Mapping[str, str], cores: int, memory: int) -> tuple[int, int]:
    """Return the cores and bytes of this machine that are the job's.

    Parameters
    ----------
    cores, memory
        What the machine, or the control group of this process, allows.
    """
    for name in ("SLURM_CPUS_ON_NODE", "NCPUS"):
        if environ.get(name, "").isdecimal():
            cores = max(1, min(cores, int(environ[name])))
    given = environ.get("SLURM_MEM_PER_NODE", "")
    if given.isdecimal() and int(given):
        memory = min(memory, int(given) * _MEGABYTE)
    return cores, memory


def address(environ: Mapping[str, str], nodes: Nodes) -> str:
    """Return the address of this machine at which the other nodes, or the log-in node, reach it.

    That of the interface which ``PORTAL_INTERFACE`` names; else the one from which this machine
    reaches them. Outside a batch job only this machine itself matters.
    """
    if environ.get(INTERFACE):
        from distributed.utils import get_ip_interface

        found: str = get_ip_interface(environ[INTERFACE])  # type: ignore[no-untyped-call]
        return found
    batch = [environ[name] for name in ("SLURM_SUBMIT_HOST", "PBS_O_HOST") if environ.get(name)]
    peers = [*nodes.others, *batch]
    for peer in [*peers, socket.gethostname()] if peers else ():
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((peer, _DISCARD))
            return str(probe.getsockname()[0])
    return LOOPBACK
