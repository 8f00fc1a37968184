"""Every test has a home of its own, and a component that CI must have is a failure there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import portal
from tests.site import site_python, site_users

__all__ = ["site_python", "site_users"]  # fixtures of every test


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


def need(command: str) -> str:
    """Return a program's path; without it a named skip, or a failure where CI is set."""
    found = shutil.which(command)
    if found is None:
        message = f"{command} is not installed"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found
