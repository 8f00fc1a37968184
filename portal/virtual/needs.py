"""Optional packages, by the extra that brings them."""

from __future__ import annotations

import importlib
import importlib.util
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
        raise _missing(error.name or module, extra) from error


def require(module: str, extra: str) -> None:
    """See that an optional package is installed, without importing it.

    Parameters
    ----------
    module
        The package's top module.
    extra
        The extra of portal-science that brings it.

    Raises
    ------
    MissingDependency
        It is not installed; the command that installs it is named.
    """
    if importlib.util.find_spec(module) is None:
        raise _missing(module, extra)


def _missing(module: str, extra: str) -> MissingDependency:
    return MissingDependency(
        f"This data needs the package {module.partition('.')[0]!r}",
        found="it is not installed",
        advice=f'pip install "portal-science[{extra}]"',
    )
