"""Parameters as text: what a command line or a text box gives, by the JSON Schema it is for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from portal.core.analysis import Analysis
from portal.errors import InvalidParameter


def properties(analysis: Analysis) -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each parameter, its references resolved."""
    schema = analysis.schema()
    return {name: resolve(schema, p) for name, p in schema.get("properties", {}).items()}


def resolve(schema: Mapping[str, Any], prop: Mapping[str, Any]) -> dict[str, Any]:
    """Put in what ``$ref`` names; of ``X | None`` take X, and say so by ``nullable``."""
    found = dict(prop)
    reference = found.pop("$ref", "")
    if reference:
        found = dict(schema["$defs"][reference.rpartition("/")[2]]) | found
    options = [o for o in found.get("anyOf", ()) if o.get("type") != "null"]
    if len(options) == 1:
        rest = {k: v for k, v in found.items() if k != "anyOf"}
        found = resolve(schema, options[0]) | rest | {"nullable": True}
    return found


def choices(prop: Mapping[str, Any]) -> list[Any]:
    """Return the values that a parameter is limited to; empty where it is not."""
    if "const" in prop:
        return [prop["const"]]
    return list(prop.get("enum", ()))


def from_text(name: str, prop: Mapping[str, Any], text: str) -> Any:
    """Read the value of a parameter from text; numbers and dates are left to its validation.

    Raises
    ------
    InvalidParameter
        A list or a mapping that is not JSON.
    """
    if prop.get("nullable") and text in ("", "null", "none"):
        return None
    for choice in choices(prop):
        if text == choice or text == json.dumps(choice):
            return choice
    if prop.get("type") not in ("array", "object"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidParameter(
            f"The parameter {name!r} is a JSON {prop['type']}",
            found=repr(text),
            advice='Write, for instance, [1, 2] or {"a": 1}.',
        ) from error
