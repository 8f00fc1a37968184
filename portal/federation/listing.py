"""Runs: all that are found in the run directories, shown a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

from portal.core.found import Problem
from portal.errors import PortalError
from portal.federation.runs import Run
from portal.federation.together import together

#: Runs of a page, and seconds for which the states of a page are waited for.
PAGE, DEADLINE = 20, 5.0


@dataclass(frozen=True, slots=True)
class Found:
    """The directory of a run.

    Parameters
    ----------
    places
        The compute resources that see it; those of one laboratory may share a workspace.
    """

    id: str
    places: tuple[str, ...]


@dataclass(eq=False, repr=False)
class Runs(Sequence[Run]):
    """Runs, newest first; shown as a table. Their directories are read when they are looked at.

    Parameters
    ----------
    problems
        The facilities whose runs are missing, each with its reason.
    """

    found: tuple[Found, ...]
    hold: Callable[[Found], Run]
    problems: tuple[Problem, ...] = ()
    _held: dict[str, Run] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids; no directory is read."""
        return tuple(found.id for found in self.found)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> Run | Runs:
        if isinstance(index, slice):
            return Runs(self.found[index], self.hold, self.problems, self._held)
        return self._hold(self.found[index])

    def __iter__(self) -> Iterator[Run]:
        return map(self._hold, self.found)

    def _hold(self, found: Found) -> Run:
        run = self._held.get(found.id)
        return run if run is not None else self._held.setdefault(found.id, self.hold(found))

    def __len__(self) -> int:
        return len(self.found)

    def __repr__(self) -> str:
        lines = ["  ".join(row) for row in self._rows()] or ["No runs yet."]
        lines += [f"… and {rest:,} older runs: runs[{PAGE}:]"] if (rest := self._rest()) else []
        return "\n".join([*lines, *(f"! {problem}" for problem in self.problems)])

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>"
            for row in self._rows()
        )
        head = "".join(f'<th scope="col">{n}</th>' for n in ("run", "state", "at", "title"))
        table = (
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
            if rows
            else "<p>No runs yet.</p>"
        )
        more = f"<p>… and {rest:,} older runs</p>" if (rest := self._rest()) else ""
        told = "".join(f"<li>{escape(str(problem))}</li>" for problem in self.problems)
        return f"{table}{more}{f'<ul>{told}</ul>' if told else ''}"

    def _rest(self) -> int:
        return max(0, len(self) - PAGE)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        """The first page, its runs looked at side by side; one that is late is said to be so."""
        page = self.found[:PAGE]
        asked = together({f.id: self._question(f) for f in page}, DEADLINE)
        return [
            asked.answers.get(f.id)
            or (f.id, "unreadable", f.places[0], asked.reason(f.id, DEADLINE))
            for f in page
        ]

    def _question(self, found: Found) -> Callable[[], tuple[str, str, str, str]]:
        def row() -> tuple[str, str, str, str]:
            run = self._hold(found)
            try:
                return run.id, run.state.value, run.at, run.title
            except (PortalError, OSError) as error:
                return run.id, "unreadable", run.at, str(error)

        return row
