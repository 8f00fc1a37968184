"""The main job, headless: find, run beside the data, look, publish. `make demo` runs it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from portal.core.analysis import Analysis
from portal.core.home import HOME_VARIABLE
from portal.core.job import Resources
from portal.federation.federation import Federation, connect
from portal.federation.runs import Run
from portal.ui.page import save_page

if TYPE_CHECKING:
    import xarray as xr

#: Where a scheduler shares machines, its default of memory for one core may be too little.
RESOURCES = Resources(memory=2 * 10**9)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def main() -> None:
    """Run the demonstration; its files go to ``--directory``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--directory", type=Path, default=Path("build/demo"))
    parser.add_argument("--at", default="auto", help='facility.compute, facility, or "auto"')
    given = parser.parse_args()
    directory = given.directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    home = os.environ.get(HOME_VARIABLE) or directory / "home"
    with connect(home=home) as fed:
        turbidity(fed, directory, given.at)
        warming(fed, given.at)


def turbidity(fed: Federation, directory: Path, at: str) -> None:
    """Mean turbidity over land and over ocean, from two of Sandia's datasets."""
    from portal.sample.analyses import turbidity_by_surface

    print("1. Find")
    hits = fed.search("atmospheric turbidity")
    print(hits)
    item = hits[0]
    print(f"   provided by {', '.join(p.name for p in item.providers)}; licence {item.license}\n")

    print("2. Run beside the data")
    relief = fed.item("sandia:altitude")
    placement = fed.place(turbidity_by_surface, at=at, turbidity=item, relief=relief)
    print("   " + repr(placement).replace("\n", "\n   "))
    run = fed.run(
        turbidity_by_surface,
        at=at,
        title="Turbidity by surface",
        resources=RESOURCES,
        turbidity=item,
        relief=relief,
    )
    print(f"   at {run.at}")
    result = follow(run)
    print(f"   run directory: {run.directory.path}\n")

    print("3. What it computed: Linke turbidity, area-weighted (cosine of latitude)")
    print("   month  " + "  ".join(f"{name:>5}" for name in MONTHS))
    for name in ("land", "ocean"):
        print(f"   {name:5}  " + "  ".join(f"{float(v):5.3f}" for v in result[name]))
    for label, name in (
        ("land fraction of the grid", "land_fraction"),
        ("mean over land", "land_mean"),
        ("mean over ocean", "ocean_mean"),
        ("whole globe", "global_mean"),
    ):
        print(f"   {label:26} {float(result[name]):.4f}   ({result[name].attrs['long_name']})")

    print("\n4. Look")
    page = save_page(result, directory / "turbidity.html", title=run.title)
    print(f"   page: {page}\n")

    print("5. Publish")
    published = fed.publish(run, title="Turbidity over land and ocean")
    found = fed.search("turbidity over land and ocean", facility=published.facility)
    print(f"   {published.id}, found again: {published.id in [i.id for i in found]}")
    print(f"   lineage: {published.properties['processing:lineage']}\n")


def warming(fed: Federation, at: str) -> None:
    """Warming of North America under two scenarios of the Met Office."""
    from portal.sample.analyses import warming as analysis

    print("Second example: warming of North America, first to last decade, 1860 to 2099")
    for scenario in ("a1b", "e1"):
        result = run_quietly(fed, at, analysis, f"metoffice:{scenario}-north-america")
        print(f"   {scenario.upper():4} {float(result['warming']):+.2f} K")


def run_quietly(fed: Federation, at: str, analysis: Analysis, scenario: str) -> xr.Dataset:
    """Run an analysis of one input and wait for its result."""
    run = fed.run(analysis, at=at, title=scenario, resources=RESOURCES, scenario=scenario)
    return run.result()


def follow(run: Run) -> xr.Dataset:
    """Print what happens to a run until it has ended, by tenths, and open its result."""
    last = ""
    for status in run.follow():
        line = f"{status.state}: {status.message}" if status.message else str(status.state)
        if status.progress and status.progress.total:
            line += f" ({status.progress.done * 10 // status.progress.total * 10} % of tasks)"
        if line != last:
            print(f"   {line}", flush=True)
        last = line
    return run.result()


if __name__ == "__main__":
    main()
