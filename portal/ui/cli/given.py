"""What is given to an analysis on a command line: ``--input name=id``, ``--param name=value``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from portal.core.analysis import Analysis
from portal.errors import InvalidParameter

Several = list[str] | None
Inputs = Annotated[Several, typer.Option("--input", help="name=dataset id; repeat it.")]
Params = Annotated[Several, typer.Option("--param", help="name=value; repeat it.")]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]


def for_analysis(analysis: Analysis, inputs: Several, params: Several) -> dict[str, Any]:
    """Return inputs and parameters by name, each parameter of the kind that the analysis takes.

    Raises
    ------
    InvalidParameter
    """
    from portal.ui.values import from_text, properties

    known = properties(analysis)
    return _together(inputs, params, lambda name, text: from_text(name, known.get(name, {}), text))


def for_run(parameters: Mapping[str, Any], inputs: Several, params: Several) -> dict[str, Any]:
    """Return changes of a run by name; a parameter that was no text is read as JSON.

    Raises
    ------
    InvalidParameter
    """

    def value(name: str, text: str) -> Any:
        if isinstance(parameters.get(name), str):
            return text
        try:
            return json.loads(text)
        except ValueError:
            return text

    return _together(inputs, params, value)


def overrides(texts: Several) -> dict[str, dict[str, float]]:
    """Read ``olcf.frontier.queue=60`` as seconds of a term of a compute resource or a facility.

    Raises
    ------
    InvalidParameter
    """
    found: dict[str, dict[str, float]] = {}
    for name, text in _pairs(texts, "--override", "olcf.frontier.queue=60").items():
        at, dot, term = name.rpartition(".")
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not dot or seconds < 0:
            raise InvalidParameter(
                "--override takes RESOURCE.TERM=SECONDS",
                found=f"{name}={text}",
                advice="For instance --override olcf.frontier.queue=60.",
            )
        found.setdefault(at, {})[term] = seconds
    return found


def _together(inputs: Several, params: Several, value: Any) -> dict[str, Any]:
    values: dict[str, Any] = dict(_pairs(inputs, "--input", "relief=sandia:altitude"))
    for name, text in _pairs(params, "--param", "above=2.5").items():
        if name in values:
            raise InvalidParameter(f"{name!r} is given twice", advice="Give it once.")
        values[name] = value(name, text)
    return values


def _pairs(texts: Several, option: str, example: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name or name in pairs:
            raise InvalidParameter(
                f"{option} takes name=value, each name once",
                found=repr(text),
                advice=f"For instance {option} {example}.",
            )
        pairs[name] = value
    return pairs
