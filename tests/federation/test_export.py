"""Export through the federation: what may be given, and who may see it."""

from __future__ import annotations

import json

import pytest

import portal
from portal.core.policy import Policy
from portal.core.query import Query
from portal.errors import Denied, InvalidInput, InvalidItem, UnknownFacility, UnknownItem
from portal.export import export
from tests.federation.little import federation, gives, item

ALTITUDE = "sandia:altitude"


def test_ids_records_and_searches_are_taken(fed):
    altitude = fed.item(ALTITUDE)
    written = export([altitude], "stac")
    assert fed.export(ALTITUDE, "stac") == fed.export(altitude, "stac") == written
    assert fed.export(iter([ALTITUDE, altitude]), "stac") == written
    found = fed.search("irradiance")
    assert len(found) > 1
    assert fed.export(found, "stac") == export(found.items, "stac")
    assert json.loads(fed.export([], "stac"))["features"] == []


@pytest.mark.parametrize(
    ("items", "format", "error"),
    [
        (ALTITUDE, "word", InvalidInput),
        ("altitude", "stac", InvalidItem),
        ([ALTITUDE, 5], "stac", InvalidItem),
        ([ALTITUDE, "sandia:altitud"], "stac", UnknownItem),
        ("moon:altitude", "stac", UnknownFacility),
        (item("moon", "altitude"), "stac", UnknownFacility),
    ],
)
def test_what_cannot_be_exported_is_said(fed, items, format, error):
    with pytest.raises(error):
        fed.export(items, format)


def test_a_hidden_facility_is_not_exported(home):
    def nobody_sees_ornl(actor, action, resource):
        return False if resource.id == "ornl" else None

    with portal.connect(home=home) as fed:
        record = fed.item("ornl:mauna-loa-co2")
    with portal.connect(home=home, policy=Policy((*Policy().rules, nobody_sees_ornl))) as fed:
        assert fed.export(ALTITUDE, "bibtex")
        for given in (record, record.id, [ALTITUDE, record], [ALTITUDE, record.id]):
            with pytest.raises(Denied):
                fed.export(given, "bibtex")


def test_a_live_hit_is_not_asked_for_again(tmp_path):
    live = gives(item("bnl", "b"))
    with federation(tmp_path, {("bnl", "live"): live}) as fed:
        found = fed.find(Query())
        assert "bnl:b" in fed.export(found, "bibtex")
        assert (len(live.asked), live.wanted) == (1, [])
