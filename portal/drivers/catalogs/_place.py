"""Where bytes lie, and the file system that reads them: local, over HTTP, or in an object store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from portal.drivers.catalogs._needs import need
from portal.drivers.catalogs._reach import Reach, shown
from portal.errors import Denied

if TYPE_CHECKING:
    import fsspec

#: What may be said of an object store (STAC: ``xarray:storage_options``).
STORAGE = ("anon", "anonymous", "endpoint_url", "region", "region_name", "client_kwargs")
_CLIENT = ("endpoint_url", "region_name")


@dataclass(frozen=True, slots=True)
class Place:
    """A file or store.

    Parameters
    ----------
    fs, path
        A file system, and the path on it.
    reach, storage
        Where what it refers to may lie, and what is said of the object store.
    root
        The local directory whose files it may refer to; None where it is not local.
    """

    fs: fsspec.AbstractFileSystem
    path: str
    reach: Reach
    storage: Mapping[str, Any] = field(default_factory=dict)
    root: Path | None = None

    @property
    def local(self) -> bool:
        """Whether it lies on this machine."""
        return self.root is not None

    @property
    def protocols(self) -> tuple[str, ...]:
        """The names of its file system."""
        names = self.fs.protocol
        return (names,) if isinstance(names, str) else tuple(names)

    @property
    def listed(self) -> bool:
        """Whether its file system can say what a directory holds."""
        return "http" not in self.protocols

    @property
    def far(self) -> bool:
        """Whether a listing costs much: a request for every thousand files, or more."""
        return not self.listed or type(self.fs).__module__.startswith("obstore")

    @property
    def url(self) -> str:
        """The address: a URL, or a local path."""
        return self.path if self.local else str(self.fs.unstrip_protocol(self.path))

    def source(self) -> Any:
        """Return what xarray's file engines take: a path, or an open file."""
        return self.path if self.local else self.file()

    def file(self) -> Any:
        """Return the open file."""
        if type(self.fs).__module__.startswith("obstore"):
            from portal.drivers.catalogs._blocks import BlockFile

            return BlockFile(self.fs, self.path)
        return self.fs.open(self.path, "rb")

    def zarr(self) -> Any:
        """Return a read-only Zarr store."""
        from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
        from zarr.storage import FsspecStore, LocalStore

        if self.local:
            return LocalStore(self.path, read_only=True)
        fs = self.fs
        if not (fs.async_impl and fs.asynchronous):
            fs = AsyncFileSystemWrapper(fs, asynchronous=True)
        return FsspecStore(fs, read_only=True, path=self.path)


def place_of(href: str, reach: Reach, storage: Mapping[str, Any] | None = None) -> Place:
    """Find a file or store by its address.

    Parameters
    ----------
    storage
        What is said of the object store.

    Raises
    ------
    Denied
        It may not be reached.
    MissingDependency
        Its protocol needs a package.
    """
    reach.check(href)
    told = storage or {}
    if href.startswith("/") or href.lower().startswith("file:"):
        from fsspec.implementations.local import LocalFileSystem

        path = Path(href if href.startswith("/") else unquote(urlsplit(href).path)).resolve()
        return Place(LocalFileSystem(), str(path), reach, told, path.parent)
    parts = urlsplit(href)
    if parts.scheme in ("http", "https"):
        return Place(http_file_system(reach), href, reach, told)
    path_ = f"{parts.netloc}{unquote(parts.path)}".rstrip("/")
    return Place(object_file_system(href, reach, told), path_, reach, told)


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


@dataclass(frozen=True, slots=True)
class Bucket:
    """How the object store of an address is asked."""

    endpoint: str | None
    region: str
    anonymous: bool


def bucket_of(href: str, reach: Reach, storage: Mapping[str, Any]) -> Bucket:
    """Read what is said of an object store.

    Keys are sent for buckets and endpoints that the facility file names; others are asked
    anonymously.

    Raises
    ------
    Denied
        It names an endpoint that the facility file does not, or options that are not passed on.
    """
    given = storage.get("client_kwargs") or {}
    client = dict(given) if isinstance(given, Mapping) else {"": given}
    unknown = sorted(set(storage) - set(STORAGE))
    unknown += sorted(f"client_kwargs.{name}" for name in set(client) - set(_CLIENT))
    if unknown:
        raise Denied(
            f"Storage options of {shown(href)} are not passed on",
            found=", ".join(unknown),
            advice=f"Those that are: {', '.join(STORAGE)}.",
        )
    endpoint = storage.get("endpoint_url") or client.get("endpoint_url")
    if endpoint is not None and not reach.trusts(str(endpoint)):
        raise Denied(
            f"The record of {shown(href)} names an endpoint of its own",
            found=shown(str(endpoint)),
            advice="If it may be asked, write its host into the facility file's option allow.",
        )
    region = storage.get("region") or storage.get("region_name") or client.get("region_name")
    anonymous = bool(storage.get("anon", storage.get("anonymous", False)))
    return Bucket(
        None if endpoint is None else str(endpoint),
        str(region or _environment_region()),
        anonymous or not (reach.trusts(href) or endpoint is not None),
    )


def object_file_system(
    href: str, reach: Reach, storage: Mapping[str, Any]
) -> fsspec.AbstractFileSystem:
    """Return obstore's file system for S3 or Google Cloud Storage.

    Raises
    ------
    Denied
        As :func:`bucket_of`.
    MissingDependency
        obstore is not installed.
    """
    from datetime import timedelta

    obstore = need("obstore.fsspec", "cloud")
    bucket, scheme = bucket_of(href, reach, storage), urlsplit(href).scheme
    options: dict[str, Any] = {"skip_signature": True} if bucket.anonymous else {}
    if scheme == "s3":
        options["region"] = bucket.region
        if bucket.endpoint is not None:
            options |= {"endpoint": bucket.endpoint, "virtual_hosted_style_request": False}
    fs: fsspec.AbstractFileSystem = obstore.FsspecStore(
        scheme,
        config=options,
        client_options={
            "allow_http": bool(bucket.endpoint and bucket.endpoint.startswith("http:")),
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
