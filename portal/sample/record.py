"""Sample: one dataset of a package, its record kept as values so that listing it reads no data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.core.asset import Asset
from portal.core.item import Item
from portal.errors import MissingDependency, Unreadable

if TYPE_CHECKING:
    import xarray as xr

HDF5 = "application/x-hdf5"
NETCDF = "application/netcdf"
CSV = "text/csv"
SQLITE = "application/vnd.sqlite3"

#: When the records were written: what STAC takes for the time of data that has none.
RECORDED = "2026-11-21T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Sample:
    """A dataset that ships in a package.

    Parameters
    ----------
    package
        The import name of the package; it is found but not imported.
    files
        The paths of the data files inside the package.
    opener
        Takes the paths of the files and returns the dataset, lazy.
    fields
        Keywords of :meth:`portal.core.item.Item.build`: the whole record but for its assets.
    open_kwargs
        Keywords that open one file by itself in xarray; none where xarray has no engine for it.
    """

    local_id: str
    package: str
    files: tuple[str, ...]
    media_type: str
    opener: Callable[..., xr.Dataset]
    fields: Mapping[str, Any]
    open_kwargs: Mapping[str, Any] = field(default_factory=dict)

    def paths(self) -> tuple[Path, ...]:
        """Return the paths of the data files on this machine.

        Raises
        ------
        MissingDependency
            The package is not installed.
        Unreadable
            The package is there without the file.
        """
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise MissingDependency(
                f"The sample dataset {self.local_id!r} ships in the package {self.package!r}",
                found="it is not installed",
                advice="pip install 'portal-science[sample]'",
            )
        root = Path(spec.submodule_search_locations[0])
        paths = tuple(root / name for name in self.files)
        for path in paths:
            if not path.is_file():
                raise Unreadable(
                    f"The sample dataset {self.local_id!r} has lost a file",
                    found=f"no {path}",
                    advice=f"Reinstall {self.package}: pip install --force-reinstall 'portal-science[sample]'",
                )
        return paths

    def item(self, facility: str) -> Item:
        """Return the record; the sizes of the files are looked up, nothing is read."""
        paths = self.paths()
        assets = {
            "data" if len(paths) == 1 else path.stem: Asset(
                href=str(path),
                title=path.name,
                media_type=self.media_type,
                roles=("data",),
                open_kwargs=self.open_kwargs,
                size=path.stat().st_size,
            )
            for path in paths
        }
        return Item.build(facility, self.local_id, assets=assets, **self.fields)

    def open(self, facility: str) -> xr.Dataset:
        """Open the dataset lazily and give it the record's title, licence and references.

        Raises
        ------
        MissingDependency, Unreadable
            The package or a file is missing, or a file is damaged.
        """
        item = self.item(facility)
        try:
            dataset = self.opener(*self.paths())
        except (OSError, KeyError, ValueError) as error:
            raise Unreadable(
                f"The sample dataset {item.id} cannot be read",
                found=f"{type(error).__name__}: {error}",
                advice=f"Reinstall {self.package}: pip install --force-reinstall 'portal-science[sample]'",
            ) from error
        return dataset.assign_attrs(
            Conventions="CF-1.11",
            title=item.title,
            source=dataset.attrs.get("source", f"{self.package}: {', '.join(self.files)}"),
            license=item.license,
            references=item.citation,
        )
