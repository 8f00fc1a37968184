"""The widgets as their front-ends see them: messages in, messages and traits out."""

from __future__ import annotations

import threading
from typing import Annotated, Literal

import pytest
import xarray as xr
from pydantic import Field

import portal
from portal.errors import InvalidInput, InvalidParameter
from portal.sample.analyses import warming
from portal.ui.displays import display_run
from portal.ui.widgets.bridge import BridgeWidget
from portal.ui.widgets.finder import FinderWidget
from portal.ui.widgets.form import AnalysisForm
from portal.ui.widgets.run import RunWidget
from portal.ui.widgets.viewer import ViewerWidget
from tests.helpers import wait_until

E1 = "metoffice:e1-north-america"


class Front:
    """Stands where a front-end does: sends requests over the comm, and hears what comes back."""

    def __init__(self, widget, monkeypatch) -> None:
        self.widget = widget
        self.heard: list[dict] = []
        monkeypatch.setattr(
            widget, "send", lambda content, buffers=None: self.heard.append(content)
        )

    def send(self, content) -> None:
        """Send a custom message."""
        data = {"method": "custom", "content": content}
        self.widget._handle_msg({"content": {"data": data}, "buffers": []})

    def ask(self, method, params=None, number="1"):
        """Send a request and wait for its answer."""
        self.send({"id": number, "method": method, "params": params})
        return wait_until(lambda: next((m for m in self.heard if m.get("id") == number), None))


@pytest.fixture
def run(fed):
    """A run, canceled when the test has ended."""
    held = fed.run(warming, scenario=E1, title="E1")
    yield held
    held.cancel()
    held.wait(60)


def test_the_finder_answers_search_and_item(fed, monkeypatch):
    finder = FinderWidget(fed, text="turbidity")
    front = Front(finder, monkeypatch)
    found = front.ask("search", {"text": finder.text}, "a")["result"]
    assert found["hits"][0]["id"] == "sandia:linke-turbidity"
    details = front.ask("item", {"id": found["hits"][0]["id"]}, "b")["result"]
    assert "<div" in details["repr_html"]


@pytest.mark.parametrize(
    ("method", "params", "kind"),
    [
        ("search", {"bbox": [1]}, "InvalidQuery"),
        ("search", [1], "InvalidInput"),
        ("item", {"id": "sandia:none"}, "UnknownItem"),
        ("item", {}, "InvalidInput"),
        ("erase", {}, "InvalidInput"),
        (None, {}, "InvalidInput"),
        (["search"], {}, "InvalidInput"),
    ],
)
def test_every_bad_request_is_answered(fed, monkeypatch, method, params, kind):
    answer = Front(FinderWidget(fed), monkeypatch).ask(method, params)
    assert answer["error"]["kind"] == kind
    assert answer["error"]["message"]


@pytest.mark.parametrize("content", [None, 3, "x", [], {}, {"id": "1"}])
def test_what_is_no_request_is_passed_over(fed, monkeypatch, content):
    front = Front(FinderWidget(fed), monkeypatch)
    front.send(content)
    assert front.ask("item", {"id": "sandia:none"}, "2")["error"]["kind"] == "UnknownItem"
    assert len(front.heard) == 1


def test_a_fault_is_answered_and_logged(monkeypatch, caplog):
    widget = BridgeWidget({"divide": lambda params, _: 1 / params["by"]})
    front = Front(widget, monkeypatch)
    assert front.ask("divide", {"by": 2}, "a")["result"] == 0.5
    error = front.ask("divide", {"by": 0}, "b")["error"]
    assert error["kind"] == "InternalError"
    reference = error["message"].rstrip(".").rpartition(" ")[2]
    record = next(r for r in caplog.records if reference in r.getMessage())
    assert record.exc_info[0] is ZeroDivisionError


def test_a_slow_request_does_not_hold_up_the_kernel_or_another(monkeypatch):
    go = threading.Event()
    widget = BridgeWidget({"slow": lambda *_: go.wait(60), "quick": lambda *_: "here"})
    front = Front(widget, monkeypatch)
    front.send({"id": "a", "method": "slow", "params": {}})
    assert front.ask("quick", {}, "b")["result"] == "here"
    assert len(front.heard) == 1
    go.set()
    wait_until(lambda: {"id": "a", "result": True} in front.heard)


