"""Placement: what a run would cost at each compute resource, term by term, best first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: The terms of an estimate, in the order in which a run meets them.
TERMS = ("queue", "start", "data", "decode", "tasks", "result")


@dataclass(frozen=True, slots=True)
class Term:
    """One term of an estimate.

    Parameters
    ----------
    seconds
        The time that it costs.
    text
        What it was made of, and where that is from.
    bytes
        The bytes that it was made of; None for a term that is not of bytes.
    """

    name: str
    seconds: float
    text: str
    bytes: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        values = {"name": self.name, "seconds": round(self.seconds, 3), "text": self.text}
        return values if self.bytes is None else values | {"bytes": self.bytes}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Term:
        """Read what :meth:`to_dict` wrote."""
        return cls(values["name"], values["seconds"], values["text"], values.get("bytes"))


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would cost at one compute resource, or why it cannot run there.

    Parameters
    ----------
    node_hours
        The price, in node-hours: nodes times the estimated time once it has started.
    cores
        The cores that it was estimated with.
    left
        What is left of the allocation, in words; empty where that is not told.
    notes
        What else a reader should know, such as what could not be learnt of the resource.
    """

    at: str
    terms: tuple[Term, ...] = ()
    ruled_out: str = ""
    node_hours: float | None = None
    cores: int | None = None
    left: str = ""
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """The sum of the terms."""
        return sum(term.seconds for term in self.terms)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "at": self.at,
            "seconds": round(self.seconds, 3),
            "terms": [term.to_dict() for term in self.terms],
            "ruled_out": self.ruled_out,
            "node_hours": self.node_hours,
            "cores": self.cores,
            "left": self.left,
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Estimate:
        """Read what :meth:`to_dict` wrote."""
        return cls(
            values["at"],
            tuple(Term.from_dict(term) for term in values["terms"]),
            values["ruled_out"],
            values["node_hours"],
            values["cores"],
            values["left"],
            tuple(values["notes"]),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Placement:
    """The estimates, best first; those ruled out come last, with their reasons.

    Parameters
    ----------
    basis
        Where the sizes are from, a sentence each.
    """

    estimates: tuple[Estimate, ...]
    basis: tuple[str, ...] = ()

    @property
    def best(self) -> Estimate | None:
        """The best estimate, or None when everything is ruled out."""
        first = self.estimates[0] if self.estimates else None
        return first if first is not None and not first.ruled_out else None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "estimates": [estimate.to_dict() for estimate in self.estimates],
            "basis": list(self.basis),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Placement:
        """Read what :meth:`to_dict` wrote."""
        found = tuple(Estimate.from_dict(estimate) for estimate in values["estimates"])
        return cls(found, tuple(values["basis"]))

    def __repr__(self) -> str:
        rows = [_head(), *(_row(e) for e in self.estimates if not e.ruled_out)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "  ".join(
                text.ljust(width) if i in (0, len(widths) - 1) else text.rjust(width)
                for i, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        lines = lines if len(rows) > 1 else []
        for estimate in self.estimates:
            lines += [f"{estimate.at}: {text}" for text in _reasons(estimate)]
        return "\n".join([*lines, *self.basis]) or "No compute resource is configured."

    def _repr_html_(self) -> str:
        from html import escape

        line = "border-bottom:1px solid var(--jp-border-color2,rgba(128,128,128,.4))"
        cell = f"vertical-align:top;padding:.25em .75em .25em 0;{line}"
        left, right = f"text-align:left;{cell}", f"text-align:right;{cell}"
        columns = _head()
        head = "".join(
            f'<th scope="col" style="{left if i in (0, len(columns) - 1) else right}">{name}</th>'
            for i, name in enumerate(columns)
        )
        rows = []
        for estimate in self.estimates:
            name = f'<th scope="row" style="{left}">{escape(estimate.at)}</th>'
            if estimate.ruled_out:
                why = escape(f"ruled out: {estimate.ruled_out}")
                rows.append(f'{name}<td style="{left}" colspan="{len(columns) - 1}">{why}</td>')
                continue
            texts = _row(estimate)[1:]
            cells = "".join(f'<td style="{right}">{escape(t)}</td>' for t in texts[:-1])
            rows.append(f'{name}{cells}<td style="{left}">{escape(texts[-1])}</td>')
        reasons = "".join(
            f"<li>{escape(f'{estimate.at}: {text}')}</li>"
            for estimate in self.estimates
            if not estimate.ruled_out
            for text in _reasons(estimate)
        ) + "".join(f"<li>{escape(text)}</li>" for text in self.basis)
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return (
            '<div class="portal-placement">'
            '<table style="border-collapse:collapse;color:inherit;background:transparent">'
            '<caption style="text-align:left">Where it could run: estimated seconds</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<details><summary>How this was estimated</summary><ul>{reasons}</ul></details></div>"
        )


def rank(estimates: Iterable[Estimate], basis: tuple[str, ...] = ()) -> Placement:
    """Order estimates: the quickest first, those ruled out last; ties by name."""
    found = sorted(estimates, key=lambda e: (bool(e.ruled_out), e.seconds, e.at))
    return Placement(tuple(found), basis)


def size(count: float) -> str:
    """Return a number of bytes in words."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def _head() -> tuple[str, ...]:
    return ("Where", "Total", *(name.capitalize() for name in TERMS), "Node-hours", "Left")


def _row(estimate: Estimate) -> tuple[str, ...]:
    seconds = {term.name: f"{term.seconds:.1f}" for term in estimate.terms}
    price = "" if estimate.node_hours is None else f"{estimate.node_hours:.3g}"
    terms = (seconds.get(name, "") for name in TERMS)
    return (estimate.at, f"{estimate.seconds:.1f}", *terms, price, estimate.left or "not told")


def _reasons(estimate: Estimate) -> list[str]:
    if estimate.ruled_out:
        return [f"ruled out: {estimate.ruled_out}"]
    terms = "; ".join(f"{t.name} {t.seconds:.1f} s ({t.text})" for t in estimate.terms)
    return [f"about {estimate.seconds:.1f} s: {terms}", *estimate.notes]
