"""The Jupyter server extension: thin routes, each authenticated and authorised."""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from portal.ui.server.app import PortalExtension

    return [{"module": "portal.ui.server", "app": PortalExtension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "../../labextension", "dest": "@portal/lab"}]
