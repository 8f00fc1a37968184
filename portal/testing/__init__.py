"""Conformance suites for drivers: subclass one in your tests, give its fixtures, and run pytest.

They need pytest, which Portal itself does not.
"""

from portal.testing.catalog import CatalogTests
from portal.testing.compute import ComputeTests
from portal.testing.live import LiveCatalogTests

__all__ = ["CatalogTests", "ComputeTests", "LiveCatalogTests"]
