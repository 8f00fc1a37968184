"""OSTI.GOV's API v1, as https://www.osti.gov/api/v1/docs has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.drivers.catalogs.servers.standin import Answer, Request, StandIn, netcdf, passes, words


def record(number: int, title: str, **more: Any) -> dict[str, Any]:
    """A record with the fields that the service gives for a dataset."""
    return {
        "osti_id": str(number),
        "title": title,
        "authors": [
            "Doe, Jane [A Laboratory, Somewhere, TN (United States)] (ORCID:0000000000000000)"
        ],
        "product_type": "Dataset",
        "doi": f"https://doi.org/10.5072/{number}",
        "description": "Monthly values on a grid.",
        "subjects": ["54 ENVIRONMENTAL SCIENCES", "climate"],
        "publication_date": "2020-04-06T00:00:00Z",
        "entry_date": "2020-12-02T00:00:00Z",
        "language": "English",
        "country_publication": "United States",
        "sponsor_orgs": ["USDOE Office of Science (SC)"],
        "research_orgs": ["A Laboratory, Somewhere, TN (United States)"],
        "links": [{"rel": "citation", "href": f"https://www.osti.gov/biblio/{number}"}],
    } | more


class OstiServer(StandIn):
    def __init__(self, files: Path, *, extra: int = 0) -> None:
        super().__init__(files)
        netcdf(files / "tas.nc")
        data = {"rel": "fulltext", "href": f"{self.origin}/files/tas.nc"}
        page = {"rel": "fulltext", "href": "https://www.osti.gov/servlets/purl/1002"}
        cited = record(1, "")["links"]
        self.records: list[Any] = [
            record(1001, "Air temperature over North America", links=[*cited, data]),
            record(1002, "Soil carbon of a bog", links=[*cited, page]),
            record(1003, "A report on turbines", product_type="Technical Report"),
            *(record(5000 + n, f"Filler {n}") for n in range(extra)),
        ]

    def routes(self):
        return [
            ("GET", "/api/v1/records", self.search),
            ("GET", "/api/v1/records/([^/]+)", self.one),
        ]

    def search(self, request: Request) -> Answer:
        wanted, kind = words(request.one("q")), request.one("product_type")
        found = [
            r for r in self.records
            if wanted <= words(r) and passes(lambda r: kind in ("", r["product_type"]), r)
        ]  # fmt: skip
        rows, page = int(request.one("rows", "20")), int(request.one("page", "1"))
        part = found[(page - 1) * rows : page * rows]
        return Answer(part, headers={"X-Total-Count": str(len(found))})

    def one(self, request: Request, osti_id: str) -> Answer:
        found = [r for r in self.records if isinstance(r, dict) and r.get("osti_id") == osti_id]
        return Answer(found) if found else Answer([], 404)
