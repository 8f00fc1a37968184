"""GRIB files by their messages: every message is a chunk, which a codec of its own unpacks.

cfgrib reads the headers and says which message is where. A virtual store of GRIB messages is read
where Portal and ecCodes are installed: Zarr itself knows no such codec.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.errors import Unreadable
from portal.virtual.needs import need
from portal.virtual.references import Entry, References

if TYPE_CHECKING:
    import xarray as xr

CODEC: dict[str, Any] = {"name": "portal.grib"}


@dataclass(frozen=True, slots=True)
class Field:
    """A variable of a GRIB file.

    Parameters
    ----------
    chunks
        The shape of a message's field, with a length of one for every other dimension.
    ranges
        First byte and number of bytes of each message, by its place in the grid of chunks.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    attributes: Mapping[str, Any]
    ranges: Mapping[tuple[int, ...], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Messages:
    """What a GRIB file holds: its coordinates, read, and where its fields are."""

    coordinates: xr.Dataset
    fields: Mapping[str, Field]


def read_messages(path: Path, *, name: str = "") -> Messages:
    """Read the headers of a GRIB file.

    Parameters
    ----------
    name
        What it is called in messages; the path by default.

    Raises
    ------
    Unreadable
        Its messages are of several grids or kinds of levels, or several fields share a message.
    MissingDependency
        cfgrib or ecCodes is not installed.
    """
    cfgrib = need("cfgrib", "grib")
    import xarray as xr

    shown = name or str(path)
    try:
        found = cfgrib.open_file(str(path), errors="raise", indexpath="")
    except cfgrib.DatasetBuildError as error:
        raise Unreadable(
            f"{shown} holds messages that do not make one dataset",
            found=str(error).partition("\n")[0][:300],
            advice="Split it by levels: grib_copy -w typeOfLevel=… from ecCodes.",
        ) from error
    fields: dict[str, Field] = {}
    coordinates: dict[str, xr.Variable] = {}
    for key, variable in found.variables.items():
        data, dims = variable.data, tuple(variable.dimensions)
        if hasattr(data, "field_id_index"):
            chunks = (*(1,) * (len(data.shape) - data.geo_ndim), *data.shape[-data.geo_ndim :])
            ranges = dict(_ranges(path, shown, data))
            fields[key] = Field(dims, tuple(data.shape), chunks, variable.attributes, ranges)
        else:
            coordinates[key] = xr.Variable(dims, np.asarray(data), variable.attributes)
    held = xr.decode_cf(xr.Dataset(coords=coordinates), decode_timedelta=True)
    return Messages(held.assign_attrs(found.attributes), fields)


def _ranges(
    path: Path, shown: str, array: Any
) -> Iterator[tuple[tuple[int, ...], tuple[int, int]]]:
    with path.open("rb") as file:
        for place, messages in array.field_id_index.items():
            if not isinstance(messages[0], int):
                raise Unreadable(
                    f"{shown} holds messages of several fields",
                    found=str(messages[0]),
                    advice="Split them: grib_copy from ecCodes.",
                )
            # Section 0 of a message tells its length (WMO FM 92).
            file.seek(messages[0])
            head = file.read(16)
            length = int.from_bytes(head[8:16] if head[7] == 2 else head[4:7], "big")
            yield (*place, *(0,) * array.geo_ndim), (messages[0], length)


def virtual_grib(path: Path) -> xr.Dataset:
    """Read a GRIB file as a virtual dataset.

    Raises
    ------
    Unreadable, MissingDependency
        As :func:`read_messages`.
    """
    import xarray as xr
    from virtualizarr.manifests import ChunkManifest, ManifestArray
    from virtualizarr.manifests.utils import create_v3_array_metadata

    held = read_messages(path)
    variables = {}
    for name, field in held.fields.items():
        counts = zip(field.shape, field.chunks, strict=True)
        grid = tuple(n // c for n, c in counts)
        paths = np.full(grid, "", dtype=np.dtypes.StringDType())
        offsets, lengths = np.zeros(grid, "uint64"), np.zeros(grid, "uint64")
        for place, (offset, length) in field.ranges.items():
            paths[place], offsets[place], lengths[place] = f"file://{path}", offset, length
        metadata = create_v3_array_metadata(
            shape=field.shape,
            data_type=np.dtype("float32"),
            chunk_shape=field.chunks,
            fill_value=float("nan"),
            codecs=[CODEC],
        )
        manifest = ChunkManifest.from_arrays(paths=paths, offsets=offsets, lengths=lengths)
        array: Any = ManifestArray(metadata=metadata, chunkmanifest=manifest)
        variables[name] = xr.Variable(field.dims, array, dict(field.attributes))
    return held.coordinates.assign(variables)


def refer(fields: Mapping[str, Field], url: str) -> References:
    """Write the fields of a GRIB file as the references of a Zarr store of format 3."""
    entries: dict[str, Entry] = {"zarr.json": b'{"zarr_format": 3, "node_type": "group"}'}
    for name, field in fields.items():
        document = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": field.shape,
            "data_type": "float32",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": field.chunks}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": "NaN",
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, CODEC],
            "attributes": dict(field.attributes),
            "dimension_names": field.dims,
        }
        entries[f"{name}/zarr.json"] = json.dumps(document, default=_plain).encode()
        for place, (offset, length) in field.ranges.items():
            entries[f"{name}/c/{'/'.join(map(str, place))}"] = (url, offset, length)
    return References(entries)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
