"""Static STAC catalogs: JSON files that link to each other, over HTTP or in a directory.

They cannot be searched by themselves: their records are read into the index.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from portal.core.item import Item
from portal.drivers.catalogs._fetch import rubbish
from portal.drivers.catalogs._http import LARGEST_ANSWER
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._service import Service
from portal.drivers.catalogs._stac_item import dataset_of, item_of
from portal.errors import (
    InvalidConfig,
    PortalError,
    PortalWarning,
    Unavailable,
    UnknownItem,
    Unreadable,
)

if TYPE_CHECKING:
    import xarray as xr

#: Documents that are read of one catalog.
MOST_DOCUMENTS = 100_000
_BROKEN = (PortalError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class StaticStacCatalog:
    """The records of a static STAC catalog.

    Parameters
    ----------
    url
        The address, or the absolute path, of its root: a ``catalog.json`` or ``collection.json``.
    allow
        Hosts, networks and directories beside its own to which links and records may lead.
    timeout
        Seconds without an answer.

    Raises
    ------
    InvalidConfig
        ``url`` is neither an address nor an absolute path.
    """

    def __init__(
        self, facility: str, *, url: str, allow: Sequence[str] = (), timeout: float = 20.0
    ) -> None:
        self._facility, self._url, self._timeout = facility, url, timeout
        own = str(Path(url).parent) if url.startswith("/") else url
        if "://" not in own and not own.startswith("/"):
            raise InvalidConfig(
                "A static STAC catalog has an address or an absolute path",
                found=f"url={url!r}",
                advice='Write url = "https://…/catalog.json" or url = "/data/catalog.json".',
            )
        self._reach = Reach.of(own, allow=allow)
        self._service = Service(url, reach=self._reach, timeout=timeout)

    def items(self) -> Iterator[Item]:
        """Give every record, the catalogs from the root down; broken ones are named in a warning.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
            The root itself cannot be read.
        """
        todo: list[tuple[str, Mapping[str, Any]]] = []
        given: set[str] = set()
        seen = {self._url}
        root = self._document(self._url)
        try:
            found = self._visit(self._url, root, {}, todo)
        except (AttributeError, LookupError, TypeError) as error:
            raise Unreadable(
                f"{shown(self._url)} is no STAC catalog",
                found=f"{type(error).__name__}: {error}",
                advice="Check the url in the facility file: it is that of a catalog.json.",
            ) from error
        while True:
            if found is not None and found.id not in given:
                given.add(found.id)
                yield found
            if not todo or len(seen) > MOST_DOCUMENTS:
                return
            href, collection = todo.pop()
            found = None
            if href not in seen:
                seen.add(href)
                try:
                    found = self._visit(href, self._document(href), collection, todo)
                except _BROKEN as error:
                    text = f"{shown(href)} is left out: {error}"
                    warnings.warn(text, PortalWarning, stacklevel=2)

    def _visit(
        self,
        href: str,
        document: Any,
        collection: Mapping[str, Any],
        todo: list[tuple[str, Mapping[str, Any]]],
    ) -> Item | None:
        """Return the record that a document is, if it is one, and note where it leads."""
        if document["type"] == "Feature":
            return item_of(document, collection, self._facility, href)
        within = document if document["type"] == "Collection" else {}
        links = [x for x in document["links"] if x.get("rel") in ("child", "item")]
        todo += [(urljoin(href, link["href"]), within) for link in reversed(links)]
        return dataset_of(document, self._facility, href) if within else None

    def _document(self, href: str) -> Any:
        content = self._local(href) if href.startswith("/") else self._service.page(href).content
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise rubbish(href, content, "JSON") from error

    def _local(self, href: str) -> bytes:
        self._reach.check(href)
        try:
            with Path(href).open("rb") as file:
                return file.read(LARGEST_ANSWER)
        except OSError as error:
            raise Unavailable(
                f"{href} cannot be read",
                found=str(error.strerror),
                advice="Correct the url in the facility file, or the link.",
            ) from error

    def open(self, item: Item) -> xr.Dataset:
        """Open the data that a record points at, lazily.

        Raises
        ------
        UnknownItem
            It is no record of this catalog.
        Unavailable, Denied, Unreadable, TooLarge, MissingDependency
        """
        from portal.drivers.catalogs._access import open_item

        if not item.assets and not item.links:
            raise UnknownItem(
                f"{shown(self._url)} has no record {item.local_id[:200]!r}",
                advice="Take an id that fed.search() gives.",
            )
        return open_item(item, self._reach)

    def quicklook(self, item: Item) -> bytes | None:
        """Return the bytes of a record's own thumbnail; None where it has none.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        from portal.drivers.catalogs._picture import picture

        return picture(item, self._reach, self._timeout)
