"""The web sockets of kernels send small messages at once."""

from __future__ import annotations

import socket

from jupyter_server.services.kernels.websocket import KernelWebsocketHandler


async def test_the_web_socket_of_a_kernel_does_not_hold_messages_back(
    jp_serverapp, jp_ws_fetch, monkeypatch
):
    found = []
    opens = KernelWebsocketHandler.open

    async def opened(self, kernel_id):
        await opens(self, kernel_id)
        accepted = self.ws_connection.stream.socket
        found.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(KernelWebsocketHandler, "open", opened)
    manager = jp_serverapp.kernel_manager
    kernel = await manager.start_kernel()
    connected = await jp_ws_fetch("api", "kernels", kernel, "channels")
    while not found:
        await connected.read_message()
    assert found[0]
    connected.close()
    await manager.shutdown_all()
