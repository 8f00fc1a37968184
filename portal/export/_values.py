"""Single values of records, read forgivingly.

Records come from outside. Texts lose what no file can hold (control characters, halves of
characters); an address is an absolute URL of a kind that others can follow, without a password in
it: paths of this machine, and what only looks like a URL, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from portal.core.query import parse_time
from portal.errors import PortalError

T = TypeVar("T")

URN = "urn:portal:"
_SPDX = "https://spdx.org/licenses/"
_BAD_FIELD = (PortalError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_URL = re.compile(r"(?:https?|ftps?|s3|gs|abfss?|az|globus)://[^\s<>\"{}|\\^`]+", re.IGNORECASE)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DOI = re.compile(r"10\.[0-9]{4,9}/\S+")
_SPDX_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")


def text(value: Any) -> str:
    """Return a text without what cannot be written; empty for anything else."""
    return _UNPRINTABLE.sub("", value).strip() if isinstance(value, str) else ""


def line(value: str) -> str:
    """Return a text on one line."""
    return " ".join(value.split())


def web(value: Any) -> str:
    """Return an absolute URL that others can follow and that any RDF can hold, else empty."""
    told = value.strip() if isinstance(value, str) else ""
    if not _URL.fullmatch(told) or _UNPRINTABLE.search(told) or _BAD_PERCENT.search(told):
        return ""
    try:
        parts = urlsplit(told)
    except ValueError:
        return ""
    return told if parts.netloc and "@" not in parts.netloc else ""


def rfc3339(moment: datetime) -> str:
    """Write a time of UTC."""
    return moment.isoformat().replace("+00:00", "Z")


def or_else(get: Callable[[], T], otherwise: T) -> T:
    """Read a field; a bad one is as if it were missing."""
    try:
        return get()
    except _BAD_FIELD:
        return otherwise


def texts(value: Any) -> Iterator[str]:
    """Give the texts of a list."""
    for one in value if isinstance(value, list) else ():
        if told := text(one):
            yield told


def mapping(value: Any) -> dict[str, Any]:
    """Return a mapping; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def moment(value: Any) -> str:
    """Return a time as RFC 3339; empty for anything else."""
    return or_else(lambda: rfc3339(parse_time(value)) if isinstance(value, str) else "", "")


def doi(value: Any) -> str:
    """Return a DOI without a resolver; empty for anything else."""
    told = re.sub(r"^(?:https?://(?:dx\.)?doi\.org/|doi:)", "", text(value), flags=re.IGNORECASE)
    return told if _DOI.fullmatch(told) else ""


def spdx(licence: str) -> str:
    """Return the address of a single SPDX licence; of an expression and of other words, nothing."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    if not _SPDX_ID.fullmatch(licence) or licence.startswith("LicenseRef-"):
        return ""
    try:
        return _SPDX + canonicalize_license_expression(licence)
    except InvalidLicenseExpression:
        return ""


def urn(item_id: str) -> str:
    """Name a record everywhere: its id as an absolute URI, as lineage links write it."""
    return URN + quote(item_id, safe=":/()+,-.=@;$_!*", errors="surrogatepass")


def digest(told: str, prefix: str, length: int) -> str:
    """Read a multihash (STAC file extension 2.1; https://github.com/multiformats/multihash)."""
    return m[1] if (m := re.fullmatch(f"{prefix}([0-9a-f]{{{length}}})", told)) else ""
