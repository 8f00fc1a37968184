"""JupyterLab as a person uses it: the sidebar and the widgets, in a real browser on real kernels."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faces.lab import (
    LONG,
    Lab,
    add_cell,
    cell,
    change_theme,
    choose,
    open_notebook,
    output,
    run_cell,
    sidebar,
    sources,
    tasks,
)
from tests.helpers import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

CONNECT = "import portal\n\nfed = portal.connect()\n"
#: An analysis that goes on once a file is there.
HELD = f"""\
{CONNECT}
import time
from pathlib import Path

import xarray as xr


@portal.analysis
def held(scenario: xr.Dataset, *, gate: str) -> xr.Dataset:
    \"\"\"Wait for a file.\"\"\"

    def wait(values):
        while not Path(gate).exists():
            time.sleep(0.05)
        return values

    data = scenario.air_temperature.chunk(time=60)
    data = data.copy(data=data.data.map_blocks(wait, meta=data.data))
    return data.mean("time", keep_attrs=True).to_dataset(name="held")
"""
#: What is seen of it then: the data are there, the rest waits.
WAITING = re.compile(r"original\s*1 / 1")
SCENARIO = '"metoffice:a1b-north-america"'


def test_find_a_dataset_and_write_its_cell(quiet_page: Page, lab: Lab) -> None:
    from playwright.sync_api import expect

    page = lab.open(quiet_page)
    panel = sidebar(page)
    choose(panel, "atmospheric turbidity", "Linke turbidity")
    expect(panel.get_by_label("Dataset", exact=True)).to_contain_text("SoDa")
    expect(panel.locator("iframe").content_frame.locator("body")).to_contain_text("linke_turbidity")
    insert = panel.get_by_role("button", name="Insert", exact=True)
    said = panel.get_by_test_id("portal-said")

    # Without a notebook the panel says what to do.
    insert.click()
    expect(said).to_contain_text("File › New › Notebook")

    open_notebook(page, lab.write("find.ipynb", ""))
    insert.click()
    expect(said).to_have_text("Written to find.ipynb, cell 1. Run the cell to open the dataset.")
    assert sources(page) == [f'{CONNECT}ds = fed.open("sandia:linke-turbidity")\nds']

    # The next one replaces it, run or not, and its output goes.
    choose(panel, "altitude", "Altitude")
    insert.click()
    expect(said).to_contain_text("Replaced in find.ipynb, cell 1.")
    assert sources(page) == [f'{CONNECT}ds = fed.open("sandia:altitude")\nds']
    run_cell(page, 0)
    expect(output(page, 0).locator(".xr-wrap")).to_contain_text("altitude", timeout=LONG)
    choose(panel, "turbidity", "Linke turbidity")
    insert.click()
    expect(said).to_contain_text("Replaced in find.ipynb, cell 1.")
    assert sources(page)[0] == f'{CONNECT}ds = fed.open("sandia:linke-turbidity")\nds'
    expect(output(page, 0).locator(".xr-wrap")).to_have_count(0)

    # What was changed by hand is the reader's: the next one goes below it.
    cell(page, 0).locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("  # mine")
    panel.get_by_role("button", name="Insert and run").click()
    expect(output(page, 1).locator(".xr-wrap")).to_contain_text("linke_turbidity", timeout=LONG)
    assert sources(page)[1] == 'ds = fed.open("sandia:linke-turbidity")\nds'
    assert sources(page)[0].endswith("# mine")

    # Look at it; the slider reads another month.
    view = output(page, add_cell(page, "portal.view(ds)")).locator(".portal-viewer")
    expect(view).to_have_attribute("data-portal-frame", re.compile('"time":0'), timeout=LONG)
    slider = view.get_by_role("slider", name="middle of the month")
    slider.press("End")
    expect(view).to_have_attribute("data-portal-frame", re.compile('"time":11'), timeout=LONG)
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^2003-12"))


def test_the_main_job_in_a_notebook(quiet_page: Page, lab: Lab) -> None:
    from playwright.sync_api import expect

    name = lab.write(
        "job.ipynb",
        f"{CONNECT}from portal.sample.analyses import warming\n\n"
        'finder = portal.finder(fed, text="north america")\nfinder',
        "run = fed.run(warming, scenario=finder.item)\nrun",
        'portal.view(run.result(), title="A1B")',
    )
    page = lab.open(quiet_page, name)
    run_cell(page, 0)
    finder = output(page, 0)
    expect(finder.get_by_role("searchbox")).to_have_value("north america", timeout=LONG)
    choose(finder, "north america a1b", "A1B")
    finder.get_by_role("button", name="Open", exact=True).click()
    expect(finder.get_by_test_id("portal-said")).to_contain_text("metoffice:a1b-north-america")

    # The third cell waits in the kernel for the run, whose progress goes on all the same.
    run_cell(page, 1)
    run_cell(page, 2)
    run = output(page, 1).get_by_test_id("portal-run")
    expect(run).to_have_attribute("data-state", "active", timeout=LONG)
    expect(run.get_by_role("progressbar", name="Progress")).to_be_visible()
    expect(run).to_have_attribute("data-state", "completed", timeout=LONG)
    result = run.get_by_test_id("portal-run-result").locator("iframe").content_frame
    expect(result.locator("body")).to_contain_text("local_warming")

    view = output(page, 2).locator(".portal-viewer")
    expect(view).to_have_attribute("data-portal-frame", re.compile("local_warming"), timeout=LONG)
    canvas = view.locator("canvas[data-portal-plot]")
    canvas.scroll_into_view_if_needed()
    left, top, width, height = map(float, str(canvas.get_attribute("data-portal-plot")).split())
    readout = view.locator(".portal-viewer-readout")
    canvas.hover(position={"x": left + width / 2, "y": top + height / 2})
    expect(readout).to_have_text(re.compile(r"^[\d.]+ K at [\d.]+°N, [\d.]+°W$"))

    # Both themes are followed, by what the sandbox shows too.
    for theme in ("Dark", "Light"):
        change_theme(page, f"JupyterLab {theme}")
        ink = view.evaluate("view => getComputedStyle(view).color")
        assert (sum(map(int, re.findall(r"\d+", ink)[:3])) > 3 * 128) == (theme == "Dark")
        expect(result.locator("html")).to_have_attribute("data-theme", theme.lower())

    # Nothing is cut off beside the sidebar of a narrow window.
    page.set_viewport_size({"width": 800, "height": 700})
    for part in (sidebar(page), run, view):
        wait_until(partial(part.evaluate, "part => part.scrollWidth <= part.clientWidth"))


def test_a_failure_shows_its_own_traceback(quiet_page: Page, lab: Lab) -> None:
    from playwright.sync_api import expect

    name = lab.write(
        "failure.ipynb",
        f"{CONNECT}import xarray as xr\n\n"
        "@portal.analysis\n"
        "def broken(scenario: xr.Dataset) -> xr.Dataset:\n"
        '    raise ValueError("the sun has set")\n\n'
        f"run = fed.run(broken, scenario={SCENARIO})\nrun",
        "run.result()",
    )
    page = lab.open(quiet_page, name)
    run_cell(page, 0)
    run_cell(page, 1)
    run = output(page, 0).get_by_test_id("portal-run")
    expect(run).to_have_attribute("data-state", "failed", timeout=LONG)
    failure = run.get_by_test_id("portal-run-error")
    expect(failure).to_contain_text("ValueError: the sun has set")
    expect(failure.get_by_label("Traceback")).to_contain_text('raise ValueError("the sun has set")')
    error = output(page, 1).locator("[data-mime-type='application/vnd.jupyter.stderr']")
    expect(error).to_contain_text("RunFailed", timeout=LONG)
    expect(error).to_contain_text('raise ValueError("the sun has set")')


def test_cancel_in_the_notebook_and_in_the_sidebar(
    quiet_page: Page, lab: Lab, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    start = f"fed.run(held, scenario={SCENARIO}, gate={str(tmp_path / 'gate')!r}"
    name = lab.write(
        "cancel.ipynb",
        HELD,
        f'one = {start}, title="Alpha")\none',
        f'two = {start}, title="Beta")\ntwo',
        "two.result()",
    )
    page = lab.open(quiet_page, name)
    for index in (0, 1):
        run_cell(page, index)
    first = output(page, 1).get_by_test_id("portal-run")
    expect(first).to_have_attribute("data-state", "active", timeout=LONG)
    expect(tasks(first)).to_contain_text(WAITING, timeout=LONG)
    first.get_by_role("button", name="Cancel run").click()
    expect(first).to_have_attribute("data-state", "canceled", timeout=LONG)
    expect(first.get_by_role("button", name="Cancel run")).to_be_hidden()

    run_cell(page, 2)
    run_cell(page, 3)
    panel = sidebar(page, "Runs")
    row = panel.locator("[data-run]").filter(has_text="Beta")
    expect(row.get_by_test_id("portal-run-state")).to_have_text("active", timeout=LONG)
    earlier = panel.locator("[data-run]").filter(has_text="Alpha")
    expect(earlier.get_by_test_id("portal-run-state")).to_have_text("canceled")
    row.click()
    followed = panel.get_by_test_id("portal-run")
    expect(tasks(followed)).to_contain_text(WAITING, timeout=LONG)
    followed.get_by_role("button", name="Cancel run").click()
    expect(followed).to_have_attribute("data-state", "canceled", timeout=LONG)
    panel.get_by_role("button", name="Back to runs").click()
    expect(row.get_by_test_id("portal-run-state")).to_have_text("canceled")

    # The notebook's own widget and the cell that waited hear of it.
    second = output(page, 2).get_by_test_id("portal-run")
    expect(second).to_have_attribute("data-state", "canceled", timeout=LONG)
    expect(output(page, 3)).to_contain_text("RunCanceled", timeout=LONG)


def test_a_run_outlives_its_kernel(quiet_page: Page, lab: Lab, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    gate = tmp_path / "gate"
    name = lab.write(
        "outlive.ipynb",
        HELD,
        f"run = fed.run(held, scenario={SCENARIO}, gate={str(gate)!r})\nrun",
    )
    page = lab.open(quiet_page, name)
    run_cell(page, 0)
    run_cell(page, 1)
    run = output(page, 1).get_by_test_id("portal-run")
    expect(tasks(run)).to_contain_text(WAITING, timeout=LONG)

    lab.kernel(name).kill()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("appears to have died", timeout=LONG)
    dialog.get_by_role("button", name="Ok").click()
    gate.touch()
    found = add_cell(page, f"{CONNECT}run = fed.runs()[0]\nprint(run.spec.analysis.name)\nrun")
    expect(output(page, found)).to_contain_text("held", timeout=LONG)
    again = output(page, found).get_by_test_id("portal-run")
    expect(again).to_have_attribute("data-state", "completed", timeout=LONG)
    view = output(page, add_cell(page, "portal.view(run.result())")).locator(".portal-viewer")
    expect(view).to_have_attribute("data-portal-frame", re.compile('"held"'), timeout=LONG)

    # The widget of the kernel that has gone says so.
    output(page, 1).get_by_role("button", name="Cancel run").click()
    alert = run.get_by_role("alert").filter(has_text="stopped or was restarted")
    expect(alert).to_contain_text("Run the cell again")
