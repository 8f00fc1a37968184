"""The ``folder`` catalog driver: data files and stores in a directory, a bucket, or over HTTP.

Titles, variables, extents and times are read from the files. A published result is a directory of
its own, ``ID/data.zarr`` beside ``ID/stac-item.json``, so that one rename commits both.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from portal.core.asset import Asset
from portal.core.item import Item
from portal.drivers.catalogs._describe import credit, describe
from portal.drivers.catalogs._guard import read_document
from portal.drivers.catalogs._open import MEDIA_TYPES, STORES, Opened, reading
from portal.drivers.catalogs._place import http_file_system, object_file_system
from portal.drivers.catalogs._reach import Reach, shown
from portal.drivers.catalogs._record import complete, local_id_of, rfc3339, title_of
from portal.drivers.catalogs._stores import PARTIAL, RECORD, STORE, Entry, Folder, quiet, skip
from portal.errors import (
    Denied,
    InvalidConfig,
    InvalidInput,
    InvalidItem,
    MissingDependency,
    PortalError,
    Unavailable,
    UnknownItem,
)

if TYPE_CHECKING:
    import fsspec
    import xarray as xr

_SAFE = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")


class FolderCatalog:
    """Datasets in a directory.

    Parameters
    ----------
    facility
        The facility's id.
    path
        An absolute path, or a URL: ``https://…``, ``s3://bucket/prefix``, ``gs://…``, or that of
        another fsspec file system.
    pattern
        Shell pattern of the files and stores that belong to it, such as ``"*.zarr"``.
    depth
        How many directories deep it is searched.
    storage_options
        Of an object store: ``anon``, ``region``, ``endpoint_url``; keys come from the environment
        (``AWS_ACCESS_KEY_ID``, …). Of another file system: its own keywords.
    files
        What it holds, as paths from it, for a server that gives no index pages.
    allow
        Where its files may lead besides itself (references, virtual chunks): hosts,
        ``host:port``, networks, absolute directories.

    Raises
    ------
    InvalidConfig
        The path is relative, or its file system is unknown.
    """

    def __init__(
        self,
        facility: str,
        *,
        path: str,
        pattern: str = "*",
        depth: int = 4,
        storage_options: Mapping[str, Any] | None = None,
        files: Sequence[str] = (),
        allow: Sequence[str] = (),
    ) -> None:
        if "://" not in path and not Path(path).expanduser().is_absolute():
            raise InvalidConfig(
                f"The folder of facility {facility!r} has a relative path",
                found=path,
                advice="Write the whole path, or one that starts with ~/.",
            )
        where = path if "://" in path else str(Path(path).expanduser())
        storage = dict(storage_options or {})
        self._facility = facility
        try:
            fs, root, reach = _file_system(where, storage, allow)
        except MissingDependency:
            raise
        except (ValueError, ImportError, TypeError, Denied) as error:
            raise InvalidConfig(
                f"The folder of facility {facility!r} is on a file system that cannot be used",
                found=f"{shown(path)}: {error}",
                advice="Correct the URL, or install the package that the message names.",
            ) from error
        self._folder = Folder(
            fs, root.rstrip("/") or "/", pattern, depth, reach, storage, tuple(files)
        )

    def items(self) -> Iterator[Item]:
        """Give a record for every file and store; one that cannot be read is named in a warning.

        Raises
        ------
        Unavailable
            The folder has gone or cannot be listed.
        """
        taken: set[str] = set()
        for entry in self._folder.entries(skip):
            local_id = local_id_of(entry.relative)
            if local_id in taken:
                local_id = f"{local_id}-{hashlib.sha256(entry.relative.encode()).hexdigest()[:6]}"
            taken.add(local_id)
            try:
                yield self._item(entry, local_id)
            except PortalError as error:
                skip(entry.path, str(error))

    def _item(self, entry: Entry, local_id: str) -> Item:
        opened = self._folder.open(entry.path, lazy=False, store=entry.store)
        with reading(entry.path), opened.dataset as dataset:
            found = describe(dataset)
            asset = self._asset(entry.path, opened)
            if entry.record:
                fs = self._folder.fs
                document = read_document(fs, entry.record, int(fs.size(entry.record) or 0))
                return complete(document, self._facility, local_id, found, asset)
            fields = {"title": title_of(entry.relative)} | found | credit(dataset)
        fields["keywords"] = [*fields.get("keywords", ()), opened.kind]
        return Item.build(
            self._facility,
            local_id,
            created=rfc3339(entry.changed),
            assets={"data": asset},
            **fields,
        )

    def _asset(self, path: str, opened: Opened) -> Asset:
        return Asset(
            href=path if self._folder.local is not None else self._folder.fs.unstrip_protocol(path),
            title=PurePosixPath(path).name,
            media_type=MEDIA_TYPES[opened.kind],
            roles=("data",),
            open_kwargs=opened.kwargs,
            storage_options=self._folder.storage if self._folder.in_bucket else {},
            size=opened.store.stored,
        )

    def open(self, item: Item) -> xr.Dataset:
        """Open one dataset lazily, in its stored chunks.

        Raises
        ------
        UnknownItem
            The record points to nothing in this folder.
        Unavailable
            The file or the folder has gone.
        Unreadable, TooLarge, MissingDependency
            It is damaged, of an unknown format, unsafe, or declares more than it can hold.
        """
        asset = item.assets.get("data")
        path = "" if asset is None else self._folder.path_of(asset.href)
        if not path or not self._folder.holds(path):
            raise UnknownItem(
                f"The folder {self._folder.root} holds no dataset {item.local_id!r}",
                found=path or "a record without an asset named data",
                advice="Take an id that fed.search() gives.",
            )
        store = asset is not None and asset.media_type in STORES if self._folder.far else None
        return self._folder.open(path, lazy=True, store=store).dataset

    def fingerprint(self) -> str:
        """Return a digest of the names, sizes and times of change; nothing is opened.

        Raises
        ------
        Unavailable
            The folder has gone or cannot be listed.
        """
        digest = hashlib.sha256()
        for entry in self._folder.entries(quiet):
            digest.update(f"{entry.relative}\0{entry.stamp}\n".encode())
        return digest.hexdigest()

    def publish(self, item: Item, store: str) -> Item:
        """Copy a committed Zarr store in, whole or not at all, with its record inside.

        Raises
        ------
        InvalidInput
            The id cannot be a name, is taken, or the folder is not a local one.
        Unreadable, TooLarge
            The store cannot be read.
        Unavailable
            The folder cannot be written.
        """
        root = self._folder.local
        if root is None:
            raise InvalidInput(
                "Results are published to local folders only",
                found=self._folder.root,
                advice='Publish to "local", or copy the result there yourself.',
            )
        if not _SAFE.match(item.local_id) or item.local_id.endswith(PARTIAL):
            raise InvalidItem(
                "The id of a published result is a file name",
                found=repr(item.local_id),
                advice="Use letters, digits, dots, - and _.",
            )
        source, target = Path(store).absolute(), root / item.local_id
        if target.exists():
            raise InvalidInput(
                f"The folder already holds {item.local_id!r}",
                found=str(target),
                advice="It is published: open it, or publish under another title.",
            )
        opened = Folder(self._folder.fs, str(source.parent), "*", 0).open(str(source), lazy=False)
        with reading(store), opened.dataset as dataset:
            record = complete(
                item.to_stac(),
                self._facility,
                item.local_id,
                describe(dataset),
                self._asset(str(target / STORE), opened),
            )
        partial = root / f".{item.local_id}-{uuid.uuid4().hex}{PARTIAL}"
        try:
            shutil.copytree(source, partial / STORE)
            (partial / RECORD).write_text(json.dumps(record.to_stac(), indent=2), encoding="utf-8")
            partial.rename(target)
        except (OSError, shutil.Error) as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise Unavailable(
                f"The result cannot be copied to {root}",
                found=str(error),
                advice="Nothing was published. Make room or give leave to write, and try again.",
            ) from error
        return record


def _file_system(
    path: str, storage: Mapping[str, Any], allow: Sequence[str]
) -> tuple[fsspec.AbstractFileSystem, str, Reach]:
    """Return a folder's file system, its root there, and where its files may lead."""
    import fsspec

    scheme = path.partition("://")[0].lower() if "://" in path else ""
    endpoint = storage.get("endpoint_url") or (storage.get("client_kwargs") or {}).get(
        "endpoint_url"
    )
    ends = [path] if scheme in ("", "http", "https", "s3", "gs") else []
    reach = Reach.of(*ends, *([str(endpoint)] if endpoint and scheme == "s3" else ()), allow=allow)
    if scheme in ("http", "https"):
        return http_file_system(reach), path, reach
    if scheme in ("s3", "gs"):
        return object_file_system(path, reach, storage), path.partition("://")[2], reach
    fs, root = fsspec.core.url_to_fs(path, **storage)
    return fs, root, reach
