"""Small messages at once: the web sockets of kernels without Nagle's algorithm."""

from __future__ import annotations

from typing import Any

from jupyter_server.services.kernels.connection.base import BaseKernelWebsocketConnection

_SETTING = "kernel_websocket_connection_class"


def be_prompt(settings: dict[str, Any]) -> None:
    """Let a Jupyter server send the messages of kernels at once (TCP_NODELAY).

    Neither Tornado nor the Jupyter server does. A widget's message is several small writes, of which
    Nagle's algorithm holds the last back until the browser has acknowledged the others, up to 40 ms
    later. To set the option on the listening socket is not enough: Tornado turns it off again on a
    connection that it has answered a request on, as it has on every web socket's.

    Parameters
    ----------
    settings
        Of the server's web application. Which class connects to kernels stays as it was chosen
        there.
    """
    chosen: type[BaseKernelWebsocketConnection] = settings[_SETTING]

    class PromptConnection(chosen):  # type: ignore[valid-type, misc]
        """Connects as the chosen class does."""

        def connect(self) -> Any:
            """Connect; the web socket is open by now."""
            self.websocket_handler.set_nodelay(True)
            return super().connect()

    settings[_SETTING] = PromptConnection
