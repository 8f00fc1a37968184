"""What the faces are told of runs and facilities, as JSON values; of finding: :mod:`portal.ui.finding`.

The widgets and the server's routes give the same answers, because both make them here. The shapes
are those of ``extensions/src/components/backend.ts``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TypeVar

from portal.core.job import JobState
from portal.core.run import EVENTS
from portal.errors import InvalidInput, PortalError
from portal.federation.federation import Federation
from portal.federation.listing import Runs
from portal.federation.runs import Run

T = TypeVar("T")

LOG_BYTES = 8_192


def runs(fed: Federation, *, limit: int = 100, held: Runs | None = None) -> list[dict[str, Any]]:
    """Return the newest runs; one whose directory is damaged is listed as "unreadable".

    Parameters
    ----------
    held
        The runs, where they have been listed already.
    """
    return [_summary(run) for run in (fed.runs() if held is None else held)[:limit]]


def listing(fed: Federation) -> dict[str, Any]:
    """Return the newest runs, and the facilities whose runs are missing, each with its reason."""
    held = fed.runs()
    problems = [{"facility": p.facility, "reason": p.reason} for p in held.problems]
    return {"runs": runs(fed, held=held), "problems": problems}


def _summary(run: Run) -> dict[str, Any]:
    try:
        spec = run.spec
        return {
            "id": run.id,
            "analysis": spec.analysis.name,
            "state": run.state.value,
            "at": run.at,
            "created": spec.created,
            "title": run.title,
        }
    except (PortalError, OSError) as error:
        summary = {"id": run.id, "analysis": "", "state": "unreadable", "at": run.at}
        return summary | {"created": "", "title": str(error)}


def run(fed: Federation, run_id: object) -> dict[str, Any]:
    """Return what is known of a run; see :func:`update`.

    Raises
    ------
    InvalidInput, UnknownRun, Denied
    """
    return update(fed.get_run(text(run_id, "run id")))


def update(run: Run) -> dict[str, Any]:
    """Return all that is known of a run.

    ``offset`` is the size of its events.jsonl, bytes: what has the same offset and state brings no
    news. ``elapsed`` is in seconds, from the start to the end or to now.
    """
    size = _size(run)
    status = run.status()
    until = status.ended or time.time()
    return {
        "id": run.id,
        "analysis": run.spec.analysis.name,
        "title": run.title,
        "at": run.at,
        "state": status.state.value,
        "created": run.spec.created,
        "parameters": dict(run.spec.parameters),
        "placement_html": run.placement._repr_html_(),
        "elapsed": max(0.0, until - status.started) if status.started else 0.0,
        "offset": size,
        "progress": status.progress.to_dict() if status.progress else None,
        "message": status.message,
        "error": _error(status.error),
        "log": run.log(LOG_BYTES),
        "result_html": _result(run) if status.state is JobState.COMPLETED else None,
        "directory": run.directory.path,
    }


def _size(run: Run) -> int:
    try:
        return int(run.directory.fs.size(run.directory.file(EVENTS)) or 0)
    except FileNotFoundError:
        return 0


def _error(error: Mapping[str, str] | None) -> dict[str, str] | None:
    return (
        None if error is None else {k: error.get(k, "") for k in ("type", "message", "traceback")}
    )


def _result(run: Run) -> str | None:
    try:
        html: str = run.result()._repr_html_()
    except (PortalError, OSError, ValueError, KeyError):
        # The run has completed and says so; a result that has gone since is told when it is read.
        return None
    return html


def cancel(fed: Federation, run_id: object) -> None:
    """End a run.

    Raises
    ------
    InvalidInput, UnknownRun, Denied
    """
    fed.get_run(text(run_id, "run id")).cancel()


def rerun(fed: Federation, run_id: object, asked: Mapping[str, Any]) -> dict[str, str]:
    """Run a run once more; return the id of the new one. See :func:`again`.

    Raises
    ------
    InvalidInput, InvalidParameter, EnvironmentMismatch, UnknownRun, Unavailable, Denied
    """
    return {"id": again(fed.get_run(text(run_id, "run id")), asked).id}


def again(run: Run, asked: Mapping[str, Any]) -> Run:
    """Run a run once more: ``at`` another place where it is given, ``changes`` of parameters.

    Raises
    ------
    InvalidInput, InvalidParameter, EnvironmentMismatch, Unavailable, Denied
    """
    changes = asked.get("changes") or {}
    if not isinstance(changes, Mapping) or not set(changes) <= set(run.spec.parameters):
        raise InvalidInput(
            "A run is run again with other values of its parameters",
            found=repr(changes)[:200],
            advice=f"Its parameters are {', '.join(run.spec.parameters) or 'none'}.",
        )
    at = asked.get("at")
    return run.rerun(at=text(at, "place") if at else None, **changes)


def facilities(fed: Federation) -> list[dict[str, Any]]:
    """Return the facilities configured here; drivers by name, never their options."""
    return [
        {
            "id": facility.id,
            "name": facility.name,
            "description": facility.description,
            "homepage": facility.homepage,
            "access": facility.access,
            "catalogs": {name: c.driver for name, c in facility.catalogs.items()},
            "computes": {name: c.driver for name, c in facility.computes.items()},
            "source": facility.source,
        }
        for facility in fed.facilities.values()
    ]


def failure(error: PortalError) -> dict[str, str]:
    """Return an error as the faces show it."""
    return {"kind": type(error).__name__, "message": str(error)}


def unexpected(reference: str) -> dict[str, str]:
    """Return what is shown of a fault of Portal's own; the log has the rest under the reference."""
    return {
        "kind": "InternalError",
        "message": f"Portal failed on its own side. Its log tells more under {reference}.",
    }


def text(value: object, what: str) -> str:
    """Read a text that a face must give.

    Raises
    ------
    InvalidInput
        It is none, or empty.
    """
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"A {what} is a text", found=repr(value)[:200], advice="Give one.")
    return value
