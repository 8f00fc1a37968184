"""A cluster's dashboard through the Jupyter server: pages, web sockets, and who may see them."""

from __future__ import annotations

import asyncio
import os
import re

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

import portal
from portal.federation.cluster import BASE_URL

TOKEN = re.compile(r'"token":"([^"]+)"')


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A cluster in a home that all the servers of this module have."""
    home = tmp_path_factory.mktemp("home")
    with portal.connect(home=home) as fed, fed.cluster(workers=1) as cluster:
        cluster.client.submit(sum, [1, 2]).result()
        yield home, cluster


@pytest.fixture
def home(shared, monkeypatch):
    monkeypatch.setenv("PORTAL_HOME", str(shared[0]))
    return shared[0]


@pytest.fixture
def cluster(shared):
    return shared[1]


@pytest.fixture
def see(jp_fetch):
    """Ask for a page of a dashboard; give the status, the headers and the text."""

    async def _see(run_id, path):
        try:
            reply = await jp_fetch(
                *("portal", "api", "dashboards", run_id, *path.split("/")),
                follow_redirects=False, request_timeout=60,
            )  # fmt: skip
        except HTTPClientError as error:
            reply = error.response
        return reply.code, reply.headers, reply.body.decode()

    return _see


@pytest.fixture
def listen(http_server, http_server_port, jp_auth_header, jp_base_url):
    """Open a web socket of a dashboard."""

    def _listen(run_id, path, token="", **headers):
        address = f"ws://localhost:{http_server_port[-1]}{jp_base_url}portal/api/dashboards"
        return websocket_connect(
            HTTPRequest(f"{address}/{run_id}/{path}", headers=headers or jp_auth_header),
            subprotocols=["bokeh", token],
        )

    return _listen


async def test_page_and_its_scripts_come_through(see, cluster):
    code, headers, text = await see(cluster.id, "status")
    assert code == 200
    assert headers["Content-Type"].startswith("text/html")
    assert "Dask" in text
    scripts = re.findall(r'src="([^"]+\.js[^"]*)"', text)
    assert scripts
    for script in scripts:
        assert not script.startswith(("http", "//", "/")), "relative to the page"
        code, headers, _ = await see(cluster.id, script.partition("?")[0])
        assert code == 200, script
        assert "javascript" in headers["Content-Type"]


async def test_redirection_stays_on_this_server(
    http_server_client, jp_auth_header, jp_base_url, cluster
):
    address = f"{jp_base_url}portal/api/dashboards/{cluster.id}/"
    with pytest.raises(HTTPClientError) as told:
        await http_server_client.fetch(address, headers=jp_auth_header, follow_redirects=False)
    assert told.value.code in (301, 302)
    assert told.value.response.headers["Location"] == f"{address}status"


async def test_information_pages_come_through(see, cluster):
    code, _, text = await see(cluster.id, "info/main/workers.html")
    assert code == 200
    assert cluster.client.scheduler.address in text or "Workers" in text


async def test_it_fetches_nothing_from_other_machines(see, cluster):
    """Dask's own proxy would let whoever sees the dashboard reach the facility's other servers."""
    code, _, _ = await see(cluster.id, "proxy/8888/127.0.0.1/")
    assert code == 404


async def test_web_socket_brings_the_plots(see, listen, cluster):
    _, _, text = await see(cluster.id, "status")
    token = TOKEN.search(text).group(1)
    socket = await listen(cluster.id, "status/ws", token)
    assert socket.selected_subprotocol == "bokeh"
    assert "ACK" in await asyncio.wait_for(socket.read_message(), 30)
    socket.close()


async def test_web_socket_of_another_site_is_refused(
    jp_serverapp, http_server_client, listen, cluster
):
    """Who is known by a cookie is known to other sites' pages as well."""
    known = f"{jp_serverapp.base_url}api/status?token={jp_serverapp.identity_provider.token}"
    reply = await http_server_client.fetch(known)
    cookie = reply.headers.get_list("Set-Cookie")[0].partition(";")[0]
    with pytest.raises(HTTPClientError, match="403"):
        await listen(cluster.id, "status/ws", Cookie=cookie, Origin="https://elsewhere.example")


async def test_web_socket_without_a_token_is_refused(listen, cluster):
    with pytest.raises(HTTPClientError, match="403"):
        await listen(cluster.id, "status/ws", Authorization="token wrong")


async def test_what_is_no_cluster_is_told_in_a_page(see):
    code, headers, text = await see("20200101T000000-cluster-00000000", "status")
    assert code == 404
    assert headers["Content-Type"].startswith("text/html")
    assert "No single run is called" in text


async def test_names_are_escaped(see):
    code, _, text = await see("<script>alert(1)<", "status")
    assert code == 404
    assert "<script>" not in text


async def test_kernels_are_told_where_the_server_is(jp_serverapp, cluster):
    assert os.environ[BASE_URL] == jp_serverapp.base_url
    assert cluster.dashboard.startswith(f"{jp_serverapp.base_url}portal/api/dashboards/")


async def test_cluster_that_has_ended_is_told(see, shared):
    """A way that was open leads nowhere then; the page says why."""
    with portal.connect(home=shared[0]) as fed:
        short = fed.cluster(workers=1).wait(60)
        assert (await see(short.id, "status"))[0] == 200
        await asyncio.get_running_loop().run_in_executor(None, short.close)
    code, _, text = await see(short.id, "status")
    assert code == 409
    assert "has ended: closed" in text
