"""The ``osti`` catalog driver: OSTI.GOV and the DOE Data Explorer, the research of the US DOE.

The API is that of https://www.osti.gov/api/v1/docs and https://www.osti.gov/dataexplorer/api/v1/docs:
``GET /records`` with ``q``, ``product_type``, ``sponsor_org``, ``research_org``, ``rows`` and
``page`` (from 1), answered by a list of records and the header ``X-Total-Count``; and
``GET /records/{osti_id}``, answered by a list of one. Its filters by date are not used: users have
reported that they answer with the status 500 (2026-03). A record has no place and no time that the
data covers; OSTI searches full texts too, and what is found only there is left out here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from portal.core.asset import Provider
from portal.core.item import Item
from portal.core.match import words
from portal.core.query import Query
from portal.drivers.catalogs import _fields as read
from portal.drivers.catalogs._listed import PAGE, ListedCatalog, listed
from portal.drivers.catalogs._reach import Reach
from portal.drivers.catalogs._service import Service

_BRACKETS = re.compile(r"\s*[\[(].*$")


class OstiCatalog(ListedCatalog):
    """Records of OSTI.

    Parameters
    ----------
    facility
        The facility's id.
    url
        The root of the API, such as "https://www.osti.gov/dataexplorer/api/v1".
    product_type
        Only records of this type; empty for all.
    sponsor_org, research_org
        Only records of these organisations.
    allow
        What records may point to beyond the public internet.
    timeout
        Seconds for one question.
    """

    def __init__(
        self,
        facility: str,
        *,
        url: str = "https://www.osti.gov/api/v1",
        product_type: str = "Dataset",
        sponsor_org: str = "",
        research_org: str = "",
        allow: Sequence[str] = (),
        timeout: float = 20.0,
    ) -> None:
        reach = Reach.of(url, allow=allow)
        super().__init__(facility, Service(url, reach=reach, timeout=timeout), reach)
        self._type = product_type
        given = (("product_type", product_type), ("sponsor_org", sponsor_org),
                 ("research_org", research_org))  # fmt: skip
        self._asked = {name: value for name, value in given if value}

    def _pages(
        self, texts: Sequence[Sequence[str]], query: Query | None
    ) -> Iterator[Sequence[Any]]:
        for text in texts or ((),):
            page = 1
            while True:
                params: dict[str, str | int] = {**self._asked, "rows": PAGE, "page": page}
                if text:
                    params["q"] = " ".join(text)
                found = listed(self._service.get("records", params))
                yield [r for r in found if self._is_wanted(r)]
                if len(found) < PAGE:
                    break
                page += 1

    def _is_wanted(self, record: Any) -> bool:
        """Whether a record is what was asked for, as far as it tells; broken ones are."""
        if not isinstance(record, dict):
            return True
        told = read.text(record.get("product_type")).casefold()
        if self._type and told not in ("", self._type.casefold()):
            return False
        named = (("sponsor_org", "sponsor_orgs"), ("research_org", "research_orgs"))
        return all(
            set(words(self._asked[asked])) <= set(words(" ".join(read.texts(record.get(key)))))
            for asked, key in named
            if asked in self._asked
        )

    def _document(self, local_id: str) -> Any:
        if not re.fullmatch(r"[0-9]{1,12}", local_id):
            return None
        found = self._service.get(f"records/{local_id}", absent=(404,))
        return found[0] if isinstance(found, list) and found else found or None

    def _item(self, document: Any) -> Item:
        name = read.title(document["title"], "title")
        id_ = read.identifier(document["osti_id"], "osti_id")
        authors = tuple(_BRACKETS.sub("", a) for a in read.texts(document.get("authors")))
        published = read.moment(document.get("publication_date"))
        entered = read.moment(document.get("entry_date"))
        doi = read.doi(document.get("doi"))
        hrefs = {read.text(x.get("rel")): read.web(x.get("href")) for x in read.dicts(document.get("links"))}  # fmt: skip
        text = read.asset(hrefs["fulltext"]) if hrefs.get("fulltext") else None
        has_data = text is not None and "data" in text.roles
        makers = read.texts(document.get("research_orgs"))
        sponsors = read.texts(document.get("sponsor_orgs"))
        landing = hrefs.get("citation") or f"https://www.osti.gov/biblio/{id_}"
        return Item.build(
            self._facility,
            id_,
            title=name,
            description=read.text(document.get("description")),
            created=published or entered or "1970-01-01T00:00:00Z",
            keywords=read.texts(document.get("subjects")),
            providers=[
                *(Provider(n, ("producer",)) for n in makers),
                *(Provider(n, description="Sponsor") for n in sponsors),
                Provider("OSTI", ("host",), "https://www.osti.gov"),
            ],
            doi=doi,
            citation=read.cite(authors, published[:4], name, "; ".join(makers), doi),
            links=read.links(landing, doi, related="" if has_data else hrefs.get("fulltext", "")),
            assets=read.assets([text]) if text is not None and has_data else {},
        )
