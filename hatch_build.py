"""Build hook: the front-ends are built into the package before it is packed or installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontEnds(BuildHookInterface):
    """Calls ``extensions/build.py``, which passes over what is up to date."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, or fail: a package without its front-ends is never made."""
        subprocess.run([sys.executable, Path(self.root) / "extensions" / "build.py"], check=True)
