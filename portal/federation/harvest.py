"""Harvest: take a catalog's records into the index, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.core.contracts import Catalog, SupportsFingerprint
from portal.core.found import Problem
from portal.errors import PortalError
from portal.federation.warned import collected

if TYPE_CHECKING:
    from portal.index import Index


def harvest(
    index: Index, facility_id: str, catalog_name: str, catalog: Catalog
) -> tuple[Problem, ...]:
    """Make the index hold the catalog's records as they are now.

    A catalog that says that it has not changed is left alone. One that fails keeps the records
    that it gave before. What it warns of (Python warnings, a broken record for instance) is
    returned, each as a Problem, and the fingerprint is kept even so: a broken record is not read
    again until the catalog changes.
    """

    def problem(reason: str) -> Problem:
        return Problem(facility_id, reason, catalog_name)

    with collected() as texts:
        try:
            fingerprint = (
                catalog.fingerprint() if isinstance(catalog, SupportsFingerprint) else None
            )
            known = index.fingerprint(facility_id, catalog_name)
            if fingerprint is None or fingerprint != known:
                index.replace(facility_id, catalog_name, catalog.items(), fingerprint)
        except Exception as error:  # noqa: BLE001 - a catalog is a plug-in: any fault of it is named
            said = str(error) if isinstance(error, PortalError) else _named(error)
            return (problem(f"{said} What it gave before is kept and may be out of date."),)
    return tuple(problem(text) for text in texts)


def _named(error: Exception) -> str:
    return f"The catalog failed: {type(error).__name__}: {error}."
