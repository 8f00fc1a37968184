"""A STAC API, by pystac-client: what it declares, its collections, its pages of items."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from portal.drivers.catalogs._reach import Reach
from portal.drivers.catalogs._secret import SecretRef
from portal.drivers.catalogs._service import segment
from portal.drivers.catalogs._stac_io import CheckedIO, Request, following, understood
from portal.errors import UnknownItem

if TYPE_CHECKING:
    from pystac_client import Client

#: Pages of collections that are read.
MOST_COLLECTION_PAGES = 100
#: Seconds for which what the service said of its collections holds.
COLLECTIONS_HOLD = 300.0
_EXTENSION = r"https://api\.stacspec\.org/v1\..*/item-search#"
_FREE_TEXT, _FILTER = f"{_EXTENSION}(advanced-)?free-text", f"{_EXTENSION}filter"
_NONSENSE = "zqxjvkwpyhbfgm"


class StacService:
    """A STAC API.

    Parameters
    ----------
    url
        Its landing page.
    collections
        Ids of the collections that are used; all where it is empty.
    secret, header
        Where its key is kept, and the header that carries it.
    page_size
        Items asked for at once.
    """

    def __init__(
        self,
        url: str,
        *,
        reach: Reach,
        collections: Sequence[str],
        timeout: float,
        secret: SecretRef,
        header: str,
        page_size: int,
    ) -> None:
        self.url = url.rstrip("/")
        self._only = tuple(collections)
        self._page_size = page_size
        self._io = CheckedIO(reach, timeout, secret, header)
        self._known: dict[str, Mapping[str, Any]] = {}
        self._known_until = 0.0

    @cached_property
    def _client(self) -> Client:
        with understood(self.url):
            document = self._io.read_json(self.url)
            if not any("/item-search" in name for name in document["conformsTo"]):
                raise ValueError("it does not declare item search")
            client: Any = self._io.stac_object_from_dict(document, self.url)
            client.add_conforms_to("ITEM_SEARCH")
            return client  # type: ignore[no-any-return]

    def _declares(self, pattern: str) -> bool:
        return any(re.fullmatch(pattern, str(name)) for name in self._client.get_conforms_to())

    @cached_property
    def filters(self) -> bool:
        """Whether it declares the filter extension for items; it may fail at a filter all the same."""
        return self._declares(_FILTER)

    @cached_property
    def free_text(self) -> bool:
        """Whether it declares free text for items, and finds nothing for a word that none has."""
        if not self._declares(_FREE_TEXT):
            return False
        page, _ = next(self.pages(self.question({}, text=_NONSENSE)))
        return not page

    def question(self, asked: Mapping[str, Any], *, text: str = "") -> Request:
        """Return the first request of a search.

        Parameters
        ----------
        asked
            Keywords of :meth:`pystac_client.Client.search`.
        text
            Free text, which that method does not take: words with commas between them, any of
            which will do. It goes by GET, where services agree about its form.
        """
        with understood(self.url):
            links = self._client.get_links("search")
            posts = any(link.extra_fields.get("method") == "POST" for link in links)
            said: dict[str, Any] = {"limit": self._page_size, "method": "GET"}
            said |= {"method": "POST"} if posts and not text else {}
            said |= {"collections": list(self._only)} if self._only else {}
            search = self._client.search(**(said | dict(asked)))
            sent = search.get_parameters() | ({"q": text} if text else {})
        return {"href": search.url, "method": str(search.method), "parameters": sent}

    def pages(self, asked: Request) -> Iterator[tuple[list[Any], Request | None]]:
        """Give pages of items, one at least, each with the request of the next.

        Raises
        ------
        Denied, UnknownItem, Unavailable, Unreadable, TooLarge
        """
        request, seen = asked, set[str]()
        while True:
            seen.add(json.dumps(request))
            with understood(self.url):
                text = self._io.request(
                    request["href"], request["method"], parameters=request["parameters"]
                )
                page = json.loads(text)
                documents, rest = list(page["features"]), following(page, request)
            if rest is not None and json.dumps(rest) in seen:
                rest = None
            yield documents, rest
            if rest is None:
                return
            request = rest

    def collections(self, *, fresh: bool = False) -> dict[str, Mapping[str, Any]]:
        """Return its collections by id; none where it has no list of them.

        Parameters
        ----------
        fresh
            Ask again, though the last answer holds still.
        """
        if fresh or time.monotonic() > self._known_until:
            link = self._client.get_single_link("data")
            href = link.get_absolute_href() if link else f"{self.url}/collections"
            with understood(self.url), suppress(UnknownItem):
                pages = islice(self._io.get_pages(str(href)), MOST_COLLECTION_PAGES)
                found = {c["id"]: c for page in pages for c in page["collections"]}
                self._known = {k: c for k, c in found.items() if not self._only or k in self._only}
            self._known_until = time.monotonic() + COLLECTIONS_HOLD
        return self._known

    def collection(self, name: str) -> Mapping[str, Any] | None:
        """Return one collection as it is now; None where there is none."""
        with understood(self.url), suppress(UnknownItem):
            found: Mapping[str, Any] = self._io.read_json(f"{self.url}/collections/{segment(name)}")
            return found if found.get("id") == name else None
        return None
