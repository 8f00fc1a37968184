"""Make one virtual store of a collection of files: an Icechunk repository of references.

Nothing of the arrays is copied: a chunk of the store is a byte range of a file. Times are decoded
and written anew in one unit, since files have units of their own. A store is committed whole or
not at all; files that come later are appended by one commit.
"""

from __future__ import annotations

import math
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.errors import InvalidInput, PortalError, Unavailable, Unreadable
from portal.virtual.ice import load_icechunk, quiet_codecs, without_keys
from portal.virtual.parse import SUFFIXES, Parsed, parse, stamp

if TYPE_CHECKING:
    import xarray as xr

#: Of every coordinate that is a time; files have units of their own.
TIME_UNITS = "microseconds since 1970-01-01"
_BRANCH = "main"

#: Is told how many files have been read, and of how many.
Tell = Callable[[int, int], None]


def virtualize(
    paths: Iterable[str | Path],
    target: str | Path,
    *,
    concat: str = "time",
    tell: Tell | None = None,
) -> Path:
    """Make one Icechunk store of NetCDF, HDF5 and GRIB files, or append those that are new.

    Parameters
    ----------
    paths
        Local files, and directories, which are searched for files. They stay where they are: the
        store reads from them.
    target
        The directory of the store. If it is one that was made so, files that it does not have yet
        are appended.
    concat
        The dimension along which the files follow each other; a coordinate without one will do.
    tell
        Is told how many files have been read, and of how many.

    Returns
    -------
    Path
        The store; ``xarray.open_zarr`` opens it through Icechunk, and so does a ``folder`` catalog
        that holds it and the files.

    Raises
    ------
    InvalidInput
        There are no files, the target is something else, or a file does not fit the others: its
        name and the variable that differs are told.
    Unreadable
        A file is damaged, or changed since it was taken in.
    Unavailable
        The store cannot be written.
    MissingDependency
    """
    files, place = _files(paths), Path(target).absolute()
    known = _known(place)
    new = [path for path in files if str(path) not in known.files]
    for path in files:
        if known.files.get(str(path), "") not in ("", stamp(path)):
            raise Unreadable(
                f"{path} has changed since it was taken into {place}",
                found=stamp(path),
                advice="Write the store anew, to another directory.",
            )
    if not new:
        return place
    if known.files and known.concat != concat:
        raise InvalidInput(
            f"The files of {place} follow each other along {known.concat!r}",
            found=repr(concat),
            advice=f"Append along {known.concat!r}, or write another store.",
        )
    with quiet_codecs():
        parsed = _in_order(list(_parsed(new, concat, tell)), concat)
        _compare(parsed, known, concat)
        whole = _joined(parsed, concat)
        record = {
            "concat": concat,
            "files": {str(p.path): p.stamp for p in parsed},
            "signature": dict(parsed[0].signature),
        }
        if known.files:
            _append(place, whole, concat, record)
        else:
            _create(place, whole, record)
    return place


def _parsed(paths: list[Path], concat: str, tell: Tell | None) -> Iterator[Parsed]:
    for number, path in enumerate(paths, 1):
        yield parse(path, concat)
        if tell is not None:
            tell(number, len(paths))


