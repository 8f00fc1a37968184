"""Optional packages of the catalog drivers."""

from __future__ import annotations

from portal.virtual.needs import need, require

__all__ = ["need", "require"]
