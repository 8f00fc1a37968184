"""The ``sample`` catalog driver: the datasets of one sample facility."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from portal.core.item import Item
from portal.errors import InvalidConfig, UnknownItem
from portal.sample.record import Sample

if TYPE_CHECKING:
    import xarray as xr

COLLECTIONS = ("aps", "metoffice", "ornl", "sandia")


class SampleCatalog:
    """Real data that ships in Python packages.

    Parameters
    ----------
    facility
        The facility's id.
    collection
        One of :data:`COLLECTIONS`.

    Raises
    ------
    InvalidConfig
        There is no such collection.
    """

    def __init__(self, facility: str, *, collection: str) -> None:
        if collection not in COLLECTIONS:
            raise InvalidConfig(
                f"The sample catalog has no collection {collection!r}",
                found=f"facility {facility!r}",
                advice=f"Choose one of {', '.join(COLLECTIONS)}.",
            )
        self._facility = facility
        self._collection = collection

    def _samples(self) -> tuple[Sample, ...]:
        module = importlib.import_module(f"portal.sample.{self._collection}")
        samples: tuple[Sample, ...] = module.SAMPLES
        return samples

    def items(self) -> Iterator[Item]:
        """Give every record; no data is read.

        Raises
        ------
        MissingDependency
            The package that the data ships in is not installed.
        """
        for sample in self._samples():
            yield sample.item(self._facility)

    def open(self, item: Item) -> xr.Dataset:
        """Open one dataset lazily.

        Raises
        ------
        UnknownItem
            The collection has no such dataset.
        MissingDependency, Unreadable
            The package or a file of it is missing, or a file is damaged.
        """
        samples = {sample.local_id: sample for sample in self._samples()}
        if item.local_id not in samples:
            raise UnknownItem(
                f"The facility {self._facility!r} has no sample dataset {item.local_id!r}",
                found=", ".join(samples),
                advice="Take an id that fed.search() gives.",
            )
        return samples[item.local_id].open(self._facility)

    def fingerprint(self) -> str:
        """Return a digest of the records."""
        digest = hashlib.sha256()
        for item in self.items():
            digest.update(item.text.encode())
        return digest.hexdigest()
