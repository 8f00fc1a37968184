"""Read one file as a virtual dataset: its small variables loaded, the others as references."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.errors import PortalError, Unreadable
from portal.virtual.classic import read_header, refer
from portal.virtual.needs import need

if TYPE_CHECKING:
    import xarray as xr

#: Variables of one dimension up to this many bytes are held in the store itself.
LARGEST_HELD = 2**20
SUFFIXES = frozenset(
    {".nc", ".nc4", ".cdf", ".netcdf", ".h5", ".hdf5", ".he5", ".grib", ".grib2", ".grb", ".grb2"}
)
_PACKING = ("scale_factor", "add_offset", "_FillValue", "missing_value", "units", "calendar")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file as a virtual dataset.

    Parameters
    ----------
    signature
        For each variable what must be the same in every file: dimensions, sizes, data type,
        chunks, codecs, and the attributes that say how values are packed.
    stamp
        The file's size and time of change.
    """

    path: Path
    dataset: xr.Dataset
    signature: Mapping[str, Mapping[str, Any]]
    stamp: str


def stamp(path: Path) -> str:
    """Return a text that differs when a file does."""
    found = path.stat()
    return f"{found.st_size}:{found.st_mtime_ns}"


def url_of(path: Path) -> str:
    """Write a local path as a URL."""
    return f"file://{path}"


def parse(path: Path, concat: str) -> Parsed:
    """Read the metadata of a file.

    Parameters
    ----------
    concat
        The dimension along which files follow each other.

    Raises
    ------
    Unreadable
        It is damaged, of a format that has no references, or has no such dimension or time.
    MissingDependency
        virtualizarr is not installed; cfgrib for GRIB.
    """
    before = stamp(path)
    try:
        dataset = _virtual(path, concat)
    except PortalError:
        raise
    except Exception as error:  # parsers are plug-ins that fail on damaged bytes as they like
        raise Unreadable(
            f"{path} cannot be read as references",
            found=f"{type(error).__name__}: {error}"[:500],
            advice="It is damaged, or of a kind that has none: leave it out, or write it as Zarr.",
        ) from error
    if concat not in dataset.dims:
        if concat not in dataset.coords:
            raise Unreadable(
                f"{path} has no dimension {concat!r}",
                found=f"dimensions: {', '.join(map(str, dataset.dims))}",
                advice="Say along which one the files follow each other: --concat.",
            )
        dataset = _stacked(dataset, concat)
    return Parsed(path, dataset, _signature(dataset, concat), before)


def _virtual(path: Path, concat: str) -> xr.Dataset:
    need("virtualizarr", "cloud")
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import LocalStore
    from virtualizarr.manifests import ManifestStore
    from virtualizarr.parsers import HDFParser
    from virtualizarr.parsers.kerchunk.translator import manifestgroup_from_kerchunk_refs

    with path.open("rb") as file:
        head = file.read(8)
    registry = ObjectStoreRegistry({"file://": LocalStore()})
    if head.startswith(b"\x89HDF"):
        store = HDFParser()(url=url_of(path), registry=registry)
    elif head.startswith((b"CDF\x01", b"CDF\x02", b"CDF\x05")):
        refs: Any = _references(path)
        store = ManifestStore(group=manifestgroup_from_kerchunk_refs(refs), registry=registry)
    elif head.startswith(b"GRIB"):
        from portal.virtual.grib import virtual_grib

        return virtual_grib(path)
    else:
        raise Unreadable(
            f"{path} is of a format that has no references",
            found=f"a file that starts with {head!r}",
            advice="NetCDF, HDF5 and GRIB files have them.",
        )
    bare = store.to_virtual_dataset(loadable_variables=[], decode_times=False)
    held = [str(n) for n, v in bare.variables.items() if v.ndim <= 1 and v.nbytes <= LARGEST_HELD]
    if concat in bare.variables:
        attributes = bare[concat].attrs
        named = [str(attributes.get(key)) for key in ("bounds", "climatology")]
        held += [name for name in named if name in bare.variables]
    dataset: xr.Dataset = store.to_virtual_dataset(loadable_variables=held, decode_times=True)
    return dataset


def _references(path: Path) -> dict[str, Any]:
    """Write a classic file as kerchunk does."""
    size = path.stat().st_size

    def read(start: int, count: int) -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(count)

    entries = refer(read_header(read, size, str(path)), url_of(path)).entries
    written: dict[str, Any] = {}
    for key, entry in entries.items():
        written[key] = entry.decode() if isinstance(entry, bytes) else list(entry)
        if key.endswith(".zarray"):
            document = json.loads(entry)  # type: ignore[arg-type]
            written[key] = json.dumps(document | {"filters": []})
    return {"version": 1, "refs": written}


def _stacked(dataset: xr.Dataset, concat: str) -> xr.Dataset:
    """Give the variables with dimensions a dimension of the one value that a coordinate has."""
    from portal.virtual.rows import expanded

    names = [str(n) for n, v in dataset.data_vars.items() if v.ndim]
    names += [str(n) for n, v in dataset.coords.items() if v.dtype.kind == "M"]
    grown = {n: expanded(dataset.variables[n], concat) for n in names}
    rest = dataset.drop_vars(names)
    return rest.assign_coords({n: v for n, v in grown.items() if n in dataset.coords}).assign(
        {n: v for n, v in grown.items() if n not in dataset.coords}
    )


def _signature(dataset: xr.Dataset, concat: str) -> dict[str, dict[str, Any]]:
    return {
        str(name): {
            "dimensions": list(map(str, variable.dims)),
            "shape": [n for d, n in zip(variable.dims, variable.shape, strict=True) if d != concat],
            "data type": str(variable.dtype) if _is_virtual(variable) else variable.dtype.kind,
            **_layout(variable, concat),
        }
        for name, variable in dataset.variables.items()
    }


def _is_virtual(variable: Any) -> bool:
    return hasattr(variable.data, "manifest")


def _layout(variable: Any, concat: str) -> dict[str, Any]:
    """How a virtual variable is stored: it must be the same everywhere, along all but one."""
    if not _is_virtual(variable):
        return {}
    metadata = variable.data.metadata
    chunks = zip(variable.dims, metadata.chunks, strict=True)
    told = {**variable.attrs, **variable.encoding}
    return {
        "chunks": [n for d, n in chunks if d != concat],
        "codecs": json.dumps([codec.to_dict() for codec in metadata.codecs], default=str),
        **{k: str(told[k]) for k in _PACKING if k in told},
    }
