"""JSON documents as they are written: indented, and such that a page may embed them."""

from __future__ import annotations

import json
import re
from typing import Any

_ESCAPED = re.compile("[<\ud800-\udfff\u2028\u2029]")


def to_json(document: Any) -> str:
    r"""Write a document.

    "<" is written as an escape, so that no text ends or begins a script element of a page (the
    JSON-LD 1.1 recommendation, section 7, "Embedding JSON-LD in HTML Documents"); so is half of a
    character, which UTF-8 cannot hold. Whoever reads the JSON gets the text as it was.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return _ESCAPED.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text) + "\n"


def told(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is empty: "", None, [] and {}; of a list that has one, take that."""
    kept = {k: v[0] if isinstance(v, list) and len(v) == 1 else v for k, v in document.items()}
    return {k: v for k, v in kept.items() if v not in ("", None) and v != [] and v != {}}
