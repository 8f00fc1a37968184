"""What an HDF5 or a classic NetCDF file declares against what it holds, before xarray opens it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from portal.drivers.catalogs._guard import Array, Store, weigh
from portal.errors import Unreadable

if TYPE_CHECKING:
    import h5py

_NO_VARIABLE = b"This is a netCDF dimension but not a netCDF variable"


def inspect_hdf5(file: Any, where: str, size: int, root: Path | None) -> Store:
    """Read the metadata of an HDF5 file, NetCDF-4 included.

    Parameters
    ----------
    file
        A path or an open binary file.
    root
        The folder that links may not leave; None where there are no local files to link to.

    Raises
    ------
    TooLarge
        It declares more than it can hold.
    Unreadable
        It is damaged, or takes data from a file outside the folder.
    """
    import h5py

    try:
        with h5py.File(file, "r") as opened:
            groups: dict[str, list[Array]] = {}
            for name, node in _datasets(opened, where, root):
                array = _hdf5_array(name, node)
                if array is not None:
                    parent = str(PurePosixPath(f"/{name}").parent)
                    groups.setdefault(parent, []).append(array)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(
            f"The HDF5 file {where} cannot be read",
            found=f"{type(error).__name__}: {error}",
            advice="It is damaged or was not written to its end: copy it anew.",
        ) from error
    declared, chunks = weigh(where, [a for arrays in groups.values() for a in arrays], size)
    weights = {group: sum(a.declared for a in arrays) for group, arrays in groups.items()}
    group = "/" if "/" in groups or not groups else max(weights, key=lambda g: weights[g])
    return Store(size, declared, chunks, group)


def _datasets(file: h5py.File, where: str, root: Path | None) -> Iterator[tuple[str, h5py.Dataset]]:
    import h5py

    found: list[tuple[str, h5py.Dataset]] = []
    links: list[tuple[str, str]] = []

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            found.append((name, node))
            links.extend((name, entry[0]) for entry in node.external or ())
            if node.is_virtual:
                links.extend(
                    (name, s.file_name) for s in node.virtual_sources() if s.file_name != "."
                )

    def visit_link(name: str, link: Any) -> None:
        if isinstance(link, h5py.ExternalLink):
            links.append((name, link.filename))

    file.visititems(visit)
    file.visititems_links(visit_link)
    for name, target in links:
        inside = root is not None and (Path(where).parent / target).resolve().is_relative_to(root)
        if not inside:
            raise Unreadable(
                f"The HDF5 file {where} takes {name!r} from another file",
                found=f"{target}, which lies outside the folder",
                advice="Put both files into the folder.",
            )
    yield from found


def _hdf5_array(name: str, node: h5py.Dataset) -> Array | None:
    if node.shape is None:
        return None
    if bytes(node.attrs.get("NAME", b"")).startswith(_NO_VARIABLE):
        return None
    return Array(
        name, node.shape, node.dtype.itemsize, node.chunks, node.is_scale and node.ndim == 1
    )


def inspect_classic(path: str, size: int) -> Store:
    """Read the header of a classic NetCDF file (CDF-1, 2 or 5).

    Raises
    ------
    Unreadable
        It is damaged, or shorter than its header says.
    """
    import netCDF4

    try:
        with netCDF4.Dataset(path) as opened:
            arrays = [
                Array(n, tuple(v.shape), v.dtype.itemsize, None, v.dimensions == (n,))
                for n, v in opened.variables.items()
            ]
    except (OSError, RuntimeError, ValueError, AttributeError) as error:
        raise Unreadable(
            f"The NetCDF file {path} cannot be read",
            found=f"{type(error).__name__}: {error}",
            advice="It is damaged or was not written to its end: copy it anew.",
        ) from error
    declared = sum(array.declared for array in arrays)
    if declared > size:
        raise Unreadable(
            f"The NetCDF file {path} is cut short",
            found=f"{size:,} bytes where its header declares {declared:,}",
            advice="Copy it anew.",
        )
    weigh(path, arrays, size)
    return Store(size, declared)
