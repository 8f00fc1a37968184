"""pygeoapi on loopback: a catalogue of records, a coverage, and environmental data."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml

from tests.drivers.catalogs.servers.files import serving_files
from tests.drivers.catalogs.servers.processes import free_port, http_answers, process

CREATED = "2024-01-02T00:00:00Z"


@contextmanager
def ogc_server(directory: Path) -> Iterator[str]:
    """Run pygeoapi with the catalogues ``metadata`` and ``odd``; give its URL.

    One record points at a file on another port of 127.0.0.1, which the facility file has to
    allow: ``allow = ["127.0.0.1"]``.
    """
    with ExitStack() as stack:
        files = stack.enter_context(serving_files(directory))
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        data = write_data(directory)
        for name, found in records(url, files.url).items():
            kept = {str(n): r for n, r in enumerate(found, 1)}
            (directory / f"{name}.json").write_text(json.dumps({"_default": kept}))
        (directory / "config.yml").write_text(yaml.safe_dump(config(url, directory, data)))
        nothing = {"openapi": "3.0.2", "info": {"title": "x", "version": "1"}, "paths": {}}
        (directory / "openapi.json").write_text(json.dumps(nothing))
        with process(
            [sys.executable, "-m", "waitress", f"--listen=127.0.0.1:{port}",
             "pygeoapi.flask_app:APP"],
            ready=http_answers(f"{url}/conformance"),
            log=directory / "pygeoapi.log",
            env={
                "PYGEOAPI_CONFIG": str(directory / "config.yml"),
                "PYGEOAPI_OPENAPI": str(directory / "openapi.json"),
            },
        ):  # fmt: skip
            yield url


def grid(*dims: str, north_first: bool = True) -> xr.Dataset:
    """A small CF dataset: 3 times, 4 latitudes, 5 longitudes, in an order of dimensions."""
    time = np.arange("2001-01-01", "2001-01-04", dtype="datetime64[D]").astype("datetime64[ns]")
    values = np.arange(60, dtype="float32").reshape(3, 4, 5)
    attrs = {"standard_name": "air_temperature", "units": "K", "long_name": "Air temperature"}
    data = xr.Dataset(
        {"tas": (("time", "lat", "lon"), values, attrs)},
        coords={
            "time": ("time", time, {"standard_name": "time"}),
            "lat": ("lat", [50.0, 40, 30, 20], {"units": "degrees_north"}),
            "lon": ("lon", -120.0 + np.arange(5) * 10.0, {"units": "degrees_east"}),
        },
    ).transpose(*dims)
    return data if north_first else data.isel(lat=slice(None, None, -1))


def write_data(directory: Path) -> dict[str, Path]:
    """Write the datasets; pygeoapi's cubes of ``mixed`` have latitudes and axes the wrong way."""
    written = {
        "gridded": grid("time", "lat", "lon"),
        "series": grid("lat", "lon", "time"),
        "mixed": grid("time", "lat", "lon", north_first=False),
    }
    for name, data in written.items():
        data.to_netcdf(directory / f"{name}.nc", engine="h5netcdf")
    return {name: directory / f"{name}.nc" for name in written}


