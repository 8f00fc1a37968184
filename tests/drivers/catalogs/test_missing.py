"""A driver whose client is not installed says which extra brings it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CASES = [
    ("stac", {"url": "http://127.0.0.1:9/"}, "pystac_client", "stac"),
    ("tiled", {"url": "http://127.0.0.1:9/"}, "tiled", "tiled"),
    ("ogc-records", {"url": "http://127.0.0.1:9/"}, "owslib", "ogc"),
    ("opendap", {"urls": ["http://127.0.0.1:9/a"]}, "pydap", "opendap"),
    ("erddap", {"url": "http://127.0.0.1:9/"}, "erddapy", "opendap"),
    ("thredds", {"url": "http://127.0.0.1:9/catalog.xml"}, "siphon", "opendap"),
    ("folder", {"path": "http://127.0.0.1:9/"}, "aiohttp", "cloud"),
    ("folder", {"path": "s3://bucket/"}, "obstore", "cloud"),
]

CODE = """
import json, sys
name, options, module = json.loads(sys.argv[1])
sys.modules[module] = None
from portal.core.facility import DriverConfig
from portal.core.plugins import CATALOGS, build_driver
from portal.errors import MissingDependency
try:
    print(list(build_driver(CATALOGS, DriverConfig(name, options), "here").items()))
except MissingDependency as error:
    print(error)
"""


@pytest.mark.parametrize(("name", "options", "module", "extra"), CASES)
def test_the_extra_is_named(name, options, module, extra):
    asked = json.dumps([name, options, module])
    done = subprocess.run(
        [sys.executable, "-c", CODE, asked],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert f'pip install "portal-science[{extra}]"' in done.stdout, done.stdout + done.stderr
