"""Facets are the same whether the records that match are few, and counted in hand, or many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.found import Facet
from portal.core.item import Item
from portal.core.query import Query
from portal.core.variable import Variable
from portal.index import Index
from portal.index.count import FACET_VALUES
from portal.index.numbers import FILE
from portal.index.page import WINDOW
from portal.index.tally import Tally


def record(number: int, *keywords: str) -> Item:
    names = [f"v{n}" for n in range(number % 12)]
    return Item.build(
        ("lab", "other")[number % 2],
        f"r{number}",
        title=f"Rain {number}",
        bbox=(0, 0, 1, 1),
        time="2000",
        variables=[Variable(name, standard_name=f"{name}_long") for name in names],
        keywords=("all", "", *keywords),
    )


def counted(items: list[Item]) -> dict[str, tuple[Facet, ...]]:
    counts: dict[str, Counter[str]] = {n: Counter() for n in ("facility", "variable", "keyword")}
    for item in items:
        counts["facility"][item.facility] += 1
        names = [name for v in item.variables for name in (v.name, v.standard_name)]
        counts["variable"].update(names)
        counts["keyword"].update(k for k in set(item.keywords) if k)
    return {
        name: tuple(
            Facet(*one) for one in sorted(c.items(), key=lambda o: (-o[1], o[0]))[:FACET_VALUES]
        )
        for name, c in counts.items()
    }


def boxes(north: int) -> Iterator[Query]:
    """The same demand in other words each time, so that no count is remembered."""
    for number in range(north):
        yield Query.of("rain", bbox=(0, 0, 1, 1 + number), time="2000")


@pytest.mark.parametrize("count", [1, 40, 350, WINDOW - 1, WINDOW, WINDOW + 200])
def test_facets_are_those_of_the_records(tmp_path: Path, count: int) -> None:
    items = [record(n, f"k{n}" if n < 350 else "more") for n in range(count)]
    expected = counted(items)
    with Index(tmp_path) as index:
        index.upsert(items, catalog="some")
        for query in boxes(6):
            found = index.search(query)
            assert (found.total, dict(found.facets)) == (count, expected)


def test_a_facet_that_is_filtered_by_is_counted_as_if_it_were_not(tmp_path: Path) -> None:
    items = [record(n) for n in range(30)]
    having = [item for item in items if any(v.name == "v3" for v in item.variables)]
    with Index(tmp_path) as index:
        index.upsert(items, catalog="some")
        found = index.search(Query.of("rain", bbox=(0, 0, 1, 1), variable="v3"))
    assert found.total == len(having)
    assert found.facets["variable"] == counted(items)["variable"]
    assert found.facets["keyword"] == counted(having)["keyword"]


def test_facets_change_with_the_records(tmp_path: Path) -> None:
    with Index(tmp_path) as index:
        for keywords in (("one",), ("two",), (), ("one", "two")):
            items = [record(n, *keywords) for n in range(5)]
            index.upsert(items, catalog="some")
            for query in boxes(2):
                assert dict(index.search(query).facets) == counted(items)


def test_what_was_written_at_once_is_counted_without_reading_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [record(n, f"k{n}") for n in range(300)]
    with Index(tmp_path) as index:
        index.upsert(items, catalog="some")
        index.rebuild()
    read: list[int] = []
    monkeypatch.setattr(Tally, "_read", lambda *_: read.append(1))
    with Index(tmp_path) as index:
        found = index.search(next(boxes(1)))
    assert (found.total, dict(found.facets), read) == (300, counted(items), [])


@pytest.mark.parametrize("kept", [0, 5])
def test_numbers_that_were_not_kept_are_learned_from_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr("portal.index.numbers.MOST", kept)
    items = [record(n, f"k{n}") for n in range(60)]
    with Index(tmp_path) as index:
        index.upsert(items, catalog="some")
        index.rebuild()
        found = index.search(next(boxes(1)))
    assert (found.total, dict(found.facets)) == (60, counted(items))


def test_a_file_of_numbers_that_was_cut_is_written_anew(tmp_path: Path) -> None:
    items = [record(n, f"k{n}") for n in range(60)]
    with Index(tmp_path) as index:
        index.upsert(items, catalog="some")
        index.rebuild()
    (file,) = tmp_path.glob(f"terms-*/{FILE}")
    file.write_text(file.read_text()[:200])
    with Index(tmp_path) as index:
        found = index.search(next(boxes(1)))
    assert (found.total, dict(found.facets)) == (60, counted(items))
    (anew,) = tmp_path.glob(f"terms-*/{FILE}")
    assert anew != file
