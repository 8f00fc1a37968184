"""Classic NetCDF files (CDF-1, 2 and 5) as references: their header read, and no library.

The format is that of the NetCDF Classic Format Specification (Unidata) with the 64-bit offsets of
CDF-2 and the 64-bit data of CDF-5 (Argonne, PnetCDF).
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.errors import TooLarge, Unreadable
from portal.virtual.references import MOST_REFERENCES, Entry, References

#: Bytes of a header.
LARGEST_HEADER = 16 * 2**20
#: A variable of more bytes than this is referred to in parts along its first dimension.
LARGEST_PART = 32 * 2**20

_DIMENSION, _VARIABLE, _ATTRIBUTE = 10, 11, 12
_TYPES = {
    1: "i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8",
    7: "u1", 8: ">u2", 9: ">u4", 10: ">i8", 11: ">u8",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a classic file.

    Parameters
    ----------
    begin, step
        Where its bytes begin, and how far apart its records lie; a step of None is that of a
        variable without records, whose bytes follow each other.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    attributes: Mapping[str, Any]
    begin: int
    step: int | None

    @property
    def itemsize(self) -> int:
        """Bytes of a value."""
        return int(self.dtype[-1])


@dataclass(frozen=True, slots=True)
class Header:
    """What a classic file says of itself."""

    attributes: Mapping[str, Any]
    variables: tuple[Variable, ...]


def read_header(read: Callable[[int, int], bytes], size: int, where: str) -> Header:
    """Read the header of a classic file.

    Parameters
    ----------
    read
        Returns bytes: the first, and how many.
    size
        The file's bytes.
    where
        Its name, for messages.

    Raises
    ------
    Unreadable
        It is damaged, or the file is shorter than it says.
    """
    length = 2**16
    while True:
        cursor = _Cursor(read(0, min(length, size)))
        try:
            header = _parse(cursor, size)
            break
        except _Short:
            if length >= min(size, LARGEST_HEADER):
                raise _fault(where, "a header that is cut short") from None
            length *= 8
        except (ValueError, KeyError, IndexError, OverflowError) as error:
            raise _fault(where, f"{type(error).__name__}: {error}") from error
    for variable in header.variables:
        rows = variable.shape[0] if variable.step is not None and variable.shape else 1
        inner = variable.shape[1:] if variable.step is not None else variable.shape
        last = variable.begin + (variable.step or 0) * max(rows - 1, 0)
        end = last + math.prod(inner) * variable.itemsize
        if rows and math.prod(inner) and end > size:
            raise _fault(
                where, f"{size:,} bytes where the variable {variable.name!r} ends at {end:,}"
            )
    return header


def refer(header: Header, url: str) -> References:
    """Write a classic file as the references of a Zarr store of format 2.

    Raises
    ------
    TooLarge
        It has too many records.
    """
    entries: dict[str, Entry] = {
        ".zgroup": b'{"zarr_format":2}',
        ".zattrs": json.dumps(dict(header.attributes)).encode(),
    }
    for variable in header.variables:
        _refer(variable, url, entries)
        if len(entries) > MOST_REFERENCES:
            raise TooLarge(
                f"The file {url} has too many records",
                found=f"more than {MOST_REFERENCES:,}",
                advice="Write it as Zarr: ds.to_zarr(…).",
            )
    return References(entries)


def _refer(variable: Variable, url: str, entries: dict[str, Entry]) -> None:
    shape, size = variable.shape, variable.itemsize
    rows = math.prod(shape[1:]) * size
    part = 1
    if variable.step is None and shape and shape[0]:
        fits = min(shape[0], max(LARGEST_PART // max(rows, 1), 1))
        part = next(n for n in range(fits, 0, -1) if shape[0] % n == 0)
    chunks = (part, *shape[1:]) if shape else ()
    attributes = dict(variable.attributes) | {"_ARRAY_DIMENSIONS": list(variable.dims)}
    document = {
        "zarr_format": 2,
        "shape": list(shape),
        "chunks": [max(n, 1) for n in chunks],
        "dtype": variable.dtype if variable.dtype[0] == ">" else f"|{variable.dtype}",
        "fill_value": _fill(attributes.pop("_FillValue", None)),
        "order": "C",
        "compressor": None,
        "filters": None,
    }
    entries[f"{variable.name}/.zarray"] = json.dumps(document).encode()
    entries[f"{variable.name}/.zattrs"] = json.dumps(attributes).encode()
    if 0 in shape:
        return
    rest = ".0" * (len(shape) - 1)
    if not shape:
        entries[f"{variable.name}/0"] = (url, variable.begin, size)
        return
    step = rows if variable.step is None else variable.step
    for number in range(shape[0] // part):
        place = variable.begin + number * part * step
        entries[f"{variable.name}/{number}{rest}"] = (url, place, part * rows)


def _fill(value: Any) -> Any:
    """Write a fill value as Zarr does, which has names for those that JSON has not."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return None if isinstance(value, str | list) else value


