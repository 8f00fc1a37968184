"""Idempotency keys as names of files."""

from __future__ import annotations

import hashlib
import re


def name_of(key: str) -> str:
    """Return a file name that stands for one key alone: the key itself where it can be one."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", key):
        return key
    return f"={hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()[:40]}"
