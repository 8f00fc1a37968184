"""The whole main job as one layout of widgets, for a page or a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    publishing : dict
        What publishes the result of each form, by its analysis' name.
    """

    def __init__(self, fed: Federation, analyses: Sequence[Analysis]) -> None:
        self.finder = FinderWidget(fed)
        self.chosen = ChosenDataset(fed, self._use)
        self._analyses = {analysis.name: analysis for analysis in analyses}
        self.forms = {name: AnalysisForm(fed, a) for name, a in self._analyses.items()}
        self.publishing = {name: Publishing(fed, self._find) for name in self.forms}
        for name, form in self.forms.items():
            form.outcome.observe(partial(self._offer, name), "children")
        self.which = ipywidgets.Dropdown(
            options=[(analysis.title, analysis.name) for analysis in analyses],
            description="Analysis",
            style={"description_width": "11em"},
        )
        self.which.observe(lambda _: self._switch(), "value")
        self._work = _box("portal-explore-work")
        self.finder.observe(lambda change: self._choose(change["new"]), "selected")
        self.finder.observe(lambda change: self._take(change["new"]), "used")
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
        self._work.children = (self.form, self.publishing[self.which.value])
        self.chosen.offer(tuple(self._inputs()))

    def _inputs(self) -> dict[str, ipywidgets.Widget]:
        analysis = self._analyses[self.which.value]
        return {name: self.form.fields[name] for name in analysis.inputs}

    def _choose(self, item_id: str) -> None:
        """Show what was opened in the finder, and put it where an input is still empty."""
        self.chosen.show(item_id)
        self.chosen.offer(tuple(self._inputs()))
        if not self.chosen.item_id:
            return
        empty = [name for name, field in self._inputs().items() if not field.value]
        if empty:
            self._use(empty[0])

    def _take(self, item_id: str) -> None:
        """Choose what "Use in analysis" was pressed for; it replaces the first of full inputs."""
        if not item_id:
            return
        self._choose(item_id)
        inputs = self._inputs()
        if self.chosen.item_id and all(field.value != item_id for field in inputs.values()):
            self._use(next(iter(inputs)))

    def _use(self, name: str) -> None:
        self._inputs()[name].value = self.chosen.item_id
        self.chosen.say(f"It is the input {name} of the analysis.")

    def _offer(self, name: str, _: object) -> None:
        """Offer to publish as soon as the form shows the result below the run."""
        form = self.forms[name]
        self.publishing[name].offer(form.run if len(form.outcome.children) > 1 else None)

    def _find(self, words: str) -> None:
        self.finder.text = ""  # the same words again are a search as well
        self.finder.text = words


class ChosenDataset(ipywidgets.VBox):  # type: ignore[misc]
    """The dataset that was opened in the finder: where it goes, and a look at it.

    Parameters
    ----------
    fed
        The federation.
    use
        Takes it as the input of this name.
    """

    def __init__(self, fed: Federation, use: Callable[[str], None]) -> None:
        self._fed = fed
        self._use = use
        self.item_id = ""
        self.head = ipywidgets.HTML(_quiet("None yet: open one of those found."))
        self.said = ipywidgets.HTML()
        self.uses = _box("portal-explore-buttons")
        self.look = ipywidgets.Button(description="View", tooltip="Look at the dataset")
        self.look.on_click(lambda _: self._look())
        self.pictures = ipywidgets.VBox()
        super().__init__([self.head, self.said, self.uses, self.pictures])
        self.uses.layout.display = "none"

    def show(self, item_id: str) -> None:
        """Show a dataset's title, or why it is not known; what was looked at before goes."""
        self.said.value = ""
        self._close_view()
        try:
            title = self._fed.item(item_id).title
        except PortalError as error:
            self.item_id = ""
            self.head.value = _alert(str(error))
        else:
            self.item_id = item_id
            self.head.value = f"<strong>{escape(title)}</strong> <code>{escape(item_id)}</code>"

    def offer(self, inputs: Sequence[str]) -> None:
        """Offer to take it as one of these inputs."""
        old = self.uses.children[:-1]
        self.uses.children = (*map(self._use_button, inputs), self.look)
        for button in old:
            button.close()
        self.uses.layout.display = "" if self.item_id else "none"

    def _use_button(self, name: str) -> ipywidgets.Button:
        button = ipywidgets.Button(
            description=f"Use as {name}", tooltip=f"Take it as the input {name}"
        )
        button.on_click(lambda _: self._use(name))
        return button

    def say(self, text: str) -> None:
        """Say what became of it."""
        self.said.value = _quiet(text)

    def _close_view(self) -> None:
        for child in self.pictures.children:
            child.close()
        self.pictures.children = ()

    def _look(self) -> None:
        self.look.disabled = True
        self.say("Opening…")
        in_thread(self._open, self.item_id)

    def _open(self, item_id: str) -> None:
        failed = _attempt(f"opening {item_id}", lambda: self._show_view(item_id))
        self.said.value = _alert(failed) if failed else ""
        self.look.disabled = False

    def _show_view(self, item_id: str) -> None:
        picture = view(self._fed.open(item_id), title=self._fed.item(item_id).title)
        if item_id == self.item_id:
            self._close_view()
            self.pictures.children = (picture,)


class Publishing(ipywidgets.VBox):  # type: ignore[misc]
    """A result's title, and the way to make it a dataset that others find.

    Parameters
    ----------
    fed
        The federation.
    find
        Searches for words.
    """

    def __init__(self, fed: Federation, find: Callable[[str], None]) -> None:
        self._fed = fed
        self._run: Run | None = None
        self._published = ""
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
        self.found.on_click(lambda _: find(self._published))
        self.said = ipywidgets.HTML()
        super().__init__([_heading("Publish"), self.title, self.button, self.said, self.found])
        self.offer(None)

    def offer(self, run: Run | None) -> None:
        """Offer it for a run that has a result, or for none."""
        self._run = run
        self.title.value = ""
        self.button.disabled = False
        self.said.value = ""
        self.found.layout.display = "none"
        self.layout.display = "none" if run is None else ""

    def _start(self) -> None:
        title = self.title.value.strip()
        if not title:
            self.said.value = _alert("Give the result a title: others find it by that.")
            return
        self.button.disabled = True
        self.said.value = _quiet("Publishing…")
        in_thread(self._publish, self._run, title)

    def _publish(self, run: Run, title: str) -> None:
        failed = _attempt(f"publishing {run.id}", lambda: self._tell(run, title))
        if failed:
            self.said.value = _alert(failed)
            self.button.disabled = False

    def _tell(self, run: Run, title: str) -> None:
        item = self._fed.publish(run, title=title)
        if run is self._run:
            self._published = title
            self.said.value = (
                f'<div role="status">Published as <code>{escape(item.id)}</code>, with its '
                "lineage.</div>"
            )
            self.found.layout.display = ""


def _attempt(what: str, work: Callable[[], None]) -> str:
    """Do what a person asked for; return why it failed, or an empty text."""
    try:
        work()
    except PortalError as error:
        return str(error)
    except Exception:  # noqa: BLE001 - a driver is a plug-in: the person who pressed is told
        return messages.unexpected(log_fault(what))["message"]
    return ""


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
