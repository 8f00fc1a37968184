"""The words in which people ask: quantities, units, places and times, told by shipped tables."""

from portal.words.understand import understand
from portal.words.units import convertible

__all__ = ["convertible", "understand"]
