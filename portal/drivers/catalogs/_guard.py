"""What a store declares against what it holds, read from its metadata before anything opens it.

A file of a few bytes can declare arrays of terabytes, on which merely opening it would allocate or
never return; and the metadata of a Zarr store can name a codec that runs code. Both are refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from portal.errors import TooLarge, Unreadable

if TYPE_CHECKING:
    import fsspec

#: A store is refused that declares more than this many bytes for each byte it holds ...
MOST_DECLARED_PER_STORED = 10_000
#: ... once it declares more than this many.
LEAST_REFUSED = 10**12
#: Opening reads the coordinates of dimensions whole: a larger one is refused.
LARGEST_COORDINATE = 2**30
#: A chunk of more bytes than this is refused where the bytes stored are not known.
LARGEST_CHUNK = 2**32
#: With more chunks than this along one dimension, a dataset is opened in larger ones.
MOST_CHUNKS = 1_000_000
#: With more files than this, the bytes of a store are not counted.
MOST_FILES = 200_000
#: A metadata document of more bytes than this is not one.
LARGEST_DOCUMENT = 64 * 2**20

#: Codecs that run code that a store holds have one of these in their names.
_RUN = ("pickle", "dill", "joblib", "marshal")
ZARR_DOCUMENTS = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")


@dataclass(frozen=True, slots=True)
class Store:
    """What a file or store says of itself.

    Parameters
    ----------
    stored
        Bytes it holds; None where they are too many files to count.
    declared
        Bytes its arrays would take, uncompressed.
    chunks
        The most chunks that an array has along one dimension.
    group
        The HDF5 group that holds its arrays.
    consolidated
        Whether a Zarr store has consolidated metadata.
    table
        Whether it is no Zarr store, but references in Parquet files.
    """

    stored: int | None
    declared: int
    chunks: int = 1
    group: str = "/"
    consolidated: bool = False
    table: bool = False


@dataclass(frozen=True, slots=True)
class Array:
    """What metadata declare of an array."""

    name: str
    shape: tuple[int, ...]
    itemsize: int
    chunks: tuple[int, ...] | None = None
    coordinate: bool = False

    @property
    def declared(self) -> int:
        """Bytes of the whole."""
        return math.prod(self.shape) * self.itemsize

    @property
    def largest(self) -> int:
        """Bytes of a chunk."""
        return math.prod(self.chunks or self.shape) * self.itemsize

    @property
    def count(self) -> int:
        """The most chunks along a dimension."""
        if not self.chunks:
            return 1
        pairs = zip(self.shape, self.chunks, strict=False)
        return max((-(-n // max(c, 1)) for n, c in pairs), default=1)


def weigh(where: str, arrays: list[Array], stored: int | None) -> tuple[int, int]:
    """Return the bytes declared and the most chunks; refuse what cannot be true."""
    declared = sum(array.declared for array in arrays)
    if (
        stored is not None
        and declared > LEAST_REFUSED
        and declared > MOST_DECLARED_PER_STORED * max(stored, 1)
    ):
        raise TooLarge(
            f"{where} declares arrays of {declared:,} bytes",
            found=f"{stored:,} bytes are stored",
            advice="Check who made it: so few bytes cannot hold such arrays. It was not opened.",
        )
    for array in arrays:
        if stored is None and array.largest > LARGEST_CHUNK:
            raise TooLarge(
                f"{where} declares a chunk of {array.largest:,} bytes of {array.name!r}",
                found=f"chunks {array.chunks} of {array.shape}",
                advice="Check who made it: chunks are smaller. It was not opened.",
            )
        if array.coordinate and array.declared > LARGEST_COORDINATE:
            raise TooLarge(
                f"{where} declares a coordinate {array.name!r} of {array.declared:,} bytes, which "
                "opening would read whole",
                found=f"{stored if stored is None else f'{stored:,}'} bytes are stored in all",
                advice="Store the coordinate under a name that is not its dimension's.",
            )
    return declared, max((array.count for array in arrays), default=1)


def inspect_zarr(fs: fsspec.AbstractFileSystem, path: str, *, listed: bool = True) -> Store:
    """Read the metadata of a Zarr store (format 2 or 3).

    Parameters
    ----------
    listed
        Whether to list it. If not, its consolidated metadata alone is read, if it has any, and its
        bytes are not counted.

    Raises
    ------
    TooLarge
        It declares more than it can hold.
    Unreadable
        Its metadata is damaged, names a codec that runs code, or a link leads out of it.
    """
    arrays: list[Array] = []
    stored: int | None = 0
    consolidated = table = False
    documents = 0
    for count, (name, info) in enumerate(_files(fs, path) if listed else _roots(path)):
        if count >= MOST_FILES:
            stored = None
        if stored is not None:
            stored += int(info.get("size") or 0)
        base = PurePosixPath(name).name
        if base not in ZARR_DOCUMENTS:
            continue
        try:
            document = read_document(fs, name, int(info.get("size") or 0))
        except FileNotFoundError:
            if listed or base == ".zmetadata":
                raise
            continue
        documents += 1
        refuse_code(name, document)
        inner = document.get("metadata") or {}
        if base == ".zmetadata":
            consolidated = True
            table = "record_size" in document
        elif base == "zarr.json":
            consolidated = consolidated or "consolidated_metadata" in document
            inner = (document.get("consolidated_metadata") or {}).get("metadata") or {}
            if document.get("node_type") == "array":
                arrays.append(_zarr_array(name, str(PurePosixPath(name).parent.name), document))
        elif base == ".zarray":
            beside = _attributes(fs, f"{name.removesuffix('.zarray')}.zattrs")
            arrays.append(_zarr_array(name, PurePosixPath(name).parent.name, document, beside))
        known = {array.name for array in arrays}
        for key, node in inner.items():
            local = key.removesuffix("/.zarray")
            if isinstance(node, Mapping) and "shape" in node and local not in known:
                arrays.append(_zarr_array(name, local, node, inner.get(f"{local}/.zattrs") or {}))
        if not listed:
            break
    if not documents:
        raise Unreadable(
            f"{path} is no Zarr store",
            found="a directory without zarr.json, .zgroup or .zmetadata",
            advice="Correct the path, or write the store anew.",
        )
    if not listed:
        stored = None
    declared, chunks = weigh(path, arrays, stored)
    return Store(stored, declared, chunks, consolidated=consolidated, table=table)


def weigh_documents(
    where: str, documents: Mapping[str, Mapping[str, Any]], stored: int | None
) -> Store:
    """Check the metadata of a Zarr store, as documents by their keys.

    Raises
    ------
    TooLarge, Unreadable
        As :func:`inspect_zarr`.
    """
    arrays: list[Array] = []
    for key, document in documents.items():
        refuse_code(f"{where}: {key}", document)
        parent, _, base = key.rpartition("/")
        if base == ".zarray" or (base == "zarr.json" and document.get("node_type") == "array"):
            beside = documents.get(f"{parent}/.zattrs")
            arrays.append(_zarr_array(f"{where}: {key}", parent, document, beside))
    declared, chunks = weigh(where, arrays, stored)
    return Store(stored, declared, chunks)


def _files(fs: fsspec.AbstractFileSystem, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for info in fs.ls(path, detail=True):
        if info.get("islink"):
            raise Unreadable(
                f"{path} holds a link",
                found=f"{info['name']} -> {info.get('destination')}",
                advice="Put the file itself there: links inside a Zarr store are not followed.",
            )
        if info["type"] == "directory":
            yield from _files(fs, info["name"])
        else:
            yield info["name"], info


def _roots(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the documents, of either format, in which a store's metadata are consolidated."""
    for base in ("zarr.json", ".zmetadata"):
        yield f"{path.rstrip('/')}/{base}", {}


