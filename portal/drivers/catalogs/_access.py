"""Access: open what a record points at, whatever its format, lazily, within the catalog's reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from portal.core.asset import Asset
from portal.core.item import Item
from portal.drivers.catalogs._open import open_place, reading
from portal.drivers.catalogs._place import place_of
from portal.drivers.catalogs._reach import Reach, shown
from portal.errors import Denied, InvalidItem, Unreadable

if TYPE_CHECKING:
    import xarray as xr

_NO_DATA = frozenset({"thumbnail", "overview", "metadata", "documentation", "visual"})
#: Forms of data, the best first: their media types, and the suffixes of their addresses.
_FORMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "zarr": (
        ("application/vnd+zarr", "application/vnd.zarr", "application/x-zarr",
         "application/vnd.icechunk"),
        (".zarr", ".icechunk"),
    ),
    "zip": (("application/vnd.zarr+zip",), (".zarr.zip",)),
    "table": (("application/vnd.kerchunk+parquet",), (".parq", ".parquet")),
    "references": (("application/vnd.kerchunk", "application/vnd.kerchunk+json"), ()),
    "file": (
        ("application/netcdf", "application/x-netcdf", "application/x-netcdf4",
         "application/x-hdf5", "application/x-hdf"),
        (".nc", ".nc4", ".cdf", ".netcdf", ".h5", ".hdf5", ".he5"),
    ),
    "grib": (
        ("application/wmo-grib2", "application/wmo-grib", "application/x-grib",
         "application/x-grib2"),
        (".grib", ".grib2", ".grb", ".grb2"),
    ),
    "geotiff": (("image/tiff", "image/vnd.stac.geotiff"), (".tif", ".tiff")),
    "opendap": (("application/x-opendap", "application/vnd.opendap"), (".dds", ".dods")),
}  # fmt: skip
_ENGINES = {
    "zarr": "zarr", "icechunk": "zarr", "h5netcdf": "file", "netcdf4": "file", "scipy": "file",
    "cfgrib": "grib", "rasterio": "geotiff", "kerchunk": "references", "pydap": "opendap",
}  # fmt: skip
#: Forms that are directories; an address says which others are files.
_DIRECTORIES = ("zarr", "table")
_TRUTHS = frozenset(
    {"decode_times", "decode_cf", "mask_and_scale", "decode_coords", "use_cftime",
     "decode_timedelta", "concat_characters"}
)  # fmt: skip

#: What is Portal's own to choose.
_IGNORED = frozenset({"chunks", "consolidated"})


def open_item(item: Item, reach: Reach) -> xr.Dataset:
    """Open the best data asset of a record.

    Raises
    ------
    Unreadable
        It has no asset that opens: the advice names where access is described.
    InvalidItem
        Its assets are not those of a STAC Item.
    Denied, Unavailable, TooLarge, MissingDependency
    """
    try:
        asset, form = best_asset(item)
        kwargs = safe_keywords(asset)
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise InvalidItem(
            f"The assets of {item.id} are not those of a STAC Item",
            found=f"{type(error).__name__}: {error}",
            advice="Tell whoever keeps the record.",
        ) from error
    if form == "opendap":
        reach.check(asset.href)
        from portal.drivers.catalogs._dap import open_dap

        return open_dap(asset.href, reach)
    with reading(asset.href):
        place = place_of(asset.href, reach, asset.storage_options)
    return open_place(place, lazy=True, store=form in _DIRECTORIES, kwargs=kwargs).dataset


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
    for kept in (asset.open_kwargs, asset.storage_options):
        if not isinstance(kept, Mapping):
            raise TypeError(f"options that are no mapping: {kept!r}"[:200])
    if _NO_DATA & set(asset.roles) and "data" not in asset.roles:
        return ""
    media = asset.media_type.partition(";")[0].strip().lower()
    path = asset.href.partition("?")[0].partition("#")[0].rstrip("/").lower()
    if "/dodsc/" in path or (not media and "/opendap/" in path):
        return "opendap"
    for form, (types, suffixes) in _FORMS.items():
        if media in types or (suffixes and path.endswith(suffixes)):
            return form
    return _ENGINES.get(str(asset.open_kwargs.get("engine", "")), "")


def safe_keywords(asset: Asset) -> dict[str, Any]:
    """Return the keywords for ``xarray.open_dataset`` that a record gives, if all are harmless.

    Raises
    ------
    Denied
        One names an engine or an option that could read or run something else.
    """
    kwargs: dict[str, Any] = {}
    for name, value in asset.open_kwargs.items():
        if name in _IGNORED or (name == "engine" and value in _ENGINES):
            continue
        if not _harmless(name, value):
            raise Denied(
                f"The record of {shown(asset.href)} asks to be opened in a way that is not taken",
                found=f"{name}={value!r}"[:200],
                advice="Ask who keeps the record to leave it out, or open the file yourself.",
            )
        kwargs[name] = value
    return {k: v for k, v in kwargs.items() if v not in (None, {})}


def _harmless(name: str, value: Any) -> bool:
    if name in _TRUTHS:
        return value is None or isinstance(value, bool)
    if name == "group":
        return isinstance(value, str)
    if name == "phony_dims":
        return value in ("sort", "access")
    if name == "drop_variables":
        return _texts(value)
    if name == "backend_kwargs" and isinstance(value, dict):
        keys = value.get("filter_by_keys") or {}
        known = set(value) <= {"filter_by_keys", "indexpath"} and not value.get("indexpath")
        return known and all(isinstance(v, str | int | float) for v in dict(keys).values())
    return False


def _texts(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(v, str) for v in values)
