"""Parts of the front-end in a page of their own, without the rest of it."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

EXTENSIONS = Path(__file__).parents[2] / "extensions"
COMPONENTS = EXTENSIONS / "src" / "components"


@cache
def _script(names: tuple[str, ...]) -> str:
    """Bundle modules so that all they export is in ``globalThis.parts``."""
    lines = "".join(f"export * from './{name}';\n" for name in names)
    node = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [
            EXTENSIONS / "node_modules" / ".bin" / "esbuild",
            "--bundle",
            "--format=iife",
            "--global-name=parts",
            "--target=es2022",
            "--loader=ts",
        ],
        cwd=COMPONENTS,
        env=os.environ | {"PATH": node},
        input=lines,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def load(page: Page, *names: str) -> None:
    """Load modules into a page: what they export is ``parts.NAME`` there.

    Parameters
    ----------
    page
        Any page; a blank one is a good start.
    names
        Paths below ``extensions/src/components``, without ``.ts``.
    """
    page.add_script_tag(content=_script(names))