def _attributes(fs: fsspec.AbstractFileSystem, name: str) -> dict[str, Any]:
    try:
        return read_document(fs, name, 0)
    except FileNotFoundError:
        return {}


def read_document(fs: fsspec.AbstractFileSystem, name: str, size: int) -> dict[str, Any]:
    """Read a small JSON object.

    Parameters
    ----------
    size
        Its bytes.

    Raises
    ------
    Unreadable
        It cannot be read, is too large or is no JSON object.
    """
    try:
        if size > LARGEST_DOCUMENT:
            raise ValueError(f"{size:,} bytes")
        text = fs.cat_file(name)
        if len(text) > LARGEST_DOCUMENT:
            raise ValueError(f"{len(text):,} bytes")
        document = json.loads(text)
        if not isinstance(document, dict):
            raise TypeError(f"a {type(document).__name__}")
    except (ValueError, TypeError, RecursionError) as error:
        raise Unreadable(
            f"The metadata {name} cannot be read",
            found=str(error),
            advice="Write or publish the dataset anew.",
        ) from error
    return document


def _zarr_array(
    where: str, name: str, node: Mapping[str, Any], beside: Mapping[str, Any] | None = None
) -> Array:
    try:
        shape = tuple(int(n) for n in node["shape"])
        if min(shape, default=0) < 0:
            raise ValueError(f"the shape {shape}")
        grid = node.get("chunk_grid") or {}
        chunks = node.get("chunks") or (grid.get("configuration") or {}).get("chunk_shape")
        dims = node.get("dimension_names") or (beside or {}).get("_ARRAY_DIMENSIONS") or ()
        return Array(
            name,
            shape,
            abs(itemsize_of(node.get("dtype", node.get("data_type")))),
            tuple(int(c) for c in chunks) if chunks else None,
            list(dims) == [PurePosixPath(name).name],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(
            f"The Zarr metadata {where} cannot be read",
            found=f"{type(error).__name__}: {error}",
            advice="Write the store anew.",
        ) from error


def itemsize_of(dtype: Any) -> int:
    """Return the bytes of a value of a Zarr data type; less than 0 for texts and objects."""
    import numpy as np

    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError):
        return -8
    return -8 if found.kind == "O" else int(found.itemsize) or 1


def refuse_code(where: str, node: Any) -> None:
    """Refuse a codec that runs whatever code the store holds, wherever it is named.

    Raises
    ------
    Unreadable
        There is one.
    """
    if isinstance(node, Mapping):
        for key in ("id", "name"):
            name = str(node.get(key, "")).lower()
            if any(word in name for word in _RUN) and "dimension_names" not in node:
                raise Unreadable(
                    f"{where} names the codec {node[key]!r}, which runs code from the store",
                    found="an array of pickled objects",
                    advice="Write the array as numbers or as texts; it was not opened.",
                )
        for value in node.values():
            refuse_code(where, value)
    elif isinstance(node, list):
        for value in node:
            refuse_code(where, value)
