"""A Notebook 7 of a test's own, and what a person does in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faces.lab import LONG, Lab

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Notebook(Lab):
    """A server of Notebook 7, behind its token, on a copy of the notebooks."""

    module = "notebook"
    options = (
        "--JupyterNotebookApp.expose_app_in_browser=True",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    )

    def open(self, page: Page, notebook: str = "") -> Page:
        """Open a notebook on a page of its own, its kernel ready; or the list of files."""
        path = f"notebooks/{notebook}" if notebook else "tree"
        page.goto(f"{self.url}{path}?token={self.token}")
        page.wait_for_function("window.jupyterapp", timeout=LONG)
        page.evaluate("jupyterapp.restored.then(() => null)")
        if notebook:
            page.wait_for_function("jupyterapp.shell.currentWidget?.context", timeout=LONG)
            page.evaluate(
                """async () => {
                    const panel = jupyterapp.shell.currentWidget;
                    await panel.context.ready;
                    await panel.sessionContext.ready;
                    await panel.sessionContext.session.kernel.info;
                }"""
            )
        return page
