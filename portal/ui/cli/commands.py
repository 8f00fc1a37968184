"""The commands. Each enters by one method of Federation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from portal.core.job import JobState
from portal.errors import InvalidParameter, Unavailable
from portal.ui import finding, messages
from portal.ui.cli.doctor import doctor
from portal.ui.cli.export import export
from portal.ui.cli.facilities import facilities
from portal.ui.cli.given import Inputs, Json, Params, Several, for_analysis
from portal.ui.cli.harvest import harvest
from portal.ui.cli.life import fetch, place, reap, retry
from portal.ui.cli.output import FAILED, INTERRUPTED, Line, Output, progress_line
from portal.ui.cli.virtualize import virtualize

app = typer.Typer(
    name="portal",
    help="Find datasets of a federation of laboratories, run beside them, look at the result.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(virtualize)
app.command()(export)
app.command()(doctor)
app.command()(harvest)
app.command()(place)
app.command()(retry)
app.command()(fetch)
app.command()(reap)
app.add_typer(facilities)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Free words.")] = "",
    bbox: Annotated[str | None, typer.Option(help="west,south,east,north in degrees.")] = None,
    time: Annotated[str | None, typer.Option(help='Such as "2003/2010" or "2003-07".')] = None,
    facility: Annotated[
        Several, typer.Option(help="Only of this facility; may be repeated.")
    ] = None,
    variable: Annotated[Several, typer.Option(help="Only with this variable.")] = None,
    keyword: Annotated[Several, typer.Option(help="Only with this keyword.")] = None,
    limit: Annotated[int, typer.Option(help="Hits wanted.")] = 20,
    offset: Annotated[int, typer.Option(help="Hits to pass over.")] = 0,
    sort: Annotated[str, typer.Option(help="relevance, title, newest or oldest.")] = "relevance",
    literal: Annotated[
        Several, typer.Option(help="Words that mean nothing but themselves; may be repeated.")
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for live catalogs; 0: none.")] = 5.0,
    as_json: Json = False,
) -> None:
    """Find datasets of all facilities."""
    out = Output(as_json)
    with out.federation() as fed:
        found = fed.search(
            text,
            bbox=None if bbox is None else bbox.split(","),  # type: ignore[arg-type]
            time=time,
            facility=facility or (),
            variable=variable or (),
            keyword=keyword or (),
            limit=limit,
            offset=offset,
            sort=sort,  # type: ignore[arg-type]
            literal=literal or (),
            wait=wait,
        )
        out.result(finding.found(found), repr(found))


@app.command("open")
def open_(
    item: Annotated[str, typer.Argument(help="The dataset's id, facility:local-id.")],
    as_json: Json = False,
) -> None:
    """Open a dataset lazily and show what it holds."""
    out = Output(as_json)
    with out.federation() as fed:
        ds = fed.open(item)
        out.result({"id": item} | ds.to_dict(data=False), repr(ds))


@app.command()
def run(
    analysis: Annotated[str, typer.Argument(help="package.module:function or file.py:function.")],
    given: Inputs = None,
    param: Params = None,
    at: Annotated[str, typer.Option(help='facility.compute, facility, or "auto".')] = "auto",
    title: Annotated[str, typer.Option(help="What the run is called in lists.")] = "",
    key: Annotated[
        str | None, typer.Option(help="Asked twice with one key, it starts once.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Follow the run to its end.")] = True,
    as_json: Json = False,
) -> None:
    """Run an analysis beside its data; it goes on even if this command is stopped."""
    from portal.ui.cli.load import load_analysis

    out = Output(as_json)
    with out.federation() as fed:
        found = load_analysis(analysis)
        values = for_analysis(found, given, param)
        held = fed.run(found, at=at, title=title, key=key, **values)
        if not as_json:
            typer.echo(f"{held.placement}\n{held.id} at {held.at}", err=True)
        if wait:
            _follow(out, held)
        else:
            out.result(messages.update(held), held.id)


@app.command()
def runs(
    run_id: Annotated[
        str | None, typer.Argument(help="One run, by its id or the end of it.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Newest runs wanted.")] = 100,
    follow: Annotated[
        bool, typer.Option("--follow", help="Follow the one run to its end.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the runs, found from their directories alone; or show one of them."""
    out = Output(as_json)
    with out.federation() as fed:
        if run_id is None:
            listed = fed.runs()
            for problem in listed.problems:
                typer.echo(f"warning: {problem}", err=True)
            found = messages.runs(fed, limit=limit, held=listed)
            rows = [f"{r['id']:60} {r['state']:10} {r['at']:16} {r['title']}" for r in found]
            out.result(found, "\n".join(rows) or "No runs yet.")
        elif follow:
            _follow(out, fed.get_run(run_id))
        else:
            update = messages.run(fed, run_id)
            out.result(update, _told(update))