class _Known:
    """What a store holds already."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.concat = ""
        self.signature: Mapping[str, Any] = {}


def _files(paths: Iterable[str | Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given).expanduser().absolute()
        if path.is_dir():
            inner = (p for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES)
            found |= dict.fromkeys(p.resolve() for p in inner if p.is_file())
        elif path.is_file():
            found[path.resolve()] = None
        else:
            raise InvalidInput(
                f"There is no file {path}",
                found="neither a file nor a directory",
                advice="Name local files, or directories of them.",
            )
    if not found:
        raise InvalidInput(
            "There are no files to make a store of",
            found="no NetCDF, HDF5 or GRIB file",
            advice=f"Their suffixes are {', '.join(sorted(SUFFIXES))}.",
        )
    return list(found)


def _known(place: Path) -> _Known:
    known = _Known()
    if not place.exists():
        return known
    icechunk = load_icechunk()
    try:
        repository = icechunk.Repository.open(icechunk.local_filesystem_storage(str(place)))
        history = list(repository.ancestry(branch=_BRANCH))
    except icechunk.IcechunkError as error:
        raise InvalidInput(
            f"{place} is there already, and is no virtual store",
            found=str(error).partition("\n")[0],
            advice="Name a directory that is not there yet.",
        ) from error
    for snapshot in history:
        if "files" in snapshot.metadata:
            known.files |= snapshot.metadata["files"]
            known.concat = snapshot.metadata["concat"]
            known.signature = snapshot.metadata["signature"]
    if not known.files:
        raise InvalidInput(
            f"{place} is an Icechunk store that was not made of files",
            found=f"{len(history)} commits",
            advice="Name a directory that is not there yet.",
        )
    return known


def _in_order(parsed: list[Parsed], concat: str) -> list[Parsed]:
    """Sort files by the first value of the coordinate; without one they keep their order."""
    if any(concat not in p.dataset.coords for p in parsed):
        return parsed
    for p in parsed:
        if not p.dataset.sizes[concat]:
            raise InvalidInput(
                f"{p.path} holds nothing along {concat!r}",
                found="a length of 0",
                advice="Leave it out.",
            )
    parsed = sorted(parsed, key=lambda p: p.dataset[concat].values[0])
    for before, after in pairwise(parsed):
        _require_after(before.dataset[concat].values[-1], str(before.path), after, concat)
    return parsed


def _require_after(last: Any, where: str, after: Parsed, concat: str) -> None:
    first = after.dataset[concat].values[0]
    if not first > last:
        raise InvalidInput(
            f"{after.path} does not follow {where} along {concat!r}",
            found=f"it begins with {first}, and the other ends with {last}",
            advice="Leave out files that hold the same, or write the whole store anew.",
        )


def _compare(parsed: list[Parsed], known: _Known, concat: str) -> None:
    """Refuse a file that differs from the first in what must be the same."""
    expected = known.signature or parsed[0].signature
    name = "the store" if known.signature else str(parsed[0].path)
    for p in parsed:
        missing = sorted(set(expected) ^ set(p.signature))
        if missing:
            there = "lacks" if missing[0] in expected else "has, beyond that,"
            raise _unlike(p.path, name, f"it {there} the variable {missing[0]!r}")
        for variable, told in p.signature.items():
            other = expected[variable]
            for key in dict.fromkeys((*other, *told)):
                if told.get(key) != other.get(key):
                    fault = f"{variable!r} has the {key} {told.get(key)}, not {other.get(key)}"
                    raise _unlike(p.path, name, fault)
    first = parsed[0].dataset
    for p in parsed[1:]:
        for dim in p.dataset.dims:
            here = p.dataset.indexes.get(dim)
            if dim != concat and here is not None and not here.equals(first.indexes.get(dim)):
                raise _unlike(p.path, str(parsed[0].path), f"its values of {dim!r} differ")


def _unlike(path: Path, other: str, fault: str) -> InvalidInput:
    return InvalidInput(
        f"{path} does not fit {other}",
        found=fault,
        advice="Leave it out, or make a store of the files that are alike.",
    )


def _joined(parsed: list[Parsed], concat: str) -> xr.Dataset:
    import xarray as xr

    from portal.virtual.rows import in_rows

    parts = []
    for p in parsed:
        cut = {}
        for name, variable in p.dataset.variables.items():
            rows = variable.dims[:1] == (concat,) and hasattr(variable.data, "manifest")
            cut[name] = variable.copy(data=in_rows(variable.data)) if rows else variable
        parts.append(p.dataset.assign(cut))
    try:
        whole = xr.concat(
            parts,
            dim=concat,
            data_vars="minimal",
            coords="minimal",
            compat="override",
            join="override",
            combine_attrs="drop_conflicts",
        )
    except (ValueError, NotImplementedError) as error:
        lengths = {p.dataset.sizes[concat]: p.path for p in parsed}
        raise InvalidInput(
            f"The chunks of the files do not follow each other along {concat!r}",
            found=f"{error}; lengths: " + ", ".join(f"{n} ({p.name})" for n, p in lengths.items()),
            advice="Chunks of a virtual store are all alike: write the files with chunks of 1 "
            f"along {concat!r}, or write them as Zarr.",
        ) from error
    for variable in whole.variables.values():
        if variable.dtype.kind == "M" or _is_cftime(variable):
            calendar = variable.encoding.get("calendar", "proleptic_gregorian")
            variable.encoding = {"units": TIME_UNITS, "calendar": calendar, "dtype": "int64"}
        elif not hasattr(variable.data, "manifest"):
            kept = ("_FillValue", "scale_factor", "add_offset", "dtype")
            variable.encoding = {k: v for k, v in variable.encoding.items() if k in kept}
    return whole


def _is_cftime(variable: Any) -> bool:
    if variable.dtype.kind != "O" or not variable.size:
        return False
    return hasattr(variable.values.ravel()[0], "calendar")


def _contain(icechunk: Any, config: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    """Add where the files lie to the places that the store reads virtual chunks from."""
    access = without_keys(icechunk, "file")
    prefixes = dict.fromkeys(config.virtual_chunk_containers or {}, access)
    for parent in dict.fromkeys(str(Path(path).parent) for path in record["files"]):
        prefix = f"file://{parent}/"
        if not any(prefix.startswith(p) for p in prefixes):
            store = icechunk.local_filesystem_store(parent)
            config.set_virtual_chunk_container(icechunk.VirtualChunkContainer(prefix, store))
            prefixes[prefix] = access
    return prefixes


def _create(place: Path, whole: xr.Dataset, record: Mapping[str, Any]) -> None:
    icechunk = load_icechunk()
    partial = place.with_name(f".{place.name}-{uuid.uuid4().hex}.partial")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        config = icechunk.RepositoryConfig.default()
        allowed = _contain(icechunk, config, record)
        repository = icechunk.Repository.create(
            icechunk.local_filesystem_storage(str(partial)),
            config=config,
            authorize_virtual_chunk_access=allowed,
        )
        repository.save_config()
        _commit(repository, whole, record, None)
        partial.rename(place)
    except OSError as error:
        raise Unavailable(
            f"The store {place} cannot be written",
            found=str(error),
            advice="Make room or give leave to write, and try again. Nothing was written.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _append(place: Path, whole: xr.Dataset, concat: str, record: Mapping[str, Any]) -> None:
    import xarray as xr

    icechunk = load_icechunk()
    storage = icechunk.local_filesystem_storage(str(place))
    config = icechunk.Repository.fetch_config(storage) or icechunk.RepositoryConfig.default()
    allowed = _contain(icechunk, config, record)
    repository = icechunk.Repository.open(
        storage, config=config, authorize_virtual_chunk_access=allowed
    )
    store = repository.readonly_session(_BRANCH).store
    with xr.open_zarr(store, consolidated=False, chunks=None) as held:
        if concat in held.coords:
            last, first = held[concat].values[-1], whole[concat].values[0]
            if not first > last:
                raise InvalidInput(
                    f"The new files do not follow {place} along {concat!r}",
                    found=f"they begin with {first}, and the store ends with {last}",
                    advice="Write the whole store anew, to another directory.",
                )
        for dim, index in held.indexes.items():
            if dim != concat and dim in whole.indexes and not index.equals(whole.indexes[dim]):
                raise _unlike(place, "the new files", f"the values of {dim!r} differ")
    repository.save_config()
    _commit(repository, whole, record, concat)


def _commit(
    repository: Any, whole: xr.Dataset, record: Mapping[str, Any], append: str | None
) -> None:
    from virtualizarr.writers.icechunk import virtual_dataset_to_icechunk

    session = repository.writable_session(_BRANCH)
    names = list(record["files"])
    try:
        kept = whole
        if append is not None:
            kept = whole.drop_vars([n for n, v in whole.variables.items() if append not in v.dims])
            kept = _bare(kept, append)
        virtual_dataset_to_icechunk(
            kept, session.store, append_dim=append, last_updated_at=_latest(names)
        )
        session.commit(f"{len(names)} files, the first {names[0]}", metadata=dict(record))
    except PortalError:
        raise
    except (ValueError, NotImplementedError) as error:
        raise InvalidInput(
            "The files cannot be written as one virtual store",
            found=f"{type(error).__name__}: {error}"[:500],
            advice="Look whether their chunks along the dimension are alike.",
        ) from error


def _latest(names: list[str]) -> datetime:
    """Return when the last file changed; Icechunk counts whole seconds, and refuses later ones."""
    changed = max(Path(name).stat().st_mtime for name in names)
    return datetime.fromtimestamp(math.ceil(changed), UTC)


def _bare(dataset: xr.Dataset, concat: str) -> xr.Dataset:
    """Leave the encoding of what is appended to what is there."""
    for variable in dataset.variables.values():
        if not hasattr(variable.data, "manifest"):
            variable.encoding = {}
    return dataset
