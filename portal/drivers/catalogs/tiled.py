"""The ``tiled`` catalog driver: arrays and xarray datasets of a Tiled server, asked live.

A record is an array, or a container of the spec ``xarray_dataset``; what a Bluesky run says of
itself stands in the records of its streams. Tables, and sparse and awkward arrays, are left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from portal.core.asset import Asset
from portal.core.item import Item
from portal.core.match import fits
from portal.core.query import Query
from portal.core.variable import Dimension, Variable
from portal.drivers.catalogs._fields import link, text
from portal.drivers.catalogs._listed import alternatives
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._record import rfc3339
from portal.drivers.catalogs._runs import Run, fields_of, run_of
from portal.drivers.catalogs._secret import SecretRef
from portal.errors import InvalidInput, PortalWarning, UnknownItem, Unreadable

if TYPE_CHECKING:
    import xarray as xr

#: Containers within containers that are searched.
DEPTH = 6
#: Records that one search looks at beside those that the server finds.
SCAN = 100
#: Nodes that the server finds, and that one search looks at.
MOST_FOUND = 500

Path = tuple[str, ...]
_CF = ("long_name", "standard_name", "units")


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
        self._base: Path = tuple(p for p in path.split("/") if p)

    @property
    def _server(self) -> Any:
        from portal.drivers.catalogs._needs import need

        need("tiled.client", "tiled")
        from portal.drivers.catalogs._tiled import Endpoint

        return Endpoint(self._api, self._reach, self._secret, self._timeout)

    def items(self) -> Iterator[Item]:
        """Give every record; one that cannot be read is named in a warning.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        yield from self._below((), self._root(), None, DEPTH)

    def _root(self) -> Any:
        node = self._server.node(self._base)
        if node is None:
            raise Unreadable(
                f"{shown(self._api)} has no container {'/'.join(self._base)!r}",
                found="HTTP 404",
                advice="Correct url or path in the facility file.",
            )
        return node

    def _below(self, path: Path, node: Any, run: Run | None, depth: int) -> Iterator[Item]:
        """Give the records of a node and of what is below it."""
        from portal.drivers.catalogs._tiled import is_container, is_dataset, reading

        run = run_of(node.metadata) or run
        if not is_container(node) or is_dataset(node):
            item = self._item(path, node, run)
            if item is not None:
                yield item
        elif depth:
            with reading(self._api):
                for key, child in node.items():
                    yield from self._below((*path, key), child, run, depth - 1)

    def _item(self, path: Path, node: Any, run: Run | None) -> Item | None:
        from portal.drivers.catalogs._tiled import (
            dims_of,
            is_container,
            is_coordinate,
            structure_of,
        )

        dataset = is_container(node)
        parts = node.items() if dataset else [(path[-1] if path else "data", node)]
        variables: list[Variable] = []
        sizes: dict[str, int] = {}
        for key, part in parts:
            structure = structure_of(part)
            if structure is None:
                continue
            dims = dims_of(structure)
            sizes |= dict(zip(dims, structure.shape, strict=True))
            if is_coordinate(part):
                continue
            attrs = part.metadata.get("attrs") or part.metadata
            name, standard, units = (text(attrs.get(k)) for k in _CF)
            dtype = str(structure.data_type.to_numpy_dtype())
            variables.append(Variable(key, dims, name, standard, units, dtype))
        if not variables:
            return None
        name = "/".join(path)
        address = self._server.address("metadata", (*self._base, *path))
        try:
            return Item.build(
                self._facility,
                name,
                variables=variables,
                dimensions=[
                    Dimension(d, size=n, extent=(0, max(n - 1, 0))) for d, n in sizes.items()
                ],
                assets={"data": Asset(address, title="Tiled", roles=("data",))},
                links=[link("about", address, type="application/json")],
                created=rfc3339(None),
                **fields_of(node.metadata, name, run),
            )
        except (InvalidInput, ArithmeticError, TypeError) as error:
            warnings.warn(f"{address} is passed over: {error}", PortalWarning, stacklevel=2)
            return None

    def search(self, query: Query) -> Iterator[Item]:
        """Give the records that fit: those of the server's text search, then of a bounded look.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        if not query.limit or (query.facilities and self._facility not in query.facilities):
            return
        root, given, seen = self._root(), 0, set()
        scanned = islice(self._below((), root, None, DEPTH), SCAN)
        for item in chain(self._found(root, query), scanned):
            if item.id not in seen and fits(item, query):
                seen.add(item.id)
                given += 1
                yield item
            if given >= query.limit:
                return

    def _found(self, root: Any, query: Query) -> Iterator[Item]:
        """Give the records at and above the nodes whose metadata has all words of a text."""
        from tiled.client.utils import ClientError
        from tiled.queries import FullText

        from portal.drivers.catalogs._tiled import reading

        for words in alternatives(query):
            wanted = [FullText(word) for word in words]
            deep = "search_deep" in root.item["links"]
            found = root
            if deep:
                found = root.search_deep(*wanted, max_depth=DEPTH)
            else:
                for word in wanted:
                    found = found.search(word)
            try:
                with reading(self._api):
                    for key, _ in islice(found.items(), MOST_FOUND):
                        yield from self._at(tuple(key) if deep else (key,))
            except Unreadable as error:
                if not isinstance(error.__cause__, ClientError):
                    raise

    def _at(self, path: Path) -> Iterator[Item]:
        """Give the record that a path leads to or through, or those below it."""
        from portal.drivers.catalogs._tiled import is_container, is_dataset

        run: Run | None = None
        for count in range(len(path) + 1):
            node = self._server.node((*self._base, *path[:count]))
            if node is None:
                return
            last = count == len(path) or not is_container(node) or is_dataset(node)
            if last:
                yield from self._below(path[:count], node, run, DEPTH - count)
                return
            run = run_of(node.metadata) or run

    def get(self, local_id: str) -> Item | None:
        """Return the record of a path; None where there is none.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        path = tuple(local_id.split("/"))
        if not all(part.strip(".") for part in path):
            return None
        return next((i for i in self._at(path) if i.local_id == local_id), None)

    def open(self, item: Item) -> xr.Dataset:
        """Open one dataset lazily, in its server's own chunks.

        Raises
        ------
        UnknownItem
            The server has no such array or dataset.
        Unavailable, Denied, Unreadable, TooLarge
        """
        from portal.drivers.catalogs._tiled import dataset_of

        server = self._server
        path = (*self._base, *item.local_id.split("/"))
        node = server.node(path)
        dataset = None if node is None else dataset_of(server, path, node)
        if dataset is None:
            raise UnknownItem(
                f"{shown(self._api)} has no dataset {item.local_id[:200]!r}",
                found="nothing" if node is None else "a table or a container",
                advice="Take an id that fed.search() gives.",
            )
        return dataset
