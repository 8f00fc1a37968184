"""The viewer as a component of a Panel app: the same front-end, the same messages.

Only what shows a view in Panel imports this module, since Panel is not needed elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import param
from panel.custom import JSComponent

from portal.ui.widgets.bundle import bundle

if TYPE_CHECKING:
    from portal.ui.widgets.viewer import ViewerWidget


class ViewerPane(JSComponent):
    """A view in a Panel app: ``portal.view(ds).panel().servable()``.

    Its messages are those of the widget, with their bytes beside them; nothing is asked of another
    machine. It works under ``panel serve``, whose options decide who may see the page
    (``--basic-auth``, ``--oauth-provider``).

    Parameters
    ----------
    widget
        The view, which answers.

    Attributes
    ----------
    state : dict
        What is shown now, as in `ViewerWidget.state`; can be set and watched.
    """

    _bundle = bundle("viewer.js")
    _stylesheets = [bundle("viewer.css").read_text("utf-8")]  # noqa: RUF012 - so Panel has it

    title = param.String()
    description = param.Dict()
    other = param.Dict(allow_None=True)
    color_maps = param.Dict()
    state = param.Dict()
    key = param.String()

    def __init__(self, widget: ViewerWidget, **params: Any) -> None:
        self._widget = widget
        names = ("title", "description", "other", "color_maps", "state", "key")
        shared = {name: getattr(widget, name) for name in names}
        super().__init__(**shared, **{"sizing_mode": "stretch_width", **params})  # type: ignore[no-untyped-call]
        widget.observe(lambda change: setattr(self, "state", change["new"]), "state")
        self.param.watch(lambda event: setattr(widget, "state", event.new), "state")

    def _handle_msg(self, data: Any) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._widget.receive(data, self._reply)  # in a thread of Panel's own
        else:
            self._widget.receive(data, partial(self._reply_on, loop))

    def _reply(self, content: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        self._send_msg({"content": content, "buffers": list(buffers)})

    def _reply_on(
        self, loop: asyncio.AbstractEventLoop, content: Mapping[str, Any], buffers: Sequence[bytes]
    ) -> None:
        """Reply from the server's own thread: what other threads send at a bad moment is lost."""
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._reply, content, buffers)
