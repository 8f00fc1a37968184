"""The ``openmetadata`` catalog driver: the data assets of an OpenMetadata server.

The API is that of https://docs.open-metadata.org/swagger.html: ``GET /v1/search/query`` with ``q``
(Elasticsearch query string syntax), ``index``, ``from``, ``size`` (10,000 records at most) and
``deleted``, answered as Elasticsearch does; ``GET /v1/{entities}/name/{fqn}``; and the schema of
https://openmetadatastandards.org/data-assets/storage/container, by which ``fullPath`` says where a
container lies. It is asked with a JWT of a bot or of a user. Entities have no place and no time
that the data covers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from portal.core.asset import Provider
from portal.core.item import Item
from portal.core.query import Query
from portal.drivers.catalogs import _fields as read
from portal.drivers.catalogs._listed import PAGE, ListedCatalog, listed, lucene
from portal.drivers.catalogs._reach import Reach
from portal.drivers.catalogs._secret import SecretRef
from portal.drivers.catalogs._service import Service, segment
from portal.errors import InvalidConfig

_LIMIT = 10_000
_KINDS = {"container": "containers", "table": "tables", "file": "files", "topic": "topics"}
_ASKED = "owners,tags"


class OpenMetadataCatalog(ListedCatalog):
    """Entities of one kind of an OpenMetadata server.

    Parameters
    ----------
    facility
        The facility's id.
    url
        The server's address; ``/api/v1`` stands below it.
    kind
        "container" (a path of an object store), "table", "file" or "topic".
    key_file, key_env
        Where the JWT is kept.
    allow
        What records may point to beyond the public internet.
    timeout
        Seconds for one question.

    Raises
    ------
    InvalidConfig
        The kind is none of these.
    """

    def __init__(
        self,
        facility: str,
        *,
        url: str,
        kind: str = "container",
        key_file: str = "",
        key_env: str = "",
        allow: Sequence[str] = (),
        timeout: float = 20.0,
    ) -> None:
        if kind not in _KINDS:
            raise InvalidConfig(
                f"The openmetadata catalog of {facility!r} has an unknown kind",
                found=repr(kind),
                advice=f"Choose {', '.join(_KINDS)}.",
            )
        reach = Reach.of(url, allow=allow)
        secret = SecretRef(key_file, key_env, f"the JWT of {facility}")
        api = f"{url.rstrip('/')}/api/v1"
        service = Service(api, reach=reach, timeout=timeout, secret=secret)
        super().__init__(facility, service, reach)
        self._url = url.rstrip("/")
        self._kind = kind

    def _pages(
        self, texts: Sequence[Sequence[str]], query: Query | None
    ) -> Iterator[Sequence[Any]]:
        asked: dict[str, str | int] = {
            "q": lucene(texts) if texts else "*",
            "index": f"{self._kind}_search_index",
            "size": PAGE,
            "deleted": "false",
        }
        for start in range(0, _LIMIT, PAGE):
            answer = self._service.get("search/query", asked | {"from": start})
            hits = listed(answer, "hits", "hits")
            yield [hit.get("_source") if isinstance(hit, dict) else hit for hit in hits]
            if len(hits) < PAGE:
                return

    def _document(self, local_id: str) -> Any:
        path = f"{_KINDS[self._kind]}/name/{segment(local_id)}"
        return self._service.get(path, {"fields": _ASKED}, absent=(400, 404))

    def _item(self, document: Any) -> Item:
        name = read.identifier(document["fullyQualifiedName"], "fullyQualifiedName")
        told = document.get("displayName")
        short = told if isinstance(told, str) and told.strip() else document["name"]
        owners = document.get("owners", document.get("owner"))
        people = [o.get("displayName") or o.get("name") for o in read.dicts(owners)]
        service = document.get("service")
        host = read.text(service.get("displayName") or service.get("name")) if isinstance(service, dict) else ""  # fmt: skip
        tags = [t.get("name") or t.get("tagFQN") for t in read.dicts(document.get("tags"))]
        path = read.stored(document.get("fullPath"))
        form = next(iter(read.texts(document.get("fileFormats"))), "")
        size = read.size(document.get("size"), 1024)
        return Item.build(
            self._facility,
            name,
            title=read.title(short, "name"),
            description=read.text(document.get("description")),
            created=read.millis(document.get("updatedAt")) or "1970-01-01T00:00:00Z",
            keywords=read.texts([*tags, document.get("serviceType")]),
            providers=[
                *(Provider(p, ("producer",)) for p in read.texts(people)),
                *([Provider(host, ("host",))] if host else []),
            ],
            links=read.links(
                f"{self._url}/{self._kind}/{segment(name)}", via=document.get("sourceUrl")
            ),
            assets=read.assets([read.asset(path, media=form, bytes_=size)]) if path else {},
        )
