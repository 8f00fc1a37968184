"""A run in a notebook: its progress as it goes on, its log, its end, and a way to cancel it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import traitlets

from portal.core.job import JobState
from portal.errors import PortalError
from portal.federation.runs import Run
from portal.ui import messages
from portal.ui.widgets.bridge import BridgeWidget, in_thread, log_fault, refuse_unknown
from portal.ui.widgets.bundle import bundle
from portal.ui.widgets.calls import Call

#: Seconds between two looks at the run directory.
EVERY = 0.5


class RunWidget(BridgeWidget):
    """Follow a run. Closing it, or the notebook, leaves the run as it is.

    Its front-end may ask for ``run``, ``cancel`` and ``rerun``, of the run and of those that it has
    started so; it is told ``{event: "update", data}`` when there is news of the run, and finds the
    last of it in ``update``.

    Parameters
    ----------
    run
        The run.

    Attributes
    ----------
    update : dict
        What was last known, as :func:`portal.ui.messages.update` gives it.

    Raises
    ------
    InvalidParameter
        A keyword is unknown.
    MissingDependency
        A checkout whose front-end has not been built.
    """

    _esm = bundle("run.js")
    _css = bundle("run.css")

    run_id = traitlets.Unicode().tag(sync=True)
    update = traitlets.Dict().tag(sync=True)

    def __init__(self, run: Run, **unknown: Any) -> None:
        refuse_unknown("RunWidget", unknown, ())
        self._run = run
        self._looking = threading.Lock()
        self._stop = threading.Event()
        first = messages.update(self._run)
        self._others: dict[str, Run] = {}
        methods = {"run": self._ask, "cancel": self._cancel, "rerun": self._rerun}
        super().__init__(methods, run_id=run.id, update=first)
        if not self._ended:
            in_thread(self._follow)

    @property
    def _ended(self) -> bool:
        return JobState(self.update["state"]).final

    def _ask(self, params: Mapping[str, Any], _: Call) -> dict[str, Any]:
        other = self._others.get(str(params.get("id")))
        if other is not None:
            return messages.update(other)
        with self._looking:
            return self.update if self._ended else messages.update(self._run)

    def _cancel(self, params: Mapping[str, Any], _: Call) -> None:
        other = self._others.get(str(params.get("id")))
        if other is not None:
            other.cancel()
            return
        with self._looking:
            self._run.cancel()
        self._look()

    def _rerun(self, params: Mapping[str, Any], _: Call) -> dict[str, str]:
        started = messages.again(self._others.get(str(params.get("id")), self._run), params)
        self._others[started.id] = started
        return {"id": started.id}

    def _follow(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                self._look()
            except PortalError as error:
                self._tell(self.update | {"message": str(error)})
            except Exception:  # noqa: BLE001 - whatever it is, the person who looks is told
                fault = messages.unexpected(log_fault(f"following {self.run_id}"))
                self._tell(self.update | {"message": fault["message"]})
                return
            if self._ended:
                return

    def _look(self) -> None:
        with self._looking:
            if self._ended:
                return
            now = messages.update(self._run)
            if _news(now) != _news(self.update):
                self._tell(now)

    def _tell(self, update: dict[str, Any]) -> None:
        self.update = update
        self.send({"event": "update", "data": update})

    def close(self) -> None:
        """Stop following; the run goes on."""
        self._stop.set()
        super().close()

    def summary(self) -> str:
        """Say how far the run is."""
        return f"{self.run_id}: {self.update['state']} at {self.update['at']}"


def _news(update: Mapping[str, Any]) -> dict[str, Any]:
    """All but the time that has passed, which the front-end counts by itself."""
    return {key: value for key, value in update.items() if key != "elapsed"}
