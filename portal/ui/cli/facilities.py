"""The commands ``portal facilities``: what is configured, and the presets to add and remove."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from portal.core.contracts import SupportsHarvest, SupportsSearch
from portal.core.facility import DriverConfig, Facility
from portal.core.plugins import CATALOGS, build_driver
from portal.errors import PortalError
from portal.federation import presets
from portal.ui import messages
from portal.ui.cli.output import Output

facilities = typer.Typer(name="facilities")

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Name = Annotated[str, typer.Argument(help="The preset's name.", metavar="NAME")]


@facilities.callback(invoke_without_command=True)
def configured(context: typer.Context, as_json: Json = False) -> None:
    """List the facilities, and the directory to which their files are added; or see COMMAND."""
    context.obj = as_json
    if context.invoked_subcommand is not None:
        return
    out = Output(as_json)
    with out.federation() as fed:
        found = messages.facilities(fed)
        lines = [
            f"{f['id']:12} {f['name']}\n"
            f"             catalogs: {', '.join(f['catalogs']) or 'none'};"
            f" computes: {', '.join(f['computes']) or 'none'}; from: {f['source']}"
            for f in found
        ]
        directory = str(fed.home.facilities)
        text = "\n".join([*lines, f"Facility files (NAME.toml) are read from {directory}"])
        out.result({"directory": directory, "facilities": found}, text)


@facilities.command()
def available(context: typer.Context, as_json: Json = False) -> None:
    """List the presets: facility files that ship with Portal, off until added."""
    out = Output(as_json or context.obj)
    with out.federation() as fed:
        found = [
            {
                "id": preset.id,
                "name": preset.facility.name,
                "description": preset.facility.description,
                "place": preset.facility.place,
                "catalogs": {n: c.driver for n, c in preset.facility.catalogs.items()},
                "endpoints": {n: e.kind for n, e in preset.facility.endpoints.items()},
                "added": preset.path(fed.home).exists(),
            }
            for preset in presets.presets()
        ]
        out.result({"presets": found}, "\n".join(_row(preset) for preset in found))


def _row(preset: dict[str, Any]) -> str:
    name = ", ".join(filter(None, (preset["name"], preset["place"])))
    offers = [
        f"{what}: " + ", ".join(f"{n} ({kind})" for n, kind in preset[what].items())
        for what in ("catalogs", "endpoints")
        if preset[what]
    ]
    added = " [added]" if preset["added"] else ""
    return f"{preset['id']:18} {name}{added}\n{'':18} {'; '.join(offers)}"


@facilities.command()
def add(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Write a preset into the directory of facility files, to be edited there."""
    out = Output(as_json or context.obj)
    with out.federation() as fed:
        path = presets.add(name, fed.home)
        facility = presets.find(name).facility
        catalogs = [_told(facility, n, config) for n, config in facility.catalogs.items()]
        endpoints = [
            {"name": n, "kind": e.kind, "url": e.url, "note": e.note}
            for n, e in facility.endpoints.items()
        ]
        lines = [
            str(path),
            *(f"  catalog {c['name']} ({c['driver']}): {_says(c)}" for c in catalogs),
        ]
        lines += [
            f"  endpoint {e['name']} ({e['kind']}): described only, no driver asks it"
            for e in endpoints
        ]
        values = {"id": name, "file": str(path), "catalogs": catalogs, "endpoints": endpoints}
        out.result(values, "\n".join(lines))


def _told(facility: Facility, name: str, config: DriverConfig) -> dict[str, Any]:
    """Build a catalog, which asks nobody, and say how its records are found or what it lacks.

    ``found`` is "live", "harvest" (only by the command) or "index" (by the first search); None
    where the catalog cannot be built.
    """
    told: dict[str, Any] = {"name": name, "driver": config.driver, "found": None}
    told |= {"url": config.options.get("url") or config.options.get("path"), "problem": None}
    try:
        catalog = build_driver(CATALOGS, config, facility.id)
    except PortalError as error:
        return told | {"problem": str(error)}
    harvests = isinstance(catalog, SupportsHarvest)
    live = isinstance(catalog, SupportsSearch)
    found = "live" if live else "harvest" if harvests else "index"
    hint = f"`portal harvest {facility.id} --catalog {name}`"
    return told | {"found": found, "harvest": hint if harvests else None}


def _says(catalog: dict[str, Any]) -> str:
    if catalog["problem"]:
        return f"not usable yet. {catalog['problem']}"
    service = f"{catalog['url']}, " if catalog["url"] else ""
    if catalog["found"] == "live":
        also = (
            f"; {catalog['harvest']} takes its records into the index" if catalog["harvest"] else ""
        )
        return f"{service}asked live by each search{also}"
    if catalog["found"] == "harvest":
        return f"{service}found after {catalog['harvest']} has taken its records into the index"
    return f"{service}listed into the index by the first search"


@facilities.command()
def remove(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Delete a preset's facility file, if it was not edited."""
    out = Output(as_json or context.obj)
    with out.federation() as fed:
        path = presets.remove(name, fed.home)
        out.result({"id": name, "file": str(path)}, f"removed {path}")
