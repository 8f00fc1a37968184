"""An app of Panel's, on a server of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.drivers.catalogs.servers.processes import free_port, process


@contextmanager
def panel_serve(folder: Path, app: str) -> Iterator[str]:
    """Serve the source of an app by Panel's own server; give its address."""
    script = folder / "app.py"
    script.write_text(app)
    port = free_port()
    url = f"http://127.0.0.1:{port}/app"

    def answers() -> bool:
        try:
            with urlopen(url, timeout=60) as reply:
                return bool(reply.status == 200)
        except URLError:
            return False

    command = [sys.executable, "-m", "panel", "serve", script, f"--port={port}"]
    with process(
        [*command, "--address=127.0.0.1", f"--allow-websocket-origin=127.0.0.1:{port}"],
        ready=answers,
        log=folder / "log",
        env={"PORTAL_HOME": str(folder / "home")},
    ):
        yield url
