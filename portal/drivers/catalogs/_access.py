"""Access: open what a record points at, whatever its format, lazily, within the catalog's reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from portal.core.asset import Asset
from portal.core.item import Item
from portal.drivers.catalogs._open import open_place
from portal.drivers.catalogs._place import place_of
from portal.drivers.catalogs._reach import Reach, shown
from portal.errors import Denied, Unreadable

if TYPE_CHECKING:
    import xarray as xr

_NO_DATA = frozenset({"thumbnail", "overview", "metadata", "documentation", "visual"})
#: Forms of data, the best first: their media types and the suffixes of their addresses.
_FORMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "zarr": (
        ("application/vnd+zarr", "application/vnd.zarr", "application/x-zarr"),
        (".zarr",),
    ),
    "file": (
        ("application/netcdf", "application/x-netcdf", "application/x-netcdf4",
         "application/x-hdf5", "application/x-hdf"),
        (".nc", ".nc4", ".cdf", ".netcdf", ".h5", ".hdf5", ".he5"),
    ),
}  # fmt: skip
_ENGINES = {"zarr": "zarr", "h5netcdf": "file", "netcdf4": "file"}

_TRUTHS = frozenset(
    {"decode_times", "decode_cf", "mask_and_scale", "decode_coords", "use_cftime",
     "decode_timedelta", "concat_characters", "consolidated"}
)  # fmt: skip


def open_item(item: Item, reach: Reach) -> xr.Dataset:
    """Open the best data asset of a record.

    Raises
    ------
    Unreadable
        It has no asset that opens: the advice names where access is described.
    Denied, Unavailable, TooLarge, MissingDependency
    """
    asset, form = best_asset(item)
    kwargs = safe_keywords(asset)
    place = place_of(asset.href, reach, asset.storage_options)
    return open_place(place, lazy=True, store=form == "zarr", kwargs=kwargs).dataset


def best_asset(item: Item) -> tuple[Asset, str]:
    """Return the asset of a record that opens best, and its form.

    Raises
    ------
    Unreadable
        None opens.
    """
    found = [(form, asset) for asset in item.assets.values() if (form := form_of(asset))]
    if not found:
        pages = [link["href"] for link in item.links if isinstance(link.get("href"), str)]
        raise Unreadable(
            f"The record {item.id} has no data that opens here",
            found=", ".join(shown(a.href) for a in item.assets.values())[:500] or "no asset",
            advice=f"How to get it is described at {pages[0]}" if pages else "Ask who keeps it.",
        )
    order = list(_FORMS)
    form, asset = min(found, key=lambda pair: order.index(pair[0]))
    return asset, form


def form_of(asset: Asset) -> str:
    """Say which form of data an asset has; empty for none that opens."""
    if _NO_DATA & set(asset.roles) and "data" not in asset.roles:
        return ""
    engine = _ENGINES.get(str(asset.open_kwargs.get("engine", "")), "")
    if engine:
        return engine
    media = asset.media_type.partition(";")[0].strip().lower()
    path = urlsplit(asset.href).path.rstrip("/").lower()
    for form, (types, suffixes) in _FORMS.items():
        if media in types or path.endswith(suffixes):
            return form
    return ""


def safe_keywords(asset: Asset) -> dict[str, Any]:
    """Return the keywords for ``xarray.open_dataset`` that a record gives, if all are harmless.

    Raises
    ------
    Denied
        One names an engine or an option that could read or run something else.
    """
    kwargs: dict[str, Any] = {}
    for name, value in asset.open_kwargs.items():
        if name == "engine" and value in _ENGINES:
            continue
        if (
            (name in _TRUTHS and (value is None or isinstance(value, bool)))
            or (name == "group" and isinstance(value, str))
            or (name == "phony_dims" and value in ("sort", "access"))
            or (name == "drop_variables" and _texts(value))
        ):
            kwargs[name] = value
        elif name == "chunks" or (name == "backend_kwargs" and not value):
            continue
        else:
            raise Denied(
                f"The record of {shown(asset.href)} asks to be opened in a way that is not taken",
                found=f"{name}={value!r}"[:200],
                advice="Ask who keeps the record to leave it out, or open the file yourself.",
            )
    kwargs.pop("consolidated", None)
    return kwargs


def _texts(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(v, str) for v in values)
