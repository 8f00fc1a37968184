"""The server's fixtures live here alone: they clash with those of the browser tests."""

from __future__ import annotations

import json

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403
from tornado.httpclient import HTTPClientError


@pytest.fixture
def jp_server_config(home):
    """A server with Portal's extension, over the sample federation in a fresh home."""
    return {"ServerApp": {"jpserver_extensions": {"portal.ui.server": True}}}


@pytest.fixture
def ask(jp_fetch):
    """Ask a route under portal/api; give the status and the JSON of the reply."""

    async def _ask(*path, method="GET", body=None):
        try:
            reply = await jp_fetch(
                "portal", "api", *path, method=method, body=body, request_timeout=60,
                allow_nonstandard_methods=True,
            )  # fmt: skip
        except HTTPClientError as error:
            reply = error.response
        assert reply.code == 204 or reply.headers["Content-Type"] == "application/json"
        return reply.code, json.loads(reply.body or b"null")

    return _ask
