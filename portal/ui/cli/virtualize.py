"""The command ``portal virtualize``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from portal.ui.cli.output import Output


def virtualize(
    source: Annotated[
        list[str], typer.Argument(help="Files, directories of files, or ids of local datasets.")
    ],
    to: Annotated[Path, typer.Option(help="The directory of the store; made, or appended to.")],
    concat: Annotated[
        str, typer.Option(help="The dimension along which the files follow each other.")
    ] = "time",
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
) -> None:
    """Make one virtual Zarr store of NetCDF, HDF5 or GRIB files, which stay where they are."""
    out = Output(as_json)
    with out.federation() as fed:
        shown = sys.stderr.isatty() and not as_json
        store = fed.virtualize(source, to=to, concat=concat, tell=_tell if shown else None)
        out.result({"store": str(store)}, str(store))


def _tell(done: int, total: int) -> None:
    typer.echo(f"\r{done}/{total} files", err=True, nl=done == total)
