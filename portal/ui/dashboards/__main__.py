"""``python -m portal.ui.dashboards DIRECTORY`` serves its notebooks as pages."""

from __future__ import annotations

from portal.ui.dashboards.server import main

main()
