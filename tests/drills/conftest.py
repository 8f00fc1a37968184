"""A disk that is soon full."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.site import need


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MiB."""
    need("mount")
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "portal-test", path]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode and os.environ.get("CI"):
        pytest.fail(f"a small file system cannot be mounted: {done.stderr}")
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted: {done.stderr}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def fill(disk: Path) -> None:
    """Take every byte that is left of a disk."""
    other = os.open(disk / "other", os.O_WRONLY | os.O_CREAT)
    try:
        with pytest.raises(OSError, match="No space"):  # noqa: PT012
            while True:
                os.write(other, bytes(4096))
    finally:
        os.close(other)
