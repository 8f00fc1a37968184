"""Reach: where a catalog's records may lead. What they point at is data from outside, not trusted.

A record's asset at loopback, at a private address, at a ``file://`` path, or behind a redirect to
one of these, is refused, unless the facility file allows it. The origins that the facility file
names itself, its catalog's endpoint for one, are allowed as they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be reached from a catalog.

    Parameters
    ----------
    origins
        ``scheme://host:port`` of the endpoints that the facility file names.
    allow
        What the facility file allows further (its option ``allow``): hosts, ``host:port``,
        networks such as ``10.0.0.0/8``, and absolute directories.
    """

    origins: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    @classmethod
    def of(cls, *endpoints: str, allow: Sequence[str] = ()) -> Reach:
        """Make it from the URLs that a driver's options name."""
        raise AssertionError

    def check(self, href: str) -> None:
        """Refuse what must not be reached.

        Raises
        ------
        Denied
            It is a local path, or its host is one of this network; the line of the facility file
            that allows it is named.
        """
        raise AssertionError

    def session(self) -> requests.Session:
        """Return an HTTP session of which every request, redirects included, is checked."""
        raise AssertionError
