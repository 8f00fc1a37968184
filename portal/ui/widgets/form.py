"""A form for an analysis: its inputs and parameters, its run, and its result, in a notebook."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import ipywidgets

from portal.core.analysis import Analysis
from portal.core.item import Item
from portal.core.job import JobState
from portal.core.query import MAX_LIMIT
from portal.errors import InvalidInput, InvalidParameter, PortalError
from portal.federation.federation import Federation
from portal.federation.runs import Run
from portal.ui import messages
from portal.ui.values import choices, from_text, properties
from portal.ui.view import view
from portal.ui.widgets.bridge import in_thread, log_fault, refuse_unknown
from portal.ui.widgets.run import RunWidget

WIDE = {"description_width": "11em"}
BOUNDS = (
    ("minimum", "at least"),
    ("exclusiveMinimum", "more than"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "less than"),
)


class AnalysisForm(ipywidgets.VBox):  # type: ignore[misc]
    """Fill in an analysis' inputs and parameters, run it, follow it, and look at the result.

    Parameters
    ----------
    fed
        The federation.
    analysis
        What is run.
    **values
        Values that the fields have at first, by the analysis' own names: Items or ids for its
        inputs.

    Attributes
    ----------
    fields : dict
        The ipywidget of each input and parameter, by name, and of ``at``.
    run : portal.Run or None
        The last run that was started.

    Raises
    ------
    InvalidInput
        ``analysis`` is none.
    InvalidParameter
        A keyword is no input or parameter of the analysis, or not one of a choice's values.
    """

    def __init__(self, fed: Federation, analysis: Analysis, **values: Any) -> None:
        if not isinstance(analysis, Analysis):
            raise InvalidInput(
                "A form is for an analysis",
                found=f"a {type(analysis).__name__}",
                advice="Decorate the function with @portal.analysis.",
            )
        self._fed = fed
        self._analysis = analysis
        self._schemas = properties(analysis)
        refuse_unknown(f"The form of {analysis.name!r}", values, (*analysis.inputs, *self._schemas))
        self.run: Run | None = None
        self._showing = threading.Lock()
        self.fields = self._inputs(values)
        for name, schema in self._schemas.items():
            self.fields[name] = _field(name, schema, values)
        computes = fed.registry.computes()
        self.fields["at"] = ipywidgets.Dropdown(
            options=["auto", *computes], description="run at", style=WIDE
        )
        self.button = ipywidgets.Button(
            description="Run", button_style="primary", tooltip=f"Run {analysis.name}"
        )
        self.button.on_click(lambda _: self.start())
        self.compare = ipywidgets.Button(
            description="Compare places", tooltip="Estimate each place; nothing is started"
        )
        self.compare.on_click(lambda _: self._work(self._compare_places, "placing"))
        self.placement = ipywidgets.HTML()
        self.error = ipywidgets.HTML()
        self.error.add_class("portal-form-error")
        self.outcome = ipywidgets.VBox()
        title = ipywidgets.Label(analysis.title, style={"font_weight": "bold"})
        rows = [self._row(name, field) for name, field in self.fields.items()]
        buttons = ipywidgets.HBox([self.button, self.compare])
        super().__init__([title, *rows, buttons, self.error, self.placement, self.outcome])

    def _inputs(self, values: Mapping[str, Any]) -> dict[str, ipywidgets.Widget]:
        ids = [item.id for item in self._fed.search(limit=MAX_LIMIT)]
        fields = {}
        for name in self._analysis.inputs:
            given = values.get(name, "")
            fields[name] = ipywidgets.Combobox(
                value=given.id if isinstance(given, Item) else str(given),
                options=ids,
                description=name,
                placeholder="facility:dataset",
                style=WIDE,
                continuous_update=False,
            )
        return fields

    def _row(self, name: str, field: ipywidgets.Widget) -> ipywidgets.Widget:
        help_text = _help(self._schemas.get(name, {}))
        return ipywidgets.HBox([field, ipywidgets.Label(help_text)]) if help_text else field

    def values(self) -> dict[str, Any]:
        """Return what the fields hold, by name; an empty text is left to its default.

        Raises
        ------
        InvalidParameter
            A list or a mapping that is not JSON.
        """
        found: dict[str, Any] = {}
        for name, field in self.fields.items():
            value = field.value
            if name in self._schemas and isinstance(field, ipywidgets.Text):
                schema = self._schemas[name]
                if value == "" and not (schema.get("type") == "string" and "default" in schema):
                    continue
                value = from_text(name, schema, value)
            if value is not None and (value != "" or name not in self._analysis.inputs):
                found[name] = value
        return found

    def start(self) -> None:
        """Start the run, in a thread; what cannot be taken is said under the form."""
        self._work(self._start, "running")

    def _work(self, work: Callable[[], None], what: str) -> None:
        """Do what a button is for; meanwhile no button can be pressed."""

        def done() -> None:
            try:
                work()
            except PortalError as error:
                self._say(str(error))
            except Exception:  # noqa: BLE001 - whatever it is, the person who pressed is told
                fault = messages.unexpected(log_fault(f"{what} {self._analysis.name}"))
                self._say(fault["message"])
            finally:
                self.button.disabled = self.compare.disabled = False

        self.button.disabled = self.compare.disabled = True
        self.error.value = ""
        in_thread(done)

    def _compare_places(self) -> None:
        self.placement.value = self._fed.place(self._analysis, **self.values())._repr_html_()

    def _start(self) -> None:
        self.run = self._fed.run(self._analysis, **self.values())
        widget = RunWidget(self.run)
        for old in self.outcome.children:
            old.close()
        self.outcome.children = (widget,)
        widget.observe(lambda change: self._show(widget, change["new"]), "update")
        self._show(widget, widget.update)

    def _show(self, widget: RunWidget, update: Mapping[str, Any]) -> None:
        """Put the result under the run once it is there."""
        run = self.run
        with self._showing:
            if update["state"] != JobState.COMPLETED or self.outcome.children != (widget,):
                return
            if run is None or run.id != update["id"]:
                return
            try:
                self.outcome.children = (widget, view(run.result(), title=run.title))
            except PortalError as error:
                self._say(str(error))

    def _say(self, text: str) -> None:
        self.error.value = (
            f'<div role="alert" style="color:var(--jp-error-color1,#c62828)">{escape(text)}</div>'
        )


def _field(name: str, schema: Mapping[str, Any], values: Mapping[str, Any]) -> ipywidgets.Widget:
    """Return the field of a parameter.

    A number without a default is a text, so that none is made up. No field clamps to the bounds:
    a value outside them is refused by name, rather than changed.
    """
    has_value = name in values or "default" in schema
    value = values.get(name, schema.get("default"))
    common: dict[str, Any] = {"description": name, "style": WIDE}
    limited = choices(schema) or ([True, False] if schema.get("type") == "boolean" else [])
    if schema.get("type") == "boolean" and isinstance(value, bool):
        return ipywidgets.Checkbox(value=value, indent=True, **common)
    if limited:
        if name in values and value not in limited:
            raise InvalidParameter(
                f"The form's {name!r} takes one of its values",
                found=repr(value),
                advice=f"Give one of {', '.join(map(repr, limited))}.",
            )
        options = [(str(choice), choice) for choice in limited]
        if not has_value or schema.get("nullable"):
            options.insert(0, ("none" if has_value else "choose…", None))
        return ipywidgets.Dropdown(options=options, value=value, **common)
    if schema.get("type") == "integer" and isinstance(value, int):
        return ipywidgets.IntText(value=value, **common)
    if schema.get("type") == "number" and isinstance(value, int | float):
        return ipywidgets.FloatText(value=value, **common)
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    hint = "" if has_value else "needed"
    return ipywidgets.Text(value=text, placeholder=hint, continuous_update=False, **common)


def _help(schema: Mapping[str, Any]) -> str:
    bounds = ", ".join(f"{word} {schema[key]:g}" for key, word in BOUNDS if key in schema)
    return " ".join(part for part in (schema.get("description", ""), bounds) if part)
