"""Every variable of every sample dataset is a picture, and so is what a run made of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

import portal
from portal.sample.analyses import turbidity_by_surface, warming
from portal.sample.catalog import COLLECTIONS, SampleCatalog
from tests.faces.bare import bare
from tests.faces.looks import plot
from tests.faces.viewing import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray
    from playwright.sync_api import Page

    from portal.core.analysis import Analysis

IDS = [item.id for name in COLLECTIONS for item in SampleCatalog(name, collection=name).items()]


@pytest.fixture(scope="module")
def facilities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[portal.Federation]:
    with portal.connect(home=tmp_path_factory.mktemp("home")) as fed:
        yield fed


def looked_at(page: Page, ds: xr.Dataset) -> None:
    """Choose every variable in turn, and hold it to a picture that is not of one colour."""
    page.set_viewport_size({"width": 800, "height": 900})
    widget = portal.view(ds)
    viewer = page.locator("section.portal-viewer")
    names = [str(name) for name in ds.data_vars]
    try:
        with bare(page, widget):
            viewer.and_(page.locator("[data-portal-frame]")).wait_for()
            for name in names:
                if len(names) > 1:
                    viewer.get_by_label("Variable", exact=True).select_option(name)
                until(page, f"frame.variable === {json.dumps(name)} && frame.quality === 'still'")
                assert viewer.get_attribute("data-portal-problem") is None
                assert viewer.get_by_role("alert").filter(visible=True).count() == 0
                if ds[name].ndim == 0:
                    assert viewer.locator(".portal-viewer-single").inner_text()
                    continue
                drawn(plot(viewer), series=ds[name].ndim == 1)
    finally:
        widget.close()


def drawn(pixels: NDArray[np.float64], *, series: bool) -> None:
    """Hold pixels, (height, width, 3), to a line from side to side, or to cells of many colours."""
    if series:
        blue = pixels[..., 2] - pixels[..., 0] > 80
        assert blue.any(axis=0).mean() > 0.8
        return
    colors = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    _, counts = np.unique(colors, return_counts=True)
    assert counts.size > 100
    assert counts.max() < 0.7 * counts.sum()


@pytest.mark.parametrize("item", IDS)
def test_a_sample_dataset_in_a_view(
    quiet_page: Page, facilities: portal.Federation, item: str
) -> None:
    looked_at(quiet_page, facilities.open(item))


@pytest.mark.parametrize(
    ("analysis", "inputs"),
    [
        (warming, {"scenario": "metoffice:e1-north-america"}),
        (
            turbidity_by_surface,
            {"turbidity": "sandia:linke-turbidity", "relief": "sandia:altitude"},
        ),
    ],
)
def test_the_result_of_a_run_in_a_view(
    quiet_page: Page,
    facilities: portal.Federation,
    analysis: Analysis,
    inputs: dict[str, str],
) -> None:
    run = facilities.run(analysis, **inputs)
    looked_at(quiet_page, run.result(timeout=300))
