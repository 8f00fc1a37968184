"""The nodes of a Tiled server, and the records of those that hold arrays.

Import it late: it loads Tiled's client.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Any

from tiled.client.container import Container
from tiled.client.utils import ClientError
from tiled.queries import FullText
from tiled.structures.core import Spec

from portal.core.asset import Asset
from portal.core.item import Item
from portal.core.variable import Dimension, Variable
from portal.drivers.catalogs._fields import link, text
from portal.drivers.catalogs._reach import shown
from portal.drivers.catalogs._record import rfc3339
from portal.drivers.catalogs._runs import Run, fields_of, run_of
from portal.drivers.catalogs._tiled import (
    Endpoint,
    dims_of,
    is_coordinate,
    is_dataset,
    reading,
    structure_of,
)
from portal.errors import InvalidInput, PortalWarning, Unreadable

#: Containers within containers that are looked into.
DEPTH = 6
#: Nodes that the server finds, and that one search looks at.
MOST_FOUND = 500

Path = tuple[str, ...]
_CF = ("long_name", "standard_name", "units")


class Node:
    """An array, a table or whatever else is no container: what its server says of it."""

    def __init__(
        self,
        context: Any,
        *,
        item: Mapping[str, Any],
        structure_clients: Any = None,
        structure: Any = None,
        include_data_sources: bool = False,
    ) -> None:
        self.item = item
        self.metadata = item["attributes"].get("metadata") or {}
        self.specs = [Spec.from_json(spec) for spec in item["attributes"].get("specs") or ()]


class _Clients(dict[str, Any]):
    """The classes by which nodes are read; servers of other versions know other families."""

    def __missing__(self, family: str) -> Any:
        return Node


#: A "composite" is what older servers call a container of a table's columns and arrays.
_CLIENTS: Mapping[str, Any] = _Clients(container=Container, composite=Container)


class Tree:
    """What a server holds below a container, over one connection; it is what clients call a context.

    Parameters
    ----------
    base
        The container that the records' ids are paths from.
    """

    def __init__(self, facility: str, endpoint: Endpoint, base: Path) -> None:
        self.http_client = endpoint.client()
        self.endpoint = endpoint
        self._facility = facility
        self._base = base

    def __enter__(self) -> Tree:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.http_client.close()

    def node(self, path: Path) -> Any:
        """Return Tiled's client of a node; None where there is none.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        address = self.endpoint.address("metadata", (*self._base, *path))
        with reading(address):
            response = self.http_client.get(address)
            if response.status_code in (404, 410):
                return None
            response.raise_for_status()
            item = response.json()["data"]
            kind = _CLIENTS[item["attributes"]["structure_family"]]
            return kind(self, item=item, structure_clients=_CLIENTS)

    def root(self) -> Any:
        """Return the container to begin with.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge
        """
        node = self.node(())
        if node is None:
            raise Unreadable(
                f"{shown(self.endpoint.api)} has no container {'/'.join(self._base)!r}",
                found="HTTP 404",
                advice="Correct url or path in the facility file.",
            )
        return node

    def below(
        self, path: Path, node: Any, run: Run | None = None, depth: int = DEPTH
    ) -> Iterator[Item]:
        """Give the records of a node and of what is below it.

        Parameters
        ----------
        run
            The Bluesky run that the node is of.
        """
        run = run_of(node.metadata) or run
        if not isinstance(node, Container) or is_dataset(node):
            item = self._item(path, node, run)
            if item is not None:
                yield item
        elif depth:
            with reading(self.endpoint.api):
                for key, child in node.items():
                    yield from self.below((*path, key), child, run, depth - 1)

    def at(self, path: Path) -> Iterator[Item]:
        """Give the record that a path leads to or through, or those below it."""
        run: Run | None = None
        for count in range(len(path) + 1):
            node = self.node(path[:count])
            if node is None:
                return
            if count == len(path) or not isinstance(node, Container) or is_dataset(node):
                yield from self.below(path[:count], node, run, DEPTH - count)
                return
            run = run_of(node.metadata) or run

    def found(self, root: Any, words: Sequence[str]) -> Iterator[Item]:
        """Give the records at and around the nodes whose metadata has all of some words.

        A server that does not search texts, or not below its containers, gives none or fewer.
        """
        wanted = [FullText(word) for word in words]
        deep = "search_deep" in root.item["links"]
        nodes = root.search_deep(*wanted, max_depth=DEPTH) if deep else root
        for query in () if deep else wanted:
            nodes = nodes.search(query)
        try:
            with reading(self.endpoint.api):
                for key, _ in islice(nodes.items(), MOST_FOUND):
                    yield from self.at(tuple(key) if deep else (key,))
        except Unreadable as error:
            if not isinstance(error.__cause__, ClientError):
                raise

    def _item(self, path: Path, node: Any, run: Run | None) -> Item | None:
        """Make a record of an array or a dataset; None where it has no variables."""
        variables: list[Variable] = []
        sizes: dict[str, int] = {}
        single = [(path[-1] if path else "data", node)]
        for key, part in node.items() if isinstance(node, Container) else single:
            structure = structure_of(part)
            if structure is None:
                continue
            dims = dims_of(structure)
            sizes |= dict(zip(dims, structure.shape, strict=True))
            if not is_coordinate(part):
                attrs = part.metadata.get("attrs") or part.metadata
                name, standard, units = (text(attrs.get(k)) for k in _CF)
                dtype = str(structure.data_type.to_numpy_dtype())
                variables.append(Variable(key, dims, name, standard, units, dtype))
        if not variables:
            return None
        local_id = "/".join(path)
        address = self.endpoint.address("metadata", (*self._base, *path))
        try:
            return Item.build(
                self._facility,
                local_id,
                variables=variables,
                dimensions=[
                    Dimension(d, size=n, extent=(0, max(n - 1, 0))) for d, n in sizes.items()
                ],
                assets={"data": Asset(address, title="Tiled", roles=("data",))},
                links=[link("about", address, type="application/json")],
                created=rfc3339(None),
                **fields_of(node.metadata, local_id, run),
            )
        except (InvalidInput, ArithmeticError, TypeError) as error:
            warnings.warn(f"{address} is passed over: {error}", PortalWarning, stacklevel=2)
            return None
