"""OpenMetadata's search and container APIs, as https://docs.open-metadata.org/swagger.html has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.drivers.catalogs.servers.standin import Answer, Request, StandIn, lucene, passes, zarr

TOKEN = "jwt-of-a-test"


def record(name: str, title: str, **more: Any) -> dict[str, Any]:
    """A container with the fields of its schema."""
    return {
        "id": "11111111-1111-1111-1111-111111111111",
        "name": name,
        "displayName": title,
        "fullyQualifiedName": f"store.{name}",
        "description": "Values on a **grid**.",
        "entityType": "container",
        "service": {"id": "2", "type": "storageService", "name": "store"},
        "serviceType": "S3",
        "owners": [{"id": "3", "type": "team", "name": "climate", "displayName": "Climate"}],
        "tags": [{"tagFQN": "Domain.Climate", "name": "Climate", "source": "Classification"}],
        "fileFormats": [],
        "updatedAt": 1_700_000_000_000,
        "deleted": False,
    } | more


class OpenMetadataServer(StandIn):
    def __init__(self, files: Path, *, extra: int = 0) -> None:
        super().__init__(files)
        zarr(files / "tas.zarr")
        self.records: list[Any] = [
            record(
                "tas", "Air temperature over North America", size=12.0,
                fullPath=f"{self.origin}/files/tas.zarr",
            ),
            record("raw", "Raw tables", fullPath="s3://bucket/raw", fileFormats=["csv"]),
            record("gone", "Gone", deleted=True),
            *(record(f"filler-{n}", f"Filler {n}") for n in range(extra)),
        ]  # fmt: skip

    def routes(self):
        return [
            ("GET", "/api/v1/search/query", self.search),
            ("GET", "/api/v1/containers/name/([^/]+)", self.one),
        ]

    def _denied(self, request: Request) -> Answer | None:
        if request.headers.get("Authorization") == f"Bearer {TOKEN}":
            return None
        return Answer({"code": 401, "message": "Not Authorized! Token not present"}, 401)

    def search(self, request: Request) -> Answer:
        if denied := self._denied(request):
            return denied
        query = request.one("q", "*")
        assert request.one("index") == "container_search_index"
        try:
            found = [
                r for r in self.records
                if passes(lambda r: query == "*" or lucene(query, r), r)
                and passes(lambda r: r["deleted"] is not True, r)
            ]  # fmt: skip
        except ValueError as error:
            return Answer({"code": 400, "message": f"Failed to parse query: {error}"}, 400)
        start, size = int(request.one("from", "0")), int(request.one("size", "10"))
        hits = [
            {"_index": "container_search_index", "_id": str(n), "_score": 1.0, "_source": one}
            for n, one in enumerate(found[start : start + size])
        ]
        total = {"value": len(found), "relation": "eq"}
        return Answer({"took": 1, "timed_out": False, "hits": {"total": total, "hits": hits}})

    def one(self, request: Request, name: str) -> Answer:
        if denied := self._denied(request):
            return denied
        for r in self.records:
            if isinstance(r, dict) and r.get("fullyQualifiedName") == name:
                return Answer(r)
        return Answer({"code": 404, "message": f"container instance for {name} not found"}, 404)
