"""Optional packages of the catalog drivers."""

from __future__ import annotations

from portal.virtual.needs import need

__all__ = ["need"]
