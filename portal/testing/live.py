"""LiveCatalogTests: what a catalog driver that searches by itself must do, beside CatalogTests."""

from __future__ import annotations

from typing import Protocol

from portal.core.contracts import Catalog, SupportsGet, SupportsSearch
from portal.core.item import Item
from portal.core.match import matches
from portal.core.query import BBox, Query
from portal.testing.catalog import CatalogTests

#: Texts that people and machines type; none of them is an error.
HOSTILE_TEXTS = (
    '"', "'", '"unclosed phrase', "a AND", "(((", "*", "title:*", "\\", "%", "' OR 1=1 --", "a:b~2^3",
    "\x00\x01", "\u202e\u0000", "🌧 χ 温度", "<script>alert(1)</script>", "${jndi:x}", "a" * 10_000,
    "word " * 2_000,
)  # fmt: skip


class LiveCatalog(Catalog, SupportsSearch, SupportsGet, Protocol):
    """A catalog that is asked live."""


class LiveCatalogTests(CatalogTests):
    """Subclass it as :class:`~portal.testing.catalog.CatalogTests`, with the same fixtures."""

    def test_a_live_catalog_finds_one_record(self, catalog: LiveCatalog, item: Item) -> None:
        assert isinstance(catalog, SupportsGet)
        assert isinstance(catalog, SupportsSearch)
        assert catalog.get(item.local_id) == item
        for unknown in ("no-such-dataset", "../..", "a b'c\"d", "%2e%2e%2f", "ü" * 300):
            assert catalog.get(unknown) is None, unknown

    def test_search_finds_the_words_of_a_title(self, catalog: LiveCatalog, item: Item) -> None:
        found = list(catalog.search(Query.of(item.title, limit=100)))
        assert item.local_id in {hit.local_id for hit in found}

    def test_search_gives_nothing_that_does_not_match(self, catalog: LiveCatalog) -> None:
        assert list(catalog.search(Query.of("zyxqv wvutsrq"))) == []
        assert list(catalog.search(Query.of(variable="no_such_variable"))) == []
        assert list(catalog.search(Query.of(keyword="no such keyword"))) == []
        assert list(catalog.search(Query.of(time="0001"))) == []

    def test_search_filters_by_place_and_time(self, catalog: LiveCatalog, item: Item) -> None:
        box, interval = item.bbox, item.interval
        asked = Query.of(bbox=box, time=interval, limit=100)
        found = list(catalog.search(asked))
        assert item.local_id in {hit.local_id for hit in found}
        assert all(matches(hit, asked) for hit in found)
        if box is not None and box.west > -179 and box.west <= box.east:
            west = BBox(-180, box.south, -180 + (box.west + 180) / 2, box.north)
            found = list(catalog.search(Query.of(bbox=west, limit=100)))
            assert item.local_id not in {hit.local_id for hit in found}
        if interval is not None and interval.start is not None and interval.start.year > 2:
            before = f"0001/{interval.start.year - 1:04}"
            found = list(catalog.search(Query.of(time=before, limit=100)))
            assert item.local_id not in {hit.local_id for hit in found}

    def test_search_gives_no_more_than_asked(self, catalog: LiveCatalog, items: list[Item]) -> None:
        assert len(list(catalog.search(Query.of(limit=1)))) == 1
        assert list(catalog.search(Query.of(limit=0))) == []
        first = {hit.id for hit in catalog.search(Query.of(limit=1000))}
        assert first <= {item.id for item in items}

    def test_no_text_is_an_error(self, catalog: LiveCatalog) -> None:
        for text in HOSTILE_TEXTS:
            for hit in catalog.search(Query.of(text, limit=5)):
                assert isinstance(hit, Item)
