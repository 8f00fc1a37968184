"""A real Chromium whose console has to stay clean and which may talk to this machine alone."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page, Route

    from tests.faces.lab import Lab

LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}
LOCAL_SCHEMES = {"file", "data", "blob", "about"}
#: Notebook 7 itself throws where the settings of another plug-in come before those of its keys.
NOTEBOOKS_OWN = re.compile(r"\(reading 'schema'\)\s+at \S+/static/notebook/notebook_core\.")


@pytest.fixture(scope="session")
def base_url() -> None:
    """No base address. pytest-base-url's own fixture is written in a way that pytest 9 warns of."""


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Launch Debian's chromium; without one a named skip, or a failure where CI is set."""
    path = os.environ.get("PORTAL_CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
    if path is None:
        message = "chromium is not installed (apt-get install chromium, or set PORTAL_CHROMIUM)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return {
        "executable_path": path,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    }


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab of a module's own."""
    from tests.faces.lab import Lab

    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.end()


@pytest.fixture
def quiet_page(context: BrowserContext) -> Iterator[Page]:
    """A page that fails its test on any console error, page error or request to another machine."""
    problems: list[str] = []

    def guard(route: Route) -> None:
        parts = urlsplit(route.request.url)
        if parts.scheme in LOCAL_SCHEMES or parts.hostname in LOOPBACK:
            route.continue_()
        else:
            problems.append(f"asked for {route.request.url}")
            route.abort()

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def thrown(error: Error) -> None:
        told = str(error.stack or error)
        if not NOTEBOOKS_OWN.search(told):
            problems.append(f"page error: {told}")

    context.route("**/*", guard)
    page = context.new_page()
    page.on("console", heard)
    page.on("pageerror", thrown)
    yield page
    page.close()
    assert not problems, "\n".join(problems)
