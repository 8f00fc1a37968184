"""A group of figures: printed as a table, and written to build/bench/GROUP.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parents[2] / "build" / "bench"


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    goal: float | None = None,
    peer: str | None = None,
    peer_value: float | None = None,
) -> dict[str, Any]:
    """Return a figure; less is better, ``ratio`` is how many times the peer's value is ours."""
    return {
        "figure": name,
        "value": round(value, 3),
        "unit": unit,
        "goal": goal,
        "peer": peer,
        "peer_value": None if peer_value is None else round(peer_value, 3),
        "ratio": None if not peer_value or not value else round(peer_value / value, 2),
        "met": None if goal is None else value <= goal,
    }


def report(group: str, figures: Sequence[dict[str, Any]]) -> None:
    """Print a table and write the group's file."""
    head = ("figure", "value", "unit", "goal", "peer", "peer_value", "ratio", "met")
    rows = [head, *(tuple("" if f[k] is None else str(f[k]) for k in head) for f in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        print(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        )
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    path = DIRECTORY / f"{group}.json"
    path.write_text(json.dumps(list(figures), indent=1) + "\n")
    print(f"\n{path}")
