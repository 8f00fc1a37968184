"""Bearer tokens that expire."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from typing import Final

#: Seconds that a token is good for, unless another time is asked for.
LIFETIME: Final = 3600.0


class Tokens:
    """The tokens that a server accepts. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[bytes, float] = {}

    def issue(self, seconds: float = LIFETIME) -> str:
        """Return a new token, good for so many seconds."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._ends[_digest(token)] = time.monotonic() + seconds
        return token

    def expire(self) -> None:
        """Let every token that was issued until now be refused from here on."""
        with self._lock:
            self._ends.clear()

    def accepts(self, token: str) -> bool:
        """Say whether a token is good; the time that this takes tells nothing about it."""
        given, now = _digest(token), time.monotonic()
        with self._lock:
            self._ends = {digest: end for digest, end in self._ends.items() if end > now}
            found = [hmac.compare_digest(given, digest) for digest in self._ends]
        return any(found)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
