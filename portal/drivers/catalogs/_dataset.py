"""The record of a dataset that lies open: what it says of itself, and what its catalog adds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from portal.core.asset import Asset
from portal.core.item import Item
from portal.core.query import parse_time
from portal.drivers.catalogs._describe import credit, describe
from portal.drivers.catalogs._record import local_id_of, rfc3339
from portal.errors import InvalidQuery

if TYPE_CHECKING:
    import xarray as xr

_MADE = ("date_modified", "date_metadata_modified", "date_issued", "date_created")


def record(
    facility: str,
    local_id: str,
    dataset: xr.Dataset,
    *,
    title: str,
    assets: Mapping[str, Asset],
    keywords: Iterable[str] = (),
    links: Iterable[Mapping[str, Any]] = (),
    created: str = "",
    known: Mapping[str, Any] | None = None,
) -> Item:
    """Make a record of an open dataset; only its coordinates are read.

    Parameters
    ----------
    title
        Its title where it has none of its own.
    keywords
        Keywords beside its own.
    created
        When it was made, RFC 3339; else the dataset's own attributes tell, else it is the epoch.
    known
        Fields of :meth:`portal.core.item.Item.build` that the catalog is surer of.
    """
    fields = {"title": title} | describe(dataset) | credit(dataset) | dict(known or {})
    fields["keywords"] = list(dict.fromkeys([*fields.get("keywords", ()), *keywords]))
    return Item.build(
        facility,
        local_id,
        created=created or _made(dataset) or rfc3339(None),
        assets=assets,
        links=links,
        **fields,
    )


def _made(dataset: xr.Dataset) -> str:
    for name in _MADE:
        try:
            return rfc3339(parse_time(str(dataset.attrs.get(name, ""))).timestamp())
        except InvalidQuery:
            continue
    return ""


def local_ids(paths: Iterable[str]) -> dict[str, str]:
    """Name things by their paths, by as few of the last parts as tell them apart.

    Returns
    -------
    dict
        The path of each local id.
    """
    found: dict[str, str] = {}
    split = [[p for p in re.split(r"[/\\]+", path) if p] or ["data"] for path in paths]
    longest = max((len(parts) for parts in split), default=1)
    for count in range(1, longest + 1):
        found = {
            local_id_of("/".join(parts[-count:])): path
            for parts, path in zip(split, paths, strict=True)
        }
        if len(found) == len(split):
            return found
    names = (f"{local_id_of('/'.join(parts))}-{n}" for n, parts in enumerate(split))
    return dict(zip(names, paths, strict=True))
