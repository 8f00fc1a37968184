"""References: a Zarr store whose chunks are byte ranges of other files (the kerchunk format).

The specification is kerchunk's, versions 0 and 1, as JSON or as Parquet. References come from
outside: their size and number are bounded, and no template is computed. Which files they may name
is for the caller to check, before anything is read.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.errors import TooLarge, Unreadable

#: Bytes of a document of references.
LARGEST_DOCUMENT = 256 * 2**20
#: References in a store, and bytes of those that stand in it themselves.
MOST_REFERENCES = 5_000_000
LARGEST_INLINE = 256 * 2**20

#: A byte range: the file's address, the first byte, the number of bytes. None: the whole file.
Range = tuple[str, int, int | None]
Entry = bytes | Range
_TEMPLATE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class References:
    """What a store's keys stand for.

    Parameters
    ----------
    entries
        Bytes, or ranges of files, by the key of the Zarr store.
    """

    entries: Mapping[str, Entry]

    @property
    def targets(self) -> tuple[str, ...]:
        """The addresses of the files that are referred to, each once."""
        ranges = (e for e in self.entries.values() if isinstance(e, tuple))
        return tuple(dict.fromkeys(r[0] for r in ranges))

    @property
    def stored(self) -> int:
        """Bytes referred to and held; ranges without an end are not counted."""
        return sum(len(e) if isinstance(e, bytes) else (e[2] or 0) for e in self.entries.values())

    def documents(self) -> dict[str, dict[str, Any]]:
        """Return the store's metadata: the documents by their keys.

        Raises
        ------
        Unreadable
            One is not in the store itself, or is no JSON object.
        """
        found = {}
        for key, entry in self.entries.items():
            if key.rpartition("/")[2] in (".zgroup", ".zarray", ".zattrs", "zarr.json"):
                try:
                    if not isinstance(entry, bytes):
                        raise TypeError(f"a range of {entry[0]}")
                    found[key] = json.loads(entry)
                    if not isinstance(found[key], dict):
                        raise TypeError(f"a {type(found[key]).__name__}")
                except (ValueError, TypeError, RecursionError) as error:
                    raise _fault(f"the metadata {key} is not a JSON object: {error}") from error
        return found


def parse_json(content: bytes, *, base: str = "") -> References:
    """Read a document of references.

    Parameters
    ----------
    base
        The directory that relative addresses are taken from, with its slash; without one they are
        a fault.

    Raises
    ------
    TooLarge
        They are too many, or too long.
    Unreadable
        It is no such document, or has templates that would have to be computed.
    """
    if len(content) > LARGEST_DOCUMENT:
        raise _too_many(f"{len(content):,} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _fault(str(error)) from error
    if not isinstance(document, dict):
        raise _fault(f"a {type(document).__name__}")
    templates: Mapping[str, Any] = {}
    refs: Any = document
    if "refs" in document:
        refs, templates = document["refs"], document.get("templates") or {}
        if document.get("gen"):
            raise _fault("references that are to be computed (gen)")
    if not isinstance(refs, dict) or not isinstance(templates, dict):
        raise _fault("refs that are no mapping")
    if not any(str(k).rpartition("/")[2] in (".zgroup", "zarr.json", ".zarray") for k in refs):
        raise _fault("no metadata of a Zarr store")
    for text in templates.values():
        if not isinstance(text, str) or "{" in text:
            raise _fault(f"the template {str(text)[:80]!r}, which would have to be computed")
    return collect(
        ((str(key), value) for key, value in refs.items()),
        lambda url: absolute(_expand(url, templates), base),
    )


def collect(pairs: Any, resolve: Callable[[str], str] = str) -> References:
    """Make references of keys and what kerchunk writes for them.

    Raises
    ------
    TooLarge, Unreadable
        As :func:`parse_json`.
    """
    entries: dict[str, Entry] = {}
    inline = 0
    known: dict[str, str] = {}
    for key, value in pairs:
        if len(entries) >= MOST_REFERENCES:
            raise _too_many(f"more than {MOST_REFERENCES:,} references")
        if isinstance(value, list | tuple):
            entries[key] = _range(key, value, resolve, known)
            continue
        entries[key] = held = _inline(key, value)
        inline += len(held)
        if inline > LARGEST_INLINE:
            raise _too_many(f"more than {LARGEST_INLINE:,} bytes in the references themselves")
    return References(entries)


def absolute(url: str, base: str) -> str:
    """Take a relative address from a directory."""
    if "://" in url or url.startswith("/"):
        return url
    if not base or ".." in url.split("/"):
        raise _fault(f"the relative address {url[:200]!r}")
    return base + url.removeprefix("./")


def _expand(url: str, templates: Mapping[str, str]) -> str:
    if "{{" not in url:
        return url

    def value(match: re.Match[str]) -> str:
        if match[1] not in templates:
            raise _fault(f"the unknown template {match[1]!r}")
        return templates[match[1]]

    whole = _TEMPLATE.sub(value, url)
    if "{{" in whole:
        raise _fault(f"the template in {url[:80]!r}, which would have to be computed")
    return whole


def _range(key: str, value: Any, resolve: Callable[[str], str], known: dict[str, str]) -> Range:
    if not value or not isinstance(value[0], str) or len(value) not in (1, 3):
        raise _fault(f"the reference {key}: {str(value)[:80]}")
    if value[0] not in known:
        known[value[0]] = resolve(value[0])
    if len(value) == 1:
        return known[value[0]], 0, None
    try:
        offset, length = int(value[1]), int(value[2])
    except (TypeError, ValueError) as error:
        raise _fault(f"the reference {key}: {str(value)[:80]}") from error
    if offset < 0 or length < 0:
        raise _fault(f"the reference {key}: {str(value)[:80]}")
    return known[value[0]], offset, length


def _inline(key: str, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return json.dumps(value).encode()
    if not isinstance(value, str):
        raise _fault(f"the reference {key}: {str(value)[:80]}")
    if value.startswith("base64:"):
        try:
            return base64.b64decode(value.removeprefix("base64:"), validate=True)
        except ValueError as error:
            raise _fault(f"the reference {key}: {error}") from error
    return value.encode()


def _fault(found: str) -> Unreadable:
    return Unreadable(
        "The references cannot be read",
        found=found,
        advice="Write them anew, as an Icechunk store for one: portal virtualize.",
    )


def _too_many(found: str) -> TooLarge:
    return TooLarge(
        "The references are too many to be read at once",
        found=found,
        advice="Write them as an Icechunk store: portal virtualize.",
    )
