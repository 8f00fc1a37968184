"""The dashboard's parts without a browser: what goes where, and what is said of a failure."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import xarray as xr

import portal
from portal.sample.analyses import turbidity_by_surface, warming
from portal.ui.dashboards import explore
from portal.ui.dashboards.explorer import Publishing
from portal.ui.dashboards.server import EXTENSIONS, configuration, without_widgets_where_no_kernel
from tests.helpers import wait_until

A1B = "metoffice:a1b-north-america"
NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture
def explorer(fed):
    made = explore(fed)
    yield made
    made.close_all()


def test_it_offers_the_sample_analyses(explorer):
    assert set(explorer.forms) == {turbidity_by_surface.name, warming.name}
    assert explorer.form is explorer.forms[turbidity_by_surface.name]


def test_an_analysis_of_ones_own(fed):
    @portal.analysis
    def same(data: xr.Dataset) -> xr.Dataset:
        """Give it back."""
        return data

    assert set(explore(fed, same).forms) == {"same"}


def test_what_is_opened_fills_the_first_empty_input(explorer):
    fields = explorer.form.fields
    explorer.finder.selected = "sandia:altitude"
    assert fields["turbidity"].value == "sandia:altitude"
    explorer.finder.selected = "sandia:linke-turbidity"
    assert fields["relief"].value == "sandia:linke-turbidity"
    explorer.finder.selected = A1B
    assert (fields["turbidity"].value, fields["relief"].value) == (
        "sandia:altitude",
        "sandia:linke-turbidity",
    )
    use_turbidity, use_relief, look = explorer.chosen.uses.children
    assert look is explorer.chosen.look
    use_turbidity.click()
    assert fields["turbidity"].value == A1B
    use_relief.click()
    assert fields["relief"].value == A1B


def test_another_analysis_has_its_own_form_and_buttons(explorer):
    explorer.finder.selected = A1B
    explorer.which.value = warming.name
    assert explorer.form is explorer.forms[warming.name]
    use, _ = explorer.chosen.uses.children
    assert use.description == "Use as scenario"
    use.click()
    assert explorer.form.fields["scenario"].value == A1B


def test_a_dataset_that_is_gone_is_said_and_not_used(explorer):
    explorer.finder.selected = "sandia:gone"
    assert "No dataset is called" in explorer.chosen.head.value
    assert 'role="alert"' in explorer.chosen.head.value
    assert explorer.chosen.uses.layout.display == "none"
    assert explorer.form.fields["turbidity"].value == ""


def test_text_of_records_stays_text(home, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    ds = xr.Dataset({"v": ("x", np.zeros(3))}, attrs={"title": NASTY})
    ds.to_netcdf(data / "nasty.nc")
    with portal.connect(home=home) as fed:
        (fed.home.facilities / "lab.toml").write_text(
            f'name = "Lab"\n[catalog.data]\ndriver = "folder"\npath = "{data.as_posix()}"\n'
        )
    with portal.connect(home=home) as fed:
        explorer = explore(fed)
        explorer.finder.selected = "lab:nasty"
        assert "&lt;img" in explorer.chosen.head.value
        assert "<img" not in explorer.chosen.head.value


def test_a_look_at_the_chosen_one(explorer):
    explorer.finder.selected = A1B
    explorer.chosen.look.click()
    wait_until(lambda: explorer.chosen.pictures.children)
    wait_until(lambda: not explorer.chosen.look.disabled)
    explorer.finder.selected = "sandia:altitude"
    assert explorer.chosen.pictures.children == ()


def test_a_result_is_published_once_and_found(fed):
    run = fed.run(warming, scenario=A1B).wait(120)
    words = []
    publishing = Publishing(fed, words.append)
    assert publishing.layout.display == "none"
    publishing.offer(run)
    assert publishing.layout.display == ""
    publishing.button.click()
    assert "Give the result a title" in publishing.said.value
    publishing.title.value = " How warm "
    publishing.button.click()
    wait_until(lambda: "Published as" in publishing.said.value)
    assert publishing.button.disabled
    publishing.found.click()
    assert words == ["How warm"]
    assert [item.title for item in fed.search("how warm")] == ["How warm"]


def test_a_result_that_is_gone_is_said(fed):
    run = fed.run(warming, scenario=A1B).wait(120)
    shutil.rmtree(run.directory.file("result.zarr"))
    publishing = Publishing(fed, print)
    publishing.offer(run)
    publishing.title.value = "Gone"
    publishing.button.click()
    wait_until(lambda: 'role="alert"' in publishing.said.value)
    assert not publishing.button.disabled


def test_the_server_asks_for_a_token_and_shows_no_file():
    config = configuration()
    assert config.ServerApp.ip == "127.0.0.1"
    assert config.ServerApp.allow_unauthenticated_access is False
    assert config.VoilaConfiguration.file_allowlist == []
    assert config.VoilaConfiguration.strip_sources is True


def test_only_pages_have_widgets():
    config = {"federated_extensions": list(EXTENSIONS)}
    kept = without_widgets_where_no_kernel(dict(config), notebook_path="a/explore.ipynb")
    assert kept == config
    kept = without_widgets_where_no_kernel(dict(config), notebook_path="a")
    assert kept == {"federated_extensions": []}
