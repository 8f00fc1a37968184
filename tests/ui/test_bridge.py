"""The bridge as its front-end meets it: parts, progress, cancelling, and the order of requests."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from portal.ui.widgets.bridge import Attached, BridgeWidget
from portal.ui.widgets.calls import Call
from tests.helpers import wait_until


class Front:
    """Sends messages to a widget and keeps what comes back, with its buffers."""

    def __init__(self, **methods: Any) -> None:
        self.heard: list[dict[str, Any]] = []
        self.buffers: list[list[bytes]] = []
        self.widget = BridgeWidget(methods)
        self.widget.send = self._send

    def _send(self, content: dict[str, Any], buffers: Any = None) -> None:
        self.heard.append(content)
        self.buffers.append(buffers)

    def ask(self, number: str, method: str, **params: Any) -> None:
        self.tell({"id": number, "method": method, "params": params})

    def tell(self, message: Any) -> None:
        self.widget._receive(self.widget, message, [])

    def answer(self, number: str) -> dict[str, Any]:
        last = {"result", "error", "superseded"}
        return wait_until(
            lambda: next((m for m in self.heard if m["id"] == number and last & set(m)), None)
        )


@pytest.fixture
def slow():
    """A method that tells its order and waits for its gate, and those gates and orders."""

    class Slow:
        def __init__(self) -> None:
            self.begun: list[str] = []
            self.gate = threading.Event()
            self.threads: set[int] = set()

        def __call__(self, params: Any, call: Call) -> str:
            self.begun.append(call.id)
            self.threads.add(threading.get_ident())
            assert self.gate.wait(60)
            return params["variable"]

    made = Slow()
    yield made
    made.gate.set()


def test_parts_and_progress_come_before_the_result() -> None:
    def series(_: Any, call: Call) -> Attached:
        data = memoryview(bytes(8))
        call.progress(0, 100, "reading")
        for done in range(1, 100):
            call.progress(done, 100, "reading")
        call.part({"from": 0}, (data,))
        call.progress(100, 100, "reading")
        return Attached("end", (data,))

    front = Front(series=series)
    front.ask("a-1", "series")
    assert front.answer("a-1") == {"id": "a-1", "result": "end"}
    told = [m["progress"]["done"] for m in front.heard if "progress" in m]
    assert told[0] == 0
    assert told[-1] == 100
    assert len(told) < 20, "the front-end is not flooded"
    at = front.heard.index({"id": "a-1", "part": {"from": 0}})
    # The very bytes that the method gave: nothing is copied on the way.
    assert front.buffers[at][0] is front.buffers[-1][0]


def test_of_the_waiting_the_newest_is_next_and_the_others_are_superseded(slow: Any) -> None:
    front = Front(frame=slow)
    for i in range(6):
        front.ask(f"a-{i}", "frame", variable="t", lane="now")
        if i == 0:
            wait_until(lambda: slow.begun)
    slow.gate.set()
    assert front.answer("a-0")["result"] == "t", "what is worked on is shown"
    assert front.answer("a-5")["result"] == "t"
    assert all(front.answer(f"a-{i}") == {"id": f"a-{i}", "superseded": True} for i in range(1, 5))
    assert slow.begun == ["a-0", "a-5"]
    assert len(slow.threads) == 1


def test_other_pictures_and_other_views_are_not_superseded(slow: Any) -> None:
    front = Front(frame=slow)
    front.ask("a-0", "frame", variable="t", lane="now")
    wait_until(lambda: slow.begun)
    front.ask("a-1", "frame", variable="t", lane="now")
    front.ask("a-2", "frame", variable="t", lane="now", data="b")
    front.ask("a-3", "frame", variable="q", lane="now")
    front.ask("b-1", "frame", variable="t", lane="now")
    slow.gate.set()
    assert [front.answer(n)["result"] for n in ("a-1", "a-2", "a-3", "b-1")] == ["t", "t", "q", "t"]


def test_what_is_fetched_ahead_yields(slow: Any) -> None:
    front = Front(frame=slow)
    front.ask("a-0", "frame", variable="t", lane="now")
    wait_until(lambda: slow.begun)
    front.ask("a-1", "frame", variable="t", lane="ahead")
    front.ask("a-2", "frame", variable="t", lane="ahead")
    front.ask("a-3", "frame", variable="t", lane="now")
    slow.gate.set()
    assert [front.answer(f"a-{i}")["result"] for i in range(4)] == ["t"] * 4
    assert slow.begun == ["a-0", "a-3", "a-1", "a-2"]
    assert len(slow.threads) == 2


def test_a_cancelled_request_stops_and_says_nothing_more() -> None:
    def until_cancelled(_: Any, call: Call) -> None:
        assert call.cancelled.wait(60)
        call.part("late")
        raise RuntimeError("interrupted")

    front = Front(read=until_cancelled)
    front.ask("a-1", "read")
    front.tell({"id": "a-1", "cancel": True})
    assert front.answer("a-1") == {"id": "a-1", "superseded": True}
    front.tell({"id": "a-1", "cancel": True})
    front.tell({"id": "never", "cancel": True})
    assert len(front.heard) == 1


def test_closing_ends_the_threads_and_what_they_read() -> None:
    reading: list[Call] = []

    def read(_: Any, call: Call) -> None:
        reading.append(call)
        assert call.cancelled.wait(60)

    before = lanes()
    front = Front(read=read)
    for number, lane in (("a-1", "now"), ("a-2", "now"), ("a-3", "ahead"), ("a-4", "")):
        front.ask(number, "read", lane=lane)
    wait_until(lambda: len(reading) == 2)
    begun = lanes() - before
    assert len(begun) == 2
    front.widget.close()
    for thread in begun:
        thread.join(60)
        assert not thread.is_alive()
    assert len(reading) == 2
    front.ask("a-5", "read", lane="now")
    assert lanes() <= before


def lanes() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name == "portal-lane"}
