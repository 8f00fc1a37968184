"""The dashboards' server, as a process of a test's own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.helpers import wait_until

FINDER = """\
import portal

fed = portal.connect()
portal.finder(fed)
"""


def _listens(port: int | None) -> bool:
    """Whether a server takes connections: its address is printed a moment before."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port or 0)) == 0


class Served:
    """The server of the dashboards, as its own process."""

    def __init__(self, directory: Path, home: Path, *options: str) -> None:
        self.log = home.parent / "dashboards.log"
        env = {
            **os.environ,
            "PORTAL_HOME": str(home),
            "JUPYTER_RUNTIME_DIR": str(home.parent / "runtime"),
            "JUPYTER_CONFIG_DIR": str(home.parent / "config"),
            "IPYTHONDIR": str(home.parent / "ipython"),
        }
        command = [sys.executable, "-m", "portal.ui.dashboards", str(directory)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--no-browser", "--allow-root", "--port=0", *options],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def url(self) -> str:
        """The page's address, with the token, as the server prints it."""

        def printed() -> str | None:
            assert self.process.poll() is None, self.log.read_text()
            found = re.findall(r"http://127\.0\.0\.1:\d+\S*\?token=\w+", self.log.read_text())
            return found[-1] if found and _listens(urlsplit(found[-1]).port) else None

        return wait_until(printed) or ""

    def get(self, path: str, **headers: str) -> tuple[int, str, bytes]:
        """Ask, without following; the status, the Location and the body."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location", ""), answer.read()
        finally:
            connection.close()

    def end(self) -> None:
        """End the server, and hold it to leaving no kernel behind."""
        kernels = [
            child
            for child in psutil.Process(self.process.pid).children()
            if child.status() != psutil.STATUS_ZOMBIE
        ]
        self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            self.process.kill()
            self.process.wait()
            _, alive = psutil.wait_procs(kernels, timeout=10)
            for kernel in alive:
                kernel.kill()
        assert not alive


def write_page(directory: Path, source: str = FINDER) -> Path:
    """Write the notebook of one cell that is a page, and return the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    cell = {
        "cell_type": "code",
        "id": "page",
        "source": source,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": [cell], "metadata": {"kernelspec": kernel}}
    text = json.dumps(notebook | {"nbformat": 4, "nbformat_minor": 5})
    (directory / "finder.ipynb").write_text(text)
    return directory
