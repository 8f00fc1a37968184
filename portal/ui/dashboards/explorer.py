"""The whole main job as one layout of widgets, for a page or a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from importlib.resources import files

import ipywidgets

from portal.core.analysis import Analysis
from portal.errors import PortalError
from portal.federation.federation import Federation
from portal.federation.runs import Run
from portal.ui import messages
from portal.ui.view import view
from portal.ui.widgets.bridge import in_thread, log_fault
from portal.ui.widgets.finder import FinderWidget
from portal.ui.widgets.form import AnalysisForm


class Explorer(ipywidgets.VBox):  # type: ignore[misc]
    """Find a dataset, choose it, run an analysis on it, look at the result and publish it.

    Parameters
    ----------
    fed
        The federation.
    analyses
        What can be run, at least one.

    Attributes
    ----------
    finder : FinderWidget
    chosen : ChosenDataset
    forms : dict
        The form of each analysis, by its name.
    """

    def __init__(self, fed: Federation, analyses: Sequence[Analysis]) -> None:
        self.finder = FinderWidget(fed)
        self.chosen = ChosenDataset(fed)
        self._analyses = {analysis.name: analysis for analysis in analyses}
        self.forms = {name: AnalysisForm(fed, a) for name, a in self._analyses.items()}
        self._publishing = {name: Publishing(fed) for name in self.forms}
        for name, form in self.forms.items():
            form.outcome.observe(partial(self._offer, name), "children")
            self._publishing[name].found.on_click(partial(self._find_published, name))
        self.which = ipywidgets.Dropdown(
            options=[(analysis.title, analysis.name) for analysis in analyses],
            description="Analysis",
            style={"description_width": "11em"},
        )
        self.which.observe(lambda _: self._switch(), "value")
        self._work = _box("portal-explore-work")
        self.finder.observe(lambda change: self._choose(change["new"]), "selected")
        panes = _box(
            "portal-explore-panes",
            _box("portal-explore-find", _heading("Find"), self.finder),
            _box(
                "portal-explore-run",
                _heading("Dataset"),
                self.chosen,
                _heading("Analyse"),
                self.which,
                self._work,
            ),
        )
        style = files("portal.ui.dashboards").joinpath("explore.css").read_text("utf-8")
        super().__init__([ipywidgets.HTML(f"<style>{style}</style>"), panes])
        self.add_class("portal-explore")
        self._switch()

    @property
    def form(self) -> AnalysisForm:
        """The form of the analysis that is shown."""
        return self.forms[self.which.value]

    def _switch(self) -> None:
        form = self.form
        self._work.children = (form, self._publishing[self.which.value])
        self.chosen.offer(tuple(self._inputs()), self._use)

    def _inputs(self) -> dict[str, ipywidgets.Widget]:
        analysis = self._analyses[self.which.value]
        return {name: self.form.fields[name] for name in analysis.inputs}

    def _choose(self, item_id: str) -> None:
        """Show what was opened in the finder, and put it where an input is still empty."""
        if not item_id:
            return
        self.chosen.show(item_id)
        self.chosen.offer(tuple(self._inputs()), self._use)
        empty = [name for name, field in self._inputs().items() if not field.value]
        if empty:
            self._use(empty[0])

    def _use(self, name: str) -> None:
        self._inputs()[name].value = self.chosen.item_id
        self.chosen.say(f"It is the input {name} of the analysis.")

    def _offer(self, name: str, _: object) -> None:
        """Offer to publish as soon as the form shows a result."""
        form = self.forms[name]
        self._publishing[name].offer(form.run if len(form.outcome.children) > 1 else None)

    def _find_published(self, name: str, _: object) -> None:
        self.finder.text = ""
        self.finder.text = self._publishing[name].title.value.strip()


class ChosenDataset(ipywidgets.VBox):  # type: ignore[misc]
    """The dataset that was opened in the finder: where it goes, and a look at it."""

    def __init__(self, fed: Federation) -> None:
        self._fed = fed
        self.item_id = ""
        self._head = ipywidgets.HTML(_quiet("None yet: open one of those found."))
        self._said = ipywidgets.HTML()
        self.uses = _box("portal-explore-buttons")
        self.look = ipywidgets.Button(description="View", tooltip="Look at the dataset")
        self.look.on_click(lambda _: self._look())
        self._view = ipywidgets.VBox()
        super().__init__([self._head, self._said, self.uses, self._view])
        self.uses.layout.display = "none"

    def show(self, item_id: str) -> None:
        """Show a dataset's title; what was looked at before goes."""
        self.item_id = item_id
        try:
            title = self._fed.item(item_id).title
        except PortalError as error:
            self._head.value = _alert(str(error))
            return
        self._head.value = f"<strong>{escape(title)}</strong> <code>{escape(item_id)}</code>"
        self._said.value = ""
        self._close_view()

    def offer(self, inputs: Sequence[str], use: object) -> None:
        """Offer to take it as one of these inputs."""
        buttons = []
        for name in inputs:
            button = ipywidgets.Button(
                description=f"Use as {name}", tooltip=f"Take it as the input {name}"
            )
            button.on_click(lambda _, name=name: use(name))  # type: ignore[operator]
            buttons.append(button)
        self.uses.children = (*buttons, self.look)
        self.uses.layout.display = "" if self.item_id else "none"

    def say(self, text: str) -> None:
        """Say what became of it."""
        self._said.value = _quiet(text)

    def _close_view(self) -> None:
        for child in self._view.children:
            child.close()
        self._view.children = ()

    def _look(self) -> None:
        self.look.disabled = True
        self.say("Opening…")
        in_thread(self._open, self.item_id)

    def _open(self, item_id: str) -> None:
        try:
            picture = view(self._fed.open(item_id), title=self._fed.item(item_id).title)
        except PortalError as error:
            self._said.value = _alert(str(error))
        except Exception:  # noqa: BLE001 - a driver is a plug-in: the person who pressed is told
            fault = messages.unexpected(log_fault(f"opening {item_id}"))
            self._said.value = _alert(fault["message"])
        else:
            if item_id == self.item_id:
                self._close_view()
                self._view.children = (picture,)
                self._said.value = ""
        finally:
            self.look.disabled = False