def test_the_finders_choice_can_be_observed(fed):
    finder, seen = FinderWidget(fed), []
    finder.observe(lambda change: seen.append(change["new"]), "selected")
    assert finder.item is None
    data = {"method": "update", "state": {"selected": "sandia:altitude"}, "buffer_paths": []}
    finder._handle_msg({"content": {"data": data}, "buffers": []})
    assert seen == ["sandia:altitude"]
    assert finder.item == fed.item("sandia:altitude")
    assert "sandia:altitude" in finder.summary()


def test_unknown_keywords_raise_with_advice(fed):
    with pytest.raises(InvalidParameter, match="Did you mean 'text'"):
        FinderWidget(fed, txt="x")
    with pytest.raises(InvalidParameter, match="Did you mean 'years'"):
        AnalysisForm(fed, warming, year=3)
    with pytest.raises(InvalidInput, match=r"@portal\.analysis"):
        AnalysisForm(fed, print)


def test_a_run_is_followed_to_its_end(fed, run, monkeypatch):
    widget = RunWidget(run)
    front = Front(widget, monkeypatch)
    assert widget.run_id == run.id
    assert widget.update["title"] == "E1"
    wait_until(lambda: widget.update["state"] in ("completed", "failed"), seconds=200)
    assert widget.update["state"] == "completed", widget.update
    assert "warming" in widget.update["result_html"]
    pushed = [m["data"] for m in front.heard if m.get("event") == "update"]
    assert pushed[-1] == widget.update
    states = list(dict.fromkeys(u["state"] for u in pushed))
    assert states[-2:] == ["active", "completed"]
    assert widget.summary() == f"{run.id}: completed at local.default"
    assert front.ask("run", {"id": run.id, "offset": 0})["result"] == widget.update
    wait_until(lambda: not followers())

    again = RunWidget(fed.get_run(run.id))
    assert again.update["state"] == "completed"
    assert again.update["log"] == widget.update["log"]
    assert not followers()


def test_a_run_is_run_again_and_followed(fed, run, monkeypatch):
    front = Front(RunWidget(run), monkeypatch)
    refused = front.ask("rerun", {"id": run.id, "changes": {"at": "x"}}, "1")
    assert refused["error"]["kind"] == "InvalidInput"
    asked = {"id": run.id, "at": "local", "changes": {"years": 20}}
    again = front.ask("rerun", asked, "2")["result"]["id"]
    assert fed.get_run(again).spec.parameters == {"years": 20}
    assert front.ask("run", {"id": again}, "3")["result"]["id"] == again
    assert front.ask("cancel", {"id": again}, "4")["result"] is None
    assert fed.get_run(again).state.final
    assert not run.state.final or run.state == "completed"


def test_cancel_ends_the_run(run, monkeypatch):
    widget = RunWidget(run)
    front = Front(widget, monkeypatch)
    wait_until(lambda: widget.update["state"] == "active", seconds=120)
    assert front.ask("cancel")["result"] is None
    wait_until(lambda: widget.update["state"] == "canceled", seconds=60)
    assert run.state == "canceled"


def test_closing_the_widget_stops_its_thread_and_not_the_run(run):
    widget = RunWidget(run)
    wait_until(followers)
    widget.close()
    wait_until(lambda: not followers())
    assert not run.state.final


def followers() -> list[threading.Thread]:
    """The threads of widgets that follow something."""
    return [t for t in threading.enumerate() if t.name == "portal-widget"]


def test_outside_a_kernel_a_run_is_text(run):
    assert display_run(run) == {"text/plain": str(run)}
    assert run._repr_mimebundle_() == {"text/plain": str(run)}


@portal.analysis
def every_kind(
    data: xr.Dataset,
    *,
    needed: float,
    method: Literal["mean", "max"],
    weight: float = 0.5,
    count: Annotated[int, Field(ge=1, lt=9, description="Steps taken.")] = 2,
    exact: bool = True,
    strict: bool,
    level: Literal[1, 2] = 1,
    name: str = "co2",
    limit: float | None = None,
    bounds: list[float] = [0.0, 1.0],  # noqa: B006
) -> xr.Dataset:
    """Parameters of every kind."""
    return data


