"""GRIB files as virtual datasets: every message is a chunk, which its own codec unpacks.

cfgrib reads the headers and says which message is where. A virtual store of GRIB messages is read
where Portal and ecCodes are installed: Zarr itself knows no such codec.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.errors import Unreadable
from portal.virtual.needs import need

if TYPE_CHECKING:
    import xarray as xr


def virtual_grib(path: Path) -> xr.Dataset:
    """Read the headers of a GRIB file.

    Raises
    ------
    Unreadable
        Its messages are of several grids or kinds of levels, or several fields share a message.
    MissingDependency
        cfgrib or ecCodes is not installed.
    """
    cfgrib = need("cfgrib", "grib")
    import xarray as xr

    try:
        found = cfgrib.open_file(str(path), errors="raise", indexpath="")
    except cfgrib.DatasetBuildError as error:
        raise Unreadable(
            f"{path} holds messages that do not make one dataset",
            found=str(error).partition("\n")[0][:300],
            advice="Split it by levels: grib_copy -w typeOfLevel=… from ecCodes.",
        ) from error
    fields: dict[str, xr.Variable] = {}
    coordinates: dict[str, xr.Variable] = {}
    for name, variable in found.variables.items():
        packed = hasattr(variable.data, "field_id_index")
        data = _messages(path, variable.data) if packed else np.asarray(variable.data)
        kept = fields if packed else coordinates
        kept[name] = xr.Variable(variable.dimensions, data, variable.attributes)
    held = xr.decode_cf(xr.Dataset(coords=coordinates), decode_timedelta=True)
    return held.assign(fields).assign_attrs(found.attributes)


def _messages(path: Path, array: Any) -> Any:
    """Make a virtual array of the messages of a variable."""
    from virtualizarr.manifests import ChunkManifest, ManifestArray
    from virtualizarr.manifests.utils import create_v3_array_metadata

    shape, fields = array.shape, array.shape[: -array.geo_ndim]
    grid = (*fields, *(1,) * array.geo_ndim)
    paths = np.full(grid, "", dtype=np.dtypes.StringDType())
    offsets, lengths = np.zeros(grid, "uint64"), np.zeros(grid, "uint64")
    with path.open("rb") as file:
        for place, messages in array.field_id_index.items():
            if not isinstance(messages[0], int):
                raise Unreadable(
                    f"{path} holds messages of several fields",
                    found=str(messages[0]),
                    advice="Split them: grib_copy from ecCodes.",
                )
            index = (*place, *(0,) * array.geo_ndim)
            paths[index] = f"file://{path}"
            offsets[index] = messages[0]
            lengths[index] = _length(file, messages[0])
    metadata = create_v3_array_metadata(
        shape=shape,
        data_type=np.dtype("float32"),
        chunk_shape=(*(1,) * len(fields), *shape[-array.geo_ndim :]),
        fill_value=float("nan"),
        codecs=[{"name": "portal.grib"}],
    )
    manifest = ChunkManifest.from_arrays(paths=paths, offsets=offsets, lengths=lengths)
    return ManifestArray(metadata=metadata, chunkmanifest=manifest)


def _length(file: Any, offset: int) -> int:
    """Read how long a message is (WMO FM 92: section 0)."""
    file.seek(offset)
    head = file.read(16)
    return int.from_bytes(head[8:16] if head[7] == 2 else head[4:7], "big")
