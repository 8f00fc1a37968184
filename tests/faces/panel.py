"""An app of Panel's, on a server of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.helpers import wait_until


@contextmanager
def panel_serve(folder: Path, app: str) -> Iterator[str]:
    """Serve the source of an app by Panel's own server; give its address."""
    script = folder / "app.py"
    script.write_text(app)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["-m", "panel", "serve", str(script), f"--port={port}", "--address=127.0.0.1"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, *command, f"--allow-websocket-origin=127.0.0.1:{port}"],
            env={**os.environ, "PORTAL_HOME": str(folder / "home")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}/app"

    def answers() -> bool:
        assert server.poll() is None, (folder / "log").read_text()
        try:
            with urlopen(url, timeout=60) as reply:
                return bool(reply.status == 200)
        except URLError:
            return False

    try:
        wait_until(answers, seconds=120)
        yield url
    finally:
        server.terminate()
        server.wait(30)
