"""Saved searches: a JSON file in Portal's home."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.errors import InvalidInput, Unavailable, Unreadable

LONGEST_NAME = 200
MOST = 500


@dataclass(frozen=True, slots=True)
class SavedSearches:
    """Searches under names, in the file ``path``; the newest first.

    A search is kept as the JSON values that a face asked with, so that it can be asked again.
    """

    path: Path

    def list(self) -> list[dict[str, Any]]:
        """Return what is kept, ``{name, query}`` each.

        Raises
        ------
        Unreadable
            The file is damaged.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        try:
            return [{"name": str(s["name"]), "query": dict(s["query"])} for s in json.loads(text)]
        except (ValueError, TypeError, KeyError) as error:
            raise Unreadable(
                f"The saved searches in {self.path} cannot be read",
                found=f"{type(error).__name__}: {error}",
                advice="Mend the file, or move it away.",
            ) from error

    def save(self, name: str, query: Mapping[str, Any]) -> None:
        """Keep a search, in the place of another of the same name.

        Raises
        ------
        InvalidInput
            The name is empty or too long, or there are too many.
        Unreadable, Unavailable
            The file is damaged, or cannot be written.
        """
        name = name.strip()
        if not 0 < len(name) <= LONGEST_NAME:
            raise InvalidInput(
                f"A saved search has a name of 1 to {LONGEST_NAME} characters",
                found=f"{len(name)} characters",
                advice="Name it.",
            )
        kept = [saved for saved in self.list() if saved["name"] != name]
        if len(kept) >= MOST:
            raise InvalidInput(
                f"At most {MOST} searches are kept", found=f"{len(kept)}", advice="Forget some."
            )
        self._write([{"name": name, "query": dict(query)}, *kept])

    def forget(self, name: str) -> None:
        """Drop a search; a name that is not there is left so.

        Raises
        ------
        Unreadable, Unavailable
            The file is damaged, or cannot be written.
        """
        kept = [saved for saved in self.list() if saved["name"] != name]
        self._write(kept)

    def _write(self, searches: Any) -> None:
        part = self.path.with_name(f".{self.path.name}-{uuid.uuid4().hex}.part")
        try:
            part.touch(mode=0o600, exist_ok=False)
            part.write_text(json.dumps(searches, indent=1), encoding="utf-8")
            part.replace(self.path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise Unavailable(
                f"The saved searches cannot be written to {self.path}",
                found=str(error),
                advice="Make room, or give leave to write there.",
            ) from error
