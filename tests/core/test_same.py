"""The marks by which a dataset is known wherever it is held."""

from __future__ import annotations

import pytest

from portal.core.asset import Asset
from portal.core.item import Item
from portal.core.same import Groups, keys


def item(doi="", **hrefs):
    return Item.build(
        "anl", "a", title="A", created="2020-01-01T00:00:00Z", doi=doi,
        assets={name: Asset(href, roles=("data",)) for name, href in hrefs.items()},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (item(), ()),
        (item("10.5067/ABC"), ("doi:10.5067/abc",)),
        (item("https://doi.org/10.5067/ABC"), ("doi:10.5067/abc",)),
        (item("doi:10.5067/ABC"), ("doi:10.5067/abc",)),
        (item("unknown"), ()),
        (item(a="https://Data.example.org/X.nc#part"), ("href:https://data.example.org/X.nc",)),
        (item(b="s3://bucket/b", a="s3://bucket/c"), ("href:s3://bucket/b",)),
        (item(a="/data/x.nc", b="file:///data/x.nc", c="file://host/x", d="x.nc"), ()),
        (item(a="http://[broken"), ()),
        (item("10.1/x", a="gs://b/x.zarr"), ("href:gs://b/x.zarr", "doi:10.1/x")),
    ],
)
def test_marks_of_a_record(record, expected):
    assert keys(record) == expected


def test_an_asset_that_is_not_the_data_is_no_mark():
    record = Item.build(
        "anl", "a", title="A", created="2020-01-01T00:00:00Z",
        assets={"look": Asset("https://x.org/a.png", roles=("thumbnail",)),
                "raw": Asset("https://x.org/b.nc")},
    )  # fmt: skip
    assert keys(record) == ("href:https://x.org/b.nc",)


def test_a_record_of_odd_shape_has_no_marks():
    document = item(a="https://x.org/a").to_stac()
    document["properties"]["sci:doi"] = {"no": "text"}
    document["assets"]["a"]["roles"] = 5
    assert keys(Item.from_stac(document, "anl")) == ()


def test_records_join_the_dataset_of_another_facility():
    groups = Groups()
    assert groups.place("anl", ["doi:1"]) == 0
    assert groups.place("bnl", []) == 1
    assert groups.place("bnl", ["href:x", "doi:1"]) == 0
    assert groups.place("ornl", ["href:x"]) == 0
    assert groups.place("ornl", ["doi:2"]) == 2


def test_the_address_decides_before_the_doi():
    groups = Groups()
    assert groups.place("anl", ["doi:1"]) == 0
    assert groups.place("anl", ["href:y", "doi:1"]) == 1
    assert groups.place("bnl", ["href:y", "doi:1"]) == 1
    assert groups.place("bnl", ["href:z", "doi:1"]) == 0


def test_records_of_one_facility_are_never_one_dataset():
    groups = Groups()
    assert [groups.place("anl", ["doi:1"]) for _ in range(3)] == [0, 1, 2]
    assert [groups.place("bnl", ["doi:1"]) for _ in range(4)] == [0, 1, 2, 3]
