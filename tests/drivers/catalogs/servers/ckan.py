"""CKAN's action API with the spatial extension, as https://docs.ckan.org/en/latest/api/ has it."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Any

from portal.core.query import BBox
from tests.drivers.catalogs.servers.standin import Answer, Request, StandIn, lucene, netcdf, passes

_MODIFIED = re.compile(r"metadata_modified:\[(\S+)Z TO \*\]")


def record(name: str, title: str, *, modified: str = "2024-01-01T00:00:00.000000", **more: Any):
    """A package with the fields that the service gives."""
    return {
        "id": f"00000000-0000-0000-0000-{zlib.crc32(name.encode()):012d}",
        "name": name,
        "title": title,
        "notes": "Values on a grid.",
        "tags": [{"name": "climate", "display_name": "climate"}],
        "license_id": "notspecified",
        "organization": {"name": "a-lab", "title": "A Laboratory"},
        "metadata_created": "2020-01-01T00:00:00.000000",
        "metadata_modified": modified,
        "private": False,
        "state": "active",
        "resources": [],
        "extras": [],
        "url": None,
    } | more


class CkanServer(StandIn):
    def __init__(self, files: Path, *, extra: int = 0) -> None:
        super().__init__(files)
        netcdf(files / "download" / "17")
        ring = [[-120, 20], [-80, 20], [-80, 50], [-120, 50], [-120, 20]]
        spatial = {"type": "Polygon", "coordinates": [ring]}
        self.records: list[Any] = [
            record(
                "tas-grid",
                "Air temperature over North America",
                license_id="cc-zero",
                extras=[
                    {"key": "spatial", "value": json.dumps(spatial)},
                    {"key": "temporal", "value": "2001-01-01/2001-01-03"},
                ],
                resources=[
                    {"name": "A table", "format": "CSV", "url": "https://example.org/t.csv"},
                    {"name": "The grid", "format": "NetCDF", "size": 20_000,
                     "url": f"{self.origin}/files/download/17"},
                ],
            ),
            record("bog", "Soil carbon of a bog", extras=[{"key": "spatial", "value": "-94,47,-93,48"}]),
            *(record(f"filler-{n:03}", f"Filler {n}") for n in range(extra)),
        ]  # fmt: skip

    def routes(self):
        return [
            ("POST", "/api/3/action/package_search", self.search),
            ("GET", "/api/3/action/package_show", self.show),
        ]

    def search(self, request: Request) -> Answer:
        asked = request.body
        query, since = asked.get("q", "*:*"), ""
        if match := _MODIFIED.search(asked.get("fq", "")):
            since = match[1]
        box = asked.get("extras", {}).get("ext_bbox")
        try:
            found = [
                r for r in self.records
                if passes(lambda r: query == "*:*" or lucene(query, r), r)
                and passes(lambda r: r["metadata_modified"] >= since and self._in(r, box), r)
            ]  # fmt: skip
        except ValueError as error:
            fault = {"message": f"Search Query Error: {error}", "__type": "Search Query Error"}
            return Answer({"success": False, "error": fault}, 409)
        if asked.get("sort", "").startswith("metadata_modified asc"):
            found.sort(key=lambda r: (str(r["metadata_modified"]), str(r["id"])))
        part = found[asked.get("start", 0) :][: min(asked.get("rows", 10), 1000)]
        return Answer({"success": True, "result": {"count": len(found), "results": part}})

    @staticmethod
    def _in(document: dict[str, Any], box: str | None) -> bool:
        told = {e["key"]: e["value"] for e in document["extras"]}.get("spatial", "")
        if box is None:
            return True
        if not told:
            return False
        corners = re.findall(r"-?\d+(?:\.\d+)?", told)
        xs, ys = [float(x) for x in corners[::2]], [float(y) for y in corners[1::2]]
        own = BBox(min(xs), min(ys), max(xs), max(ys))
        return own.intersects(BBox(*(float(x) for x in box.split(","))))

    def show(self, request: Request) -> Answer:
        name = request.one("id")
        for one in self.records:
            if isinstance(one, dict) and name in (one.get("name"), one.get("id")):
                return Answer({"success": True, "result": one})
        fault = {"message": "Not found", "__type": "Not Found Error"}
        return Answer({"success": False, "error": fault}, 404)
