"""Where Portal keeps its own files, for the federation and for drivers that need a default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

HOME_VARIABLE: Final = "PORTAL_HOME"


def home_path() -> Path:
    """Return ``$PORTAL_HOME``, or the platform's directory of user data."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return Path(named).expanduser()
    import platformdirs

    return platformdirs.user_data_path("portal")
