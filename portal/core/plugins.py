"""Drivers are reached by entry points only; this is where they are found and built.

A driver that cannot be loaded or built gives one clear error, which the caller turns into a
warning: a bad plug-in never breaks the rest.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Final

from portal.core.facility import DriverConfig
from portal.errors import DriverError, InvalidConfig, MissingDependency

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

CATALOGS: Final = "portal.catalogs"
COMPUTES: Final = "portal.computes"
STREAMS: Final = "portal.streams"
MODELS: Final = "portal.models"
DISPLAYS: Final = "portal.displays"


def _points(group: str, name: str | None = None) -> EntryPoints:
    from importlib.metadata import entry_points

    return entry_points(group=group) if name is None else entry_points(group=group, name=name)


def driver_names(group: str) -> tuple[str, ...]:
    """Return the names of the drivers of a group, sorted."""
    return tuple(sorted({point.name for point in _points(group)}))


def load_driver(group: str, name: str) -> type[Any]:
    """Return a driver's class.

    Raises
    ------
    InvalidConfig
        No driver has this name.
    MissingDependency
        A package that it needs is not installed.
    DriverError
        It cannot be imported.
    """
    points = list(_points(group, name))
    if not points:
        raise InvalidConfig(
            f"There is no driver {name!r} in {group}",
            found=f"drivers: {', '.join(driver_names(group)) or 'none'}",
            advice="Correct the name, or install the package that brings the driver.",
        )
    try:
        driver: type[Any] = points[0].load()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == points[0].module.partition(".")[0]:
            raise _broken(name, points[0], error) from error
        raise MissingDependency(
            f"The driver {name!r} needs the package {_package(error)!r}",
            found="it is not installed",
            advice=_remedy(points[0], _package(error)),
        ) from error
    except Exception as error:  # a driver is a plug-in: any fault of its import is its own
        raise _broken(name, points[0], error) from error
    return driver


def _package(error: ModuleNotFoundError) -> str:
    return (error.name or "").partition(".")[0]


def _remedy(point: EntryPoint, package: str) -> str:
    """Name the smallest extra of the driver's own distribution that brings a package."""
    wanted = package.lower().replace("_", "-")
    brings: dict[str, list[str]] = {}
    for requirement in (point.dist.requires if point.dist else None) or ():
        named = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"extra == ['\"]([^'\"]+)['\"]", requirement)
        if named and extra:
            brings.setdefault(extra[1], []).append(named[0].lower().replace("_", "-"))
    extras = sorted((len(names), extra) for extra, names in brings.items() if wanted in names)
    if extras and point.dist:
        return f'pip install "{point.dist.name}[{extras[0][1]}]"'
    return f"pip install {wanted}"


def _broken(name: str, point: EntryPoint, error: Exception) -> DriverError:
    return DriverError(
        f"The driver {name!r} cannot be imported",
        found=f"{type(error).__name__}: {error}",
        advice=f"Mend or uninstall {point.value}.",
    )


def build_driver(group: str, config: DriverConfig, *leading: Any) -> Any:
    """Build a driver from its configuration.

    Parameters
    ----------
    leading
        Arguments before the options: the facility's id for a catalog.

    Raises
    ------
    InvalidConfig
        An option is unknown or missing; the accepted ones are named.
    """
    driver = load_driver(group, config.driver)
    parameters = list(inspect.signature(driver).parameters.values())[len(leading) :]
    known = [p.name for p in parameters]
    faults = [f"it takes no {name!r}" for name in config.options if name not in known]
    faults += [
        f"it lacks {p.name!r}"
        for p in parameters
        if p.default is p.empty and p.name not in config.options
    ]
    if faults:
        raise InvalidConfig(
            f"The driver {config.driver!r} cannot be built: {', '.join(faults)}",
            found=f"options: {', '.join(config.options) or 'none'}",
            advice=f"It takes: {', '.join(known) or 'no option'}",
        )
    return driver(*leading, **config.options)


def display(name: str, value: Any) -> dict[str, Any] | None:
    """Return how a face shows a value in a notebook, as a MIME bundle; None without a face.

    A face registers itself as an entry point of the group ``portal.displays``, so that the parts
    below the faces need not know them.
    """
    for point in _points(DISPLAYS, name):
        bundle: dict[str, Any] = point.load()(value)
        return bundle
    return None
