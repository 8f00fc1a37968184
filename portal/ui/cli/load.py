"""Find the analysis that a command line names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from portal.core.analysis import Analysis
from portal.errors import InvalidAnalysis, InvalidInput, PortalError


def load_analysis(reference: str) -> Analysis:
    """Import ``package.module:function`` or ``file.py:function``.

    Raises
    ------
    InvalidInput
        The reference is written in another way.
    InvalidAnalysis
        The module cannot be imported, or holds no such analysis.
    """
    place, colon, name = reference.rpartition(":")
    if not colon or not place or not name:
        raise InvalidInput(
            "An analysis is named package.module:function or file.py:function",
            found=repr(reference),
            advice="For instance portal.sample.analyses:warming.",
        )
    module = _import(place)
    found = getattr(module, name, None)
    if not isinstance(found, Analysis):
        known = [n for n, value in vars(module).items() if isinstance(value, Analysis)]
        raise InvalidAnalysis(
            f"{place} has no analysis {name!r}",
            found=f"analyses: {', '.join(known) or 'none'}",
            advice="Decorate the function with @portal.analysis."
            if name in vars(module)
            else "Correct the name.",
        )
    return found


def _import(place: str) -> ModuleType:
    try:
        return _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except PortalError:
        raise
    except Exception as error:  # the module is the user's own: any fault of it is named
        raise InvalidAnalysis(
            f"{place} cannot be imported",
            found=f"{type(error).__name__}: {error}",
            advice="Check the name, and that the file runs by itself.",
        ) from error


def _from_file(path: Path) -> ModuleType:
    """Import a file as a module of its own name, under which cloudpickle carries it along."""
    if not path.is_file():
        raise InvalidAnalysis(
            f"There is no file {path}", found=f"working directory {Path.cwd()}", advice="Check it."
        )
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or name in sys.modules:
        raise InvalidAnalysis(
            f"The file {path} cannot be imported as {name!r}",
            found=f"another module {name!r}" if name in sys.modules else "no Python source",
            advice="Give the file another name.",
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
