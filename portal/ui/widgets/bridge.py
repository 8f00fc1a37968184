"""What the widgets share: requests from the front-end, answered in threads."""

from __future__ import annotations

import difflib
import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anywidget

from portal.errors import InvalidInput, InvalidParameter, PortalError
from portal.ui import messages
from portal.ui.widgets.calls import Call, Lane, Send
from portal.ui.widgets.door import Door, kernel_directory

Method = Callable[[Mapping[str, Any], Call], Any]

_log = logging.getLogger("portal.ui")


@dataclass(frozen=True, slots=True)
class Attached:
    """A result with bytes beside it, which travel as they are."""

    result: Any
    buffers: tuple[bytes, ...]


class BridgeWidget(anywidget.AnyWidget):
    """A widget whose front-end asks the kernel.

    Messages come by the widget's comm, or through a `Door` that the front-end has asked for by the
    method ``door``, whose answer is the door's name. A message ``{id, method, params}`` is
    answered with ``{id, result}`` or ``{id, error: {kind, message}}``, and before that with as many
    ``{id, part}`` and ``{id, progress: {done, total, what}}`` as the method sends; a fault is never
    lost. The front-end may send ``{id, cancel: true}``; what was cancelled is answered
    ``{id, superseded: true}``.

    The kernel stays free: each request is worked on in a thread of its own, but those whose params
    say ``lane: "now"`` one after another, the newest first, in a thread that is kept; a request for
    the same picture that still waits then is superseded. Those of ``lane: "ahead"`` have another
    thread, which begins nothing while the first has work.

    Parameters
    ----------
    methods
        What may be asked for, by name; each takes ``params`` and a
        :class:`~portal.ui.widgets.calls.Call`, and returns JSON values, or those `Attached` to
        bytes.
    """

    def __init__(self, methods: Mapping[str, Method], **traits: Any) -> None:
        self._methods = {**methods, "door": self._open_door}
        self._calls: dict[object, Call] = {}
        self._doors: list[Door] = []
        now = Lane(self._answer, newest=True)
        self._lanes = {"now": now, "ahead": Lane(self._answer, before=now)}
        super().__init__(**traits)
        self.on_msg(self._receive)

    def _receive(self, _: object, message: object, __: object) -> None:
        self.receive(message, self._reply)

    def receive(self, message: object, reply: Send) -> None:
        """Take a message of a front-end; what there is to say to it goes to `reply`.

        Parameters
        ----------
        message
            As it came: what is no request is passed over.
        reply
            Called from any thread with a dictionary of JSON values and a sequence of bytes.
        """
        if not isinstance(message, dict) or not isinstance(message.get("id"), str):
            return
        if "cancel" in message:
            if (held := self._calls.get(message["id"])) is not None:
                held.cancelled.set()
        elif "method" in message:
            params = message.get("params")
            self._begin(
                Call(message["id"], message["method"], {} if params is None else params, reply)
            )

    def _begin(self, call: Call) -> None:
        self._calls[call.id] = call
        lane = self._lanes.get(str(call.asked.get("lane")))
        if lane is None:
            in_thread(self._answer, call)
        else:
            lane.put(call)

    def _answer(self, call: Call) -> None:
        answer: dict[str, Any] = {}
        buffers: tuple[bytes, ...] = ()
        try:
            result = None if call.cancelled.is_set() else self._call(call)
            if isinstance(result, Attached):
                result, buffers = result.result, result.buffers
            answer["result"] = result
        except PortalError as error:
            answer["error"] = messages.failure(error)
        except Exception:  # noqa: BLE001 - whatever it is, the front-end waits for an answer
            # What was cancelled may end as it likes.
            if not call.cancelled.is_set():
                answer["error"] = messages.unexpected(log_fault(f"the request {call.method!r}"))
        if self._calls.get(call.id) is call:  # it may have been asked once more, by another way
            del self._calls[call.id]
        if call.cancelled.is_set():
            answer, buffers = {"superseded": True}, ()
        call.send({"id": call.id, **answer}, buffers)

    def _reply(self, content: dict[str, Any], buffers: Sequence[bytes]) -> None:
        self.send(content, buffers=list(buffers))

    def _open_door(self, _: Mapping[str, Any], __: Call) -> str:
        door = Door(
            kernel_directory(), lambda message, of: self.receive(message, of.send), self._left
        )
        self._doors.append(door)
        return door.name

    def _left(self, door: Door) -> None:
        """What was asked through a door that is closed, nobody waits for."""
        self._doors.remove(door)
        for call in list(self._calls.values()):
            if call.send == door.send:
                call.cancelled.set()

    def _call(self, call: Call) -> Any:
        method = self._methods.get(call.method) if isinstance(call.method, str) else None
        if method is None or not isinstance(call.params, Mapping):
            raise InvalidInput(
                "The front-end asked for something that this widget cannot do",
                found=f"{call.method!r} with {call.params!r:.100}",
                advice="Reload the page, so that the front-end and the kernel are of one version.",
            )
        return method(call.params, call)

    def close(self) -> None:
        """Cancel what is worked on, end the threads and take the widget off the page."""
        if self.comm is None:
            return  # closed before, or refused before it was open
        for call in list(self._calls.values()):
            call.cancelled.set()
        for lane in self._lanes.values():
            lane.close()
        for door in list(self._doors):
            door.close()
        super().close()

    def summary(self) -> str:
        """Say in words what is shown: what a saved notebook shows without a kernel."""
        return type(self).__name__

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        given = super()._repr_mimebundle_(**kwargs)
        data, metadata = given if isinstance(given, tuple) else (given, {})
        return {**(data or {}), "text/plain": self.summary()}, metadata


def in_thread(work: Callable[..., None], *arguments: Any) -> None:
    """Call in a daemon thread: one that hangs must not hold up the kernel's exit."""
    threading.Thread(target=work, args=arguments, name="portal-widget", daemon=True).start()


def log_fault(what: str) -> str:
    """Log the exception that is being handled, and return the reference it is logged under."""
    reference = secrets.token_hex(4)
    _log.exception("%s: %s failed", reference, what)
    return reference


def refuse_unknown(what: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Refuse keywords that are not known, and say which was meant.

    Raises
    ------
    InvalidParameter
        There is one.
    """
    for name in given:
        if name in known:
            continue
        near = difflib.get_close_matches(name, known, 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise InvalidParameter(
            f"{what} takes no {name!r}",
            found=f"given: {', '.join(given)}",
            advice=f"{hint}It takes {', '.join(known) or 'no keyword'}.",
        )
