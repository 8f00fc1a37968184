"""Real Slurm clusters on this machine: munged, slurmctld and two slurmd, all of their own.

::

    with Slurm(directory, "a") as lab:
        SlurmCompute(bin=str(lab.bin), …)

A cluster's commands lie in ``lab.bin``; each knows the cluster's configuration. In a network
namespace of its own a cluster is out of reach but for what is bound to ``lab.address``.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from tests.helpers import wait_until
from tests.site import needs

COMMANDS = ("sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun", "sacct", "sshare")
TORQUE = ("qsub", "qstat", "qdel", "pbsnodes")

CONFIG = """\
ClusterName={name}
SlurmctldHost={host}({address})
SlurmctldPort={controller_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={directory}/munge/socket
CredType=cred/munge
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool-%n
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd-%n.pid
SlurmctldLogFile={directory}/slurmctld.log
SlurmdLogFile={directory}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=bf_interval=1,sched_interval=2,batch_sched_delay=0
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
SlurmdParameters=config_overrides
MailProg=/bin/true
MinJobAge={min_job_age}
MessageTimeout=3
SlurmdTimeout=20
DefMemPerCPU=1000
{nodes}
PartitionName=debug Nodes=ALL Default=YES MaxTime=60 DefaultTime=10 State=UP
PartitionName=long Nodes=ALL MaxTime=INFINITE State=UP
"""


class Slurm:
    """One cluster; for ``with``. Every process of it has ended afterwards, those of jobs too.

    Parameters
    ----------
    directory
        Fresh, and open to be passed through by every user.
    name
        Its nodes are called by it: ``a1``, ``a2``.
    prefix
        A command that everything is started through, such as ``nsenter --net=…``.
    cores
        Of each of its nodes; Slurm is told so, whatever the machine has.
    min_job_age
        Seconds for which a job that has ended is remembered (Slurm: at least 2).
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        *,
        prefix: Sequence[str] = (),
        address: str = "127.0.0.1",
        cores: int = 2,
        min_job_age: int = 300,
    ) -> None:
        needs("slurmctld", "slurmd", "munged", *COMMANDS[:5])
        self.directory, self.name, self.address = directory, name, address
        self.prefix = [*prefix]
        self.nodes = (f"{name}1", f"{name}2")
        self.bin = directory / "bin"
        self._env = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH"))}
        self._env |= {"SLURM_CONF": str(directory / "slurm.conf"), "PATH": _path()}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._write(cores, min_job_age)

    def _write(self, cores: int, min_job_age: int) -> None:
        for name in ("munge", "state", "bin"):
            (self.directory / name).mkdir(mode=0o755)
        key = self.directory / "munge/key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        ports = _free_ports(1 + len(self.nodes))
        host = socket.gethostname()
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr={self.address} Port={port} "
            f"CPUs={cores} CoresPerSocket={cores} RealMemory=4000 State=UNKNOWN"
            for node, port in zip(self.nodes, ports[1:], strict=True)
        )
        (self.directory / "slurm.conf").write_text(
            CONFIG.format(
                name=self.name,
                host=host,
                address=self.address,
                directory=self.directory,
                controller_port=ports[0],
                min_job_age=min_job_age,
                nodes=nodes,
            )
        )
        for name in (*COMMANDS, *TORQUE):
            if (found := shutil.which(name)) is not None:
                wrapper = self.bin / name
                conf = self._env["SLURM_CONF"]
                wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec {found} "$@"\n')
                wrapper.chmod(0o755)

    def __enter__(self) -> Slurm:
        try:
            munge = self.directory / "munge"
            self._start("munged", "--foreground", "--num-threads=2", *_munge(munge))
            wait_until((munge / "socket").exists)
            self.start_controller()
            for node in self.nodes:
                self.start_node(node)
            self.wait_idle()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command of the cluster as its administrator; return what it prints."""
        done = subprocess.run(
            [*self.prefix, *command],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def commands(self, name: str, **texts: str) -> Path:
        """Make a directory of its commands, some by shell text of a test; $REAL is the real one."""
        directory = self.directory / f"bin-{name}"
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(self.bin, directory)
        for command, text in texts.items():
            (directory / command).write_text(f"#!/bin/sh\nREAL={self.bin}/{command}\n{text}\n")
        return directory

    def wait_idle(self) -> None:
        """Wait until every node may take jobs."""
        wait_until(lambda: self.run("sinfo", "-hN", "-o%T").split().count("idle") >= 2)

    def states(self) -> dict[str, str]:
        """Return the state of each job that Slurm remembers, by its id."""
        told = self.run("squeue", "-h", "-tall", "-o%i %T")
        return dict(line.split(" ", 1) for line in told.splitlines())

    def start_controller(self, *, forgetful: bool = False) -> None:
        """Start slurmctld, and wait until it answers; a forgetful one knows no job of before."""
        self._start("slurmctld", "-D", *(["-c"] if forgetful else []))
        wait_until(lambda: "UP" in self.run("scontrol", "ping", check=False))

    def stop_controller(self) -> None:
        """Stop slurmctld as an administrator does: it saves what it knows; jobs run on."""
        process = self._running.pop("slurmctld")
        process.terminate()
        process.wait()

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node."""
        self._start("slurmd", "-D", "-N", node, key=node)

    def stop_node(self, node: str) -> None:
        """Kill the slurmd of a node; the processes of its jobs run on, as when a network fails."""
        self._kill(node)

    def cancel_all(self) -> None:
        """End every job, at once, and wait until none is left."""
        living = self.run("squeue", "-h", "-o%i").split()
        self.run("scancel", "--signal=KILL", "--full", *living, check=False)
        self.run("scancel", *living, check=False)
        wait_until(lambda: not self.run("squeue", "-h", "-o%i").strip())

    def _start(self, *command: str, key: str | None = None) -> None:
        log = self.directory / f"{key or command[0]}.out"
        with log.open("ab") as output:
            self._running[key or command[0]] = subprocess.Popen(
                [*self.prefix, *command],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _kill(self, key: str) -> None:
        process = self._running.pop(key)
        process.kill()
        process.wait()

    def _end(self) -> None:
        mine = self._processes()
        for process in mine:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        for key in tuple(self._running):
            self._kill(key)
        psutil.wait_procs(mine, timeout=10)

    def _processes(self) -> list[psutil.Process]:
        """Return the daemons, the step daemons that they left behind, and all that jobs run."""
        found = [psutil.Process(p.pid) for p in self._running.values() if p.poll() is None]
        conf = f"SLURM_CONF={self._env['SLURM_CONF']}".encode()
        for process in psutil.process_iter():
            try:
                environ = Path(f"/proc/{process.pid}/environ").read_bytes()
            except OSError:
                continue
            if conf in environ.split(b"\0") and process.pid != os.getpid():
                found.append(process)
                found += process.children(recursive=True)
        return list(set(found))


@contextmanager
def network(name: str) -> Iterator[tuple[list[str], str]]:
    """Lend a network namespace: the command that enters it, and its address seen from here.

    It is joined to this machine by one pair of interfaces, and to nothing else.
    """
    needs("ip", "nsenter")
    number = secrets.randbelow(1 << 14)
    block = f"10.213.{number >> 6}.{(number & 63) << 2}"
    stem, last = block.rsplit(".", 1)
    mine, its = f"{stem}.{int(last) + 1}", f"{stem}.{int(last) + 2}"
    space = f"portal-{name}-{os.getpid()}"
    link = f"ptl{number:05d}"
    with ExitStack() as stack:
        _ip("netns", "add", space)
        stack.callback(_ip, "netns", "delete", space)
        _ip("link", "add", f"{link}h", "type", "veth", "peer", "name", f"{link}n", "netns", space)
        _ip("address", "add", f"{mine}/30", "dev", f"{link}h")
        _ip("link", "set", f"{link}h", "up")
        _ip("-n", space, "address", "add", f"{its}/30", "dev", f"{link}n")
        for device in ("lo", f"{link}n"):
            _ip("-n", space, "link", "set", device, "up")
        yield ["nsenter", f"--net=/run/netns/{space}"], its


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _munge(directory: Path) -> list[str]:
    return [
        f"--socket={directory}/socket",
        f"--key-file={directory}/key",
        f"--log-file={directory}/log",
        f"--pid-file={directory}/pid",
        f"--seed-file={directory}/seed",
    ]


def _path() -> str:
    return f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
