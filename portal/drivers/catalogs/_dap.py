"""Open a DAP2 dataset lazily: pydap reads the documents, and each request is checked by Reach.

A DAP dataset has no chunks of its own. The last dimensions are taken whole and the first ones are
cut, the same for every variable, so that a chunk is :data:`CHUNK` bytes when decoded, or less.
Coordinates of dimensions are read at once, in one request; nothing else is read before it is used.

Import it late: it loads xarray and pydap.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends.common import BackendArray
from xarray.core import indexing

from portal.drivers.catalogs._describe import tidy
from portal.drivers.catalogs._fetch import fetch, rubbish
from portal.drivers.catalogs._guard import MOST_CHUNKS
from portal.drivers.catalogs._needs import need
from portal.drivers.catalogs._reach import Reach, shown
from portal.errors import PortalError, TooLarge, Unreadable

with warnings.catch_warnings():
    # pydap imports webob, which imports cgi on Python 3.11 and 3.12.
    warnings.filterwarnings("ignore", "'cgi' is deprecated", DeprecationWarning)
    need("pydap.handlers.dap", "opendap")

#: Bytes of a chunk, decoded.
CHUNK = 32 * 2**20
#: A dataset whose description is longer than this is not opened.
LARGEST_HEADER = 4 * 2**20
#: Bytes of the coordinates of dimensions, together.
LARGEST_COORDINATES = 64 * 2**20
TIMEOUT = 60.0

_ENDINGS = (".html", ".dds", ".das", ".dods")
_GLOBAL = ("NC_GLOBAL", "HDF_GLOBAL")
_TYPED = ("_FillValue", "missing_value", "valid_min", "valid_max", "valid_range")


def open_dap(url: str, reach: Reach, *, timeout: float = TIMEOUT) -> xr.Dataset:
    """Open a dataset that a server offers by DAP2 (OPeNDAP).

    Parameters
    ----------
    url
        The dataset's address without ``.dds`` or another ending.
    timeout
        Seconds without an answer, for every request.

    Raises
    ------
    Denied
        It must not be reached, or wants a login.
    UnknownItem, Unavailable
        The server has no such dataset, or is down.
    Unreadable, TooLarge
        It has no arrays, is described wrongly, or declares too much.
    """
    base = next((url.removesuffix(e) for e in _ENDINGS if url.endswith(e)), url)
    if "?" in base or "#" in base:
        raise Unreadable(
            f"{shown(url)} is a part of a dataset",
            found="a constraint after the address",
            advice="Give the address of the whole; a part is taken by ds.sel(…).",
        )
    from pydap.parsers.das import parse_das
    from pydap.parsers.dds import dds_to_dataset

    dds, das = (
        fetch(reach, base + end, timeout=timeout, most=LARGEST_HEADER).decode("utf-8", "replace")
        for end in (".dds", ".das")
    )
    if not dds.lstrip()[:7].lower() == "dataset":
        raise rubbish(base + ".dds", dds.encode(), "the description of a DAP2 dataset")
    with decoding(base):
        declared, attributes = dds_to_dataset(dds), parse_das(das)
        found = {v.name: v for v in _variables(declared, base, reach, timeout)}
        if not found:
            raise Unreadable(
                f"{shown(base)} has no arrays",
                found="tables (DAP sequences) or nothing",
                advice="Read it as the table it is: its server offers CSV.",
            )
        values = _coordinates([v for v in found.values() if v.dims == (v.name,)])
        variables = {
            name: xr.Variable(
                v.dims,
                values.get(name, indexing.LazilyIndexedArray(_Lazy(v))),
                _attributes(attributes.get(name), v.dtype),
            )
            for name, v in found.items()
        }
        general = {k: t for g in _GLOBAL for k, t in _attributes(attributes.get(g)).items()}
        dataset = tidy(_decoded(variables, general))
        return dataset.chunk(_chunks(dataset, base), token=_token(base, dds, das))


@contextmanager
def decoding(url: str) -> Iterator[None]:
    """Name the dataset in whatever goes wrong while what it answered is decoded.

    Raises
    ------
    Unreadable
        It is damaged, or cannot be expressed.
    """
    try:
        yield
    except PortalError:
        raise
    except Exception as error:  # pydap and xarray fail on damaged answers as they like
        raise Unreadable(
            f"{shown(url)} cannot be read",
            found=f"{type(error).__name__}: {error}"[:300],
            advice="The server describes it wrongly, or xarray cannot express it.",
        ) from error


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable of a server; it can be sent to another process.

    Parameters
    ----------
    id
        What it is called in a request: ``SST.SST`` for the array of the grid SST.
    """

    name: str
    id: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    url: str
    reach: Reach
    timeout: float

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * _width(self.dtype)

    def read(self, key: tuple[int | slice, ...]) -> np.ndarray[Any, Any]:
        ranges = [k if isinstance(k, slice) else slice(k, k + 1) for k in key]
        steps = [range(*k.indices(n)) for k, n in zip(ranges, self.shape, strict=True)]
        shape = tuple(len(s) for s in steps)
        if 0 in shape:
            return np.empty(shape, self.dtype)
        cut = "".join(f"%5B{s.start}:{s.step}:{s[-1]}%5D" for s in steps)
        (values,) = _answer(self, [self.id + cut], [(self, shape)])
        return values[tuple(slice(None) if isinstance(k, slice) else 0 for k in key)]


