"""ESS-DIVE's Dataset API, as https://api.ess-dive.lbl.gov has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from portal.core.query import BBox
from tests.drivers.catalogs.servers.standin import Answer, Request, StandIn, netcdf, passes, words

_THIN = ("@context", "@type", "@id", "name", "description", "providerName")


def record(number: int, name: str, **more: Any) -> dict[str, Any]:
    """A package with the JSON-LD that the service gives for one."""
    id_ = f"ess-dive-{number:013x}-20240101T000000000"
    return {
        "id": id_,
        "viewUrl": f"https://data.ess-dive.lbl.gov/view/doi:10.5072/{number}",
        "url": f"https://api.ess-dive.lbl.gov/packages/{id_}",
        "dateUploaded": "2024-01-01T00:00:00.000Z",
        "isPublic": True,
        "dataset": {
            "@context": "http://schema.org/",
            "@type": "Dataset",
            "@id": f"doi:10.5072/{number}",
            "name": name,
            "description": ["Values of a site.", "More of it."],
            "creator": [{"givenName": "Jane", "familyName": "Doe"}],
            "providerName": "A project",
            "datePublished": "2020",
            "keywords": ["climate"],
            "variableMeasured": ["soil carbon"],
            "license": "http://creativecommons.org/publicdomain/zero/1.0/",
        }
        | more,
    }


class EssDiveServer(StandIn):
    def __init__(self, files: Path, *, extra: int = 0, cursors: bool = False) -> None:
        super().__init__(files)
        self.cursors = cursors
        netcdf(files / "object" / "1")
        corners = [{"name": "Northwest", "latitude": 50, "longitude": -120},
                   {"name": "Southeast", "latitude": 20, "longitude": -80}]  # fmt: skip
        times = {"startDate": "2001-01-01", "endDate": "2001-01-03"}
        self.records: list[Any] = [
            record(
                1, "Air temperature over North America",
                spatialCoverage=[{"description": "A box", "geo": corners}], temporalCoverage=times,
                variableMeasured=["tas"],
                distribution=[
                    {"@type": "DataDownload", "name": "tas.nc", "contentSize": 20.1,
                     "contentUrl": f"{self.origin}/files/object/1",
                     "encodingFormat": "application/netcdf"},
                    {"@type": "DataDownload", "name": "notes.csv",
                     "contentUrl": f"{self.origin}/files/object/2", "encodingFormat": "text/csv"},
                ],
            ),
            record(2, "Soil carbon of a bog"),
            *(record(100 + n, f"Filler {n}") for n in range(extra)),
        ]  # fmt: skip

    def routes(self):
        return [("GET", "/packages", self.search), ("GET", "/packages/([^/]+)", self.one)]

    def search(self, request: Request) -> Answer:
        found = [r for r in self.records if passes(lambda r: self._matches(r, request), r)]
        size = min(int(request.one("pageSize", "25")), 100)
        row = int(request.one("cursor") or request.one("rowStart", "1"))
        part = [self._thin(r) for r in found[row - 1 : row - 1 + size]]
        more = row - 1 + size < len(found)
        document = {"total": len(found), "pageSize": size, "rowStart": row, "result": part}
        if self.cursors:
            document["nextCursor"] = str(row + size) if more else None
        return Answer(document)

    @staticmethod
    def _thin(document: Any) -> Any:
        if not isinstance(document, dict) or not isinstance(document.get("dataset"), dict):
            return document
        told = {k: v for k, v in document["dataset"].items() if k in _THIN}
        return {**document, "dataset": told}

    @staticmethod
    def _matches(document: dict[str, Any], request: Request) -> bool:
        told = document["dataset"]
        fits = words(request.one("text")) <= words(told)
        if request.one("bbox"):
            south, west, north, east = (float(x) for x in request.one("bbox").split(","))
            geo = [g for p in told.get("spatialCoverage", []) for g in p["geo"]]
            xs, ys = [g["longitude"] for g in geo], [g["latitude"] for g in geo]
            asked = BBox(west, south, east, north)
            fits &= bool(geo) and asked.intersects(BBox(min(xs), min(ys), max(xs), max(ys)))
        times = told.get("temporalCoverage", {})
        for name, key, sign in (("beginDate", "endDate", 1), ("endDate", "startDate", -1)):
            if asked_day := request.one(name):
                own = times.get(key, "")
                fits &= bool(own) and (own >= asked_day if sign > 0 else own <= asked_day)
        return fits and request.one("providerName", "A project") == "A project"

    def one(self, request: Request, name: str) -> Answer:
        for one in self.records:
            if isinstance(one, dict) and one.get("id") == name:
                return Answer(one)
        return Answer({"detail": "Not found"}, 404)
