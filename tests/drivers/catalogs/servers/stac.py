"""stac-fastapi-pgstac on a private PostgreSQL with PostGIS, with data that a file server gives."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from portal.core.asset import Asset
from portal.core.item import Item
from portal.drivers.catalogs._describe import describe
from tests.drivers.catalogs.servers.files import serving_files
from tests.drivers.catalogs.servers.postgres import postgres
from tests.drivers.catalogs.servers.processes import free_port, http_answers, process

UPDATED = "2024-03-0{}T00:00:00Z"


@contextmanager
def stac_server(directory: Path) -> Iterator[str]:
    """Run a STAC API with three collections and seven items; give its URL.

    The data lies in ``directory`` and is served on another port of 127.0.0.1, which the facility
    file has to allow: ``allow = ["127.0.0.1"]``.
    """
    with ExitStack() as stack:
        files = stack.enter_context(serving_files(directory))
        database = stack.enter_context(postgres())
        collections, items = documents(directory, files.url)
        load(database, collections, items)
        yield stack.enter_context(_api(database, directory))


@contextmanager
def _api(database: dict[str, str], directory: Path) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with process(
        [sys.executable, "-m", "uvicorn", "stac_fastapi.pgstac.app:create_app", "--factory",
         "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"],
        ready=http_answers(f"{url}/_mgmt/ping"),
        log=directory / "stac.log",
        env=database,
    ):  # fmt: skip
        yield url


def load(
    database: dict[str, str], collections: list[dict[str, Any]], items: list[dict[str, Any]]
) -> None:
    """Make the schema of pgstac and put records in."""
    import psycopg

    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password"}
    options = {name: database[key] for key, name in names.items()}
    package = find_spec("pypgstac")
    assert package is not None
    assert package.submodule_search_locations
    schema = Path(package.submodule_search_locations[0], "migrations")
    with psycopg.connect(**options, dbname=database["PGDATABASE"], autocommit=True) as connection:
        if not connection.execute("SELECT to_regnamespace('pgstac')").fetchone()[0]:
            connection.execute((schema / f"pgstac.{version('pypgstac')}.sql").read_text())
        connection.execute("SET search_path TO pgstac, public")
        for collection in collections:
            connection.execute("SELECT upsert_collection(%s::jsonb)", [json.dumps(collection)])
        if items:
            connection.execute("SELECT upsert_items(%s::jsonb)", [json.dumps(items)])


def documents(directory: Path, url: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Write the data, and return the STAC documents of it.

    Two collections hold an item of the same id; one collection is itself a dataset; some items
    have no data, one no title.
    """
    warm = grid(title="Air temperature", first="2001-01-01")
    cold = grid(title="Air temperature", first="2002-06-01", west=-110.0)
    sea = grid(title="Sea surface temperature", first="2010-01-01", west=150.0, name="sst")
    wind = grid(title="Wind speed", first="1990-01-01", days=5, west=0.0, name="wind")
    warm.to_zarr(directory / "warm.zarr", zarr_format=2, consolidated=True)
    cold.to_netcdf(directory / "cold.nc", engine="h5netcdf")
    with warnings.catch_warnings():  # consolidated metadata is not in the specification of Zarr 3
        warnings.simplefilter("ignore")
        sea.to_zarr(directory / "sea.zarr", zarr_format=3, consolidated=True)
    wind.to_zarr(directory / "wind.zarr", zarr_format=2, consolidated=True)
    zarr, netcdf = "application/vnd+zarr", "application/netcdf"
    page = [{"rel": "about", "href": "https://data.example.gov/how-to"}]
    items = [
        item("climate", "t-2001", "Air temperature of 2001", 1, warm, f"{url}/warm.zarr", zarr),
        item("climate", "t-2002", "Air temperature of 2002", 2, cold, f"{url}/cold.nc", netcdf),
        item("climate", "summary", "Summary of the climate runs", 3, warm, links=page),
        item("ocean", "summary", "", 4, sea, f"{url}/sea.zarr", zarr, keywords=["buoys"]),
        item("ocean", "cruise", "Über die Fahrt: salinité 100%", 5, sea, links=page),
        item("notes", "a", "Rain gauges; not yet digitised", 6, cold, links=page),
        item("notes", "b", "Snow depth, by hand", 7, warm, links=page),
    ]
    whole = {"data": {"href": f"{url}/wind.zarr", "type": zarr, "roles": ["data"]}}
    collections = [
        collection("climate", "Climate runs", "Runs of a model of the air.", ["model"]),
        collection("ocean", "Ocean stations", "What ships and moorings saw.", ["in situ"]),
        collection("notes", "Notes on paper", "Books of observers.", []),
        collection("reanalysis", "Wind reanalysis", "Wind of a box.", ["wind"], wind, whole),
    ]
    return collections, items


