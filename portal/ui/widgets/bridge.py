"""What the widgets share: requests from the front-end, answered in threads."""

from __future__ import annotations

import difflib
import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anywidget

from portal.errors import InvalidInput, InvalidParameter, PortalError
from portal.ui import messages

Method = Callable[[Mapping[str, Any]], Any]

_log = logging.getLogger("portal.ui")


@dataclass(frozen=True, slots=True)
class Attached:
    """A result with bytes beside it, which travel as they are."""

    result: Any
    buffers: tuple[bytes, ...]


class BridgeWidget(anywidget.AnyWidget):
    """A widget whose front-end asks the kernel.

    A message ``{id, method, params}`` is answered with ``{id, result}`` or
    ``{id, error: {kind, message}}``. Each is worked on in a thread of its own, so that the kernel
    stays free; a fault is never lost.

    Parameters
    ----------
    methods
        What may be asked for, by name; each takes ``params`` and returns JSON values, or those
        `Attached` to bytes.
    """

    def __init__(self, methods: Mapping[str, Method], **traits: Any) -> None:
        self._methods = dict(methods)
        super().__init__(**traits)
        self.on_msg(self._receive)

    def _receive(self, _: object, message: object, __: object) -> None:
        if not isinstance(message, dict) or "method" not in message:
            return
        in_thread(self._reply, message.get("id"), message["method"], message.get("params"))

    def _reply(self, number: object, method: object, params: object) -> None:
        answer: dict[str, Any] = {"id": number}
        buffers: tuple[bytes, ...] = ()
        try:
            result = self._call(method, {} if params is None else params)
            if isinstance(result, Attached):
                result, buffers = result.result, result.buffers
            answer["result"] = result
        except PortalError as error:
            answer["error"] = messages.failure(error)
        except Exception:  # noqa: BLE001 - whatever it is, the front-end waits for an answer
            answer["error"] = messages.unexpected(log_fault(f"the request {method!r}"))
        self.send(answer, buffers=list(buffers))

    def _call(self, method: object, params: object) -> Any:
        call = self._methods.get(method) if isinstance(method, str) else None
        if call is None or not isinstance(params, Mapping):
            raise InvalidInput(
                "The front-end asked for something that this widget cannot do",
                found=f"{method!r} with {params!r:.100}",
                advice="Reload the page, so that the front-end and the kernel are of one version.",
            )
        return call(params)

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