class _Short(Exception):
    """The header goes on."""


class _Cursor:
    """Reads numbers and names, big-endian, one after another."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.wide = False

    def take(self, count: int) -> bytes:
        if count > LARGEST_HEADER:
            raise ValueError(f"a text of {count:,} bytes")
        if self.at + count > len(self.data):
            raise _Short
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, *, wide: bool = False) -> int:
        found: int = struct.unpack(">Q" if wide else ">I", self.take(8 if wide else 4))[0]
        return found

    def count(self) -> int:
        return self.number(wide=self.wide)

    def padded(self, count: int) -> bytes:
        data = self.take(count)
        self.take(-count % 4)
        return data

    def name(self) -> str:
        return self.padded(self.count()).decode("utf-8")

    def listed(self, tag: int) -> int:
        found, count = self.number(), self.count()
        if found not in (0, tag) or (found == 0 and count):
            raise ValueError(f"the mark {found} where a list begins")
        if count > 1_000_000:
            raise ValueError(f"a list of {count:,}")
        return count


def _parse(cursor: _Cursor, size: int) -> Header:
    mark = cursor.take(4)
    if mark[:3] != b"CDF" or mark[3] not in (1, 2, 5):
        raise ValueError(f"a file that starts with {mark!r}")
    cursor.wide = mark[3] == 5
    records = cursor.count()
    dims = [(cursor.name(), cursor.count()) for _ in range(cursor.listed(_DIMENSION))]
    attributes = _attributes(cursor)
    raw = [_variable(cursor, dims, mark[3]) for _ in range(cursor.listed(_VARIABLE))]
    kept = [_padded(math.prod(v.shape[1:]) * v.itemsize) for v in raw if v.step is not None]
    step = sum(kept)
    single = [v for v in raw if v.step is not None]
    if len(single) == 1:
        # A single variable with records has no padding between them.
        step = math.prod(single[0].shape[1:]) * single[0].itemsize
    if records == (2**64 - 1 if cursor.wide else 2**32 - 1):
        begin = min((v.begin for v in single), default=size)
        records = (size - begin) // step if step else 0
    return Header(
        attributes,
        tuple(
            v
            if v.step is None
            else Variable(
                v.name, v.dims, (records, *v.shape[1:]), v.dtype, v.attributes, v.begin, step
            )
            for v in raw
        ),
    )


def _padded(count: int) -> int:
    return count + -count % 4


def _attributes(cursor: _Cursor) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(cursor.listed(_ATTRIBUTE)):
        name = cursor.name()
        dtype = _TYPES[cursor.number()]
        count = cursor.count()
        data = cursor.padded(count * int(dtype[-1]))
        found[name] = _value(dtype, count, data)
    return found


def _value(dtype: str, count: int, data: bytes) -> Any:
    if dtype == "S1":
        return data.decode("utf-8", "replace").rstrip("\0")
    kinds = {"i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q", "f4": "f", "f8": "d"}  # fmt: skip
    values = struct.unpack(f">{count}{kinds[dtype[-2:]]}", data)
    return values[0] if count == 1 else list(values)


def _variable(cursor: _Cursor, dims: list[tuple[str, int]], version: int) -> Variable:
    name = cursor.name()
    ids = [cursor.count() for _ in range(cursor.count())]
    chosen = [dims[i] for i in ids]
    attributes = _attributes(cursor)
    dtype = _TYPES[cursor.number()]
    cursor.count()
    begin = cursor.number(wide=version != 1)
    record = bool(chosen) and chosen[0][1] == 0
    return Variable(
        name,
        tuple(d[0] for d in chosen),
        tuple(d[1] for d in chosen),
        dtype,
        attributes,
        begin,
        0 if record else None,
    )


def _fault(where: str, found: str) -> Unreadable:
    return Unreadable(
        f"The classic NetCDF file {where} cannot be read",
        found=found,
        advice="It is damaged or was not written to its end: copy it anew.",
    )