def grid(
    *, title: str, first: str, days: int = 3, west: float = -120.0, name: str = "t2m"
) -> xr.Dataset:
    """A small CF dataset: times, 4 latitudes (north first), 5 longitudes."""
    time = (np.datetime64(first, "D") + np.arange(days)).astype("datetime64[ns]")
    values = np.arange(days * 20, dtype="float32").reshape(days, 4, 5)
    standard = {"t2m": "air_temperature", "sst": "sea_surface_temperature", "wind": "wind_speed"}
    units = "m s-1" if name == "wind" else "K"
    attrs = {"standard_name": standard[name], "units": units, "long_name": title}
    return xr.Dataset(
        {name: (("time", "lat", "lon"), values, attrs)},
        coords={
            "time": ("time", time, {"standard_name": "time"}),
            "lat": ("lat", [50.0, 40, 30, 20], {"units": "degrees_north"}),
            "lon": ("lon", west + np.arange(5) * 2.0, {"units": "degrees_east"}),
        },
        attrs={"title": title},
    )


def item(
    within: str,
    name: str,
    title: str,
    day: int,
    data: xr.Dataset,
    href: str = "",
    kind: str = "",
    *,
    links: list[dict[str, Any]] | None = None,
    keywords: list[str] | None = None,
) -> dict[str, Any]:
    """A STAC Item as a service keeps it; without a title where that is empty."""
    told = describe(data)
    if not href:
        told = {key: told[key] for key in ("bbox", "time")}
    assets = {"data": Asset(href, media_type=kind, roles=("data",))} if href else {}
    made = Item.build("x", name, title=title or "x", assets=assets, keywords=keywords or (), **told)
    document = made.to_stac()
    properties = document["properties"]
    del properties["license"]
    if not title:
        del properties["title"]
    properties["updated"] = UPDATED.format(day)
    return document | {"collection": within, "links": links or []}


def collection(
    name: str,
    title: str,
    description: str,
    keywords: list[str],
    data: xr.Dataset | None = None,
    assets: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A STAC Collection; with the data's extents and cube where there is data."""
    document: dict[str, Any] = {
        "type": "Collection", "stac_version": "1.1.0", "id": name, "title": title,
        "description": description, "license": "CC-BY-4.0", "keywords": keywords, "links": [],
        "providers": [{"name": "A laboratory", "roles": ["producer"]}],
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["1990-01-01T00:00:00Z", None]]},
        },
    }  # fmt: skip
    if data is None:
        return document
    made = Item.build("x", name, title=title, **describe(data)).to_stac()
    told = made["properties"]
    times = [told["start_datetime"], told["end_datetime"]]
    document["extent"] = {"spatial": {"bbox": [made["bbox"]]}, "temporal": {"interval": [times]}}
    document |= {key: value for key, value in told.items() if key.startswith("cube:")}
    return document | {"assets": assets, "stac_extensions": made["stac_extensions"]}


def main() -> None:
    """Serve until a line is given, for a look by hand: ``python -m MODULE DIRECTORY``."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    with stac_server(directory) as url:
        print(url, flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
