"""The facilities that are configured, and their drivers, built when first needed."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.core.contracts import Catalog, Compute
from portal.core.facility import DriverConfig, Facility
from portal.core.plugins import CATALOGS, COMPUTES, build_driver
from portal.errors import (
    InvalidConfig,
    PortalError,
    PortalWarning,
    UnknownCompute,
    UnknownFacility,
)
from portal.federation.config import (
    LOCAL,
    Home,
    local_facility,
    parse_facility,
    read_facility,
    sample_files,
)

#: Stands between the name of a catalog and that of the file from which records were taken for it.
FROM_FILE = "+"


@dataclass
class Registry:
    """Facilities by id. A file or driver at fault is warned about, and the rest goes on."""

    facilities: Mapping[str, Facility]
    _built: dict[tuple[str, str, str], Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _building: dict[tuple[str, str, str], threading.RLock] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, home: Home, *, sample: bool) -> Registry:
        """Read this computer's facility, the user's files, and the sample federation."""
        found = {LOCAL: local_facility(home)}
        if sample:
            for name, text in sample_files():
                facility = parse_facility(text, name.removesuffix(".toml"), source=f"sample {name}")
                found[facility.id] = facility
        for path in sorted(home.facilities.glob("*.toml")):
            try:
                facility = read_facility(path)
            except PortalError as error:
                warnings.warn(PortalWarning(f"A facility is left out. {error}"), stacklevel=4)
            else:
                found[facility.id] = facility
        return cls(found)

    def facility(self, facility_id: str) -> Facility:
        """Return a facility; ids are lower case, however they are written here.

        Raises
        ------
        UnknownFacility
            None has this id; the nearest ones are named.
        """
        try:
            return self.facilities[facility_id.lower()]
        except KeyError:
            raise UnknownFacility(
                f"No facility is called {facility_id!r}",
                found=f"facilities: {', '.join(self.facilities)}",
                advice=_near(facility_id, self.facilities)
                or "Add its file to the directory that `portal facilities` names.",
            ) from None

    def catalogs(self, facility_id: str) -> Iterator[tuple[str, Catalog]]:
        """Give the catalogs of a facility, by name.

        Raises
        ------
        InvalidConfig, MissingDependency, DriverError
            A driver cannot be built.
        """
        for name, config in self.facility(facility_id).catalogs.items():
            yield name, self._build(CATALOGS, facility_id, name, config, facility_id)

    def catalog(self, facility_id: str, name: str) -> Catalog:
        """Return one catalog of a facility."""
        config, name = self.catalog_config(facility_id, name), name.partition(FROM_FILE)[0]
        catalog: Catalog = self._build(CATALOGS, facility_id, name, config, facility_id)
        return catalog

    def catalog_config(self, facility_id: str, name: str) -> DriverConfig:
        """Return how a catalog is built; records from a file name theirs before a "+".

        Raises
        ------
        InvalidConfig
            The catalog is no longer in the facility's file.
        """
        facility = self.facility(facility_id)
        try:
            return facility.catalogs[name.partition(FROM_FILE)[0]]
        except KeyError:
            raise InvalidConfig(
                f"The facility {facility_id!r} has no catalog {name!r} any more",
                found=f"catalogs: {', '.join(facility.catalogs) or 'none'}",
                advice="Add its table to the facility file again, or harvest the records anew.",
            ) from None

    def computes(self) -> tuple[str, ...]:
        """Return the names of all compute resources, ``facility.name``."""
        return tuple(f"{f.id}.{name}" for f in self.facilities.values() for name in f.computes)

    def compute(self, at: str) -> tuple[str, Compute]:
        """Return a compute resource and its full name, from ``facility.name`` or ``facility``.

        Raises
        ------
        UnknownFacility, UnknownCompute
            There is none of this name; those that are there are named.
        """
        facility_id, _, name = at.partition(".")
        facility = self.facility(facility_id)
        name = name or next(iter(facility.computes), "")
        if name not in facility.computes:
            raise UnknownCompute(
                f"Nothing runs at {at!r}",
                found=f"compute resources: {', '.join(self.computes()) or 'none'}",
                advice=_near(at, self.computes()) or 'Choose one of these, or at="auto".',
            )
        full = f"{facility.id}.{name}"
        return full, self._build(COMPUTES, facility.id, name, facility.computes[name])

    def _build(
        self, group: str, facility_id: str, name: str, config: DriverConfig, *leading: str
    ) -> Any:
        key = (group, facility_id, name)
        with self._lock:
            building = self._building.setdefault(key, threading.RLock())
        with building:  # one that is slow to be built holds up no other
            if key not in self._built:
                self._built[key] = build_driver(group, config, *leading)
            return self._built[key]


def _near(name: str, known: Any) -> str | None:
    import difflib

    near = difflib.get_close_matches(name, list(known), 1)
    return f"Did you mean {near[0]!r}?" if near else None
