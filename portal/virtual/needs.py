"""Optional packages, by the extra that brings them."""

from __future__ import annotations

import importlib
from typing import Any

from portal.errors import MissingDependency


def need(module: str, extra: str) -> Any:
    """Import an optional package.

    Parameters
    ----------
    extra
        The extra of portal-science that brings it.

    Raises
    ------
    MissingDependency
        It is not installed; the command that installs it is named.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"This data needs the package {error.name!r}",
            found="it is not installed",
            advice=f'pip install "portal-science[{extra}]"',
        ) from error
