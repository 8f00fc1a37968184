"""Whether requests are those of the official documents of the IRI Facility API."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema
import pytest
import yaml

SPECS = Path(__file__).parents[5] / "shared" / "specs" / "iri"


def documents_are_there() -> bool:
    """Whether the documents can be read; CI fails without them."""
    there = (SPECS / "facility-api-v1.yaml").exists()
    if not there and os.environ.get("CI"):
        pytest.fail("the IRI Facility API documents are not there")
    return there


@cache
def document(version: str) -> dict[str, Any]:
    """Return the document of a version."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, Any] = yaml.load((SPECS / f"facility-api-{version}.yaml").read_text(), loader)
    return found


def check(method: str, url: str, headers: Any, body: bytes | None) -> None:
    """Assert that a request is one of the document's: path, parameters, token and body."""
    parts = urlsplit(url)
    version = parts.path.split("/")[2]
    paths = document(version)["paths"]
    (template,) = [
        one for one in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), parts.path)
    ]
    assert method.lower() in paths[template], f"{method} {template} is not in the document"
    operation = paths[template][method.lower()]
    given = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    known = {one["name"]: one for one in operation.get("parameters", [])}
    for name, values in given.items():
        assert known.get(name, {}).get("in") == "query", f"{template} has no parameter {name}"
        (value,) = values
        _valid(version, _typed(value, known[name]["schema"]), known[name]["schema"])
    for name, one in known.items():
        if one["in"] == "query" and one.get("required"):
            assert name in given, f"{template} wants {name}"
    assert "security" not in operation or headers.get("Authorization", "").startswith("Bearer ")
    assert "Idempotency-Key" not in headers or "Idempotency-Key" in known
    if "requestBody" in operation:
        ((kind, content),) = operation["requestBody"]["content"].items()
        assert headers["Content-Type"].split(";")[0] == kind
        if kind == "application/json":
            _valid(version, json.loads(body or b"null"), content["schema"])
        else:
            assert b'name="file"' in (body or b"")
    else:
        assert not body
    assert ".." not in unquote(parts.path).split("/")


def _typed(value: str, schema: dict[str, Any]) -> Any:
    kinds = [one.get("type") for one in (schema, *schema.get("anyOf", []))]
    if "integer" in kinds:
        return int(value)
    return {"true": True, "false": False}[value] if "boolean" in kinds else value


def _valid(version: str, value: Any, schema: dict[str, Any]) -> None:
    whole = {**schema, "components": document(version)["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)
