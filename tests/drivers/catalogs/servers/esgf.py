"""An ESGF index in Globus Search, as https://docs.globus.org/api/search/reference/ has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.drivers.catalogs.servers.standin import Answer, Request, StandIn, netcdf, passes, words

INDEX = "00000000-aaaa-bbbb-cccc-000000000000"
NODE = "node.example.org"


def entry(subject: str, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """A GMetaResult."""
    return {
        "@datatype": "GMetaResult",
        "@version": "2019-08-27",
        "subject": subject,
        "entries": [{"entry_id": kind, "matched_principal_sets": [], "content": content}],
    }


def record(variable: str, **more: Any) -> dict[str, Any]:
    """A dataset with the fields that ESGF gives for CMIP6."""
    title = f"CMIP6.CMIP.NCAR.CESM2.historical.r1i1p1f1.day.{variable}.gn"
    id_ = f"{title}.v20190308|{NODE}"
    content = {
        "id": id_,
        "type": "Dataset",
        "title": title,
        "instance_id": f"{title}.v20190308",
        "project": ["CMIP6"],
        "activity_id": ["CMIP"],
        "institution_id": ["NCAR"],
        "source_id": ["CESM2"],
        "experiment_id": ["historical"],
        "experiment_title": ["all-forcing simulation of the recent past"],
        "member_id": ["r1i1p1f1"],
        "table_id": ["day"],
        "frequency": ["day"],
        "realm": ["atmos"],
        "grid_label": ["gn"],
        "variable": [variable],
        "variable_id": [variable],
        "variable_long_name": ["temperature"],
        "variable_units": ["K"],
        "cf_standard_name": ["air_temperature"],
        "data_node": NODE,
        "latest": True,
        "retracted": False,
        "replica": False,
        "number_of_files": 2,
        "size": 40_000,
        "further_info_url": [
            "https://furtherinfo.es-doc.org/CMIP6.NCAR.CESM2.historical.none.r1i1p1f1"
        ],
        "_timestamp": "2019-04-09T20:07:55.229Z",
    } | more
    return entry(id_, "dataset", content)


def file(dataset: str, name: str, url: str) -> dict[str, Any]:
    """A file of a dataset."""
    id_ = f"{dataset.partition('|')[0]}.{name}|{NODE}"
    addresses = [
        f"{url}|application/netcdf|HTTPServer",
        f"{url}.html|application/opendap-html|OPENDAP",
    ]
    content = {"id": id_, "type": "File", "dataset_id": dataset, "title": name, "url": addresses}
    return entry(id_, "file", content)


class EsgfServer(StandIn):
    def __init__(self, files: Path, *, extra: int = 0) -> None:
        super().__init__(files)
        grid = record(
            "tas", datetime_start="2001-01-01T00:00:00Z", datetime_stop="2001-01-06T00:00:00Z",
            west_degrees=240.0, east_degrees=280.0, south_degrees=20.0, north_degrees=50.0,
        )  # fmt: skip
        old = record("ts", latest="False")
        self.records: list[Any] = [
            grid, record("pr", cf_standard_name=["precipitation_flux"], variable_units=["kg m-2 s-1"]),
            old, *(record(f"v{n}") for n in range(extra)),
        ]  # fmt: skip
        self.files_of: list[Any] = []
        for number, first in enumerate(("2001-01-04", "2001-01-01")):
            name = f"tas_day_CESM2_{number}.nc"
            netcdf(files / name, first=first, offset=20 * number)
            self.files_of.append(file(grid["subject"], name, f"{self.origin}/files/{name}"))

    def routes(self):
        return [
            ("POST", f"/v1/index/{INDEX}/search", self.search),
            ("GET", f"/v1/index/{INDEX}/subject", self.one),
        ]

    def search(self, request: Request) -> Answer:
        asked = request.body
        if not asked.get("q") and not asked.get("filters"):
            return Answer({"code": "BadRequest.ValidationError", "message": "q is required"}, 400)
        if asked.get("offset", 0) + asked.get("limit", 10) > 10_000:
            return Answer({"code": "BadRequest.ValidationError", "message": "too far"}, 400)
        found = [
            r
            for r in [*self.records, *self.files_of]
            if passes(lambda r: self._matches(r, asked), r)
        ]
        start, limit = asked.get("offset", 0), asked.get("limit", 10)
        part = found[start : start + limit]
        return Answer(
            {
                "@datatype": "GSearchResult", "@version": "2017-09-01", "gmeta": part,
                "count": len(part), "offset": start, "total": len(found),
                "has_next_page": start + limit < len(found),
            }
        )  # fmt: skip

    @staticmethod
    def _matches(document: Any, asked: dict[str, Any]) -> bool:
        """Any word is enough for the standard query syntax; every filter must hold."""
        content = document["entries"][0]["content"]
        for wanted in asked["filters"]:
            assert wanted["type"] == "match_any"
            held = content.get(wanted["field_name"], [])
            if set(held if isinstance(held, list) else [held]).isdisjoint(wanted["values"]):
                return False
        query = words(asked.get("q") or "")
        return not query or bool(query & words(content))

    def one(self, request: Request) -> Answer:
        for r in self.records:
            if isinstance(r, dict) and r.get("subject") == request.one("subject"):
                return Answer(r)
        return Answer({"code": "NotFound.Generic", "message": "no such subject"}, 404)
