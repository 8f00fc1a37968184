"""The ``thredds`` catalog driver: what a THREDDS catalog (InvCatalog 1.0) lists, and those below it.

Hyrax and pydap list their datasets so too. A dataset opens by OPeNDAP, else as a file by HTTP; one
that has neither is left out.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from portal.core.asset import Asset
from portal.core.item import Item
from portal.drivers.catalogs._dataset import record
from portal.drivers.catalogs._fields import link
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._record import rfc3339
from portal.drivers.catalogs.opendap import DAP
from portal.errors import PortalError, PortalWarning, Unavailable, UnknownItem

if TYPE_CHECKING:
    import xarray as xr

    from portal.drivers.catalogs._siphon import Reader

#: Catalogs that one walk reads.
MOST_CATALOGS = 1_000
_OPENDAP = ("OPENDAP", "DODS")
_HTTP = ("HTTPServer", "HTTP")


class ThreddsCatalog:
    """Datasets of a THREDDS catalog.

    Parameters
    ----------
    facility
        The facility's id.
    url
        Address of a catalog, such as ``https://tds.example.gov/thredds/catalog.xml``.
    depth
        How many references to other catalogs deep it is searched.
    limit
        Datasets that are listed at most.
    allow
        What may be reached besides: hosts, ``host:port``, networks.
    timeout
        Seconds without an answer, for every request.
    """

    def __init__(
        self,
        facility: str,
        *,
        url: str,
        depth: int = 4,
        limit: int = 1_000,
        allow: Sequence[str] = (),
        timeout: float = 20.0,
    ) -> None:
        self._facility = facility
        self._url = f"{url.removesuffix('.html')}.xml" if url.endswith(".html") else url
        self._depth = depth
        self._limit = limit
        self._reach = Reach.of(url, allow=allow)
        self._timeout = timeout

    @property
    def _reader(self) -> Reader:
        from portal.drivers.catalogs._siphon import Reader

        return Reader(self._reach, self._timeout)

    def items(self) -> Iterator[Item]:
        """Give a record for each dataset, of its description and its coordinates.

        A dataset or a catalog below that cannot be read is named in a warning.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
            The catalog itself cannot be read.
        """
        seen: set[str] = set()
        for where, dataset in self._datasets(self._reader):
            local_id, assets = self._assets(dataset)
            if not assets or local_id in seen:
                continue
            if len(seen) >= self._limit:
                self._pass_over(self._url, f"it lists more than {self._limit} datasets (limit)")
                return
            seen.add(local_id)
            try:
                yield self._item(local_id, where, str(dataset.name).strip(), assets)
            except PortalError as error:
                self._pass_over(assets["data"].href, str(error))

    def _datasets(self, reader: Reader) -> Iterator[tuple[str, Any]]:
        """Give the datasets of every catalog, each with its catalog's address."""
        waiting, seen = deque([(self._url, 0)]), {self._url}
        while waiting:
            url, depth = waiting.popleft()
            try:
                catalog = reader.catalog(url)
            except (PortalError, UnknownItem) as error:
                if url == self._url:
                    if isinstance(error, UnknownItem):
                        raise Unavailable(
                            error.happened, found=error.found, advice=error.advice
                        ) from error
                    raise
                self._pass_over(url, str(error))
                continue
            for dataset in catalog.datasets.values():
                yield url, dataset
            for reference in catalog.catalog_refs.values() if depth < self._depth else ():
                if reference.href not in seen and len(seen) < MOST_CATALOGS:
                    seen.add(reference.href)
                    waiting.append((reference.href, depth + 1))

    def _assets(self, dataset: Any) -> tuple[str, dict[str, Asset]]:
        """Return a dataset's id, which is its path on the server, and how it is reached."""
        urls = getattr(dataset, "access_urls", {})
        dap = next((urls[name] for name in _OPENDAP if name in urls), "")
        file = next((urls[name] for name in _HTTP if name in urls), "")
        assets = {}
        if dap:
            assets["data"] = Asset(dap, title="OPeNDAP", roles=("data",), open_kwargs=DAP)
        if file:
            role = "file" if dap else "data"
            assets[role] = Asset(file, title="File", roles=(role,))
        path = str(dataset.url_path or urlsplit(dap or file).path)
        return unquote(path).strip("/ "), assets

    def _item(self, local_id: str, where: str, name: str, assets: dict[str, Asset]) -> Item:
        from portal.drivers.catalogs._access import open_item
        from portal.drivers.catalogs._dap import decoding

        listed = Item.build(
            self._facility, local_id, title=name, created=rfc3339(None), assets=assets
        )
        with open_item(listed, self._reach) as dataset, decoding(assets["data"].href):
            return record(
                self._facility,
                local_id,
                dataset,
                title=name.removesuffix(".nc").replace("_", " ") or local_id,
                assets=assets,
                links=[link("about", where, type="application/xml", title="THREDDS catalog")],
            )

    def _pass_over(self, url: str, reason: str) -> None:
        warnings.warn(f"{shown(url)} is passed over: {reason}", PortalWarning, stacklevel=3)

    def open(self, item: Item) -> xr.Dataset:
        """Open one dataset lazily.

        Raises
        ------
        UnknownItem
            The record is none of this catalog.
        Unavailable, Denied, Unreadable, TooLarge
        """
        from portal.drivers.catalogs._access import open_item

        if "data" not in item.assets:
            raise UnknownItem(
                f"{shown(self._url)} has no dataset {item.local_id[:200]!r}",
                found="a record without an asset named data",
                advice="Take an id that fed.search() gives.",
            )
        return open_item(item, self._reach)

    def fingerprint(self) -> str:
        """Return a digest of the catalogs; no dataset is opened.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        reader = self._reader
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PortalWarning)
            for _ in self._datasets(reader):
                pass
        return str(reader.digest.hexdigest())
