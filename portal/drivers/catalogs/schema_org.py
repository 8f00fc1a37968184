"""The ``schema-org`` catalog driver: pages that describe datasets in schema.org's JSON-LD.

Many repositories write such pages, for search engines. They cannot be asked; they are harvested:
the pages that are named, and those of a site map (https://www.sitemaps.org/protocol.html), of which
only those that changed since the last harvest are read again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from typing import Any, NamedTuple

from portal.core.contracts import Batch
from portal.core.item import Item
from portal.drivers.catalogs import _fields as read
from portal.drivers.catalogs._jsonld import dataset_doi, datasets, item_of
from portal.drivers.catalogs._listed import ReadCatalog
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._service import Service
from portal.errors import Denied, InvalidConfig, Unavailable, Unreadable

_BATCH = 20
_MOST_MAPS = 200


class _Page(NamedTuple):
    changed: str
    url: str


class SchemaOrgCatalog(ReadCatalog):
    """Datasets that web pages describe.

    Parameters
    ----------
    facility
        The facility's id.
    urls
        Pages, or JSON-LD documents.
    sitemap
        URL of a site map, or of an index of them.
    pattern
        Regular expression: only addresses of the site map in which it is found.
    limit
        At most so many pages are read.
    allow
        What pages and records may point to beyond the public internet.
    timeout
        Seconds for one page.

    Raises
    ------
    InvalidConfig
        Neither urls nor a sitemap is given, or the pattern is no regular expression.
    """

    def __init__(
        self,
        facility: str,
        *,
        urls: Sequence[str] = (),
        sitemap: str = "",
        pattern: str = "",
        limit: int = 1_000,
        allow: Sequence[str] = (),
        timeout: float = 20.0,
    ) -> None:
        urls = [urls] if isinstance(urls, str) else list(urls)
        if not urls and not sitemap:
            raise InvalidConfig(
                f"The schema-org catalog of {facility!r} names no pages",
                found="neither urls nor sitemap",
                advice='Write urls = ["https://..."] or sitemap = "https://.../sitemap.xml".',
            )
        try:
            self._pattern = re.compile(pattern)
        except re.error as error:
            raise InvalidConfig(
                f"The pattern of the schema-org catalog of {facility!r} is no regular expression",
                found=str(error),
                advice="Correct it.",
            ) from error
        first = sitemap or urls[0]
        reach = Reach.of(*filter(None, (sitemap, *urls)), allow=allow)
        super().__init__(facility, Service(first, reach=reach, timeout=timeout), reach)
        self._urls = urls
        self._sitemap = sitemap
        self._limit = limit

    def items(self) -> Iterator[Item]:
        """Give the records of all pages; a page that cannot be read is named in a warning.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
            The site map cannot be read, or none of the pages.
        """
        yield from self._of_pages(self._listing(), self._warn)

    def batches(self, cursor: str | None) -> Iterator[Batch]:
        """Give the records of pages in the order of their change, from a place on.

        Pages whose change is not told come last, always. Pages that have gone are not told.
        """
        done = _Page(*cursor.split("\n", 1)) if cursor and "\n" in cursor else _Page("", "")
        pages = [p for p in self._listing() if not p.changed or p > done]
        for start in range(0, max(len(pages), 1), _BATCH):
            part = pages[start : start + _BATCH]
            done = max([done, *(p for p in part if p.changed)])
            faults: list[str] = []
            items = tuple(self._of_pages(part, faults.append))
            yield Batch(items, "\n".join(done), faults=tuple(faults))

    def _listing(self) -> list[_Page]:
        """The pages: those with a date of change in its order, then the others."""
        told = dict.fromkeys(self._urls, "") | (dict(self._mapped()) if self._sitemap else {})
        pages = [_Page(changed, url) for url, changed in told.items()]
        return sorted(pages, key=lambda p: (not p.changed, p))[: self._limit]

    def _mapped(self) -> Iterator[tuple[str, str]]:
        waiting, seen = [self._sitemap], 0
        while waiting and seen < _MOST_MAPS:
            seen += 1
            entries = _entries(self._service.page(waiting.pop()).content)
            for kind, url, changed in entries:
                if kind == "sitemap":
                    waiting.append(url)
                elif self._pattern.search(url):
                    yield url, changed

    def _of_pages(self, pages: Sequence[_Page], tell: Callable[[str], None]) -> Iterator[Item]:
        last: Exception | None = None
        read_one = False
        for page in pages:
            try:
                content = self._service.page(page.url).content
                found = datasets(content, shown(page.url))
            except (Unavailable, Unreadable, Denied) as error:
                last = error
                tell(f"{shown(page.url)} is left out. {error}")
                continue
            read_one = True
            yield from self._read([(d, page, n) for n, d in enumerate(found)], tell)
        if last is not None and not read_one:
            raise last

    def _item(self, document: Any) -> Item:
        told, page, number = document
        landing = read.web(told.get("url")) or page.url
        id_ = dataset_doi(told) or read.web(told.get("@id")) or page.url + (f"#{number}" if number else "")  # fmt: skip
        local_id = re.sub(r"^https?://", "", id_)
        return item_of(
            told,
            self._facility,
            local_id=local_id,
            landing=landing,
            created=read.moment(page.changed),
        )


def _entries(content: bytes) -> list[tuple[str, str, str]]:
    """Read a site map: the kind, the address and the date of change of each entry.

    Raises
    ------
    Unreadable
        It is none.
    """

    class Entries(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[dict[str, str]] = []
            self.field = ""

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag in ("url", "sitemap"):
                self.found.append({"kind": tag})
            self.field = tag if tag in ("loc", "lastmod") else ""

        def handle_endtag(self, tag: str) -> None:
            self.field = ""

        def handle_data(self, data: str) -> None:
            if self.field and self.found:
                self.found[-1][self.field] = self.found[-1].get(self.field, "") + data.strip()

    text = content.decode("utf-8-sig", "replace")
    if "<urlset" not in text and "<sitemapindex" not in text:
        raise Unreadable(
            "The site map is none",
            found=repr(text[:80]),
            advice="Correct sitemap in the facility file.",
        )
    parser = Entries()
    parser.feed(text)
    parser.close()
    return [
        (e["kind"], url, read.moment(e.get("lastmod")))
        for e in parser.found
        if (url := read.web(e.get("loc")))
    ]
