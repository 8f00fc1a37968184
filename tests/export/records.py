"""Records for the tests: one that tells all, and those that no catalog should write and some do."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hypothesis import strategies as st

from portal.core.asset import Asset, Provider
from portal.core.item import Item
from portal.core.variable import Dimension, Variable

CSV = b"time,nee\n2003-01-01T00:00:00,1.5\n2003-01-01T00:30:00,-2.25\n"
SHA256 = hashlib.sha256(CSV).hexdigest()
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "}}, evil = {x}\n}\n@misc{other,",
    "100 % of $5 & #1_a^b~c \\input{/etc/passwd} {{{",
    "\ud800 half \x00 \x1b[31m \u2028",
    '"; DROP TABLE records; --',
    "中文 и кириллица 😀",
    "@comment{",
    " ",
]
SCALARS = st.sampled_from([*HOSTILE, "plain", None, True, 7, -1.5, 10**400]) | st.text(max_size=8)
VALUES = (
    SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(SCALARS.map(str), SCALARS, max_size=2)
)
URLS = st.sampled_from(
    [
        "https://example.org/a.nc", "s3://bucket/a.zarr", "/etc/passwd", "file:///etc/passwd",
        "http://[bad", "https://user:pass@example.org/x", "javascript:alert(1)",
        "https://example.org/a b", 'https://example.org/"><script>', "https://example.org/%zz",
        "https://example.org/{x}\\", "",
    ]
)  # fmt: skip


def _objects(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={k: v | VALUES for k, v in fields.items()})


PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "title": VALUES,
        "description": VALUES,
        "license": VALUES | st.sampled_from(["CC-BY-4.0", "MIT", "proprietary"]),
        "keywords": VALUES | st.lists(SCALARS, max_size=3),
        "published": VALUES | st.sampled_from(["2020-01-02T03:04:05Z", "0001-01-01T00:00:00+05:00"]),
        "updated": VALUES,
        "created": VALUES | st.just("2021-05-06T00:00:00Z"),
        "datetime": VALUES,
        "start_datetime": VALUES | st.just("2003-01-01T00:00:00Z"),
        "end_datetime": VALUES | st.just("2010-01-01T00:00:00Z"),
        "version": VALUES,
        "sci:doi": VALUES | st.sampled_from(["10.1234/a{b}\\c", "https://doi.org/10.5/x", "doi:10.5555/<é>"]),
        "sci:citation": VALUES,
        "providers": VALUES
        | st.lists(
            _objects(
                name=SCALARS, url=URLS, roles=st.lists(st.sampled_from(["producer", "host"]))
            ),
            max_size=3,
        ),
        "cube:variables": VALUES
        | st.dictionaries(
            st.text(max_size=6),
            _objects(
                dimensions=st.lists(SCALARS, max_size=2), unit=SCALARS, description=SCALARS,
                data_type=st.sampled_from(["float32", "int8", "<U8"]), standard_name=SCALARS,
            ),
            max_size=3,
        ),
        "cube:dimensions": VALUES,
    },
)  # fmt: skip
ASSETS = st.dictionaries(
    st.text(max_size=6),
    st.builds(
        lambda href, more: more | {"href": href},
        URLS,
        _objects(
            **{
                "type": st.sampled_from(["text/csv", "application/netcdf"]),
                "title": SCALARS,
                "roles": st.just(["data"]),
                "file:size": st.integers(-1, 10**20),
                "file:checksum": st.sampled_from(["1220" + "ab" * 32, "d50110" + "ab" * 16, "12"]),
                "table:columns": st.lists(
                    _objects(name=SCALARS, type=st.just("float64"), description=SCALARS), max_size=3
                ),
            }
        ),
    ),
    max_size=3,
)
LINKS = st.lists(
    _objects(rel=st.sampled_from(["about", "license", "derived_from"]), href=URLS) | VALUES,
    max_size=3,
)
LOCAL_IDS = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=12))


def _item(facility: str, local: str, properties: Any, assets: Any, links: Any, bbox: Any) -> Item:
    document = {
        "type": "Feature", "stac_version": "1.1.0", "id": local, "geometry": None, "bbox": bbox,
        "properties": properties, "assets": assets, "links": links,
    }  # fmt: skip
    return Item(facility, json.dumps(document))


ITEMS = st.builds(
    _item,
    st.sampled_from(["lab", "lab-2"]),
    LOCAL_IDS,
    PROPERTIES,
    ASSETS,
    LINKS,
    VALUES | st.sampled_from([[-10, -5, 10, 5], [170, -5, -170, 5], [1, 2, 3], [0, 0, 400, 0]]),
)


def item(local: str = "one", **properties: Any) -> Item:
    """Make a record with some properties, and nothing else."""
    return _item("lab", local, properties, {}, [], None)


def full(local: str = "bog", **more: Any) -> Item:
    """Make a record that tells all that the formats can say."""
    values: dict[str, Any] = {
        "title": "Fluxes over a bog",
        "description": "Half-hourly fluxes of carbon dioxide and heat.",
        "bbox": (-93.5, 47.25, -93, 47.5),
        "time": "2003-01-01T00:00:00Z/2004-01-01T00:00:00Z",
        "created": "2024-01-01T00:00:00Z",
        "variables": [
            Variable("nee", ("time",), "net exchange", "surface_upward_mole_flux_of_carbon_dioxide", "umol m-2 s-1", "float32"),
            Variable("h", ("time",), units="W m-2", dtype="float32"),
        ],
        "dimensions": [Dimension("time", "temporal", size=17520)],
        "assets": {
            "data": Asset(
                "https://data.example.org/fluxes.csv",
                title="fluxes.csv",
                media_type="text/csv",
                roles=("data",),
                size=len(CSV),
                extra={
                    "file:checksum": f"1220{SHA256}",
                    "table:columns": [
                        {"name": "time", "type": "datetime64[ns]"},
                        {"name": "nee", "type": "float32", "description": "net exchange"},
                    ],
                },
            ),
            "store": Asset("s3://bucket/fluxes.zarr", media_type="application/vnd.zarr", roles=("data",)),
            "here": Asset("/data/fluxes.nc", media_type="application/netcdf", roles=("data",)),
        },
        "keywords": ["carbon", "bog"],
        "license": "CC-BY-4.0",
        "providers": [
            Provider("A Laboratory", ("producer",), "https://lab.example.org"),
            Provider("Grass and Bog, Inc.", ("producer",)),
            Provider("A Repository", ("host",), "https://repository.example.org"),
        ],
        "citation": "Doe, J. (2005): Fluxes over a bog. A Repository.",
        "doi": "10.5072/bog.1",
        "links": [
            {"rel": "about", "href": "https://repository.example.org/bog"},
            {"rel": "derived_from", "href": "urn:portal:lab:raw"},
        ],
        "properties": {"published": "2005-06-07T00:00:00Z", "version": "1.2.0"},
    }  # fmt: skip
    return Item.build("lab", local, **(values | more))


def across() -> Item:
    """Make a record of a place across the antimeridian."""
    return full("across", bbox=(170, -20, -175, 0))
