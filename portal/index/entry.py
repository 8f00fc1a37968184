"""Entry: what the index reads from a record, whatever state the record is in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from portal.core.item import Item
from portal.core.query import BBox, Interval
from portal.core.same import keys
from portal.core.variable import Variable, variable_names
from portal.errors import InvalidInput

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Entry:
    """The parts of a record by which it is found.

    Parameters
    ----------
    names
        What filters by variable: the names and the CF standard names.
    marks
        What tells its dataset from others, see :func:`portal.core.same.keys`.
    faults
        What could not be read; the record is found by the rest of it.
    """

    facility: str
    id: str
    title: str
    texts: tuple[str, ...]
    names: tuple[str, ...]
    keywords: tuple[str, ...]
    bbox: BBox | None
    interval: Interval | None
    marks: tuple[str, ...]
    faults: tuple[str, ...]

    @classmethod
    def of(cls, item: Item) -> Entry:
        """Read a record; a field that is of another shape than STAC's is left out and told."""
        faults: list[str] = []
        worded = Worded.of(item, faults)
        return cls(
            facility=item.facility,
            id=item.id,
            title=worded.title,
            texts=worded.texts,
            names=worded.names,
            keywords=worded.keywords,
            bbox=_read(lambda: item.bbox, None, faults),
            interval=_read(lambda: item.interval, None, faults),
            marks=tuple(utf8(key) for key in keys(item)),
            faults=tuple(faults),
        )


@dataclass(frozen=True, slots=True)
class Worded:
    """The words of a record: what its relevance is measured by."""

    title: str
    texts: tuple[str, ...]
    names: tuple[str, ...]
    keywords: tuple[str, ...]

    @classmethod
    def of(cls, item: Item, faults: list[str]) -> Worded:
        """Read a record's words; what is left out is added to the faults."""
        title = _read(lambda: item.title, item.local_id, faults)
        description = _read(lambda: item.description, "", faults)
        variables: tuple[Variable, ...] = _read(lambda: item.variables, (), faults)
        keywords: tuple[str, ...] = _read(lambda: item.keywords, (), faults)
        words = [word for variable in variables for word in _words(variable)]
        texts = (title, description, *keywords, *words, item.facility, item.local_id)
        return cls(
            title=utf8(title),
            texts=tuple(utf8(text) for text in texts if text),
            names=tuple(utf8(name) for name in variable_names(variables)),
            keywords=tuple(dict.fromkeys(utf8(keyword) for keyword in keywords)),
        )


def utf8(text: str) -> str:
    """Return a text that can be encoded: half a surrogate pair, which JSON allows, becomes "?"."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970, UTC: exact for every time that Python can hold."""
    return (moment - _EPOCH) // _MICROSECOND


def _words(variable: Variable) -> Iterator[str]:
    name = str(variable.name)
    yield name
    if _CAMEL.search(name):
        yield _CAMEL.sub(" ", name)
    yield str(variable.long_name)
    yield str(variable.standard_name)


def _read(get: Callable[[], _T], otherwise: _T, faults: list[str]) -> _T:
    try:
        return get()
    except (
        InvalidInput,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        faults.append(str(error) or type(error).__name__)
        return otherwise
