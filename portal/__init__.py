"""Portal: one search, one way to run beside the data, one way to look.

>>> import portal
>>> fed = portal.connect()
>>> hits = fed.search("atmospheric turbidity")
>>> ds = fed.open(hits[0])
"""

from __future__ import annotations

from portal.core.analysis import Analysis, analysis
from portal.core.item import Item
from portal.core.job import Resources
from portal.errors import PortalError, PortalWarning
from portal.federation.federation import Federation, connect
from portal.federation.runs import Run
from portal.ui.notebook import finder, form
from portal.ui.view import view

__all__ = [
    "Analysis",
    "Federation",
    "Item",
    "PortalError",
    "PortalWarning",
    "Resources",
    "Run",
    "analysis",
    "connect",
    "finder",
    "form",
    "view",
]
