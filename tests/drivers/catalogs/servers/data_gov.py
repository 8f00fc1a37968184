"""Data.gov's Catalog API, as GSA's resources.data.gov (pages/catalog-api.md) has it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from portal.core.query import BBox
from tests.drivers.catalogs.servers.standin import (
    Answer,
    Request,
    StandIn,
    netcdf,
    passes,
    words,
)


def record(slug: str, title: str, *, shape: Any = None, **more: Any) -> dict[str, Any]:
    """A result with the fields that the service documents."""
    return {
        "title": title,
        "description": "Values on a grid.",
        "identifier": f"id-{slug}",
        "slug": slug,
        "publisher": "A Laboratory",
        "keyword": ["climate"],
        "theme": [],
        "has_spatial": shape is not None,
        "spatial_centroid": None,
        "spatial_shape": shape,
        "popularity": 2,
        "last_harvested_date": "2025-08-02T21:17:47.154806",
        "distribution_titles": [],
        "organization": {"name": "Department of Data", "slug": "dod", "aliases": []},
        "dcat": {
            "@type": "dcat:Dataset",
            "title": title,
            "accessLevel": "public",
            "identifier": f"id-{slug}",
            "issued": "2014-05-21",
            "modified": "2023-06-22T20:25:39.652070",
            "publisher": {"@type": "org:Organization", "name": "A Laboratory"},
            "spatial": "United States",
            "distribution": [],
        }
        | more,
    }


class DataGovServer(StandIn):
    def __init__(self, files: Path, *, extra: int = 0, key: str = "DEMO_KEY") -> None:
        super().__init__(files)
        self.key = key
        netcdf(files / "tas.nc")
        ring = [[-120, 20], [-80, 20], [-80, 50], [-120, 50], [-120, 20]]
        url = f"{self.origin}/files/tas.nc"
        self.records: list[Any] = [
            record(
                "air-temperature-over-north-america",
                "Air temperature over North America",
                shape={"type": "Polygon", "coordinates": [ring]},
                temporal="2001-01-01/2001-01-03",
                license="https://creativecommons.org/publicdomain/zero/1.0/",
                distribution=[
                    {"@type": "dcat:Distribution", "title": "NetCDF", "downloadURL": url,
                     "mediaType": "application/x-netcdf"},
                    {"title": "A table", "accessURL": "https://example.org/t", "format": "CSV"},
                ],
            ),
            record("soil-carbon", "Soil carbon of a bog", spatial="-94,47,-93,48"),
            *(record(f"filler-{n}", f"Filler {n}") for n in range(extra)),
        ]  # fmt: skip

    def routes(self):
        return [("GET", "/search", self.search)]

    def search(self, request: Request) -> Answer:
        if request.headers.get("X-Api-Key") != self.key:
            error = {"code": "API_KEY_INVALID", "message": "An invalid api_key was supplied."}
            return Answer({"error": error}, 403)
        found = [r for r in self.records if passes(lambda r: self._matches(r, request), r)]
        size = int(request.one("per_page", "10"))
        start = int(json.loads(base64.b64decode(request.one("after") or "MA==")))
        document: dict[str, Any] = {"sort": "relevance", "results": found[start : start + size]}
        if start + size < len(found):
            document["after"] = base64.b64encode(str(start + size).encode()).decode()
        return Answer(document)

    @staticmethod
    def _matches(document: Any, request: Request) -> bool:
        """Any word is enough: what the service does with several is not documented."""
        asked = words(request.one("q"))
        if asked and not asked & words(document):
            return False
        if not set(request.query.get("keyword", [])) <= set(document["keyword"]):
            return False
        if request.one("org_slug", "dod") != document["organization"]["slug"]:
            return False
        if geometry := request.one("spatial_geometry"):
            corners = [document["spatial_shape"], json.loads(geometry)]
            if corners[0] is None:
                return True
            boxes = []
            for shape in corners:
                xs, ys = zip(*shape["coordinates"][0], strict=True)
                boxes.append(BBox(min(xs), min(ys), max(xs), max(ys)))
            return boxes[0].intersects(boxes[1])
        return True
