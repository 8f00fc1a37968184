"""The ``erddap`` catalog driver: grids and tables of an ERDDAP server, asked live.

Grids open by DAP2, in parts as they are used. A table is one NetCDF file that is downloaded when
something of it is computed. The addresses are erddapy's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from portal.core.asset import Asset
from portal.core.item import Item
from portal.core.query import Query
from portal.drivers.catalogs._fields import link, moment
from portal.drivers.catalogs._listed import ListedCatalog, listed
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._record import rfc3339
from portal.drivers.catalogs._service import Service, segment
from portal.drivers.catalogs.opendap import DAP
from portal.errors import InvalidItem, UnknownItem

if TYPE_CHECKING:
    import xarray as xr

PAGE = 100
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_MADE = ("date_modified", "date_issued", "date_created")


class ErddapCatalog(ListedCatalog):
    """Datasets of an ERDDAP server.

    Parameters
    ----------
    facility
        The facility's id.
    url
        The server's address, up to and with ``/erddap``.
    allow
        What may be reached besides: hosts, ``host:port``, networks.
    timeout
        Seconds for one question; for values, seconds without an answer.
    """

    tells = frozenset({"bbox", "time", "variables", "keywords"})

    def __init__(
        self, facility: str, *, url: str, allow: Sequence[str] = (), timeout: float = 20.0
    ) -> None:
        reach = Reach.of(url, allow=allow)
        super().__init__(facility, Service(url, reach=reach, timeout=timeout), reach)
        self._timeout = timeout

    def _pages(
        self, texts: Sequence[Sequence[str]], query: Query | None
    ) -> Iterator[Sequence[Any]]:
        for question in self._questions(texts, query):
            for page in range(1, 1_000_000):
                rows = self._table(question.replace("page=1&", f"page={page}&", 1))
                yield rows
                if len(rows) < PAGE:
                    break

    def _questions(self, texts: Sequence[Sequence[str]], query: Query | None) -> Iterator[str]:
        """Give the searches, as paths below the server, that together find what is wanted."""
        from portal.drivers.catalogs._needs import need

        build = need("erddapy.core.url", "opendap")
        limits = list(_limits(query)) if query else [{}]
        for words in texts or [()]:
            for limit in limits:
                if not words and not limit:
                    yield f"info/index.json?page=1&itemsPerPage={PAGE}"
                    continue
                address = build.get_search_url(
                    "", response="json", search_for=" ".join(words) or None, protocol=None, **limit
                )
                path = str(address).removeprefix("/")
                yield path.replace("itemsPerPage=1000000", f"itemsPerPage={PAGE}")

    def _table(self, path: str) -> list[dict[str, Any]]:
        """Return the rows of an answer; none where ERDDAP says 404, that nothing matches."""
        answer = self._service.get(path, absent=(404,))
        if answer is None:
            return []
        rows = listed(answer, "table", "rows")
        names = listed(answer, "table", "columnNames")
        return [dict(zip(names, row, strict=False)) for row in rows if isinstance(row, list)]

    def _information(self, local_id: str) -> list[dict[str, Any]]:
        """Return the rows that describe a dataset; none where there is none of that id."""
        if not _ID.fullmatch(local_id):
            return []
        return self._table(f"info/{segment(local_id)}/index.json")

    def _document(self, local_id: str) -> Any:
        rows = self._information(local_id)
        return {"Dataset ID": local_id, "rows": rows} if rows else None

    def _item(self, document: Any) -> Item:
        from portal.drivers.catalogs._erddap import information, record

        local_id = document.get("Dataset ID") if isinstance(document, dict) else None
        if not isinstance(local_id, str) or not _ID.fullmatch(local_id):
            raise InvalidItem(
                "A dataset of ERDDAP has an id",
                found=repr(local_id)[:120],
                advice="Tell who runs the server.",
            )
        found = information(document.get("rows") or self._information(local_id))
        fields = record(found)
        kind = "griddap" if found.dimensions else "tabledap"
        address = f"{self._service.url}/{kind}/{segment(local_id)}"
        data = (
            Asset(address, title="OPeNDAP (griddap)", roles=("data",), open_kwargs=DAP)
            if found.dimensions
            else Asset(
                f"{address}.nc",
                title="One NetCDF file of the whole table (tabledap), downloaded when computed",
                media_type="application/x-netcdf",
                roles=("data",),
            )
        )
        fields["links"] = [link("alternate", f"{address}.html", type="text/html"), *fields["links"]]
        said = found.attributes.get("NC_GLOBAL", {})
        made = next((m for k in _MADE if (m := moment(said.get(k)))), rfc3339(None))
        return Item.build(self._facility, local_id, created=made, assets={"data": data}, **fields)

    def open(self, item: Item) -> xr.Dataset:
        """Open a grid or a table lazily.

        Raises
        ------
        UnknownItem
            The server has no such dataset.
        Unavailable, Denied, Unreadable, TooLarge, MissingDependency
        """
        from portal.drivers.catalogs._dap import open_dap
        from portal.drivers.catalogs._erddap import information, open_table

        rows = self._information(item.local_id)
        if not rows:
            raise UnknownItem(
                f"{shown(self._service.url)} has no dataset {item.local_id[:200]!r}",
                found=f"asked for by the facility {self._facility!r}",
                advice="Take an id that fed.search() gives.",
            )
        found = information(rows)
        if found.dimensions:
            address = f"{self._service.url}/griddap/{segment(item.local_id)}"
            return open_dap(address, self._reach, timeout=self._timeout)
        address = f"{self._service.url}/tabledap/{segment(item.local_id)}"
        return open_table(address, found, self._reach, timeout=self._timeout)


def _limits(query: Query) -> Iterator[dict[str, Any]]:
    """Give the bounds of searches: a dataset's longitudes go to 180, or to 360, as it likes."""
    time: dict[str, Any] = {}
    if query.time and query.time.start:
        time["min_time"] = query.time.start
    if query.time and query.time.end:
        time["max_time"] = query.time.end
    if query.bbox is None:
        yield time
        return
    for west, east in query.bbox.spans:
        around = [(west, east)]
        if west < 0:
            around.append((west + 360, east + 360 if east < 0 else 360.0))
        for low, high in around:
            yield time | {
                "min_lon": low,
                "max_lon": high,
                "min_lat": query.bbox.south,
                "max_lat": query.bbox.north,
            }