class Publishing(ipywidgets.VBox):  # type: ignore[misc]
    """A result's title, and the way to make it a dataset that others find."""

    def __init__(self, fed: Federation) -> None:
        self._fed = fed
        self._run: Run | None = None
        self.title = ipywidgets.Text(
            description="Title",
            placeholder="What others will look for",
            style={"description_width": "11em"},
        )
        self.button = ipywidgets.Button(
            description="Publish", button_style="primary", tooltip="Make the result a dataset"
        )
        self.button.on_click(lambda _: self._start())
        self.found = ipywidgets.Button(description="Show in finder")
        self._said = ipywidgets.HTML()
        super().__init__([_heading("Publish"), self.title, self.button, self._said, self.found])
        self.offer(None)

    def offer(self, run: Run | None) -> None:
        """Offer it for a run that has a result, or for none."""
        if run is not self._run:
            self.title.value = ""
        self._run = run
        self._said.value = ""
        self.found.layout.display = "none"
        self.layout.display = "none" if run is None else ""

    def _start(self) -> None:
        if not self.title.value.strip():
            self._said.value = _alert("Give the result a title: others find it by that.")
            return
        self.button.disabled = True
        self._said.value = _quiet("Publishing…")
        in_thread(self._publish, self._run, self.title.value.strip())

    def _publish(self, run: Run, title: str) -> None:
        try:
            item = self._fed.publish(run, title=title)
        except PortalError as error:
            self._said.value = _alert(str(error))
        except Exception:  # noqa: BLE001 - a driver is a plug-in: the person who pressed is told
            fault = messages.unexpected(log_fault(f"publishing {run.id}"))
            self._said.value = _alert(fault["message"])
        else:
            self._said.value = (
                f'<div role="status">Published as <code>{escape(item.id)}</code>, with its '
                "lineage.</div>"
            )
            self.found.layout.display = ""
        finally:
            self.button.disabled = False


def _box(name: str, *children: ipywidgets.Widget) -> ipywidgets.Widget:
    box = ipywidgets.Box(children)
    box.add_class(name)
    return box


def _heading(text: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(f"<h2>{escape(text)}</h2>")


def _quiet(text: str) -> str:
    return f'<div role="status" class="portal-explore-quiet">{escape(text)}</div>'


def _alert(text: str) -> str:
    return f'<div role="alert" class="portal-explore-alert">{escape(text)}</div>'
