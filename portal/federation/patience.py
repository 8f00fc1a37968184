"""Patience with a facility that is not reached for a while: tried again, up to a limit."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from portal.errors import Unavailable

#: What may mend itself: the facility was not reached, or the connection broke.
TRANSIENT = (Unavailable, ConnectionError, TimeoutError)
_FIRST, _LONGEST = 0.2, 5.0


@dataclass
class Patience:
    """How long a facility is tried again.

    Parameters
    ----------
    seconds
        From the first failure in a row to giving up.
    """

    seconds: float
    _since: float | None = field(default=None, repr=False)
    _pause: float = field(default=_FIRST, repr=False)

    def reached(self) -> None:
        """Begin anew: the facility was reached."""
        self._since, self._pause = None, _FIRST

    def again(self) -> bool:
        """Wait a little after a failure; False where it has gone on for too long."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
        left = self._since + self.seconds - now
        if left <= 0:
            return False
        time.sleep(min(self._pause, left))
        self._pause = min(_LONGEST, self._pause * 2)
        return True