def test_a_form_has_a_field_for_every_kind_of_parameter(fed):
    form = AnalysisForm(fed, every_kind, data="ornl:mauna-loa-co2", method="max")
    kinds = {name: type(field).__name__ for name, field in form.fields.items()}
    assert kinds == {
        "data": "Combobox",
        "needed": "Text",
        "method": "Dropdown",
        "weight": "FloatText",
        "count": "IntText",
        "exact": "Checkbox",
        "strict": "Dropdown",
        "level": "Dropdown",
        "name": "Text",
        "limit": "Text",
        "bounds": "Text",
        "at": "Dropdown",
    }
    assert "sandia:altitude" in form.fields["data"].options
    assert form.fields["at"].options == ("auto", "local.default")
    labels = [
        w.value
        for row in form.children
        for w in getattr(row, "children", ())
        if hasattr(w, "value")
    ]
    assert "Steps taken. at least 1, less than 9" in labels
    assert form.values() == {
        "data": "ornl:mauna-loa-co2",
        "method": "max",
        "weight": 0.5,
        "count": 2,
        "exact": True,
        "level": 1,
        "name": "co2",
        "bounds": [0.0, 1.0],
        "at": "auto",
    }
    form.fields["needed"].value = "1.5"
    form.fields["strict"].value = False
    form.fields["limit"].value = "3"
    values = form.values()
    values.pop("at")
    _, parameters = every_kind.split(values)
    assert (parameters["needed"], parameters["strict"], parameters["limit"]) == (1.5, False, 3.0)


def test_a_choice_that_is_none_of_its_values_is_refused(fed):
    with pytest.raises(InvalidParameter, match="'mean', 'max'"):
        AnalysisForm(fed, every_kind, method="median")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"years": 0}, "years"),
        ({"scenario": "metoffice:none"}, "metoffice:none"),
        ({"scenario": ""}, "scenario"),
        ({"scenario": "<b>x</b>"}, "&lt;b&gt;"),
    ],
)
def test_what_cannot_be_taken_is_said_under_the_form(fed, fields, named):
    form = AnalysisForm(fed, warming, scenario=E1)
    for name, value in fields.items():
        form.fields[name].value = value
    form.button.click()
    error = wait_until(lambda: form.error.value)
    assert named in error
    assert 'role="alert"' in error
    wait_until(lambda: not form.button.disabled)
    assert form.run is None
    assert len(fed.runs()) == 0


def test_a_form_runs_and_shows_the_result(fed):
    form = AnalysisForm(fed, warming, scenario=fed.item(E1), years=20)
    form.compare.click()
    table = wait_until(lambda: form.placement.value or form.error.value, seconds=60)
    assert "local.default" in table
    assert len(fed.runs()) == 0
    wait_until(lambda: not form.button.disabled)
    form.button.click()
    wait_until(lambda: form.outcome.children or form.error.value, seconds=60)
    assert form.error.value == ""
    assert form.run is not None
    assert form.run.spec.parameters == {"years": 20}
    shown = wait_until(lambda: form.outcome.children[1:], seconds=200)
    assert isinstance(form.outcome.children[0], RunWidget)
    assert isinstance(shown[0], ViewerWidget)
    assert shown[0].title == form.run.title


NOTEBOOK = """
import portal
from portal.sample.analyses import warming
fed = portal.connect()
run = fed.run(warming, scenario="metoffice:e1-north-america", title="E1")
run
"""

ENDED = """
import time
from ipywidgets.widgets.widget import _instances
run.wait(200)
deadline = time.monotonic() + 60
while any(w.update["state"] != "completed" for w in _instances.values() if hasattr(w, "run_id")):
    assert time.monotonic() < deadline
    time.sleep(0.1)
run.id
"""


def test_in_a_real_kernel_a_run_is_a_widget(home):
    """Displayed inline, it is a live widget; its last state is saved with the notebook."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(NOTEBOOK), nbformat.v4.new_code_cell(ENDED)]
    )
    NotebookClient(notebook, timeout=250, kernel_name="python3").execute()
    bundle = notebook.cells[0].outputs[0].data
    model = bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    run_id = notebook.cells[1].outputs[0].data["text/plain"].strip("'")
    assert run_id in bundle["text/plain"]
    saved = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    assert saved[model]["state"]["run_id"] == run_id
    assert saved[model]["state"]["update"]["title"] == "E1"
    assert saved[model]["state"]["update"]["state"] == "completed"
