"""The widget answers every message: with a frame, or with a sentence."""

from __future__ import annotations

import gzip
import io
import json
from base64 import b64decode
from typing import Any

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from portal.errors import InvalidInput, InvalidParameter
from portal.ui.view import view
from portal.ui.widgets.bundle import bundle
from portal.ui.widgets.viewer import ViewerWidget
from portal.viewer import Frame
from tests.helpers import wait_until


@pytest.fixture
def ds() -> xr.Dataset:
    return xr.Dataset(
        {
            "t": (("time", "lat", "lon"), np.arange(24.0).reshape(2, 3, 4), {"units": "K"}),
            "words": ("n", ["a", "b"]),
        },
        {
            "lat": ("lat", [10.0, 20.0, 30.0], {"units": "degrees_north"}),
            "lon": ("lon", [0.0, 1.0, 2.0, 3.0], {"units": "degrees_east"}),
        },
        {"title": "Numbers"},
    )


def asked(widget: ViewerWidget, message: Any) -> tuple[Any, list[bytes]]:
    """Hand the widget a message as the comm does, and take what it sends back."""
    sent: list[tuple[Any, list[bytes]]] = []
    widget.send = lambda content, buffers=(): sent.append((content, list(buffers)))
    widget._handle_custom_msg(message, [])
    wait_until(lambda: sent)
    (answer,) = sent
    json.dumps(answer[0], allow_nan=False)
    return answer


def request(**params: Any) -> dict[str, Any]:
    params = {"variable": "t", "index": {"time": 1}, "width": 300, "height": 200} | params
    return {"id": "a-1", "method": "frame", "params": params}


def test_a_frame(ds: xr.Dataset) -> None:
    answer, buffers = asked(view(ds), request())
    assert answer["id"] == "a-1"
    frame = Frame(answer["result"], buffers[0])
    step = frame.header["encoding"]["scale"]
    np.testing.assert_allclose(frame.values(), ds.t[1, ::-1].values, atol=step)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"variable": "nope"}, "no variable 'nope'"),
        ({"variable": None}, "no variable None"),
        ({"variable": ["t"]}, "no variable"),
        ({"variable": "words", "index": {}}, "It holds text"),
        ({"index": {"time": 9}}, "out of range"),
        ({"index": [1]}, "needs variable, index, width and height"),
        ({"width": "wide"}, "at least 1 pixel"),
        ({"more": 1}, "needs variable, index, width and height"),
    ],
)
def test_a_bad_request_is_answered(ds: xr.Dataset, params: dict[str, Any], message: str) -> None:
    answer, _ = asked(view(ds), request(**params))
    assert answer["id"] == "a-1"
    assert answer["error"]["kind"] == "InvalidParameter"
    assert message in answer["error"]["message"]


def test_the_controls_come_with_the_widget(ds: xr.Dataset) -> None:
    widget = view(ds, variable="words")
    assert widget.title == "Numbers"
    assert widget.description["default"] == "words"
    assert view(ds, title="Mine").title == "Mine"
    json.dumps(widget.description, allow_nan=False)


def test_a_data_array(ds: xr.Dataset) -> None:
    assert view(ds.t).description["default"] == "t"
    assert view(ds.t.rename(None)).description["default"] == "values"
    assert view(ds.lat).description["default"] == "lat_values"


def test_a_saved_notebook_says_what_was_seen(ds: xr.Dataset) -> None:
    data, _ = view(ds)._repr_mimebundle_()
    assert "t: t (K); time 2, lat 3, lon 4" in data["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_saved_notebook_has_a_picture_and_the_first_frame_finds_its_limits(
    ds: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = view(ds)
    png = widget.picture(60)
    assert png is not None
    assert Image.open(io.BytesIO(png)).format == "PNG"
    answer, _ = asked(widget, request())
    low, high = answer["result"]["limits"]
    assert low < 11 < 12 < high
    assert view(ds.words).picture(60) is None
    monkeypatch.setattr(ViewerWidget, "picture", lambda _: png)
    assert b64decode(widget._repr_mimebundle_()[0]["image/png"]) == png


@pytest.mark.parametrize("data", [np.zeros(3), [1, 2], "file.nc", None])
def test_what_is_not_xarray_is_refused(data: object) -> None:
    with pytest.raises(InvalidInput, match="needs an xarray Dataset or DataArray") as caught:
        view(data)
    assert type(data).__name__ in str(caught.value)


def test_an_unknown_variable_is_refused(ds: xr.Dataset) -> None:
    with pytest.raises(InvalidParameter, match="no variable 'nope'"):
        view(ds, variable="nope")


def test_the_front_end_is_small() -> None:
    """Compressed, 150 kB: every view loads it."""
    parts = [bundle(f"viewer.{kind}").read_bytes() for kind in ("js", "css")]
    assert sum(len(gzip.compress(part)) for part in parts) <= 150_000
