"""The doors of widgets through the Jupyter server: messages both ways, and who may pass."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.auth import Authorizer
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from portal.ui.server.doors import ENDED
from portal.ui.widgets.door import WELCOME, Door


class NoKernels(Authorizer):
    """Lets people do everything but use kernels."""

    def is_authorized(self, handler, user, action, resource) -> bool:
        return resource != "kernels"


@pytest.fixture
def door(http_server, jp_serverapp):
    """A door whose kernel answers each message with itself and half a megabyte."""

    def answer(message: Any, of: Door) -> None:
        of.send({"heard": message}, (bytes(500_000), b"end"))

    directory = Path(jp_serverapp.kernel_manager.connection_dir)
    directory.mkdir(parents=True, exist_ok=True)
    made = Door(directory, answer, lambda _: None)
    yield made
    made.close()


@pytest.fixture
def knock(http_server, http_server_port, jp_auth_header, jp_base_url):
    """Ask to be let through a door."""

    async def _knock(name, **headers):
        address = f"ws://localhost:{http_server_port[-1]}{jp_base_url}portal/api/doors/{name}"
        return await websocket_connect(HTTPRequest(address, headers=headers or jp_auth_header))

    return _knock


def message_in(data: bytes) -> tuple[Any, bytes]:
    """Take a message apart: what it says, and all its bytes."""
    (length,) = struct.unpack_from("<I", data)
    head = json.loads(data[4 : 4 + length])
    assert sum(head["lengths"]) == len(data) - 4 - length
    return head["message"], data[4 + length :]


async def test_messages_go_both_ways(knock, door):
    socket = await knock(door.name)
    assert message_in(await socket.read_message()) == (WELCOME, b"")
    for number in range(3):
        await socket.write_message(json.dumps({"id": number}))
        said, data = message_in(await socket.read_message())
        assert said == {"heard": {"id": number}}
        assert data == bytes(500_000) + b"end"
    socket.close()
    assert await socket.read_message() is None


async def test_the_end_of_the_kernel_is_told(knock, door):
    socket = await knock(door.name)
    await socket.read_message()
    door.close()
    assert await socket.read_message() is None
    assert socket.close_code == ENDED
    socket.close()


@pytest.mark.parametrize("name", ["0123456789abcdef", "passwd", "..%2f0123456789abcdef"])
async def test_what_is_no_door_is_not_found(knock, name):
    with pytest.raises(HTTPClientError, match="404"):
        await knock(name)


async def test_a_plain_request_is_refused_and_the_door_is_closed(jp_fetch, door):
    with pytest.raises(HTTPClientError, match="400"):
        await jp_fetch("portal", "api", "doors", door.name)


async def test_one_who_is_not_known_is_not_let_through(knock, door):
    with pytest.raises(HTTPClientError, match="403"):
        await knock(door.name, Authorization="token wrong")


async def test_one_who_may_not_use_kernels_is_not_let_through(knock, door, jp_serverapp):
    jp_serverapp.web_app.settings["authorizer"] = NoKernels(parent=jp_serverapp)
    with pytest.raises(HTTPClientError, match="403"):
        await knock(door.name)


async def test_a_page_of_another_site_is_not_let_through(knock, door, jp_auth_header):
    """A page's cookie would come along: its origin has to be this server's."""
    with pytest.raises(HTTPClientError, match="403"):
        await knock(door.name, Cookie="a=b", Origin="https://elsewhere.example")
