"""The dashboard's server in the scheduler: over TLS for holders of the key, and never blank."""

from __future__ import annotations

import asyncio
import sys

import pytest
from tornado.httpclient import AsyncHTTPClient

from portal.errors import Unreadable
from portal.runner.dask_nodes import ShownScheduler
from portal.runner.security import RunSecurity

WHERE = {"host": "127.0.0.1", "protocol": "tls://", "dashboard": False, "port": 0}


def status_page() -> str:
    """Start a scheduler, ask for its first page with the run's key, and end it."""

    async def ask() -> str:
        security = RunSecurity.for_run()
        async with ShownScheduler(security=security, **WHERE) as scheduler:
            await scheduler.show()
            reply = await AsyncHTTPClient().fetch(
                f"https://127.0.0.1:{scheduler.dashboard_port}/status",
                ssl_options=security.client_context(),
            )
            return reply.body.decode()

    return asyncio.run(ask())


def test_shows_the_plots():
    assert "Dask" in (text := status_page())
    assert "bokeh" in text


def test_without_bokeh_the_page_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed.dashboard.scheduler", None)
    text = status_page()
    assert "Dask needs bokeh" in text
    assert "pip install" in text


def test_key_is_read_back_as_it_was_saved(tmp_path):
    security = RunSecurity.for_run()
    security.save(tmp_path)
    again = RunSecurity.from_pem((tmp_path / "tls/run.pem").read_text())
    for role in ("client", "scheduler", "worker"):
        assert again.get_tls_config_for_role(role) == security.get_tls_config_for_role(role)
    with pytest.raises(FileExistsError):
        security.save(tmp_path)
    with pytest.raises(Unreadable, match="no certificate with its key"):
        RunSecurity.from_pem("something else")
