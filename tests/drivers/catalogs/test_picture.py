"""The pictures that records bring along: fetched within the catalog's reach only."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from portal.core.asset import Asset
from portal.core.item import Item
from portal.drivers.catalogs._picture import LARGEST, picture
from portal.drivers.catalogs._reach import Reach
from portal.errors import Denied, TooLarge, UnknownItem


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def site(tmp_path):
    (tmp_path / "look.png").write_bytes(b"\x89PNG small")
    (tmp_path / "large.png").write_bytes(bytes(LARGEST + 1))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def record(**assets: Asset) -> Item:
    return Item.build("lab", "a", title="A", created="2020-01-01T00:00:00Z", assets=assets)


def look(href: str, role: str = "thumbnail", kind: str = "image/png") -> Asset:
    return Asset(href, media_type=kind, roles=(role,))


def test_the_thumbnail_stands_before_the_overview(site):
    item = record(
        big=look(f"{site}/large.png", "overview"), small=look(f"{site}/look.png", "thumbnail")
    )
    assert picture(item, Reach.of(site), 10) == b"\x89PNG small"


@pytest.mark.parametrize(
    "asset",
    [Asset("http://example.org/a.nc", roles=("data",)), look("file:///etc/passwd"),
     look("http://example.org/a.tif", kind="image/tiff; application=geotiff")],
)  # fmt: skip
def test_what_is_no_picture_is_left_alone(asset):
    assert picture(record(a=asset), Reach.of("http://example.org"), 10) is None


def test_a_picture_out_of_reach_is_refused(site):
    with pytest.raises(Denied, match="allow"):
        picture(record(a=look(f"{site}/look.png")), Reach.of("https://example.org"), 10)


def test_a_picture_has_a_limit(site):
    with pytest.raises(TooLarge):
        picture(record(a=look(f"{site}/large.png")), Reach.of(site), 10)


def test_a_picture_that_has_gone_says_so(site):
    with pytest.raises(UnknownItem):
        picture(record(a=look(f"{site}/none.png")), Reach.of(site), 10)


def test_odd_media_types_do_no_harm(site):
    document = record(a=look(f"{site}/look.png")).to_stac()
    document["assets"]["a"]["type"] = ["image/png"]
    item = Item("lab", json.dumps(document))
    assert picture(item, Reach.of(site), 10) is None
