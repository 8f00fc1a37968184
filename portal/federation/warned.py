"""Warned: what a catalog warns of, collected in the thread in which it is read.

``warnings.catch_warnings`` changes the filters of the whole process and puts them back: two threads
that use it side by side leave them in disorder, and it takes the warnings of every other thread.
Here one filter is added that applies to the threads that collect, and to no other.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass
class _Heard:
    """The warnings of one thread; ``last`` is the text of the one that is being looked at."""

    texts: list[str] = field(default_factory=list)
    last: str = ""


_heard: ContextVar[_Heard | None] = ContextVar("portal_heard", default=None)


class _Text:
    """Stands where a filter has the pattern of its messages."""

    def match(self, text: str) -> bool:
        heard = _heard.get()
        if heard is not None:
            heard.last = text
        return heard is not None


class _Kind(type):
    """Stands where a filter has the kind of its warnings."""

    def __subclasscheck__(cls, kind: type) -> bool:
        heard = _heard.get()
        if heard is None or not issubclass(kind, UserWarning):
            return False
        heard.texts.append(heard.last)
        return True


class _Collected(UserWarning, metaclass=_Kind):
    pass


class _Nothing(UserWarning):
    pass


_FILTER = ("ignore", _Text(), _Collected, None, 0)


@contextmanager
def collected() -> Iterator[list[str]]:
    """Collect the user warnings (:class:`UserWarning`) of this thread instead of showing them."""
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    if not filters or filters[0] is not _FILTER:
        with suppress(ValueError):
            filters.remove(_FILTER)
        filters.insert(0, _FILTER)
        # This filters nothing: it makes Python forget what it knew of the filters before.
        warnings.simplefilter("ignore", _Nothing, append=True)
    heard = _Heard()
    token = _heard.set(heard)
    try:
        yield heard.texts
    finally:
        _heard.reset(token)
