"""Which of the packages here a run needs: those of Portal's runner, and what the analysis names.

Faces (Jupyter, widgets, servers) stay here: a run has no use for them. So do packages installed
as editable: what is the user's own travels with the analysis.
"""

from __future__ import annotations

import dis
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from portal.core.environment import CHECKED, Environment

PORTAL: Final = "portal-science"
#: Parts of Portal's package that no run reads.
FACES: Final = ("labextension/", "testing/", "ui/widgets/static/")
#: Stands in a lock between the version of Portal and the digest of its files.
SOURCE: Final = "+src."

_EXTRAS: Final = frozenset({"", "catalogs", "sample", "fast"})
_LEFT: Final = frozenset(
    {"anywidget", "ipykernel", "ipywidgets", "jupyter-server", "jupyterlab", "panel", "voila"}
)
#: What comes by entry points, so that no code names it.
_PLUGINS: Final = ("portal.catalogs", "xarray.backends", "zarr.codecs", "numcodecs.codecs")


def needed(function: Callable[..., Any] | None = None) -> Environment:
    """Describe the part of this environment that a run of a function needs.

    Its lock holds Portal with the digest of its files, since two builds of one version may differ.

    Parameters
    ----------
    function
        The analysis' function. A package that only a text names (an engine, a plug-in of another
        package) is found by no reader of code: the function takes it along by importing it.
    """
    installed = _Installed()
    roots = {PORTAL, *_plugins()}
    if function is not None:
        roots |= set(_distributions(imports(function), installed))
    found = {name: installed[name] for name in _closure(roots, installed)}
    versions = {n: p.version for n, p in found.items() if p and (n == PORTAL or not p.editable)}
    if PORTAL in versions:
        versions[PORTAL] += SOURCE + digest(portal_files())
    return Environment(
        python="{}.{}".format(*sys.version_info),
        packages={name: versions[name] for name in CHECKED if name in versions},
        lock=tuple(sorted(f"{name}=={version}" for name, version in versions.items())),
    )


def portal_files() -> Iterator[tuple[str, Path]]:
    """Give the files of Portal that a run may read, each with its path below site-packages."""
    top = Path(__file__).parents[1]
    for path in sorted(top.rglob("*")):
        name = path.relative_to(top).as_posix()
        if not name.startswith(FACES) and "__pycache__" not in path.parts and path.is_file():
            yield f"portal/{name}", path


def digest(files: Iterable[tuple[str, Path]]) -> str:
    """Return twelve hexadecimal digits that differ when the names or contents of files do."""
    found = hashlib.sha256()
    for name, path in files:
        found.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()[:12]


def imports(function: Callable[..., Any]) -> frozenset[str]:
    """Return the top-level modules that a function's code names, its helpers' included."""
    found: set[str] = set()
    seen: set[int] = set()
    todo: list[Any] = [function]
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        name = _module_of(value)
        if name and _has_package(name):
            found.add(name.partition(".")[0])
        elif isinstance(value, FunctionType):
            found.add((value.__module__ or "").partition(".")[0])
            todo += _named(value, found)
        elif isinstance(value, ModuleType | type):
            todo += [v for v in vars(value).values() if isinstance(v, FunctionType | type)]
            todo += [v for v in vars(value).values() if isinstance(v, ModuleType)]
        elif hasattr(value, "function"):
            todo.append(value.function)
    return frozenset(found - set(sys.stdlib_module_names) - {"", "__main__"})


def _named(function: FunctionType, found: set[str]) -> Iterator[Any]:
    """Give the values that a function names; add what it imports."""
    codes = [function.__code__]
    for code in codes:
        codes += [c for c in code.co_consts if isinstance(c, CodeType)]
        for instruction in dis.get_instructions(code):
            if instruction.opname == "IMPORT_NAME":
                found.add(instruction.argval.partition(".")[0])
        yield from (function.__globals__[n] for n in code.co_names if n in function.__globals__)
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not yet filled
            continue


def _module_of(value: Any) -> str:
    if isinstance(value, ModuleType):
        return value.__name__
    name = getattr(value, "__module__", None)
    return name if isinstance(name, str) else type(value).__module__


def _has_package(name: str) -> bool:
    """Whether a module lies where packages are installed, or comes with Python."""
    import sysconfig

    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top == "portal":
        return top != "__main__"
    file = getattr(sys.modules.get(name), "__file__", None)
    places = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    return file is not None and any(Path(file).is_relative_to(place) for place in places)


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def _plugins() -> Iterator[str]:
    points = metadata.entry_points()
    seen = {p.dist for group in _PLUGINS for p in points.select(group=group) if p.dist}
    yield from (_canonical(distribution.metadata["Name"]) for distribution in seen)


class _Package(NamedTuple):
    version: str
    requires: tuple[str, ...]
    editable: bool


class _Installed(dict[str, _Package | None]):
    """The distributions here by canonical name, each read once, when first asked for."""

    def __missing__(self, name: str) -> _Package | None:
        import json

        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            self[name] = None
            return None
        told, origin = found.metadata, json.loads(found.read_text("direct_url.json") or "{}")
        requires = tuple(told.get_all("Requires-Dist") or ())
        editable = bool(origin.get("dir_info", {}).get("editable"))
        self[name] = package = _Package(told["Version"], requires, editable)
        return package


def _distributions(modules: Iterable[str], installed: _Installed) -> Iterator[str]:
    unknown = []
    for module in modules:
        if installed[_canonical(module)]:
            yield _canonical(module)
        else:
            unknown.append(module)
    known = metadata.packages_distributions() if unknown else {}
    for module in unknown:
        yield from (_canonical(name) for name in known.get(module, ()))


def _closure(roots: set[str], installed: _Installed) -> set[str]:
    """Return roots and all that they require of what is installed, but for the faces."""
    from packaging.requirements import Requirement

    seen: dict[str, frozenset[str]] = {}
    todo = [(name, _EXTRAS if name == PORTAL else frozenset({""})) for name in sorted(roots)]
    while todo:
        name, extras = todo.pop()
        package = None if name in _LEFT else installed[name]
        if package is None or extras <= seen.get(name, frozenset()):
            continue
        seen[name] = extras = extras | seen.get(name, frozenset())
        for text in package.requires:
            wanted = Requirement(text)
            marker = wanted.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                todo.append((_canonical(wanted.name), frozenset({"", *wanted.extras})))
    return set(seen)
