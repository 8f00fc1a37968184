"""The viewer draws the same pictures in JupyterLab, Notebook 7, Voilà and Panel as on the bare page."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.faces.lab import Lab, run_cell
from tests.faces.looks import (
    FLAT,
    KINDS,
    LONG_PATIENCE,
    REFERENCES,
    ROOT,
    differs,
    plot,
    projections,
    reference,
    until,
)
from tests.faces.notebook import Notebook
from tests.faces.panel import panel_serve
from tests.faces.voila import Served, write_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import Locator, Page

#: Milliseconds: a page starts a kernel, on a machine that may be busy.
PAGE = 120_000
#: CSS pixels of a view on the page where the references were made.
WIDTH = 404
VIEWS = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom tests.faces.looks import views\n"
CELL = f"{VIEWS}for one in views():\n    display(one)"
APP = f"""{VIEWS}import panel as pn

pn.extension()
pn.Column(*(one.panel() for one in views())).servable()
"""


@contextmanager
def in_lab(page: Page, folder: Path, kind: type[Lab] = Lab) -> Iterator[None]:
    lab = kind(folder)
    try:
        lab.open(page, lab.write("looks.ipynb", CELL))
        run_cell(page, 0)
        yield
        page.goto("about:blank")  # leaves the server before it ends
    finally:
        lab.end()


def in_notebook(page: Page, folder: Path) -> AbstractContextManager[None]:
    return in_lab(page, folder, Notebook)


@contextmanager
def in_voila(page: Page, folder: Path) -> Iterator[None]:
    served = Served(write_page(folder / "pages", CELL), folder / "home")
    try:
        page.goto(served.url)
        yield
        page.goto("about:blank")
    finally:
        served.end()


@contextmanager
def in_panel(page: Page, folder: Path) -> Iterator[None]:
    with panel_serve(folder, APP) as url:
        page.goto(url)
        yield


def alike(viewer: Locator, name: str) -> None:
    """Wait until a view shows what its reference shows."""
    path = REFERENCES / f"{name}.png"
    wanted = reference(path).shape[1]

    def wrong() -> str:
        now = plot(viewer)
        if now.shape[1] != wanted:
            # The texts of the axes are wider where fonts are: the view is given what they take.
            more = wanted - now.shape[1]
            viewer.evaluate("(view, by) => view.style.width = `${view.offsetWidth + by}px`", more)
        return differs(now, path)

    until(viewer.page, wrong, LONG_PATIENCE)


@pytest.mark.parametrize("face", [in_lab, in_notebook, in_voila, in_panel])
def test_pictures_are_those_of_the_references(
    quiet_page: Page, tmp_path: Path, face: Callable[[Page, Path], AbstractContextManager[None]]
) -> None:
    page = quiet_page
    page.set_viewport_size({"width": 1000, "height": 900})
    with face(page, tmp_path):
        viewers = page.locator("section.portal-viewer")
        for n, name in enumerate((*KINDS, *FLAT)):
            viewer = viewers.nth(n)
            viewer.and_(page.locator("[data-portal-frame]")).wait_for(timeout=PAGE)
            viewer.evaluate("(view, width) => view.style.width = `${width}px`", WIDTH)
            if name in FLAT:
                alike(viewer, name)
                continue
            viewer.get_by_role("button", name="Tools", exact=True).click()
            for projection in projections(name):
                viewer.get_by_label("Projection").select_option(projection)
                alike(viewer, f"{name}-{projection}")
