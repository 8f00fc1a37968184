"""The commands of placing runs and of what comes after: place, retry, fetch, reap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from portal.ui import messages
from portal.ui.cli.given import Inputs, Json, Params, Several, for_analysis, for_run, overrides
from portal.ui.cli.output import FAILED, Output

RunId = Annotated[str, typer.Argument(help="The run, by its id or the end of it.")]


def place(
    analysis: Annotated[str, typer.Argument(help="package.module:function or file.py:function.")],
    given: Inputs = None,
    param: Params = None,
    at: Annotated[str, typer.Option(help='facility.compute, facility, or "auto".')] = "auto",
    override: Annotated[
        Several, typer.Option(help="RESOURCE.TERM=SECONDS that you know better; repeat it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show where an analysis would be quickest, term by term; nothing is run."""
    from portal.ui.cli.load import load_analysis

    out = Output(as_json)
    with out.federation() as fed:
        found = load_analysis(analysis)
        values = for_analysis(found, given, param)
        placement = fed.place(found, at=at, overrides=overrides(override), **values)
        out.result(placement.to_dict(), repr(placement))


def retry(
    run_id: RunId,
    given: Inputs = None,
    param: Params = None,
    at: Annotated[
        str | None, typer.Option(help='Another place, or "auto"; by default where it ran.')
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a run's analysis once more, as it was, elsewhere, or with a change."""
    out = Output(as_json)
    with out.federation() as fed:
        old = fed.get_run(run_id)
        changes: dict[str, Any] = for_run(old.spec.parameters, given, param)
        new = fed.rerun(old, at=at, **changes)
        out.result(messages.update(new), f"{new.id} at {new.at}")


def fetch(
    run_id: RunId,
    path: Annotated[Path, typer.Argument(help="The Zarr store to make.")],
    as_json: Json = False,
) -> None:
    """Copy a run's result here and compare its checksum; stopped and asked again, it goes on."""
    out = Output(as_json)
    with out.federation() as fed:
        got = fed.get_run(run_id).fetch(path)
        told = "its checksum is that of the run" if got.compared else "the run tells no checksum"
        values = {
            "path": str(got.path),
            "bytes": got.size,
            "moved": got.moved,
            "sha256": got.sha256,
            "compared": got.compared,
        }
        out.result(values, f"{got.path}: {got.size:,} bytes, {got.moved:,} moved now; {told}")


def reap(
    end: Annotated[Several, typer.Option(help="End this run's job; may be repeated.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="End all that are listed.")] = False,
    as_json: Json = False,
) -> None:
    """List jobs of your runs that are idle or forgotten, with their cost; end them on request."""
    out = Output(as_json)
    with out.federation() as fed:
        found = fed.reap(end or (), all=everything)
        values = {
            "jobs": [job.to_dict() for job in found],
            "problems": [str(problem) for problem in found.problems],
        }
        out.result(values, repr(found))
        if any(job.fault for job in found):
            raise typer.Exit(FAILED)
