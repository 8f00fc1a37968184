"""How a notebook shows a run: the entry points of the group ``portal.displays``."""

from __future__ import annotations

import sys
from typing import Any

from portal.errors import MissingDependency
from portal.federation.place import Placement
from portal.federation.runs import Run


def display_run(run: Run) -> dict[str, Any]:
    """Return a run's MIME bundle: a live widget in a Jupyter kernel, else text.

    A checkout without the built front-ends gives text that says what to do.
    """
    if not in_kernel():
        return {"text/plain": str(run)}
    try:
        from portal.ui.widgets.run import RunWidget
    except MissingDependency as error:
        return {"text/plain": f"{run}\n{error}"}
    bundle: dict[str, Any] = RunWidget(run)._repr_mimebundle_()[0]
    return bundle


def show_placement(placement: Placement) -> dict[str, Any]:
    """Show in a notebook where a run could go and why, before it is started; elsewhere nothing."""
    if in_kernel():
        from IPython.display import display

        display(placement)  # type: ignore[no-untyped-call]
    return {}


def in_kernel() -> bool:
    """Whether this process is a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
