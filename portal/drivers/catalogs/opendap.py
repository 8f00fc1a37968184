"""The ``opendap`` catalog driver: datasets of DAP servers (Hyrax, THREDDS, ERDDAP, pydap), by DAP2.

DAP has no search and no list of what a server holds: the facility file names the datasets. A
server that lists them in a THREDDS catalog, as Hyrax and pydap do, is one for the driver
``thredds``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from portal.core.asset import Asset
from portal.core.item import Item
from portal.drivers.catalogs._dataset import local_ids, record
from portal.drivers.catalogs._needs import require
from portal.drivers.catalogs._reach import Reach, shown
from portal.errors import InvalidConfig, PortalError, PortalWarning, Unavailable, UnknownItem

if TYPE_CHECKING:
    import xarray as xr

#: How xarray opens one.
DAP = {"engine": "pydap"}


class OpendapCatalog:
    """Datasets of DAP servers, by their addresses.

    Parameters
    ----------
    facility
        The facility's id.
    urls
        Address of each dataset, without ``.dds`` or ``.html``.
    allow
        What may be reached besides: hosts, ``host:port``, networks.
    timeout
        Seconds without an answer, for every request.

    Raises
    ------
    InvalidConfig
        There is no address, one of them twice, or one that is none.
    """

    def __init__(
        self,
        facility: str,
        *,
        urls: Sequence[str],
        allow: Sequence[str] = (),
        timeout: float = 60.0,
    ) -> None:
        require("pydap", "opendap")
        urls = [urls] if isinstance(urls, str) else list(urls)
        if not urls or len(set(urls)) < len(urls):
            raise InvalidConfig(
                f"The DAP datasets of facility {facility!r} are named once each",
                found=", ".join(map(shown, urls)) or "none",
                advice='Write urls = ["https://…/dodsC/a.nc", "https://…/dodsC/b.nc"].',
            )
        self._facility = facility
        self._reach = Reach.of(*urls, allow=allow)
        self._timeout = timeout
        paths = {unquote(urlsplit(u).netloc + urlsplit(u).path): u for u in urls}
        self._urls = {name: paths[path] for name, path in local_ids(list(paths)).items()}

    def items(self) -> Iterator[Item]:
        """Give a record for each dataset, of its description and its coordinates.

        One that cannot be read is named in a warning.

        Raises
        ------
        Unavailable
            None of the servers answers.
        """
        down: list[Unavailable] = []
        for local_id, url in self._urls.items():
            try:
                yield self._item(local_id, url)
            except PortalError as error:
                down += [error] if isinstance(error, Unavailable) else []
                if len(down) == len(self._urls):
                    raise
                warnings.warn(f"{shown(url)} is passed over: {error}", PortalWarning, stacklevel=2)

    def _item(self, local_id: str, url: str) -> Item:
        from portal.drivers.catalogs._dap import decoding, open_dap

        asset = Asset(href=url, title="OPeNDAP", roles=("data",), open_kwargs=DAP)
        page = {"rel": "about", "href": f"{url}.html", "type": "text/html"}
        dataset = open_dap(url, self._reach, timeout=self._timeout)
        with decoding(url):
            return record(
                self._facility,
                local_id,
                dataset,
                title=local_id.rpartition("/")[2].replace("_", " "),
                assets={"data": asset},
                keywords=["opendap"],
                links=[page],
            )

    def open(self, item: Item) -> xr.Dataset:
        """Open one dataset lazily, in chunks of 32 MiB or less.

        Raises
        ------
        UnknownItem
            The facility file does not name it.
        Unavailable, Denied, Unreadable, TooLarge
        """
        from portal.drivers.catalogs._dap import open_dap

        url = self._urls.get(item.local_id)
        if url is None:
            raise UnknownItem(
                f"The facility {self._facility!r} names no DAP dataset {item.local_id!r}",
                found=f"it names {', '.join(self._urls)}"[:300],
                advice="Take an id that fed.search() gives, or add its address to urls.",
            )
        return open_dap(url, self._reach, timeout=self._timeout)
