"""Pages that describe datasets in schema.org's JSON-LD, with a site map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.drivers.catalogs.servers.standin import Answer, Request, StandIn, netcdf


def dataset(name: str, **more: Any) -> dict[str, Any]:
    """A Dataset as science-on-schema.org recommends to write it."""
    return {
        "@context": {"@vocab": "https://schema.org/"},
        "@type": "Dataset",
        "name": name,
        "description": "Values on a grid.",
        "keywords": ["climate"],
        "creator": {"@type": "Person", "name": "Doe, Jane"},
        "publisher": {"@type": "Organization", "name": "A Repository"},
        "datePublished": "2020-04-06",
    } | more


def page(*documents: Any) -> bytes:
    """A page with a script of each document, and scripts of other kinds."""
    scripts = "".join(
        f'<script type="application/ld+json">{json.dumps(d)}</script>' for d in documents
    )
    return f"""<!doctype html><html><head><title>Data</title>
        <script>document.title = "run"; var d = {{"@type": "Dataset", "name": "not this"}};</script>
        {scripts}</head><body><p>Data &amp; more</p></body></html>""".encode()


class PagesServer(StandIn):
    def __init__(self, files: Path) -> None:
        super().__init__(files)
        netcdf(files / "tas.nc")
        place = {"@type": "Place", "geo": {"@type": "GeoShape", "box": "20 -120 50 -80"}}
        point = {
            "@type": "Place",
            "geo": {"@type": "GeoCoordinates", "latitude": 47.5, "longitude": -93.4},
        }
        measured = {"@type": "PropertyValue", "name": "tas", "unitText": "K"}
        download = {
            "@type": "DataDownload", "contentUrl": f"{self.origin}/files/tas.nc",
            "encodingFormat": "application/x-netcdf",
        }  # fmt: skip
        self.pages: dict[str, tuple[str, bytes]] = {
            "tas": ("2024-01-01", page(dataset(
                "Air temperature over North America",
                identifier={"@type": "PropertyValue", "value": "doi:10.5072/tas-grid"},
                spatialCoverage=place, temporalCoverage="2001-01-01/2001-01-03",
                variableMeasured=[measured, "Mood of the sky"], distribution=[download],
                license="https://creativecommons.org/licenses/by/4.0/",
                funder={"@type": "Organization", "name": "A Funder"},
            ))),
            "bog": ("2024-02-01", page(
                {"@context": "https://schema.org/", "@graph": [{"@type": "WebPage"}, dataset(
                    "Soil carbon of a bog", spatialCoverage=point, keywords="soil, carbon",
                    variableMeasured=[{"name": "Soil carbon", "unitText": "g/kg"}],
                )]},
            )),
            "undated": ("", page(dataset("Notes without a date of change"))),
        }  # fmt: skip

    def routes(self):
        return [
            ("GET", "/sitemap.xml", self.index),
            ("GET", "/sitemap-data.xml", self.sitemap),
            ("GET", "/data/([^/]+)", self.one),
        ]

    def index(self, request: Request) -> Answer:
        text = f"<sitemapindex><sitemap><loc>{self.origin}/sitemap-data.xml</loc></sitemap></sitemapindex>"
        return Answer(text.encode(), kind="application/xml")

    def sitemap(self, request: Request) -> Answer:
        entries = "".join(
            f"<url><loc>{self.origin}/data/{name}</loc>"
            + (f"<lastmod>{changed}</lastmod>" if changed else "")
            + "</url>"
            for name, (changed, _) in self.pages.items()
        )
        text = f'<?xml version="1.0"?><urlset>{entries}</urlset>'
        return Answer(text.encode(), kind="application/xml")

    def one(self, request: Request, name: str) -> Answer:
        if name not in self.pages:
            return Answer(b"<html>Gone</html>", 404, "text/html")
        return Answer(self.pages[name][1], kind="text/html; charset=utf-8")