@app.command()
def view(
    what: Annotated[str, typer.Argument(help="A dataset's id, or a run's.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")],
    variable: Annotated[str | None, typer.Option(help="The only variable to hold.")] = None,
    title: Annotated[str | None, typer.Option(help="The page's heading.")] = None,
    as_json: Json = False,
) -> None:
    """Write a self-contained page that shows a dataset, or a run's result."""
    from portal.ui.page import save_page

    out = Output(as_json)
    with out.federation() as fed:
        ds = fed.open(what) if ":" in what else fed.get_run(what).result()
        if not output.parent.is_dir():
            raise InvalidParameter(
                f"The page cannot be written to {output}",
                found=f"no directory {output.parent}",
                advice="Make the directory first.",
            )
        page = save_page(ds, output, title=title, variable=variable)
        out.result({"page": str(page), "bytes": page.stat().st_size}, str(page))


@app.command()
def publish(
    run_id: Annotated[str, typer.Argument(help="The run, by its id or the end of it.")],
    title: Annotated[str, typer.Option(help="What the new dataset is called.")],
    description: Annotated[str, typer.Option(help="What it is, in sentences.")] = "",
    keyword: Annotated[Several, typer.Option(help="A keyword; repeat it.")] = None,
    to: Annotated[str, typer.Option(help="The facility whose catalog takes it.")] = "local",
    as_json: Json = False,
) -> None:
    """Make a run's result a dataset that others find, with its lineage."""
    out = Output(as_json)
    with out.federation() as fed:
        item = fed.publish(
            run_id, title=title, description=description, keywords=keyword or (), to=to
        )
        out.result(item.to_stac() | {"portal:id": item.id}, item.id)


@app.command()
def cancel(
    run_id: Annotated[str, typer.Argument(help="The run, by its id or the end of it.")],
    as_json: Json = False,
) -> None:
    """End a run and every process of it."""
    out = Output(as_json)
    with out.federation() as fed:
        messages.cancel(fed, run_id)
        update = messages.run(fed, run_id)
        out.result(update, f"{update['id']}: {update['state']}")


def _follow(out: Output, run: Any) -> None:
    """Show how far a run is until it has ended; exit 1 where it has no result."""
    line, update = Line(), messages.update(run)
    try:
        for status in run.follow():
            try:
                update = messages.update(run)
            except Unavailable:  # it goes on there, and so does this
                update |= {"message": status.message}
            line.show(update)
    except KeyboardInterrupt:
        line.end()
        typer.echo(f"It goes on: portal runs {run.id}; to end it: portal cancel {run.id}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    line.end()
    update = messages.update(run)
    if update["state"] == JobState.COMPLETED:
        out.result(update, _told(update) + f"\n{run.result()!r}")
    elif out.as_json:
        out.result(update, "")
        raise typer.Exit(FAILED)
    else:
        run.result()


def _told(update: dict[str, Any]) -> str:
    lines = [f"{update['id']}  {update['title']}", f"{progress_line(update)}  at {update['at']}"]
    if update["error"] and update["error"]["traceback"]:
        lines.append(update["error"]["traceback"].rstrip())
    return "\n".join([*lines, update["directory"]])
