"""The ``ess-dive`` catalog driver: ESS-DIVE, the US DOE's archive of Earth and environmental data.

The Dataset API is described at https://docs.ess-dive.lbl.gov/programmatic-tools/ess-dive-dataset-api
and https://api.ess-dive.lbl.gov: ``GET /packages`` with ``text``, ``providerName``, ``beginDate``,
``endDate``, ``bbox`` (south, west, north, east), ``isPublic``, ``rowStart`` (from 1), ``pageSize``
(100 at most) and ``cursor``, answered by ``result`` and, in later versions, ``nextCursor``; and
``GET /packages/{id}``, answered by the whole JSON-LD. The list's own JSON-LD may lack place, time
and files, so each record is asked for once more where a search asks for these. The order of
``bbox`` and the cursor are from clients of others, not from its documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from portal.core.item import Item
from portal.core.query import Query
from portal.drivers.catalogs import _fields as read
from portal.drivers.catalogs._jsonld import item_of
from portal.drivers.catalogs._listed import PAGE, ListedCatalog, listed
from portal.drivers.catalogs._reach import Reach
from portal.drivers.catalogs._service import Service, segment

_THREADS = 10
#: Records of a page that are each asked for once more.
_WHOLE = 20


class EssDiveCatalog(ListedCatalog):
    """Public datasets of ESS-DIVE.

    Parameters
    ----------
    facility
        The facility's id.
    url
        The root of the Dataset API.
    provider
        Only datasets of this project.
    allow
        What records may point to beyond the public internet.
    timeout
        Seconds for one question.
    """

    tells = frozenset({"keywords", "bbox", "time", "variables"})

    def __init__(
        self,
        facility: str,
        *,
        url: str = "https://api.ess-dive.lbl.gov",
        provider: str = "",
        allow: Sequence[str] = (),
        timeout: float = 20.0,
    ) -> None:
        reach = Reach.of(url, allow=allow)
        super().__init__(facility, Service(url, reach=reach, timeout=timeout), reach)
        self._asked: dict[str, str | int] = {"isPublic": "true"}
        self._asked |= {"providerName": provider} if provider else {}

    def _pages(
        self, texts: Sequence[Sequence[str]], query: Query | None
    ) -> Iterator[Sequence[Any]]:
        whole = query is None or bool(query.bbox or query.time or query.variables)
        size = _WHOLE if whole else PAGE
        asked = self._asked | _where(query) | {"pageSize": size}
        for text in texts or ((),):
            words: dict[str, str | int] = {"text": " ".join(text)} if text else {}
            place: dict[str, str | int] = {"rowStart": 1}
            row = 1
            while place:
                answer = self._service.get("packages", asked | words | place, absent=(404,))
                found = [] if answer is None else listed(answer, "result")
                yield list(self._completed(found)) if whole else found
                row += len(found)
                following = answer.get("nextCursor") if isinstance(answer, dict) else None
                if following and following != place.get("cursor"):
                    place = {"cursor": str(following)}
                else:
                    place = {"rowStart": row} if not following and len(found) == size else {}

    def _completed(self, found: Sequence[Any]) -> Iterator[Any]:
        """Ask for the whole of each record, several at once."""
        ids = [r.get("id") if isinstance(r, dict) else None for r in found]
        with ThreadPoolExecutor(_THREADS) as pool:
            wholes = pool.map(lambda i: self._document(i) if isinstance(i, str) else None, ids)
            yield from (whole or one for whole, one in zip(wholes, found, strict=True))

    def _document(self, local_id: str) -> Any:
        if not re.fullmatch(r"[\w.:/-]{1,200}", local_id, re.ASCII) or local_id.strip("./") == "":
            return None
        return self._service.get(f"packages/{segment(local_id)}", absent=(400, 404))

    def _known(self, item: Item) -> Item | None:
        return item if item.assets else self.get(item.local_id)

    def _item(self, document: Any) -> Item:
        return item_of(
            document["dataset"],
            self._facility,
            local_id=read.identifier(document["id"], "id"),
            landing=read.web(document.get("viewUrl")) or read.web(document.get("url")),
            created=read.moment(document.get("dateUploaded")),
        )


def _where(query: Query | None) -> dict[str, str | int]:
    """Place and time as the service takes them; what it cannot take is checked here alone."""
    asked: dict[str, str | int] = {}
    if query and query.bbox and query.bbox.west <= query.bbox.east:
        box = query.bbox
        asked["bbox"] = ",".join(f"{x:g}" for x in (box.south, box.west, box.north, box.east))
    if query and query.time:
        for name, end in (("beginDate", query.time.start), ("endDate", query.time.end)):
            if end is not None:
                asked[name] = end.date().isoformat()
    return asked
