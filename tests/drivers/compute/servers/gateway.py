"""A real dask-gateway-server on loopback: https, users with secrets of their own, Slurm below it.

::

    with Gateway(directory, lab_a.cluster) as gateway:
        GatewayCompute(**gateway.options, workspace=…)
"""

from __future__ import annotations

import getpass
import inspect
import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests
from dask_gateway_server.backends.jobqueue import launcher

from portal.testing.iri import certificates
from tests.drivers.compute.servers.slurm import Slurm, _free_ports
from tests.helpers import wait_until
from tests.site import needs

#: What a site writes, with the short periods and small sizes that tests want.
CONFIG = """\
import base64, hmac, json
from pathlib import Path

from dask_gateway_server.auth import Authenticator, unauthorized
from dask_gateway_server.backends.jobqueue.slurm import SlurmBackend
from dask_gateway_server.models import User
from dask_gateway_server.options import Bool, Integer, Options


class Secrets(Authenticator):
    "Each user has a secret: the password of Basic, and the token as a hub gives one."

    async def authenticate(self, request):
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        known = json.loads(Path({secrets!r}).read_text())
        if kind == "Basic":
            name, _, secret = base64.b64decode(text).decode().partition(":")
            if hmac.compare_digest(known.get(name, ""), secret) and secret:
                return User(name)
        elif kind == "jupyterhub":
            for name, secret in known.items():
                if hmac.compare_digest(secret, text):
                    return User(name)
        raise unauthorized("Basic")


def commands(options):
    "Most tests start faster with less: no pages, no nanny."
    less = ["--no-dashboard"] if options.quick else []
    nanny = ["--no-nanny"] if options.quick else []
    return {{
        "worker_cores": options.worker_cores,
        "scheduler_cmd": [{dask!r}, "scheduler", *less],
        "worker_cmd": [{dask!r}, "worker", *less, *nanny],
    }}


class LoopbackSlurmBackend(SlurmBackend):
    default_host = "127.0.0.1"


c.DaskGateway.authenticator_class = Secrets
c.DaskGateway.backend_class = LoopbackSlurmBackend
c.DaskGateway.address = "127.0.0.1:{api}"
c.Proxy.address = "127.0.0.1:{public}"
c.Proxy.tcp_address = "127.0.0.1:{schedulers}"
c.Proxy.tls_cert = {certificate!r}
c.Proxy.tls_key = {key!r}
c.DBBackendBase.db_url = "sqlite:///{directory}/gateway.sqlite"
c.DBBackendBase.stop_clusters_on_shutdown = False
c.DBBackendBase.cluster_status_period = 2
c.DBBackendBase.worker_status_period = 2
c.DBBackendBase.cluster_heartbeat_period = 3
c.DBBackendBase.check_timeouts_period = 1
c.SlurmBackend.submit_command = "{bin}/sbatch"
c.SlurmBackend.cancel_command = "{bin}/scancel"
c.SlurmBackend.status_command = "{bin}/squeue"
c.SlurmBackend.dask_gateway_jobqueue_launcher = "{directory}/launcher"
c.SlurmClusterConfig.staging_directory = "{directory}/staging"
c.SlurmClusterConfig.environment = {{"SSL_CERT_FILE": {authority!r}}}
c.SlurmClusterConfig.scheduler_memory = "300 M"
c.SlurmClusterConfig.worker_memory = "500 M"
c.SlurmClusterConfig.adaptive_period = 0.5
c.Backend.cluster_options = Options(
    Integer("worker_cores", default=1, min=1, max=2), Bool("quick", default=True), handler=commands
)
"""


class Gateway:
    """One server; for ``with``. Its clusters are those of the Slurm cluster below it.

    Parameters
    ----------
    directory
        Fresh, and open to be passed through by every user.
    """

    def __init__(self, directory: Path, slurm: Slurm) -> None:
        needs("sudo")
        self.directory, self.slurm = directory, slurm
        self.user = getpass.getuser()
        self.authority, certificate, key = certificates.make(directory)
        api, self.public, self.schedulers = _free_ports(3)
        self.secret = directory / "secret"
        self._private(self.secret, secrets.token_hex())
        known = directory / "secrets.json"
        others = {"somebody-else": secrets.token_hex()}
        self._private(known, json.dumps({self.user: self.secret.read_text()} | others))
        starter = directory / "launcher"
        starter.write_text(f"#!{sys.executable}\n{inspect.getsource(launcher)}")
        starter.chmod(0o755)
        self._config = directory / "config.py"
        self._config.write_text(
            CONFIG.format(
                secrets=str(known),
                api=api,
                public=self.public,
                schedulers=self.schedulers,
                certificate=str(certificate),
                key=str(key),
                authority=str(self.authority),
                directory=directory,
                bin=slurm.bin,
                dask=str(Path(sys.executable).with_name("dask")),
            )
        )
        self._database_key = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it is asked."""
        return f"https://127.0.0.1:{self.public}"

    @property
    def options(self) -> dict[str, Any]:
        """What the driver ``gateway`` needs to ask it, all but ``workspace``."""
        return {
            "address": self.address,
            "proxy_address": f"127.0.0.1:{self.schedulers}",
            "ca_file": str(self.authority),
            "auth": "basic",
            "token_file": str(self.secret),
            "python": sys.executable,
        }

    def __enter__(self) -> Gateway:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.slurm.cancel_all()
        self.kill()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        environment = {**os.environ, "DASK_GATEWAY_ENCRYPT_KEYS": self._encryption_key()}
        with (self.directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dask_gateway_server", "-f", str(self._config)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self.answers)

    def kill(self) -> None:
        """Kill it at once; its proxy ends with it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
            wait_until(lambda: not self.answers())

    def answers(self) -> bool:
        """Whether it answers."""
        try:
            url = f"{self.address}/api/health"
            return requests.get(url, verify=str(self.authority), timeout=5).ok
        except requests.RequestException:
            return False

    def _encryption_key(self) -> str:
        import base64

        return base64.b64encode(self._database_key.encode()).decode()

    @staticmethod
    def _private(path: Path, text: str) -> None:
        path.touch(mode=0o600)
        path.write_text(text)
