"""A door of a widget, as the Jupyter server comes through it: a Unix socket for one."""

from __future__ import annotations

import json
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from portal.errors import Unavailable
from portal.ui.widgets import bridge, door
from portal.ui.widgets.bridge import Attached, BridgeWidget
from portal.ui.widgets.door import Door, file_name, kernel_directory, short
from tests.helpers import wait_until


class End:
    """The other end of a door."""

    def __init__(self, directory: Path, name: str) -> None:
        self.line = socket.socket(socket.AF_UNIX)
        self.line.settimeout(60)
        try:
            with short(directory / file_name(name)) as path:
                self.line.connect(path)
        except OSError:
            self.line.close()
            raise

    def send(self, message: Any) -> None:
        text = json.dumps(message).encode()
        self.line.sendall(struct.pack("<I", len(text)) + text)

    def hear(self) -> tuple[Any, list[bytes]]:
        """Read the next message and its bytes."""
        data = self._exactly(struct.unpack("<I", self._exactly(4))[0])
        (length,) = struct.unpack_from("<I", data)
        head = json.loads(data[4 : 4 + length])
        at, buffers = 4 + length, []
        for size in head["lengths"]:
            buffers.append(data[at : at + size])
            at += size
        assert at == len(data)
        return head["message"], buffers

    def over(self) -> bool:
        """Whether the kernel has closed its end."""
        return self.line.recv(1) == b""

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            part = self.line.recv(size - len(data))
            assert part, "the door was closed"
            data += part
        return bytes(data)


@pytest.fixture
def widget(tmp_path, monkeypatch):
    """A widget whose kernel's connection file would be in the test's directory."""
    monkeypatch.setattr(bridge, "kernel_directory", lambda: tmp_path)
    made = BridgeWidget({"double": lambda params, _: Attached(2, (bytes(params["size"]),))})
    yield made
    made.close()


def opened(widget: BridgeWidget) -> str:
    """Ask for a door by the comm, and return its name."""
    heard: list[Any] = []
    widget.receive({"id": "a", "method": "door"}, lambda content, _: heard.append(content))
    return str(wait_until(lambda: heard and heard[0])["result"])


def test_what_is_asked_through_a_door_is_answered_through_it(widget, tmp_path) -> None:
    end = End(tmp_path, opened(widget))
    with end.line:
        assert end.hear() == (door.WELCOME, [])
        end.send({"id": "1", "method": "double", "params": {"size": 3_000_000}})
        answer, buffers = end.hear()
        assert answer == {"id": "1", "result": 2}
        assert buffers == [bytes(3_000_000)]


def test_a_door_is_for_one_and_leaves_no_file(widget, tmp_path) -> None:
    name = opened(widget)
    path = tmp_path / file_name(name)
    assert path.stat().st_mode & 0o777 == 0o600
    end = End(tmp_path, name)
    with end.line:
        end.hear()
        assert not path.exists()
        with pytest.raises(FileNotFoundError):
            End(tmp_path, name)


def test_a_widget_that_is_closed_closes_its_doors(widget, tmp_path) -> None:
    end, unused = End(tmp_path, opened(widget)), tmp_path / file_name(opened(widget))
    with end.line:
        end.hear()
        widget.close()
        assert end.over()
    assert not unused.exists()


def test_nobody_waits_for_what_was_asked_by_one_that_left(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(bridge, "kernel_directory", lambda: tmp_path)
    calls: list[Any] = []

    def wait(_: Any, call: Any) -> None:
        calls.append(call)
        assert call.cancelled.wait(60)

    widget = BridgeWidget({"wait": wait})
    end = End(tmp_path, opened(widget))
    with end.line:
        end.hear()
        end.send({"id": "1", "method": "wait", "params": {}})
        wait_until(lambda: calls)
    wait_until(calls[0].cancelled.is_set)
    widget.close()


def test_nobody_comes(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(door, "PATIENCE", 0.05)
    left: list[Door] = []
    made = Door(tmp_path, lambda _, __: None, left.append)
    wait_until(lambda: left == [made])
    assert not list(tmp_path.iterdir())


def test_another_user_is_not_let_in(widget, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(door.os, "getuid", lambda: 12_345)
    end = End(tmp_path, opened(widget))
    with end.line:
        assert end.over()


def test_a_message_that_is_too_long_ends_it(widget, tmp_path) -> None:
    end = End(tmp_path, opened(widget))
    with end.line:
        end.hear()
        end.line.sendall(struct.pack("<I", 2**30))
        assert end.over()


def test_a_path_too_long_for_a_socket_goes_by_its_folder(tmp_path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    made = Door(folder, lambda _, __: None, lambda _: None)
    end = End(folder, made.name)
    with end.line:
        assert end.hear() == (door.WELCOME, [])


def test_where_there_can_be_none_it_says_so(tmp_path) -> None:
    with pytest.raises(Unavailable, match="no direct way"):
        Door(tmp_path / "missing", lambda _, __: None, lambda _: None)
    with pytest.raises(Unavailable, match="no IPython kernel"):
        kernel_directory()
