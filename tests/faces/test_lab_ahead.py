"""Imports ahead in JupyterLab: done before the first cell is run, and seen by nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.faces.lab import LONG, Lab, output, run_cell

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: What is imported, and the names that a person did not define.
LOOK = """\
import sys
[name for name in ("xarray", "dask.array", "zarr", "portal.viewer.still") if name in sys.modules]
"""
NAMES = (
    'sorted({"warm", "after", "place", "at", "piece"} & set(dir())), vars(sys)["path"].count("")'
)
#: Takes part in nothing but its own cell.
HEARD = """
(() => {
  window.heard = [];
  const { sessionContext } = jupyterapp.shell.currentWidget;
  sessionContext.iopubMessage.connect((_, msg) => window.heard.push(msg.header.msg_type));
})()
"""


def mark(page: Page, said: str) -> None:
    """Wait until the notebook says how far the imports are."""
    page.locator(f".jp-NotebookPanel[data-portal-ahead={said}]:visible").wait_for(timeout=LONG)


def run(page: Page, index: int) -> int:
    """Run a cell to its end, and return its number."""
    run_cell(page, index)
    handle: Any = page.wait_for_function(
        "at => jupyterapp.shell.currentWidget.content.widgets[at].model.executionCount",
        arg=index,
        timeout=LONG,
    )
    return int(handle.json_value())


def ran(page: Page, index: int) -> tuple[int, str]:
    """Run a cell; its number and what it gave."""
    number = run(page, index)
    area = output(page, index).locator(".jp-OutputArea-output").last
    area.wait_for(timeout=LONG)
    return number, area.inner_text().strip()


def test_the_imports_are_done_before_the_first_cell_is_run(lab: Lab, quiet_page: Page) -> None:
    # To open a notebook must not run what lies beside it.
    (lab.notebooks / "pyarrow.py").write_text("open('was-run', 'w').close()")
    name = lab.write("ahead.ipynb", LOOK, NAMES, "import xarray as xr; import portal as p")
    page = lab.open(quiet_page, name)
    mark(page, "done")
    every = "['xarray', 'dask.array', 'zarr', 'portal.viewer.still']"
    assert ran(page, 0) == (1, every)
    assert ran(page, 1) == (2, "([], 1)")
    assert not (lab.notebooks / "was-run").exists()

    # A kernel that was restarted begins anew.
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    mark(page, "done")
    assert ran(page, 0) == (1, every)


def test_imports_are_looked_for_while_one_types(lab: Lab, quiet_page: Page) -> None:
    page = lab.open(quiet_page, lab.write("typed.ipynb", LOOK, "# no more"))
    assert ran(page, 0) == (1, "[]")
    page.evaluate(HEARD)
    page.evaluate(
        """jupyterapp.shell.currentWidget.content.widgets[1].model.sharedModel.setSource(
            'from portal import view')"""
    )
    mark(page, "done")
    # Nothing but whether the kernel is busy.
    assert set(page.evaluate("heard")) == {"status"}
    assert ran(page, 0)[0] == 2


def test_a_kernel_without_portal_shows_no_error(lab: Lab, quiet_page: Page) -> None:
    hidden = "import sys\nsys.modules['portal'] = None"
    page = lab.open(quiet_page, lab.write("missing.ipynb", hidden, "1"))
    run(page, 0)
    page.evaluate(HEARD)
    page.evaluate(
        """jupyterapp.shell.currentWidget.content.widgets[1].model.sharedModel.setSource(
            'import portal')"""
    )
    mark(page, "missing")
    assert set(page.evaluate("heard")) == {"status"}


def test_what_prepares_its_imports_itself_is_left_alone(lab: Lab, quiet_page: Page) -> None:
    own = "import os\nos.environ['OMP_NUM_THREADS'] = '1'\nimport portal"
    page = lab.open(quiet_page, lab.write("own.ipynb", LOOK, own))
    mark(page, "left")
    assert ran(page, 0) == (1, "[]")


def test_a_setting_turns_it_off(lab: Lab, quiet_page: Page) -> None:
    page = lab.open(quiet_page)
    save = "value => jupyterapp.serviceManager.settings.save('@portal/lab:ahead', value)"
    page.evaluate(save, '{"importAhead": false}')
    try:
        page = lab.open(quiet_page, lab.write("off.ipynb", LOOK, "import portal"))
        mark(page, "off")
        assert ran(page, 0) == (1, "[]")
    finally:
        page.evaluate(save, "{}")
