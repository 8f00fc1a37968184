"""The built front-ends that ship beside the widgets."""

from __future__ import annotations

from pathlib import Path

from portal.errors import MissingDependency


def bundle(name: str) -> Path:
    """Return the path of a built file, such as ``viewer.js``.

    Raises
    ------
    MissingDependency
        A checkout whose front-end has not been built.
    """
    path = Path(__file__).parent / "static" / name
    if not path.is_file():
        raise MissingDependency(
            "The front-end of the widgets has not been built",
            found=f"no file {path}",
            advice="Run `make env` in the checkout, or install the wheel, which holds it.",
        )
    return path
