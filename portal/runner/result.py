"""The result of a run: a Zarr store, committed whole or not at all."""

from __future__ import annotations

import hashlib
import math
import os
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from portal.errors import InvalidAnalysis
from portal.runner.trap import sync_directory

if TYPE_CHECKING:
    import xarray as xr
    from distributed import Client

SMALL: Final = 8 * 2**20
TARGET: Final = 32 * 2**20
LARGE: Final = 64 * 2**20
_CLEVEL: Final = 3


@dataclass(frozen=True, slots=True)
class Stored:
    """A store on disk: the digest of :func:`seal`, its bytes and files."""

    sha256: str
    size: int
    files: int


def require_dataset(result: Any, analysis: str) -> xr.Dataset:
    """Refuse what is no Dataset.

    Raises
    ------
    InvalidAnalysis
        It says what came instead, and how to make a Dataset of it.
    """
    import xarray as xr

    if isinstance(result, xr.Dataset):
        return result
    found = f"{type(result).__module__}.{type(result).__qualname__}".removeprefix("builtins.")
    advice = "Return an xr.Dataset."
    if isinstance(result, xr.DataArray):
        found = f"a DataArray named {result.name!r}"
        advice = 'Return `array.to_dataset(name="…")`.'
    elif result is None:
        found, advice = "None", "End the function with `return`, and an xr.Dataset."
    raise InvalidAnalysis(
        f"The analysis {analysis!r} did not return a Dataset", found=found, advice=advice
    )


def write(dataset: xr.Dataset, path: Path, client: Client) -> None:
    """Compute a Dataset into a new Zarr v3 store, every variable in one pass over the graph.

    What the variables inherited from their sources' encoding (packing, fill values, chunks) is
    dropped: a result has its own values.
    """
    dataset = dataset.drop_encoding()
    encoding: dict[str, dict[str, Any]] = {}
    rechunked: dict[Any, Any] = {}
    for name, variable in dataset.variables.items():
        chunks = storage_chunks(variable.shape, variable.dtype.itemsize, variable.chunks)
        if variable.chunks is not None and not _aligned(variable.chunks, chunks):
            rechunked[name] = variable.chunk(dict(zip(variable.dims, chunks, strict=True)))
        encoding[str(name)] = _encoding(variable.dtype, chunks)
    dataset = dataset.assign({k: v for k, v in rechunked.items() if k in dataset.data_vars})
    dataset = dataset.assign_coords({k: v for k, v in rechunked.items() if k in dataset.coords})
    with warnings.catch_warnings():
        # Consolidated metadata and text types work, though Zarr v3 does not specify them yet.
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        warnings.filterwarnings("ignore", message="The data type .* does not have a Zarr V3")
        pending = dataset.to_zarr(
            path, mode="w-", encoding=encoding, compute=False, zarr_format=3, consolidated=True
        )
        client.compute(pending).result()  # type: ignore[no-untyped-call]


def _encoding(dtype: Any, chunks: tuple[int, ...]) -> dict[str, Any]:
    encoding: dict[str, Any] = {"chunks": chunks} if chunks else {}
    if dtype.kind in "biufcmM" and chunks:
        from zarr.codecs import BloscCodec

        encoding["compressors"] = (BloscCodec(cname="zstd", clevel=_CLEVEL, shuffle="shuffle"),)
    return encoding


def storage_chunks(
    shape: tuple[int, ...],
    itemsize: int,
    chunks: tuple[tuple[int, ...], ...] | None,
) -> tuple[int, ...]:
    """Choose the stored chunks of an array.

    A small array is one chunk. The chunks of the computation are kept where they are regular and
    of 8 to 64 MiB, divided evenly where they are larger, and else replaced by chunks of about
    32 MiB of much the same form.

    Parameters
    ----------
    shape
        Elements along each dimension.
    chunks
        The Dask chunks along each dimension, or None for an array in memory.
    """
    size = math.prod(shape) * itemsize
    if not shape or size <= SMALL:
        return tuple(max(1, n) for n in shape)
    if chunks is not None and _regular(chunks):
        first = tuple(along[0] for along in chunks)
        held = math.prod(first) * itemsize
        if held > LARGE:
            first = _divide(first, itemsize)
            held = math.prod(first) * itemsize
        if SMALL <= held <= LARGE or (held < SMALL and first == shape):
            return first
    return _about(shape, itemsize, chunks)


def _about(
    shape: tuple[int, ...], itemsize: int, chunks: tuple[tuple[int, ...], ...] | None
) -> tuple[int, ...]:
    """Regular chunks of at most about :data:`TARGET` bytes, grown or cut from those there are."""
    form = list(shape) if chunks is None else [max(along) for along in chunks]
    while math.prod(form) * itemsize > TARGET:
        longest = max(range(len(form)), key=lambda axis: form[axis])
        form[longest] = -(-form[longest] // 2)
    for axis in reversed(range(len(form))):
        room = TARGET // (math.prod(form) * itemsize)
        form[axis] = min(shape[axis], form[axis] * max(1, room))
    return tuple(form)


def _regular(chunks: tuple[tuple[int, ...], ...]) -> bool:
    return all(len(set(along[:-1])) <= 1 and along[-1] <= along[0] for along in chunks)


def _divide(chunk: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Divide a chunk evenly, the slowest dimensions first, to at most :data:`LARGE` bytes."""
    parts = list(chunk)
    for axis, length in enumerate(chunk):
        rest = math.prod(parts) * itemsize // length
        wanted = [d for d in range(1, length + 1) if length % d == 0]
        parts[axis] = next((length // d for d in wanted if rest * (length // d) <= TARGET), 1)
        if math.prod(parts) * itemsize <= LARGE:
            break
    return tuple(parts)


def _aligned(chunks: tuple[tuple[int, ...], ...], stored: tuple[int, ...]) -> bool:
    """Whether no stored chunk is written by two tasks."""
    return all(
        all(part % length == 0 for part in along[:-1])
        for along, length in zip(chunks, stored, strict=True)
    )


def seal(path: Path) -> Stored:
    r"""Make every file of a store durable, and digest it.

    Returns
    -------
    Stored
        Its ``sha256`` is the SHA-256 of one line a file, ``<sha256 of the file>  <its path>\n``
        with the path relative to the store, sorted by path: what
        ``find . -type f | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum | sha256sum`` prints.
    """
    files = sorted((f.relative_to(path).as_posix(), f) for f in path.rglob("*") if f.is_file())
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        digests = list(pool.map(lambda pair: _seal_file(pair[1]), files))
    for directory in {file.parent for _, file in files} | {path}:
        sync_directory(directory)
    total = hashlib.sha256()
    for (name, _), (digest, _) in zip(files, digests, strict=True):
        total.update(f"{digest}  {name}\n".encode())
    return Stored(total.hexdigest(), sum(size for _, size in digests), len(files))


def _seal_file(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return digest, os.fstat(file.fileno()).st_size


def commit(partial: Path, final: Path) -> None:
    """Give a sealed store its name: from now on it is there, whole."""
    partial.rename(final)
    sync_directory(final.parent)


def describe(dataset: xr.Dataset) -> Mapping[str, str]:
    """Say in short what each data variable is, for the run crate."""
    return {
        str(name): f"{variable.dtype} {dict(variable.sizes)} {variable.attrs.get('units', '')}"
        for name, variable in dataset.data_vars.items()
    }
