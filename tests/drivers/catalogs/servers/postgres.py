"""A private PostgreSQL cluster on loopback: a password, no shared socket, gone afterwards."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.drivers.catalogs.servers.processes import as_other, free_port, process

USER = "portal"


@contextmanager
def postgres() -> Iterator[dict[str, str]]:
    """Run one until the end of the block; give the variables by which clients find it.

    The server refuses to run as root: then the user ``postgres``, which the package makes, runs it.
    """
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="portal-pg-") as directory:
        root = Path(directory)
        password, port = secrets.token_urlsafe(24), free_port()
        (root / "password").touch(mode=0o600)
        (root / "password").write_text(password)
        user = "postgres" if os.geteuid() == 0 else ""
        if user:
            for path in (root, root / "password"):
                shutil.chown(path, user, user)
        data = root / "data"
        made = subprocess.run(
            [*(as_other(user) if user else ()), programs / "initdb", "-D", data, "-U", USER,
             "-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256",
             f"--pwfile={root / 'password'}", "--no-sync"],
            cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        settings = {
            "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": "",
            "fsync": "off", "full_page_writes": "off", "max_connections": "30",
        }  # fmt: skip
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        with process(
            [programs / "postgres", "-D", data, *options],
            ready=lambda: _listens(port),
            log=root / "log",
            end=signal.SIGINT,
            user=user,
        ):
            yield {
                "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": USER,
                "PGPASSWORD": password, "PGDATABASE": "postgres",
            }  # fmt: skip


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    path = shutil.which("postgres")
    assert path, "PostgreSQL is not installed: apt-get install postgresql postgresql-postgis"
    return Path(path).parent


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
