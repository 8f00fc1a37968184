"""The package as a whole: its names, what importing it loads, and what its files name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import portal

ROOT = Path(__file__).parents[1]
HEAVY = [
    "dask",
    "distributed",
    "xarray",
    "zarr",
    "numpy",
    "pandas",
    "tantivy",
    "pydantic",
    "IPython",
    "ipywidgets",
    "anywidget",
    "jupyter_server",
    "traitlets",
    "fsspec",
    "pystac",
    "rocrate",
    "typer",
    "portal.drivers",
    "portal.runner",
    "portal.index",
    "portal.sample",
    "portal.viewer",
]


def files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_public_names() -> None:
    assert portal.__all__ == sorted(portal.__all__)
    assert all(getattr(portal, name).__doc__ for name in portal.__all__)
    public = {n for n in vars(portal) if not n.startswith("_")}
    modules = {n for n in public if type(getattr(portal, n)).__name__ == "module"}
    assert public - modules - {"annotations"} == set(portal.__all__)


def test_importing_portal_loads_nothing_heavy() -> None:
    code = f"import portal, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_no_file_is_over_400_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {count}"
        for path in files()
        if path.suffix in (".py", ".ts", ".css")
        and (count := len(path.read_text().splitlines())) > 400
    ]
    assert long == []


def test_no_file_names_a_registry_or_a_cdn() -> None:
    hosts = [
        ".".join(parts)
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("yarnpkg", "com"),
            ("jsdelivr", "net"),
            ("unpkg", "com"),
            ("debian", "org"),
        )
    ]
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in files()
        if path.suffix not in (".png", ".nc", ".h5")
        for host in hosts
        if host in path.read_text(errors="replace")
    ]
    assert found == []
