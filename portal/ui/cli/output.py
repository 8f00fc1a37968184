"""What the commands share: a federation, errors and results as text or as JSON, exit codes."""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from portal.errors import InvalidInput, NotFound, PortalError, PortalWarning, RunFailed
from portal.ui import messages

if TYPE_CHECKING:
    from portal.federation.federation import Federation

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Output:
    """How a command answers.

    Parameters
    ----------
    as_json
        One JSON document on standard output instead of text; errors are then one on standard
        error: ``{"error": {"kind", "message"}}``.
    """

    as_json: bool

    @contextmanager
    def federation(self) -> Iterator[Federation]:
        """Open the federation; an error of Portal's ends the command with its text and exit code."""
        from portal.federation.federation import connect

        with warnings.catch_warnings():
            warnings.simplefilter("always", PortalWarning)
            warnings.showwarning = _show_warning
            try:
                with connect() as fed:
                    yield fed
            except PortalError as error:
                self.fail(error)

    def result(self, values: Any, text: str) -> None:
        """Print what a command found."""
        typer.echo(json.dumps(_strict(values), allow_nan=False) if self.as_json else text)

    def fail(self, error: PortalError) -> None:
        """Print an error to standard error and exit: 2 for bad input, else 1."""
        if self.as_json:
            typer.echo(json.dumps({"error": messages.failure(error)}), err=True)
        else:
            if isinstance(error, RunFailed) and error.traceback:
                typer.echo(error.traceback.rstrip(), err=True)
            typer.echo(f"portal: {error}", err=True)
        raise typer.Exit(BAD_INPUT if isinstance(error, InvalidInput | NotFound) else FAILED)


def _show_warning(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, PortalWarning):
        typer.echo(f"warning: {message}", err=True)


def _strict(value: Any) -> Any:
    """Turn what a dataset's attributes may hold into strict JSON: numpy's values, NaN, objects."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _strict(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int | str | None) else str(value)


def progress_line(update: dict[str, Any]) -> str:
    """Say in one line how far a run is."""
    line = f"{update['state']}"
    progress = update["progress"]
    if progress and progress["total"]:
        line += (
            f"  {progress['done']}/{progress['total']} tasks"
            f"  {progress['workers']} workers  {progress['memory'] / 2**20:.0f} MiB"
        )
    line += f"  {update['elapsed']:.0f} s"
    return f"{line}  {update['message']}" if update["message"] else line


class Line:
    """One line of a terminal that is written over; elsewhere, a line for each new state."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._state = ""
        self._width = 0

    def show(self, update: dict[str, Any]) -> None:
        """Show how far a run is."""
        text = progress_line(update)
        if self._terminal:
            typer.echo("\r" + text.ljust(self._width), err=True, nl=False)
            self._width = len(text)
        elif update["state"] != self._state:
            typer.echo(text, err=True)
        self._state = update["state"]

    def end(self) -> None:
        """Leave the line as it stands."""
        if self._terminal and self._width:
            typer.echo(err=True)
