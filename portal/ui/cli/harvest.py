"""The command ``portal harvest``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from portal.federation.harvesting import Harvest
from portal.ui.cli.output import FAILED, Output


def harvest(
    facility: Annotated[str, typer.Argument(help="The facility's id.")],
    catalog: Annotated[str | None, typer.Option(help="Only this catalog of it.")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="A file of STAC Items, one a line (NDJSON).")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Begin at the beginning; drop what has gone.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
) -> None:
    """Take a facility's records into the index; stopped and asked again, it goes on."""
    out = Output(as_json)
    began = time.monotonic()

    def tell(step: Harvest) -> None:
        for fault in step.faults:
            typer.echo(f"warning: {fault}", err=True)
        rate = step.records / max(time.monotonic() - began, 1e-3)
        if not as_json and sys.stderr.isatty():
            line = f"{step.facility} {step.catalog}: {step.records:,} records, {rate:,.0f}/s"
            typer.echo(f"\r{line}\x1b[K", err=True, nl=False)

    with out.federation() as fed:
        reports = fed.harvest(facility, catalog=catalog, source=source, anew=anew, tell=tell)
        if not as_json and sys.stderr.isatty():
            typer.echo("", err=True)
        lines = [
            f"{r.facility} {r.catalog}: {r.records:,} records, {r.removed:,} removed, "
            f"{r.broken:,} left out{'' if r.done else '; not at its end'}"
            for r in reports
        ]
        values = [
            {
                "facility": r.facility,
                "catalog": r.catalog,
                "records": r.records,
                "removed": r.removed,
                "broken": r.broken,
                "faults": list(r.faults),
                "done": r.done,
            }
            for r in reports
        ]
        out.result({"harvests": values}, "\n".join(lines))
        if not all(r.done for r in reports):
            raise typer.Exit(FAILED)
