"""Where bytes lie, and the file system that reads them: local, over HTTP, or in an object store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from portal.drivers.catalogs._needs import need
from portal.drivers.catalogs._reach import Reach, shown
from portal.errors import Denied

if TYPE_CHECKING:
    import fsspec

#: What a record may say of an object store (STAC: ``xarray:storage_options``).
_STORAGE = frozenset(
    {"anon", "anonymous", "endpoint_url", "client_kwargs", "region", "region_name"}
)


@dataclass(frozen=True, slots=True)
class Place:
    """A file or store.

    Parameters
    ----------
    fs, path
        A file system, and the path on it.
    root
        The local directory whose files it may refer to; None where it is not local.
    """

    fs: fsspec.AbstractFileSystem
    path: str
    root: Path | None = None

    @property
    def local(self) -> bool:
        """Whether it lies on this machine."""
        return self.root is not None

    @property
    def listed(self) -> bool:
        """Whether its file system can say what a directory holds."""
        return "http" not in _protocols(self.fs)

    @property
    def far(self) -> bool:
        """Whether a listing costs much: a request for every thousand files, or more."""
        return not self.listed or type(self.fs).__module__.startswith("obstore")

    def source(self) -> Any:
        """Return what xarray's file engines take: a path, or an open file."""
        return self.path if self.local else self.fs.open(self.path, "rb")

    def zarr(self, path: str | None = None) -> Any:
        """Return a read-only Zarr store."""
        from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
        from zarr.storage import FsspecStore, LocalStore

        path = self.path if path is None else path
        if self.local:
            return LocalStore(path, read_only=True)
        fs = self.fs
        if not (fs.async_impl and fs.asynchronous):
            fs = AsyncFileSystemWrapper(fs, asynchronous=True)
        return FsspecStore(fs, read_only=True, path=path)


def _protocols(fs: fsspec.AbstractFileSystem) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def place_of(href: str, reach: Reach, storage: Mapping[str, Any] | None = None) -> Place:
    """Find a file or store by the address that a record gives.

    Parameters
    ----------
    storage
        What the record says of the object store.

    Raises
    ------
    Denied
        It may not be reached.
    MissingDependency
        Its protocol needs a package.
    """
    reach.check(href)
    if href.startswith("/") or href.lower().startswith("file:"):
        from fsspec.implementations.local import LocalFileSystem

        path = Path(href if href.startswith("/") else unquote(urlsplit(href).path)).resolve()
        return Place(LocalFileSystem(), str(path), path.parent)
    parts = urlsplit(href)
    if parts.scheme in ("http", "https"):
        return Place(http_file_system(reach), href)
    return Place(
        object_file_system(parts.scheme, str(parts.hostname), reach, storage or {}),
        f"{parts.netloc}{unquote(parts.path)}".rstrip("/"),
    )


def http_file_system(reach: Reach) -> fsspec.AbstractFileSystem:
    """Return fsspec's HTTP file system, whose connections are checked.

    Raises
    ------
    MissingDependency
        aiohttp is not installed.
    """
    need("aiohttp", "cloud")
    from fsspec.implementations.http import HTTPFileSystem

    return HTTPFileSystem(get_client=reach.client, block_size=2**20)


def object_file_system(
    scheme: str, bucket: str, reach: Reach, storage: Mapping[str, Any]
) -> fsspec.AbstractFileSystem:
    """Return the file system of an object store.

    Keys are sent for buckets and endpoints that the facility file names; others are asked
    anonymously.

    Raises
    ------
    Denied
        The record names an endpoint that the facility file does not, or options that are not
        passed on.
    MissingDependency
        obstore is not installed.
    """
    unknown = sorted(set(storage) - _STORAGE)
    client = dict(storage.get("client_kwargs") or {})
    unknown += sorted(f"client_kwargs.{k}" for k in set(client) - {"endpoint_url", "region_name"})
    if unknown:
        raise Denied(
            f"The record of {scheme}://{bucket} asks for storage options that are not passed on",
            found=", ".join(unknown),
            advice=f"Those that are: {', '.join(sorted(_STORAGE))}.",
        )
    endpoint = storage.get("endpoint_url") or client.get("endpoint_url")
    region = storage.get("region") or storage.get("region_name") or client.get("region_name")
    named = f"{scheme}://{bucket}".lower() in reach.origins
    if endpoint is not None and not reach.trusts(str(endpoint)):
        raise Denied(
            f"The record of {scheme}://{bucket} names an endpoint of its own",
            found=shown(str(endpoint)),
            advice="If it may be asked, write its host into the facility file's option allow.",
        )
    anonymous = bool(storage.get("anon", storage.get("anonymous", False)))
    return object_store(
        scheme,
        anonymous=anonymous or not (named or endpoint is not None),
        endpoint=None if endpoint is None else str(endpoint),
        region=None if region is None else str(region),
    )


def object_store(
    scheme: str, *, anonymous: bool, endpoint: str | None = None, region: str | None = None
) -> fsspec.AbstractFileSystem:
    """Return obstore's file system for S3 or Google Cloud Storage.

    Raises
    ------
    MissingDependency
        obstore is not installed.
    """
    from datetime import timedelta

    obstore = need("obstore.fsspec", "cloud")
    options: dict[str, Any] = {"skip_signature": True} if anonymous else {}
    if scheme == "s3":
        options["region"] = region or _environment_region()
        if endpoint is not None:
            options["endpoint"] = endpoint
            options["virtual_hosted_style_request"] = False
    fs: fsspec.AbstractFileSystem = obstore.FsspecStore(
        scheme,
        config=options,
        client_options={
            "allow_http": bool(endpoint and endpoint.startswith("http:")),
            "connect_timeout": timedelta(seconds=10),
            "timeout": timedelta(seconds=60),
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
        asynchronous=False,
    )
    return fs


def _environment_region() -> str:
    import os

    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    return next((value for name in names if (value := os.environ.get(name))), "us-east-1")
