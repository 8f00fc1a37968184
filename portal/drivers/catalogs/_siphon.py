"""Siphon's reading of THREDDS catalogs, over Portal's guarded requests.

Siphon asks by a session of its own that follows any redirect, without limits of time or size, and
that cannot be given to it: its module keeps one for all. So a copy of the module is loaded for
each walk, and that copy's session is ours; nothing of Siphon is changed for others.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from portal.drivers.catalogs._fetch import Answer, ask, rubbish
from portal.drivers.catalogs._needs import need
from portal.drivers.catalogs._reach import Reach, shown
from portal.errors import PortalError, Unreadable

#: A catalog of more bytes than this is not read.
LARGEST_CATALOG = 16 * 2**20


@dataclass(slots=True)
class Reader:
    """Reads catalogs, and stands for the session of Siphon that does.

    Parameters
    ----------
    digest
        Of every catalog that was read.
    """

    reach: Reach
    timeout: float
    digest: Any = field(default_factory=hashlib.sha256)

    def catalog(self, url: str) -> Any:
        """Return Siphon's ``TDSCatalog``.

        Raises
        ------
        Unavailable, Denied, Unreadable, TooLarge, UnknownItem
        """
        with _reading(url):
            return _module(self).TDSCatalog(url)

    def create_session(self) -> Reader:
        """Give what Siphon takes for a session."""
        return self

    def get(self, url: str) -> _Document:
        """Ask for a document, as the session of ``requests`` that Siphon expects."""
        answer = ask(self.reach, url, timeout=self.timeout, most=LARGEST_CATALOG)
        if b"<!ENTITY" in answer.content or b"<" not in answer.content[:200]:
            raise rubbish(url, answer.content, "a THREDDS catalog")
        self.digest.update(answer.content)
        return _Document(answer)

    def urlopen(self, url: str) -> Any:
        """Ask for a document that Siphon reads as a file."""
        import io

        return io.BytesIO(self.get(url).content)

    def close(self) -> None:
        """Nothing is held."""


class _Document:
    """As much of a response as Siphon uses."""

    def __init__(self, answer: Answer) -> None:
        self.url = answer.url
        self.content = answer.content
        self.headers = {"content-type": "application/xml"}

    def raise_for_status(self) -> None:
        """Faults were raised as they came."""


def _module(reader: Reader) -> Any:
    need("siphon.catalog", "opendap")
    spec = importlib.util.find_spec("siphon.catalog")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.session_manager = reader
    return module


@contextmanager
def _reading(url: str) -> Iterator[None]:
    try:
        yield
    except PortalError:
        raise
    except (SyntaxError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise Unreadable(
            f"{shown(url)} is no THREDDS catalog",
            found=f"{type(error).__name__}: {error}"[:200],
            advice="Give the address of its catalog.xml.",
        ) from error
