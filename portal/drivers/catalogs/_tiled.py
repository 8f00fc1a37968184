"""Tiled's client over Portal's guarded session, and blocks of arrays that another process can read.

The client's own connection follows redirects and links wherever they lead, takes a key from the
environment, and pickles it. Here each request is checked, the key is read where it is kept when a
request is made, and it goes to the facility's own endpoint only.

Import it late: it loads Tiled's client, Dask and xarray.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dask.array as da
import httpx
import numpy as np
import xarray as xr
from tiled.client.container import Container
from tiled.client.transport import Transport
from tiled.structures.array import ArrayStructure, BuiltinDtype

from portal.drivers.catalogs._fetch import check_status, faults
from portal.drivers.catalogs._http import LARGEST_ANSWER, body
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._secret import SecretRef
from portal.drivers.catalogs._service import segment
from portal.errors import PortalError, TooLarge, Unreadable

LARGEST_COORDINATE = 64 * 2**20
#: A block of more bytes than this is not read.
LARGEST_BLOCK = 2**30
_KINDS = "biufcmMSU"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Tiled server, as a run file may name it: without its key.

    Parameters
    ----------
    api
        Its API's root, such as ``https://tiled.example.gov/api/v1``.
    """

    api: str
    reach: Reach
    secret: SecretRef
    timeout: float

    def client(self, most: int = LARGEST_ANSWER) -> httpx.Client:
        """Return an HTTP client whose requests are checked, of answers up to a number of bytes."""
        return httpx.Client(
            transport=Transport(transport=_Guarded(self, most)),
            headers={"Accept-Encoding": "gzip, deflate"},
            follow_redirects=True,
        )

    def address(self, route: str, path: tuple[str, ...]) -> str:
        """Return the address of a node on a route of the API."""
        return "/".join((self.api, route, *map(segment, path)))


class _Guarded(httpx.BaseTransport):
    """Carries out one request by Portal's session; redirects come back as requests of their own."""

    def __init__(self, endpoint: Endpoint, most: int) -> None:
        self.endpoint = endpoint
        self.most = most
        self.session = endpoint.reach.session(timeout=endpoint.timeout)

    def close(self) -> None:
        self.session.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url, end = str(request.url), self.endpoint
        headers = {k: v for k, v in request.headers.items() if k.lower() != "authorization"}
        key = end.secret.read() if end.reach.trusts(url) else None
        if key is not None:
            headers["Authorization"] = f"Apikey {key}"
        with (
            faults(url),
            self.session.get(url, headers=headers, stream=True, allow_redirects=False) as response,
        ):
            if response.status_code in (401, 403, 429) or response.status_code >= 500:
                check_status(url, response.status_code, response.reason or "", end.secret.advice)
            kept = {
                k: v
                for k, v in response.headers.items()
                if k.lower() in ("content-type", "location")
            }
            content = body(response, most=self.most)
            return httpx.Response(response.status_code, headers=kept, content=content)


