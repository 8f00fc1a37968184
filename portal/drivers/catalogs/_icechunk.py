"""Open Icechunk repositories lazily, with virtual chunks from where the catalog may reach."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from portal.drivers.catalogs._guard import Store, weigh_documents
from portal.drivers.catalogs._place import Place, bucket_of
from portal.drivers.catalogs._reach import shown
from portal.drivers.catalogs._watch import Watched
from portal.errors import Denied, Unreadable
from portal.virtual.ice import load_icechunk, quiet_codecs, without_keys


def open_repository(place: Place, *, branch: str = "main") -> tuple[Any, Store]:
    """Return the Zarr store of a repository's branch, and what it says of itself.

    Raises
    ------
    Denied
        Its virtual chunks lie where they may not be read from.
    Unreadable
        It is damaged, declares more than it can hold, or lies where Icechunk does not read.
    MissingDependency
        Icechunk is not installed.
    """
    icechunk = load_icechunk()
    import zarr

    storage = _storage(icechunk, place)
    known = icechunk.Repository.fetch_config(storage)
    containers: Mapping[str, Any] = (known and known.virtual_chunk_containers) or {}
    config = known or icechunk.RepositoryConfig.default()
    config.clear_virtual_chunk_containers()
    allowed: dict[str, Any] = {}
    for container in containers.values():
        prefix = str(container.url_prefix)
        store, allowed[prefix] = _container(icechunk, place, prefix, container.store)
        config.set_virtual_chunk_container(icechunk.VirtualChunkContainer(prefix, store))
    repository = icechunk.Repository.open(
        storage, config=config, authorize_virtual_chunk_access=allowed
    )
    store = repository.readonly_session(branch).store
    with quiet_codecs():
        group = zarr.open_group(store, mode="r")
        nodes = {name: node.metadata.to_dict() for name, node in group.members(max_depth=None)}
    root = group.metadata.to_dict()
    documents = {"zarr.json": root} | {f"{name}/zarr.json": node for name, node in nodes.items()}
    weighed = weigh_documents(shown(place.url), documents, None)
    # They are not read again: the root tells them all.
    told = {"kind": "inline", "must_understand": False, "metadata": nodes}
    whole = json.dumps(root | {"consolidated_metadata": told}).encode()
    watched = Watched(store, shown(place.url), documents={"zarr.json": whole})
    return watched, replace(weighed, consolidated=True)


def _storage(icechunk: Any, place: Place) -> Any:
    if place.local:
        return icechunk.local_filesystem_storage(place.path)
    scheme, _, rest = place.url.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme not in ("s3", "gs"):
        raise Unreadable(
            f"The Icechunk repository {shown(place.url)} lies where Icechunk does not read",
            found=scheme,
            advice="Keep it in a local directory or in an object store.",
        )
    asked = bucket_of(place.url, place.reach, place.storage)
    keys = {"anonymous": True} if asked.anonymous else {"from_env": True}
    if scheme == "gs":
        return icechunk.gcs_storage(bucket=bucket, prefix=prefix, **keys)
    return icechunk.s3_storage(
        bucket=bucket,
        prefix=prefix,
        region=asked.region,
        endpoint_url=asked.endpoint,
        allow_http=bool(asked.endpoint and asked.endpoint.startswith("http:")),
        force_path_style=asked.endpoint is not None,
        **keys,
    )


def _container(icechunk: Any, place: Place, prefix: str, store: Any) -> tuple[Any, Any]:
    """Return the store and the credentials for the virtual chunks under a prefix.

    What the repository itself says of a store is not taken: it could name any endpoint.
    """
    parts = urlsplit(prefix)
    if ".." in unquote(parts.path).split("/"):
        raise _denied(place, prefix, "a prefix that leads upwards")
    place.reach.check(prefix)
    endpoint = getattr(getattr(store, "_0", None), "endpoint_url", None)
    if endpoint is not None and not place.reach.trusts(str(endpoint)):
        raise _denied(place, str(endpoint), "an endpoint that the facility file does not name")
    if parts.scheme == "file":
        path = Path(unquote(parts.path)).resolve()
        return icechunk.local_filesystem_store(str(path)), without_keys(icechunk, parts.scheme)
    if parts.scheme == "s3":
        asked = bucket_of(prefix, place.reach, place.storage)
        options = icechunk.s3_store(
            region=asked.region,
            endpoint_url=asked.endpoint,
            anonymous=asked.anonymous,
            allow_http=bool(asked.endpoint and asked.endpoint.startswith("http:")),
            s3_compatible=asked.endpoint is not None,
            force_path_style=asked.endpoint is not None,
        )
        keys = icechunk.s3_credentials(
            **({"anonymous": True} if asked.anonymous else {"from_env": True})
        )
        return options, icechunk.containers_credentials({prefix: keys})[prefix]
    if parts.scheme in ("http", "https") and place.reach.trusts(prefix):
        return icechunk.http_store(), without_keys(icechunk, parts.scheme)
    raise _denied(place, prefix, "a server that the facility file does not name")


def _denied(place: Place, prefix: str, why: str) -> Denied:
    return Denied(
        f"The virtual chunks of {shown(place.url)} are not read from {shown(prefix)}",
        found=why,
        advice="If they may be, write its host into the facility file's option allow.",
    )