def config(url: str, directory: Path, data: dict[str, Path]) -> dict[str, Any]:
    """The configuration of pygeoapi."""
    box = {"bbox": [-120, 20, -80, 50], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
    when = {"begin": "2001-01-01T00:00:00Z", "end": "2001-01-03T00:00:00Z"}
    about: dict[str, Any] = {
        "type": "collection", "keywords": ["test"], "links": [],
        "extents": {"spatial": box, "temporal": when},
    }  # fmt: skip

    def fields(kind: str, name: str) -> dict[str, Any]:
        return {
            "type": kind, "name": "xarray" if kind == "coverage" else "xarray-edr",
            "data": str(data[name]), "x_field": "lon", "y_field": "lat", "time_field": "time",
            "format": {"name": "netcdf", "mimetype": "application/x-netcdf"},
        }  # fmt: skip

    def catalogue(name: str) -> dict[str, Any]:
        return {
            "type": "record", "name": "TinyDBCatalogue", "data": str(directory / f"{name}.json"),
            "id_field": "id", "time_field": "created", "title_field": "title",
        }  # fmt: skip

    providers = {
        "metadata": [catalogue("metadata")],
        "odd": [catalogue("odd")],
        "gridded": [fields("coverage", "gridded"), fields("edr", "gridded")],
        "series": [fields("edr", "series")],
        "mixed": [fields("edr", "mixed")],
    }
    person = {"name": "A laboratory", "url": "https://data.example.gov"}
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": 0}, "url": url, "mimetype": "application/json",
            "encoding": "utf-8", "languages": ["en-US"], "pretty_print": False,
            "limits": {"default_items": 10, "max_items": 50},
            "map": {"url": "", "attribution": ""},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": "Test", "description": "Test", "keywords": ["test"],
                "terms_of_service": "none", "url": url,
            },
            "license": {"name": "CC-BY 4.0"}, "provider": person, "contact": person,
        },
        "resources": {
            name: {**about, "title": name, "description": name, "providers": given}
            for name, given in providers.items()
        },
    }  # fmt: skip


def records(url: str, files: str) -> dict[str, list[dict[str, Any]]]:
    """The catalogues: records with data in every way and one on paper, and some at fault."""

    def data(name: str) -> dict[str, str]:
        return {"rel": "data", "type": "application/json", "href": f"{url}/collections/{name}"}

    nc = {"rel": "enclosure", "type": "application/x-netcdf", "href": f"{files}/gridded.nc"}
    page = {"rel": "about", "type": "text/html", "href": "https://data.example.gov/how-to"}
    coverage = data("gridded") | {"href": f"{url}/collections/gridded/coverage", "rel": "item"}
    inner = {"rel": "data", "type": "application/json", "href": "http://127.0.0.1:9/collections/x"}
    good = [
        record("air-file", "Air temperature as a file", nc, doi="10.5067/TEST/AIR"),
        record("air-coverage", "Air temperature as a coverage", coverage, page),
        record("air-collection", "Air temperature of a collection", data("gridded")),
        record("air-cube", "Air temperature as a cube", data("series")),
        record("books", "Books of observers: 'rain', not digitised", page, keywords=["paper"]),
    ]
    odd = [
        record("mixed", "Air temperature that contradicts itself", data("mixed")),
        record("gone", "Air temperature that has gone", data("no-such-collection")),
        record("catalogue", "A catalogue, which is no data", data("metadata")),
        record("inside", "A service of this network", inner),
        record("air-file", "Air temperature under the same id", nc),
    ]
    return {"metadata": good, "odd": odd}


def record(
    name: str, title: str, *links: dict[str, str], keywords: list[str] | None = None, doi: str = ""
) -> dict[str, Any]:
    """A record as the catalogue keeps it."""
    west, south, east, north = -120, 20, -80, 50
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    description = "What a test needs."
    return {
        "id": name, "type": "Feature", "links": list(links),
        "conformsTo": ["http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-core"],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "time": {"interval": ["2001-01-01", "2001-01-03"]},
        "properties": {
            "type": "dataset", "title": title, "description": description, "created": CREATED,
            "updated": CREATED, "keywords": keywords or ["air"], "license": "CC-BY-4.0",
            "contacts": [{"organization": "A laboratory", "roles": ["creator"]}],
            "externalIds": [{"scheme": "doi", "value": doi}] if doi else [],
            "_metadata-anytext": f"{title} {description} {' '.join(keywords or ['air'])}",
        },
    }  # fmt: skip


def main() -> None:
    """Serve until a line is given, for a look by hand: ``python -m MODULE DIRECTORY``."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    with ogc_server(directory) as url:
        print(url, flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
