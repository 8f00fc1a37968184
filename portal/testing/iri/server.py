"""The server itself: on loopback, over TLS, in a thread of this process."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from portal.errors import InvalidConfig, Unavailable
from portal.testing.iri import certificates
from portal.testing.iri.app import VERSIONS, application
from portal.testing.iri.facility import Facility
from portal.testing.iri.faults import Faults
from portal.testing.iri.files import Files
from portal.testing.iri.jobs import Jobs
from portal.testing.iri.routes import House
from portal.testing.iri.tasks import Tasks
from portal.testing.iri.tokens import LIFETIME, Tokens

if TYPE_CHECKING:
    from uvicorn import Server

    from portal.core.contracts import Compute


@dataclass(frozen=True, slots=True)
class IriServer:
    """A server that runs.

    Parameters
    ----------
    url
        Where it is, without the path of a version: ``https://127.0.0.1:PORT``.
    ca_file
        Certificate of the authority that vouches for it (PEM).
    root
        The directory that is its file system.
    tokens
        Issues the tokens that it accepts, and lets them expire.
    faults
        Makes it fail as asked.
    facility
        What it tells of itself; announces outages.
    """

    url: str
    ca_file: Path
    root: Path
    tokens: Tokens
    faults: Faults
    facility: Facility

    def api(self, version: int) -> str:
        """Return the URL that the paths of a version begin with."""
        if version not in VERSIONS:
            raise InvalidConfig(
                f"The IRI Facility API has no version {version} here",
                advice=f"It is one of {', '.join(map(str, VERSIONS))}.",
            )
        return f"{self.url}/api/v{version}"

    def write_token(self, path: Path, seconds: float = LIFETIME) -> Path:
        """Write a new token to a file that only its owner can read; return the file's path."""
        return certificates.write(path, self.tokens.issue(seconds).encode() + b"\n")


@contextlib.contextmanager
def serve(
    compute: Compute,
    *,
    facility: Facility | None = None,
    directory: Path | None = None,
    port: int = 0,
    exact: bool = True,
) -> Iterator[IriServer]:
    """Serve a compute resource as an IRI facility, versions 1 and 2.

    Parameters
    ----------
    compute
        Runs the jobs. Its workspace, which is to lie on this machine, is the file system.
    facility
        What the server tells of itself.
    directory
        Where certificates lie, and what is known of jobs and their keys, so that a server that is
        started there again knows them; by default a temporary directory that goes with the server.
    port
        A port of the loopback address; 0 for any that is free.
    exact
        Whether parts of files are given so that their bytes can be told, which the reference
        implementation of the API does not do.

    Raises
    ------
    InvalidConfig
        The workspace is not on this machine.
    Unavailable
        The port is taken.
    """
    import fsspec.implementations.local

    if not isinstance(compute.workspace.fs, fsspec.implementations.local.LocalFileSystem):
        raise InvalidConfig(
            "The file system of this compute resource cannot be served",
            found=type(compute.workspace.fs).__name__,
            advice="Give a compute resource whose workspace is a directory of this machine.",
        )
    with contextlib.ExitStack() as stack:
        if directory is None:
            held = stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-iri-"))
            directory = Path(held)
        directory.mkdir(0o700, parents=True, exist_ok=True)
        ca_file, certificate, key = certificates.make(directory)
        files, tasks = Files(compute.workspace.root, exact=exact), Tasks()
        stack.callback(tasks.close)
        jobs = Jobs(compute, files.root, directory / "jobs.jsonl")
        known, tokens, faults = facility or Facility(), Tokens(), Faults()
        listening = stack.enter_context(_socket(port))
        server = _server(House(known, jobs, files, tasks), tokens, faults, certificate, key)
        stack.enter_context(_running(server, listening))
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        yield IriServer(url, ca_file, files.root, tokens, faults, known)


def _socket(port: int) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(("127.0.0.1", port))
    except OSError as error:
        found.close()
        raise Unavailable(
            f"The port {port} cannot be listened on",
            found=str(error),
            advice="Give another one, or none for any that is free.",
        ) from error
    return found


def _server(house: House, tokens: Tokens, faults: Faults, certificate: Path, key: Path) -> Server:
    import uvicorn

    class Prompt(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            """Do not wait until each client has answered the farewell of TLS."""
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        faults.around(application(house, tokens)),
        ssl_certfile=str(certificate),
        ssl_keyfile=str(key),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return Prompt(config)


@contextlib.contextmanager
def _running(server: Server, listening: socket.socket) -> Iterator[None]:
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listening]}, name="iri-server", daemon=True
    )
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        if not server.started:
            raise Unavailable("The IRI server did not start", advice="Its log says why.")
        yield
    finally:
        server.should_exit = True
        thread.join()
