"""The ``esgf`` catalog driver: climate model output of the Earth System Grid Federation.

It asks an index of ESGF in Globus Search, as https://docs.globus.org/api/search/reference/post_query/
describes it: ``POST /v1/index/{index}/search`` with ``q``, ``filters``, ``offset`` and ``limit``
(10,000 records at most), answered by ``gmeta``; and ``GET /v1/index/{index}/subject``. The fields are
those of ESGF's datasets and files (``variable_id``, ``cf_standard_name``, ``datetime_start`` ...), as
intake-esgf reads them (https://github.com/esgf2-us/intake-esgf). ESGF's STAC API is the ``stac``
driver's. Place and time are checked here: that the index filters by them is not documented.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from portal.core.asset import Asset, Provider
from portal.core.item import Item
from portal.core.query import Query
from portal.core.variable import Variable
from portal.drivers.catalogs import _fields as read
from portal.drivers.catalogs._listed import PAGE, ListedCatalog, listed
from portal.drivers.catalogs._reach import Reach
from portal.drivers.catalogs._service import Service
from portal.errors import TooLarge, UnknownItem

if TYPE_CHECKING:
    import xarray as xr

_LIMIT = 10_000
#: Files of one dataset that are opened together.
MOST_FILES = 200
_FACETS = (
    "project", "activity_id", "institution_id", "source_id", "experiment_id", "member_id",
    "table_id", "frequency", "realm", "grid_label", "nominal_resolution", "product",
)  # fmt: skip
_SIDES = ("west_degrees", "south_degrees", "east_degrees", "north_degrees")


class EsgfCatalog(ListedCatalog):
    """Datasets of an ESGF index in Globus Search.

    Parameters
    ----------
    facility
        The facility's id.
    index
        The id of the index.
    url
        The root of Globus Search.
    filters
        Facets and the values of which a record has one, such as ``{project = ["CMIP6"]}``.
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
        index: str,
        url: str = "https://search.api.globus.org",
        filters: Mapping[str, Sequence[str]] | None = None,
        allow: Sequence[str] = (),
        timeout: float = 20.0,
    ) -> None:
        reach = Reach.of(url, allow=allow)
        super().__init__(facility, Service(url, reach=reach, timeout=timeout), reach)
        self._index = f"v1/index/{index}"
        self._filters = {"type": ["Dataset"]} | {
            name: [values] if isinstance(values, str) else list(values)
            for name, values in (filters or {}).items()
        }

    def _pages(
        self, texts: Sequence[Sequence[str]], query: Query | None
    ) -> Iterator[Sequence[Any]]:
        asked: list[dict[str, list[str]]] = [self._filters]
        text = ""
        if query is not None:
            text = " ".join(query.text.split())[:500]
            names = [n for concept in query.concepts for n in concept.names]
            if names:
                asked = [self._filters | {"cf_standard_name": names}]
            if query.variables:
                fields = ("variable_id", "cf_standard_name")
                asked = [one | {f: list(query.variables)} for one in asked for f in fields]
        for filters in asked:
            for start in range(0, _LIMIT, PAGE):
                found = self._ask(text, filters, start, PAGE)
                yield [r for r in found if not _is_old(r)]
                if len(found) < PAGE:
                    break

    def _ask(
        self, text: str, filters: Mapping[str, list[str]], start: int, limit: int
    ) -> list[Any]:
        wanted = [
            {"type": "match_any", "field_name": name, "values": values}
            for name, values in filters.items()
        ]
        document = {"q": text, "filters": wanted, "offset": start, "limit": limit}
        return listed(self._service.post(f"{self._index}/search", document), "gmeta")

    def _document(self, local_id: str) -> Any:
        if not local_id.isascii() or not local_id.isprintable():
            return None
        return self._service.get(f"{self._index}/subject", {"subject": local_id}, absent=(400, 404))

    def _item(self, document: Any) -> Item:
        told = document["entries"][0]["content"]
        id_ = read.identifier(document["subject"], "subject")
        facets = {name: " ".join(read.texts(told.get(name))) for name in _FACETS}
        name, long_name, units, standard = (
            next(iter(read.texts(told.get(key))), "")
            for key in ("variable_id", "variable_long_name", "variable_units", "cf_standard_name")
        )
        model = " ".join(facets[k] for k in ("source_id", "experiment_id", "member_id", "table_id") if facets[k])  # fmt: skip
        title = f"{long_name}, {model}" if long_name and model else told["title"]
        ends = (told.get("datetime_start"), told.get("datetime_stop"))
        about = next(iter(read.texts(told.get("further_info_url"))), "")
        license_ = next(iter(read.texts(told.get("license"))), "")
        node = read.text(told.get("data_node"))
        variable = Variable(name, (), long_name, standard, units)
        return Item.build(
            self._facility,
            id_,
            title=read.title(title, "title"),
            description=" ".join(read.texts(told.get("experiment_title"))),
            bbox=read.box(*(told.get(side) for side in _SIDES)),
            time=read.period(ends) if all(isinstance(e, str) for e in ends) else None,
            created=read.moment(told.get("_timestamp")) or "1970-01-01T00:00:00Z",
            variables=[variable] if name else (),
            keywords=[value for value in facets.values() if value],
            license=read.licence(license_),
            providers=[
                *(Provider(n, ("producer",)) for n in read.texts(told.get("institution_id"))),
                *([Provider(node, ("host",))] if node else []),
            ],
            links=read.links(about),
            assets={"data": self._files(id_, read.size(told.get("size")))},
        )

    def _files(self, dataset: str, size: int | None) -> Asset:
        """The list of a dataset's files: they are asked for when it is opened."""
        asked = urlencode({"q": f'type:File AND dataset_id:"{dataset}"', "advanced": "true"})
        return Asset(
            f"{self._service.url}/{self._index}/search?{asked}",
            title="The list of its files",
            media_type="application/json",
            roles=("data",),
            size=size,
        )

    def open(self, item: Item) -> xr.Dataset:
        """Open all files of a dataset as one, along time, lazily.

        Raises
        ------
        UnknownItem
            The index has no file of it.
        TooLarge
            It has more than :data:`MOST_FILES` files.
        Unavailable, Denied, Unreadable, MissingDependency
        """
        from portal.drivers.catalogs._many import open_along_time

        filters = {"type": ["File"], "dataset_id": [item.local_id]}
        found = self._ask("", filters, 0, MOST_FILES + 1)
        if len(found) > MOST_FILES:
            raise TooLarge(
                f"The dataset {item.local_id} has too many files to open at once",
                found=f"more than {MOST_FILES}",
                advice="Make one virtual store of them: portal virtualize. "
                "Or open the files of the years you need by xarray.",
            )
        hrefs = [href for record in found if (href := _address(record))]
        if not hrefs:
            raise UnknownItem(
                f"The ESGF index has no file of {item.local_id[:200]!r} that is read over HTTP",
                found=f"{len(found)} files",
                advice="Take an id that fed.search() gives, or a copy at another data node.",
            )
        return open_along_time(hrefs, self._facility, self._reach)


def _is_old(record: Any) -> bool:
    """Whether a dataset is a former version or retracted; booleans may be texts in an index."""
    try:
        told = record["entries"][0]["content"]
        return str(told.get("latest")).lower() == "false" or str(told.get("retracted")).lower() == "true"  # fmt: skip
    except (AttributeError, LookupError, TypeError):
        return False


def _address(record: Any) -> str:
    """The address of a file by HTTP: "address|media type|HTTPServer" in its field ``url``."""
    try:
        told = record["entries"][0]["content"]
    except (LookupError, TypeError):
        return ""
    for value in read.texts(told.get("url") if isinstance(told, dict) else None):
        href, *kind = value.split("|")
        if kind and kind[-1] == "HTTPServer":
            return read.web(href)
    return ""