class _Lazy(BackendArray):
    """A variable as xarray reads it: whole or in parts, when it is used."""

    def __init__(self, variable: _Variable) -> None:
        self.variable = variable
        self.shape = variable.shape
        self.dtype = variable.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self.variable.read
        )


def _variables(declared: Any, url: str, reach: Reach, timeout: float) -> Iterator[_Variable]:
    """Arrays and grids of a description; the maps of grids where nothing else has their name."""
    from pydap.lib import unquote
    from pydap.model import BaseType, GridType

    def variable(array: Any, name: str) -> _Variable:
        text = array.dtype.kind in "SU"
        dims = tuple(unquote(d).rpartition("/")[2] for d in array.dims)
        if len(dims) != len(array.shape):
            one = len(array.shape) == 1
            dims = (name,) if one else tuple(f"{name}_{i}" for i in range(len(array.shape)))
        dtype = np.dtype(object) if text else array.dtype.newbyteorder("=")
        shape = tuple(int(n) for n in array.shape)
        return _Variable(name, array.id, dims, shape, dtype, url, reach, timeout)

    children = list(declared.children())
    for child in children:
        if isinstance(child, GridType):
            yield variable(child.array, unquote(child.name))
        elif isinstance(child, BaseType):
            yield variable(child, unquote(child.name))
    taken = {unquote(child.name) for child in children}
    for grid in (c for c in children if isinstance(c, GridType)):
        for map_ in list(grid.children())[1:]:
            name = unquote(map_.name)
            if name not in taken:
                taken.add(name)
                yield variable(map_, name)


def _coordinates(found: list[_Variable]) -> dict[str, np.ndarray[Any, Any]]:
    """Read the coordinates of dimensions, all in one request."""
    size = sum(v.nbytes for v in found)
    if size > LARGEST_COORDINATES:
        raise TooLarge(
            f"{shown(found[0].url)} declares coordinates of {size:,} bytes",
            found=", ".join(f"{v.name}: {v.shape[0]:,}" for v in found)[:300],
            advice="Opening it would read them whole. Ask its server for a part of it.",
        )
    if not found:
        return {}
    values = _answer(found[0], [v.id for v in found], [(v, v.shape) for v in found])
    return {v.name: array for v, array in zip(found, values, strict=True)}


