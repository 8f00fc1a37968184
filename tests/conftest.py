"""Every test has a home of its own, and a component that CI must have is a failure there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import portal
from tests.drivers.compute.servers.labs import lab_a, lab_b
from tests.site import need, site_python, site_users

settings.register_profile("untimed", settings(deadline=None))
settings.load_profile("untimed")

__all__ = ["lab_a", "lab_b", "need", "site_python", "site_users"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Portal's directory, fresh."""
    path = tmp_path / "portal-home"
    monkeypatch.setenv("PORTAL_HOME", str(path))
    return path


@pytest.fixture
def fed(home: Path) -> Iterator[portal.Federation]:
    """The sample federation in a fresh home."""
    with portal.connect(home=home) as federation:
        yield federation
