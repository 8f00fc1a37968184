"""The ``tiled`` catalog driver: arrays and xarray datasets of a Tiled server, asked live.

A record is an array, or a container of the spec ``xarray_dataset``; what a Bluesky run says of
itself stands in the records of its streams. Tables, and sparse and awkward arrays, are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from portal.core.item import Item
from portal.core.match import fits
from portal.core.query import Query
from portal.drivers.catalogs._listed import alternatives
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._secret import SecretRef
from portal.errors import UnknownItem

if TYPE_CHECKING:
    import xarray as xr

    from portal.drivers.catalogs._nodes import Tree

#: Records that one search looks at beside those that the server finds.
SCAN = 100


class TiledCatalog:
    """Datasets of a Tiled server.

    Parameters
    ----------
    facility
        The facility's id.
    url
        The server's address.
    path
        The container to begin with, such as ``"smi/raw"``; ids are paths from there.
    key_file, key_env
        Where its API key is kept: a file that only its owner can read, or an environment variable.
    allow
        What may be reached besides: hosts, ``host:port``, networks.
    timeout
        Seconds without an answer, for every request.

    Raises
    ------
    InvalidConfig
        The address is none, or the key is named twice.
    """

    def __init__(
        self,
        facility: str,
        *,
        url: str,
        path: str = "",
        key_file: str = "",
        key_env: str = "",
        allow: Sequence[str] = (),
        timeout: float = 20.0,
    ) -> None:
        base = url.partition("?")[0].rstrip("/")
        self._api = base if base.endswith("/api/v1") else f"{base}/api/v1"
        self._facility = facility
        self._reach = Reach.of(url, allow=allow)
        self._secret = SecretRef(key_file, key_env, f"the API key of {shown(url)}")
        self._timeout = timeout
        self._base = tuple(p for p in path.split("/") if p)

    @property
    def _tree(self) -> Tree:
        from portal.drivers.catalogs._needs import need

        need("tiled.client", "tiled")
        from portal.drivers.catalogs._nodes import Tree
        from portal.drivers.catalogs._tiled import Endpoint

        endpoint = Endpoint(self._api, self._reach, self._secret, self._timeout)
        return Tree(self._facility, endpoint, self._base)

    def items(self) -> Iterator[Item]:
        """Give every record; one that cannot be read is named in a warning.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        with self._tree as tree:
            yield from tree.below((), tree.root())

    def search(self, query: Query) -> Iterator[Item]:
        """Give the records that fit: those of the server's text search, then of a bounded look.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        if not query.limit or (query.facilities and self._facility not in query.facilities):
            return
        given, seen = 0, set()
        with self._tree as tree:
            root = tree.root()
            found = (item for words in alternatives(query) for item in tree.found(root, words))
            for item in chain(found, islice(tree.below((), root), SCAN)):
                if item.id not in seen and fits(item, query):
                    seen.add(item.id)
                    given += 1
                    yield item
                if given >= query.limit:
                    return

    def get(self, local_id: str) -> Item | None:
        """Return the record of a path; None where there is none.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        path = tuple(local_id.split("/"))
        if not all(part.strip(".") for part in path):
            return None
        with self._tree as tree:
            return next((i for i in tree.at(path) if i.local_id == local_id), None)

    def open(self, item: Item) -> xr.Dataset:
        """Open one dataset lazily, in its server's own chunks.

        Raises
        ------
        UnknownItem
            The server has no such array or dataset.
        Unavailable, Denied, Unreadable, TooLarge
        """
        from portal.drivers.catalogs._tiled import dataset_of

        path = tuple(item.local_id.split("/"))
        with self._tree as tree:
            node = tree.node(path)
            whole = (*self._base, *path)
            dataset = None if node is None else dataset_of(tree.endpoint, whole, node)
        if dataset is None:
            raise UnknownItem(
                f"{shown(self._api)} has no dataset {item.local_id[:200]!r}",
                found="nothing" if node is None else "a table or a container",
                advice="Take an id that fed.search() gives.",
            )
        return dataset