def _answer(
    about: _Variable, projections: list[str], wanted: list[tuple[_Variable, tuple[int, ...]]]
) -> list[np.ndarray[Any, Any]]:
    """Ask for the values of variables; what comes back is of the shapes that were asked for."""
    from pydap.handlers.dap import unpack_dap2_data
    from pydap.lib import BytesReader, walk
    from pydap.model import BaseType
    from pydap.parsers.dds import dds_to_dataset

    url = f"{about.url}.dods"
    width = max(v.dtype.itemsize if v.dtype.kind != "O" else 1024 for v, _ in wanted)
    most = sum(math.prod(shape) * max(width, 4) for _, shape in wanted) + 2**20
    data = fetch(about.reach, f"{url}?{','.join(projections)}", timeout=about.timeout, most=most)
    head, mark, rest = data.partition(b"\nData:\n")
    if not mark:
        raise rubbish(url, data, "values")
    with decoding(about.url):
        answer = dds_to_dataset(head.decode("utf-8", "replace"))
        leaves = list(walk(answer, BaseType))
        shapes = [tuple(leaf.shape) for leaf in leaves]
        if shapes != [shape for _, shape in wanted]:
            raise Unreadable(
                f"{shown(url)} answered with other values than were asked for",
                found=f"arrays of {shapes}, not {[shape for _, shape in wanted]}",
                advice="The data has changed, or the server is at fault: open it anew.",
            )
        answer.data = unpack_dap2_data(BytesReader(rest), answer)
        return [
            _native(leaf.data, variable.dtype)
            for leaf, (variable, _) in zip(leaves, wanted, strict=True)
        ]


def _native(values: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    array = np.asarray(values)
    if dtype.kind == "O" and array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    return array.astype(dtype)


def _attributes(found: Any, dtype: np.dtype[Any] | None = None) -> dict[str, Any]:
    """Attributes as xarray has them; those that are values of the variable are of its type."""
    plain = dict(found) if isinstance(found, Mapping) else {}
    for key, value in plain.items():
        if isinstance(value, str):
            plain[key] = value.replace('\\"', '"').replace("\\\\", "\\")
        elif key in _TYPED and dtype is not None and dtype.kind in "iuf":
            with np.errstate(all="ignore"):
                typed = np.asarray(value, dtype=float).astype(dtype)
            plain[key] = typed if typed.ndim else typed[()]
    return {k: v for k, v in plain.items() if not isinstance(v, Mapping) and k != "_ChunkSizes"}


def _decoded(variables: dict[str, xr.Variable], attrs: dict[str, Any]) -> xr.Dataset:
    """Decode by CF; times that cannot be decoded are left as the numbers they are.

    Lazy texts stand aside meanwhile: xarray would read one of each, to see whether it is a time.
    """
    aside = {n: v for n, v in variables.items() if v.dtype.kind == "O" and v.dims != (n,)}
    zeros = {n: v.copy(data=np.broadcast_to(np.int8(0), v.shape)) for n, v in aside.items()}
    raw = xr.Dataset({**variables, **zeros}, attrs=attrs)
    try:
        dataset = xr.decode_cf(raw)
    except ValueError as error:
        if "decode time" not in str(error):
            raise
        dataset = xr.decode_cf(raw, decode_times=False)
    return dataset.assign({n: v for n, v in aside.items() if n in dataset.data_vars}).assign_coords(
        {n: v for n, v in aside.items() if n in dataset.coords}
    )


def _chunks(dataset: xr.Dataset, url: str) -> dict[str, int]:
    """Steps of a chunk along each dimension, by the largest variables first."""
    found: dict[str, int] = {}
    arrays = [v for n, v in dataset.variables.items() if n not in dataset.indexes and v.ndim]
    for array in sorted(arrays, key=lambda v: -v.size * _width(v.dtype)):
        left = max(CHUNK // _width(array.dtype), 1)
        left //= math.prod(found.get(str(d), 1) for d in array.dims) or 1
        for name, size in reversed(list(zip(array.dims, array.shape, strict=True))):
            if name not in found:
                count = math.ceil(size / max(min(size, left), 1)) or 1
                found[str(name)] = max(math.ceil(size / count), 1)
                left //= found[str(name)]
    for name, step in found.items():
        if dataset.sizes[name] / step > MOST_CHUNKS:
            raise TooLarge(
                f"{shown(url)} declares {dataset.sizes[name]:,} steps along {name}",
                found=f"chunks of {step} of them would be too many",
                advice="Ask its server for a part of it.",
            )
    return found


def _width(dtype: np.dtype[Any]) -> int:
    """Bytes of one value; those of a text are a guess."""
    return 64 if dtype.kind == "O" else dtype.itemsize


def _token(*parts: str) -> str:
    from dask.base import tokenize

    return str(tokenize(*parts))
