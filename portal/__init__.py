"""Portal: one search, one way to run beside the data, one way to look.

>>> import portal
>>> fed = portal.connect()
"""

from __future__ import annotations

from portal.core.analysis import Analysis, analysis
from portal.core.item import Item
from portal.errors import PortalError

__all__ = ["Analysis", "Item", "PortalError", "analysis"]
