"""The embedded dataset index: SQLite holds the truth, tantivy finds in it."""

from __future__ import annotations

from portal.index.index import Found, Hit, Index

__all__ = ["Found", "Hit", "Index"]
