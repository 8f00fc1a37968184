"""The verb of virtual stores: virtualize."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from portal.core.item import Item
from portal.core.policy import Action
from portal.errors import InvalidInput
from portal.federation.config import LOCAL
from portal.federation.door import Door

#: A record, its id, or a path.
Source = Item | str | Path


class Virtualizing(Door):
    """Make one dataset of many files."""

    def virtualize(
        self,
        sources: Source | Iterable[Source],
        *,
        to: str | Path,
        concat: str = "time",
        tell: Callable[[int, int], None] | None = None,
    ) -> Path:
        """Make one virtual Zarr store of NetCDF, HDF5 or GRIB files, or append those that are new.

        Nothing of the arrays is copied: the store refers to the files, which stay where they are.

        Parameters
        ----------
        sources
            Records whose data are local files, their ids, local files, directories of them.
        to
            The directory of the store, an Icechunk repository. A catalog of the driver ``folder``
            opens it if it holds the files too, or its option ``allow`` names their directory.
        concat
            The dimension along which the files follow each other.
        tell
            Is told how many files have been read, and of how many.

        Returns
        -------
        Path
            The store.

        Raises
        ------
        InvalidItem, UnknownFacility, UnknownItem, Denied
        InvalidInput
            There are no files, one does not fit the others, or the target is something else.
        Unreadable, Unavailable, MissingDependency
        """
        from portal.virtual.collect import virtualize

        given = [sources] if isinstance(sources, Item | str | Path) else list(sources)
        self.gate.require(Action.PUBLISH, self.gate.site(self.registry.facility(LOCAL)))
        paths: list[str | Path] = []
        for source in given:
            if self._is_record(source):
                paths += self._local_files(source)
            else:
                paths.append(Path(str(source)))
        store = virtualize(paths, to, concat=concat, tell=tell)
        self.gate.write("virtualize", sources=[str(s) for s in paths], store=str(store))
        return store

    def _is_record(self, source: Source) -> bool:
        if isinstance(source, Item):
            return True
        text = str(source)
        facility = text.partition(":")[0]
        return ":" in text and facility in self.facilities and not Path(text).exists()

    def _local_files(self, source: Source) -> list[str]:
        item = self.item(source if isinstance(source, Item) else str(source))
        self._require_data(item)
        data = [a.href for a in item.assets.values() if "data" in a.roles]
        found = [
            unquote(urlsplit(href).path) if href.startswith("file:") else href
            for href in data
            if href.startswith(("/", "file:"))
        ]
        if not found:
            raise InvalidInput(
                f"The data of {item.id} are not files on this computer",
                found=", ".join(data)[:200] or "no data",
                advice="Copy the files here, and name them.",
            )
        return found
