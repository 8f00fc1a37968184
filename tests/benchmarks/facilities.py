"""Facilities for benchmarks: files that name a driver and its options, in a home of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def add_facility(
    home: Path, name: str, compute: Mapping[str, Any], *, data: Path | None = None
) -> None:
    """Write a facility's file, with one compute resource ``NAME.debug`` and a folder of data."""
    lines = [f'name = "{name}"', "[compute.debug]", *_lines(compute)]
    if data is not None:
        lines += ["[catalog.data]", *_lines({"driver": "folder", "path": str(data)})]
    path = home / "facilities" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def _lines(options: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in options.items()]
