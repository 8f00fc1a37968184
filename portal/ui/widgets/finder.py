"""The finder: search box, facets, results and a dataset's details, in a notebook."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import traitlets

from portal.core.item import Item
from portal.federation.federation import Federation
from portal.ui.finding import METHODS
from portal.ui.widgets.bridge import BridgeWidget, refuse_unknown
from portal.ui.widgets.bundle import bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from portal.ui.widgets.calls import Call


class FinderWidget(BridgeWidget):
    """Find datasets; what is chosen is in ``selected`` and ``item``.

    Its front-end may ask for everything in :data:`portal.ui.finding.METHODS`.

    Parameters
    ----------
    fed
        The federation.
    text
        Words that are searched for at first.

    Attributes
    ----------
    selected : str
        The id of the chosen dataset; empty where none is. Observe it:
        ``finder.observe(lambda change: …, "selected")``.
    used : str
        The id of the dataset for which "Use in analysis" was pressed last.

    Raises
    ------
    InvalidParameter
        A keyword is unknown.
    MissingDependency
        A checkout whose front-end has not been built.
    """

    _esm = bundle("finder.js")
    _css = bundle("finder.css")

    text = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
    used = traitlets.Unicode().tag(sync=True)

    def __init__(self, fed: Federation, *, text: str = "", **unknown: Any) -> None:
        refuse_unknown("FinderWidget", unknown, ("text",))
        self._fed = fed
        super().__init__(
            {name: partial(_answer, method, fed) for name, method in METHODS.items()}, text=text
        )

    @property
    def item(self) -> Item | None:
        """The record of the chosen dataset; None where none is chosen."""
        return self._fed.item(self.selected) if self.selected else None

    def summary(self) -> str:
        """Say what is chosen."""
        chosen = f"; chosen: {self.selected}" if self.selected else ""
        return f"Portal finder{chosen}. Run the cell again for the interactive view."


def _answer(
    method: Callable[[Federation, object], Any],
    fed: Federation,
    params: Mapping[str, Any],
    _: Call,
) -> Any:
    """Ask the federation; such an answer comes at once and whole."""
    return method(fed, params)
