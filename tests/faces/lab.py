"""A JupyterLab of a test's own, and what a person does in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psutil

import portal
from tests.helpers import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
#: Milliseconds: Lab starts a kernel, a run starts a cluster, on a machine that may be busy.
LONG = 120_000


class Lab:
    """A JupyterLab server of its own, behind its token, on a copy of the notebooks."""

    module = "jupyterlab"
    options: tuple[str, ...] = (
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    )

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.notebooks = directory / "notebooks"
        shutil.copytree(NOTEBOOKS, self.notebooks)
        settings = directory / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        self._runtime = directory / "runtime"
        self._log = directory / "lab.log"
        env = os.environ | {
            "PORTAL_HOME": str(self.home),
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            "JUPYTER_CONFIG_DIR": str(directory / "config"),
            "JUPYTERLAB_SETTINGS_DIR": str(directory / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(directory / "workspaces"),
            "IPYTHONDIR": str(directory / "ipython"),
        }
        options = [
            "--no-browser",
            "--allow-root",
            "--port=0",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.root_dir={self.notebooks}",
            *self.options,
        ]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, *options],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        served = wait_until(self._served)
        assert served is not None
        self.url = str(served["url"])
        self.token = str(served["token"])
        assert self.token
        assert urlsplit(self.url).hostname == "127.0.0.1"

    def _served(self) -> dict[str, Any] | None:
        assert self.process.poll() is None, self._log.read_text()
        for path in self._runtime.glob("jpserver-*.json"):
            try:
                found: dict[str, Any] = json.loads(path.read_text())
            except ValueError:
                return None  # it is being written
            return found
        return None

    def ask(self, path: str) -> Any:
        """Ask the server's own REST interface."""
        request = Request(self.url + path, headers={"Authorization": f"token {self.token}"})
        with urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def write(self, name: str, *sources: str) -> str:
        """Write a notebook of code cells, and return its path."""
        cells: list[dict[str, Any]] = [
            {
                "cell_type": "code",
                "id": f"cell-{i}",
                "source": source,
                "metadata": {},
                "outputs": [],
                "execution_count": None,
            }
            for i, source in enumerate(sources)
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = {"cells": cells, "metadata": {"kernelspec": kernel}}
        text = json.dumps(notebook | {"nbformat": 4, "nbformat_minor": 5})
        (self.notebooks / name).write_text(text)
        return name

    def open(self, page: Page, notebook: str = "") -> Page:
        """Open Lab on a notebook whose kernel is ready, or on its launcher."""
        page.goto(f"{self.url}lab?reset&token={self.token}")
        page.wait_for_function(
            "window.jupyterapp?.commands.hasCommand('portal:show')", timeout=LONG
        )
        page.evaluate("jupyterapp.restored.then(() => null)")
        if notebook:
            open_notebook(page, notebook)
        return page

    def kernel(self, notebook: str) -> psutil.Process:
        """Return the process of a notebook's kernel."""
        [session] = [s for s in self.ask("api/sessions") if s["path"] == notebook]
        identity = session["kernel"]["id"]
        [process] = [
            p
            for p in psutil.process_iter(["cmdline"])
            if f"kernel-{identity}.json" in " ".join(p.info["cmdline"] or ())
        ]
        return process

    def end(self) -> None:
        """End the runs and the server, and hold it to leaving no kernel behind."""
        with portal.connect(home=self.home) as fed:
            for run in fed.runs():
                run.cancel()
        server = psutil.Process(self.process.pid)
        processes = [server, *server.children(recursive=True)]
        server.terminate()
        _, alive = psutil.wait_procs(processes, timeout=30)
        for process in alive:
            process.kill()
        self.process.wait()
        assert not alive


def open_notebook(page: Page, path: str) -> None:
    page.evaluate(
        """async path => {
            const panel = await jupyterapp.commands.execute('docmanager:open', { path });
            await panel.context.ready;
            await panel.sessionContext.ready;
            await panel.sessionContext.session.kernel.info;
        }""",
        path,
    )


def cell(page: Page, index: int) -> Locator:
    return page.locator(f".jp-NotebookPanel:visible [data-windowed-list-index='{index}']")


def output(page: Page, index: int) -> Locator:
    """Scroll to a cell, since Lab leaves out what is far from the window, and return its output."""
    page.evaluate("at => jupyterapp.shell.currentWidget.content.scrollToItem(at, 'start')", index)
    return cell(page, index).locator(".jp-Cell-outputArea")


def sources(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        """() => [...jupyterapp.shell.currentWidget.content.widgets].map(
            cell => cell.model.sharedModel.source)"""
    )
    return found


def run_cell(page: Page, index: int) -> None:
    """Click into a cell and press Shift+Enter."""
    cell(page, index).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


def add_cell(page: Page, source: str) -> int:
    """Append a cell to the notebook, write into it as a person does, run it; return its index."""
    index = len(sources(page))
    page.locator(".jp-NotebookPanel:visible .jp-Notebook-footer").click()
    cell(page, index).locator(".cm-content").click()
    page.keyboard.insert_text(source)
    run_cell(page, index)
    return index


def sidebar(page: Page, tab: str = "Find") -> Locator:
    """Open Portal's sidebar by its icon."""
    panel = page.locator("#portal-panel")
    if not panel.is_visible():
        page.get_by_role("tab", name="Portal", exact=True).click()
    panel.get_by_role("tab", name=tab, exact=True).click()
    return panel


def choose(panel: Locator, words: str, title: str) -> None:
    """Find a dataset by words and open its details."""
    back = panel.get_by_role("button", name="Back to results")
    if back.is_visible():
        back.click()
    panel.get_by_role("searchbox", name="Search datasets").fill(words)
    panel.get_by_test_id("portal-result").filter(has_text=title).first.click()
    panel.get_by_test_id("portal-details-title").filter(has_text=title).wait_for(timeout=LONG)


def tasks(run: Locator) -> Locator:
    return run.get_by_role("list", name="Tasks")


def change_theme(page: Page, theme: str) -> None:
    from playwright.sync_api import expect

    page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    # Lab fades a splash out after each change; a second change before its end throws in Lab itself.
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
