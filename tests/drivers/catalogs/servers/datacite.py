"""DataCite's REST API, as https://support.datacite.org/docs/api-queries has it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.drivers.catalogs.servers.standin import Answer, Request, StandIn, lucene, passes, zarr

_UPDATED = re.compile(r'updated:\["([^"]+)" TO \*\]')


def record(doi: str, title: str, *, updated: str = "2022-05-25T20:49:49.000Z", **more: Any) -> dict:
    """A DOI with the attributes that the service gives for a dataset."""
    attributes = {
        "doi": doi,
        "prefix": doi.partition("/")[0],
        "titles": [{"title": title}],
        "creators": [{"name": "Doe, Jane", "nameType": "Personal", "affiliation": []}],
        "publisher": "A Repository",
        "publicationYear": 2020,
        "subjects": [{"subject": "climate"}],
        "dates": [{"date": "2020", "dateType": "Issued"}],
        "descriptions": [{"description": "Values on a grid.", "descriptionType": "Abstract"}],
        "geoLocations": [],
        "rightsList": [],
        "formats": [],
        "sizes": [],
        "types": {"resourceTypeGeneral": "Dataset", "schemaOrg": "Dataset"},
        "url": f"https://example.org/{doi}",
        "contentUrl": None,
        "state": "findable",
        "created": "2020-04-11T03:12:23.000Z",
        "registered": "2020-04-11T03:12:27.000Z",
        "updated": updated,
    } | more
    return {
        "id": doi,
        "type": "dois",
        "attributes": attributes,
        "relationships": {"client": {"data": {"id": "lab.data", "type": "clients"}}},
    }


class DataciteServer(StandIn):
    def __init__(self, files: Path, *, extra: int = 0) -> None:
        super().__init__(files)
        zarr(files / "tas.zarr")
        box = {"westBoundLongitude": "-120", "eastBoundLongitude": "-80",
               "southBoundLatitude": "20", "northBoundLatitude": "50"}  # fmt: skip
        self.records: list[Any] = [
            record(
                "10.5072/tas-grid",
                "Air temperature over North America",
                geoLocations=[{"geoLocationPlace": "North America", "geoLocationBox": box}],
                dates=[{"date": "2001-01-01/2001-01-03", "dateType": "Collected"}],
                rightsList=[{"rightsIdentifier": "cc-by-4.0", "rightsIdentifierScheme": "SPDX"}],
                contentUrl=[f"{self.origin}/files/tas.zarr"],
            ),
            record(
                "10.5072/bog",
                "Soil carbon of a bog",
                geoLocations=[
                    {"geoLocationPoint": {"pointLongitude": -93.4, "pointLatitude": 47.5}}
                ],
            ),
            *(record(f"10.5072/{n}", f"Filler {n}") for n in range(extra)),
        ]

    def routes(self):
        return [("GET", "/dois", self.search), ("GET", "/dois/([^/]+)", self.one)]

    def search(self, request: Request) -> Answer:
        query, since = request.one("query"), ""
        if match := _UPDATED.fullmatch(query):
            query, since = "", match[1]
        try:
            found = [
                r
                for r in self.records
                if passes(lambda r: self._matches(r, query, since, request), r)
            ]
        except ValueError as error:
            return Answer({"errors": [{"status": "400", "title": str(error)}]}, 400)
        size = int(request.one("page[size]", "25"))
        cursor = request.one("page[cursor]")
        page = int(cursor or request.one("page[number]", "1"))
        part = found[(page - 1) * size : page * size]
        links = {"self": request.path}
        if page * size < len(found):
            name = "page[cursor]" if cursor else "page[number]"
            following = {name: page + 1, "page[size]": size}
            links["next"] = f"https://api.datacite.org/dois?{urlencode(following)}"
        pages = -(-len(found) // size)
        return Answer(
            {"data": part, "meta": {"total": len(found), "totalPages": pages}, "links": links}
        )

    def _matches(self, document: Any, query: str, since: str, request: Request) -> bool:
        told = document["attributes"]
        kind = request.one("resource-type-id")
        return (
            lucene(query, document)
            and str(told["updated"]) >= since
            and (not kind or told["types"]["resourceTypeGeneral"].lower() == kind)
            and request.one("prefix", told["prefix"]) == told["prefix"]
            and request.one("client-id", "lab.data") == "lab.data"
        )

    def one(self, request: Request, doi: str) -> Answer:
        found = [r for r in self.records if isinstance(r, dict) and r.get("id") == doi.lower()]
        if found:
            return Answer({"data": found[0]})
        title = "The resource you are looking for doesn't exist."
        return Answer({"errors": [{"status": "404", "title": title}]}, 404)