@contextmanager
def reading(address: str) -> Iterator[None]:
    """Name the server in whatever is wrong with what it says.

    Raises
    ------
    Unreadable
        It is no answer of a Tiled server.
    """
    try:
        yield
    except PortalError:
        raise
    except (httpx.HTTPError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(
            f"{shown(address)} did not answer as a Tiled server does",
            found=type(error).__name__,
            advice="Check the url in the facility file; else the server is at fault.",
        ) from error


def structure_of(node: Any) -> ArrayStructure | None:
    """Return the structure of an array of plain values; None for anything else."""
    attributes = node.item["attributes"]
    if attributes["structure_family"] != "array":
        return None
    try:
        structure = ArrayStructure.from_json(attributes["structure"])
        if not isinstance(structure.data_type, BuiltinDtype):
            return None
        known = structure.data_type.to_numpy_dtype().kind in _KINDS
        whole = tuple(sum(c) for c in structure.chunks) == structure.shape
    except (LookupError, TypeError, ValueError):
        return None
    return structure if known and whole else None


def dims_of(structure: ArrayStructure) -> tuple[str, ...]:
    """Return the names of an array's dimensions, or xarray's where it has none."""
    if structure.dims and len(structure.dims) == len(structure.shape):
        return tuple(map(str, structure.dims))
    return tuple(f"dim_{n}" for n in range(len(structure.shape)))


@dataclass(frozen=True, slots=True)
class Blocks:
    """Reads the blocks of an array; it can be sent to another process, and holds no key."""

    endpoint: Endpoint
    path: tuple[str, ...]
    chunks: tuple[tuple[int, ...], ...]
    dtype: np.dtype[Any]

    def __call__(self, block_id: tuple[int, ...]) -> np.ndarray[Any, Any]:
        shape = tuple(sizes[n] for sizes, n in zip(self.chunks, block_id, strict=True))
        size = math.prod(shape) * self.dtype.itemsize
        address = self.endpoint.address("array/block", self.path)
        if size > LARGEST_BLOCK:
            raise TooLarge(
                f"A block of {shown(address)} is too large",
                found=f"{size:,} bytes",
                advice="Ask who keeps the data to store it in smaller chunks.",
            )
        if not size:
            return np.empty(shape, self.dtype)
        asked = {
            "block": ",".join(map(str, block_id)),
            "expected_shape": ",".join(map(str, shape)) or "scalar",
        }
        with reading(address), self.endpoint.client(most=size + 2**16) as client:
            response = client.get(
                address, params=asked, headers={"Accept": "application/octet-stream"}
            )
            response.raise_for_status()
            return np.frombuffer(response.content, self.dtype).reshape(shape)


def lazy(endpoint: Endpoint, path: tuple[str, ...], structure: ArrayStructure) -> Any:
    """Return a Dask array in its server's own chunks; nothing is read."""
    from dask.base import tokenize

    dtype = structure.data_type.to_numpy_dtype()
    blocks = Blocks(endpoint, path, structure.chunks, dtype)
    name = f"tiled-{tokenize(blocks)}"
    if not structure.shape:
        from dask.delayed import delayed

        whole = delayed(blocks)(())
        return da.from_delayed(whole, (), dtype, name=name)  # type: ignore[no-untyped-call]
    return da.map_blocks(  # type: ignore[no-untyped-call]
        blocks,
        chunks=structure.chunks,
        dtype=dtype,
        meta=np.empty((0,) * len(structure.shape), dtype),
        name=name,
    )


def dataset_of(endpoint: Endpoint, path: tuple[str, ...], node: Any) -> xr.Dataset | None:
    """Open an array, or an xarray dataset, lazily; None for a node of another kind.

    Raises
    ------
    Unavailable, Denied, Unreadable, TooLarge
    """
    if not isinstance(node, Container):
        structure = structure_of(node)
        if structure is None:
            return None
        array = (dims_of(structure), lazy(endpoint, path, structure), attrs_of(node))
        return xr.Dataset({path[-1]: array})
    if not is_dataset(node):
        return None
    data: dict[str, Any] = {}
    coords: dict[str, Any] = {}
    for key, child in node.items():
        structure = structure_of(child)
        if structure is None:
            continue
        dims = dims_of(structure)
        size = math.prod(structure.shape) * structure.data_type.itemsize
        if dims == (key,) and size > LARGEST_COORDINATE:
            raise TooLarge(
                f"{shown(endpoint.address('metadata', path))} has a coordinate {key!r} of "
                f"{size:,} bytes",
                found="opening it would read it whole",
                advice="Open its arrays one by one.",
            )
        array = (dims, lazy(endpoint, (*path, key), structure), attrs_of(child))
        (coords if is_coordinate(child) else data)[key] = array
    with reading(endpoint.address("metadata", path)):
        return xr.Dataset(data, coords, attrs_of(node))


def attrs_of(node: Any) -> dict[str, Any]:
    """Return a node's xarray attributes; else what of its metadata can be such."""
    metadata = dict(node.metadata)
    attrs = metadata.get("attrs")
    if isinstance(attrs, Mapping):
        return dict(attrs)
    return {k: v for k, v in metadata.items() if isinstance(v, str | int | float)}


def is_dataset(node: Any) -> bool:
    """Whether a container holds the variables and coordinates of one xarray dataset."""
    return isinstance(node, Container) and any(s.name == "xarray_dataset" for s in node.specs)


def is_coordinate(node: Any) -> bool:
    """Whether an array is a coordinate of its dataset."""
    return any(s.name == "xarray_coord" for s in node.specs)
