"""The command ``portal doctor``: look whether facilities can be used, and say what to mend."""

from __future__ import annotations

from typing import Annotated

import typer

from portal.ui.cli.output import FAILED, Output


def doctor(
    what: Annotated[
        str | None, typer.Argument(help="A facility, or facility.compute; all when left out.")
    ] = None,
    job: Annotated[
        bool, typer.Option("--job", help="Submit a tiny job to each compute resource, too.")
    ] = False,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for such a job; then it is cancelled.")
    ] = 300.0,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
) -> None:
    """Look at facilities one thing after the other; say what to mend. Exits 1 if something failed."""
    out = Output(as_json)
    with out.federation() as fed:
        tell = None if as_json else lambda one: typer.echo(str(one))
        found = fed.doctor(what, job=job, wait=wait, tell=tell)
        if as_json:
            out.result(found.to_dict(), "")
        if not found.ok:
            raise typer.Exit(FAILED)
