"""The command ``portal export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from portal.core.item import Item
from portal.errors import InvalidParameter, Unavailable
from portal.ui.cli.output import Output


def export(
    ids: Annotated[
        list[str] | None, typer.Argument(help="The datasets' ids, facility:local-id.")
    ] = None,
    format: Annotated[
        str, typer.Option(help="stac, croissant, dcat, schema.org, ro-crate or bibtex.")
    ] = "stac",
    search: Annotated[
        str | None, typer.Option(help="Also what these words find; best first.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Records wanted of the search.")] = 100,
    out_file: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
) -> None:
    """Write records as STAC, Croissant, DCAT, schema.org, RO-Crate or BibTeX."""
    out = Output(as_json)
    with out.federation() as fed:
        if not ids and search is None:
            raise InvalidParameter(
                "There is nothing to export",
                found="neither an id nor --search",
                advice="For instance: portal export sandia:altitude --format bibtex",
            )
        items: list[Item | str] = list(ids or ())
        if search is not None:
            found = fed.search(search, limit=limit)
            for problem in found.problems:
                typer.echo(f"warning: {problem}", err=True)
            items += found
        text = fed.export(items, format)
        if out_file is None:
            out.result({"format": format, "text": text}, text.removesuffix("\n"))
        else:
            size = _write(out_file, text)
            out.result({"file": str(out_file), "bytes": size}, str(out_file))


def _write(path: Path, text: str) -> int:
    try:
        return path.write_bytes(text.encode())
    except OSError as error:
        raise Unavailable(
            f"The records cannot be written to {path}",
            found=str(error),
            advice="Give a file in a directory that is there and that you may write to.",
        ) from error
