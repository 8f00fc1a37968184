"""DCAT and schema.org: read as RDF by rdflib, and schema.org by the driver that reads pages."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import rdflib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdflib import RDF, URIRef
from rdflib.namespace import DCAT, DCTERMS, FOAF, SKOS, XSD, Namespace

from portal.core.query import BBox
from portal.drivers.catalogs import _jsonld
from portal.export import export
from portal.export.schema_org import degrees
from tests.export.records import CSV, ITEMS, SHA256, across, full, item

pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
ADMS = Namespace("http://www.w3.org/ns/adms#")
GSP = Namespace("http://www.opengis.net/ont/geosparql#")
PROV = Namespace("http://www.w3.org/ns/prov#")
SDO = Namespace("https://schema.org/")
SPDX = Namespace("http://spdx.org/rdf/terms#")
BOG = URIRef("urn:portal:lab:bog")


def graph(items, name):
    found = rdflib.Graph().parse(data=export(items, name), format="json-ld")
    assert all(URIRef(term) == term and ":" in term for _, term, _ in found)
    return found


def values(found, subject, *path):
    """The values at the end of a path of predicates."""
    subjects = [subject]
    for predicate in path:
        subjects = [o for s in subjects for o in found.objects(s, predicate)]
    return {o.toPython() for o in subjects}


@pytest.mark.parametrize(("name", "kind"), [("dcat", DCAT.Dataset), ("schema.org", SDO.Dataset)])
def test_the_samples(fed, name, kind):
    items = fed.search("", limit=100).items
    found = graph(items, name)
    titles = DCTERMS.title if name == "dcat" else SDO.name
    assert {str(s): str(found.value(s, titles)) for s in found.subjects(RDF.type, kind)} == {
        f"urn:portal:{i.id}": i.title for i in items
    }


def test_dcat_has_all_that_a_record_says():
    found = graph([full()], "dcat")
    (catalogue,) = found.subjects(RDF.type, DCAT.Catalog)
    assert set(found.objects(catalogue, DCAT.dataset)) == {BOG}
    assert values(found, BOG, DCTERMS.identifier) == {"lab:bog"}
    assert values(found, BOG, ADMS.identifier, SKOS.notation) == {"https://doi.org/10.5072/bog.1"}
    assert values(found, BOG, DCAT.keyword) == {"carbon", "bog"}
    assert values(found, BOG, DCTERMS.license) == {"https://spdx.org/licenses/CC-BY-4.0"}
    assert values(found, BOG, DCTERMS.creator, FOAF.name) == {"A Laboratory", "Grass and Bog, Inc."}
    assert values(found, BOG, DCTERMS.publisher, FOAF.homepage) == {"https://repository.example.org"}  # fmt: skip
    assert values(found, BOG, DCAT.landingPage) == {"https://repository.example.org/bog"}
    assert values(found, BOG, PROV.wasDerivedFrom) == {"urn:portal:lab:raw"}
    assert values(found, BOG, DCTERMS.issued) == {datetime(2005, 6, 7, tzinfo=UTC)}
    assert values(found, BOG, DCTERMS.temporal, DCAT.startDate) == {datetime(2003, 1, 1, tzinfo=UTC)}  # fmt: skip
    assert values(found, BOG, DCTERMS.temporal, DCAT.endDate) == {datetime(2004, 1, 1, tzinfo=UTC)}
    place = found.value(found.value(BOG, DCTERMS.spatial), DCAT.bbox)
    assert place.datatype == GSP.wktLiteral
    assert str(place) == "POLYGON((-93.5 47.25, -93 47.25, -93 47.5, -93.5 47.5, -93.5 47.25))"
    assert values(found, BOG, DCAT.distribution, DCAT.downloadURL) == {
        "https://data.example.org/fluxes.csv",
        "s3://bucket/fluxes.zarr",
    }
    assert values(found, BOG, DCAT.distribution, DCAT.byteSize) == {len(CSV)}
    (checksum,) = found.subjects(RDF.type, SPDX.Checksum)
    assert found.value(checksum, SPDX.algorithm) == SPDX.checksumAlgorithm_sha256
    assert found.value(checksum, SPDX.checksumValue) == rdflib.Literal(SHA256, datatype=XSD.hexBinary)  # fmt: skip


def test_dcat_gives_two_boxes_for_one_across_the_antimeridian():
    found = graph([across()], "dcat")
    boxes = set(map(str, found.objects(None, DCAT.bbox)))
    assert boxes == {
        "POLYGON((170 -20, 180 -20, 180 0, 170 0, 170 -20))",
        "POLYGON((-180 -20, -175 -20, -175 0, -180 0, -180 -20))",
    }


@pytest.mark.parametrize(
    ("licence", "address", "label"),
    [
        ("mit", {"https://spdx.org/licenses/MIT"}, set()),
        ("Free for all", set(), {"Free for all"}),
        ("public-domain", set(), {"public-domain"}),
        ("MIT OR Apache-2.0", set(), {"MIT OR Apache-2.0"}),
        ("other", set(), set()),
    ],
)
def test_a_licence_is_an_address_only_where_spdx_has_it(licence, address, label):
    found = graph([full(license=licence)], "dcat")
    assert values(found, BOG, DCTERMS.license) == address
    rdfs = Namespace("http://www.w3.org/2000/01/rdf-schema#")
    assert values(found, BOG, DCTERMS.rights, rdfs.label) == label


def test_schema_org_has_all_that_a_record_says():
    found = graph([full()], "schema.org")
    assert values(found, BOG, SDO.identifier, SDO.value) == {"doi:10.5072/bog.1"}
    assert values(found, BOG, SDO.temporalCoverage) == {"2003-01-01T00:00:00Z/2004-01-01T00:00:00Z"}
    assert values(found, BOG, SDO.spatialCoverage, SDO.geo, SDO.box) == {"47.25 -93.5 47.5 -93"}
    assert values(found, BOG, SDO.variableMeasured, SDO.unitText) == {"umol m-2 s-1", "W m-2"}
    assert values(found, BOG, SDO.variableMeasured, SDO.propertyID) == {
        "surface_upward_mole_flux_of_carbon_dioxide"
    }
    assert values(found, BOG, SDO.creator, SDO.name) == {"A Laboratory", "Grass and Bog, Inc."}
    assert values(found, BOG, SDO.license) == {"https://spdx.org/licenses/CC-BY-4.0"}
    assert values(found, BOG, SDO.datePublished) == {"2005-06-07T00:00:00Z"}
    assert values(found, BOG, SDO.distribution, SDO.sha256) == {SHA256}


@pytest.mark.parametrize(
    ("start", "end", "written"),
    [
        ("2003-01-01T00:00:00Z", None, "2003-01-01T00:00:00Z/.."),
        (None, "2003-01-01T00:00:00Z", "../2003-01-01T00:00:00Z"),
        ("2003-01-01T00:00:00Z", "2003-01-01T00:00:00Z", "2003-01-01T00:00:00Z"),
        ("never", "2003-01-01T00:00:00Z", None),
    ],
)
def test_an_open_end_of_time_is_two_dots(start, end, written):
    record = item(start_datetime=start, end_datetime=end)
    assert json.loads(export([record], "schema.org")).get("temporalCoverage") == written


@pytest.mark.parametrize("box", [(170, -20, -175, 0), (-93.5, 47.25, -93, 47.5), (5, 6, 5, 6)])
def test_the_schema_org_driver_reads_what_is_exported(box):
    item = full(bbox=box)
    page = f'<script type="application/ld+json">{export([item], "schema.org")}</script>'
    (document,) = _jsonld.datasets(page.encode(), "here")
    back = _jsonld.item_of(document, "lab", local_id="bog", landing=document["url"])
    for name in ("id", "title", "description", "doi", "license", "bbox", "interval", "keywords", "citation"):  # fmt: skip
        assert getattr(back, name) == getattr(item, name)
    assert [(v.name, v.units) for v in back.variables] == [(v.name, v.units) for v in item.variables]  # fmt: skip
    hrefs = {a.href for a in item.assets.values() if "://" in a.href}
    assert {a.href for a in back.assets.values()} == hrefs
    assert back.links[0]["href"] == "https://repository.example.org/bog"


def test_several_are_a_graph_that_the_driver_reads(fed):
    items = fed.search("", limit=100).items
    documents = _jsonld.datasets(export(items, "schema.org").encode(), "here")
    assert [d["name"] for d in documents] == [item.title for item in items]


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.lists(ITEMS, max_size=3), st.sampled_from(["dcat", "schema.org"]))
def test_any_records_are_rdf_that_can_be_written(items, name):
    found = graph(items, name)
    for address in {term for triple in found for term in triple if isinstance(term, URIRef)}:
        assert re.fullmatch(r"[a-z0-9]+:[^\s<>\"{}|\\^`]+", address)
    found.serialize(format="nt")


@given(st.floats(-180, 180))
def test_degrees_have_no_exponent(number):
    assert re.fullmatch(r"-?\d+(\.\d+)?", degrees(number))
    assert float(Decimal(degrees(number))) == number


@given(st.tuples(st.floats(-180, 180), st.floats(-90, 0), st.floats(-180, 180), st.floats(0, 90)))
def test_every_box_comes_back(corners):
    document = json.loads(export([full(bbox=corners)], "schema.org"))
    back = _jsonld.item_of(document, "lab", local_id="bog", landing="https://example.org/")
    assert back.bbox == BBox(*corners)
