"""A run once more: its code taken along, with what is to be changed of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from portal.core.contracts import Compute, SupportsProvision
from portal.core.environment import Environment, local_environment
from portal.core.run import CODE, InputRef, RunSpec
from portal.errors import InvalidParameter, Unreadable
from portal.federation.config import Home
from portal.federation.environments import settle
from portal.federation.runs import Run


def changed(
    spec: RunSpec, changes: Mapping[str, Any], take: Callable[[str, Any], InputRef]
) -> tuple[Mapping[str, InputRef], Mapping[str, Any]]:
    """Return the inputs and parameters of a run with some of them changed.

    The code of the run is not loaded for this: it may be somebody else's. A parameter is held to
    the kind that it had; the rest is checked where it runs, before anything is computed.

    Parameters
    ----------
    take
        Makes an input of a name and an Item or its id.

    Raises
    ------
    InvalidParameter
        There is no such input or parameter, or it is of another kind.
    """
    inputs, parameters = dict(spec.inputs), dict(spec.parameters)
    for name, value in changes.items():
        if name in inputs:
            inputs[name] = take(name, value)
        elif name in parameters:
            _require_kind(name, parameters[name], value)
            parameters[name] = value
        else:
            raise InvalidParameter(
                f"The analysis {spec.analysis.name!r} of the run takes no {name!r}",
                found=f"changes: {', '.join(changes)}",
                advice=f"It takes {', '.join((*inputs, *parameters))}.",
            )
    return inputs, parameters


def _require_kind(name: str, before: Any, value: Any) -> None:
    kinds = _kind(before), _kind(value)
    try:
        json.dumps(value, allow_nan=False)
        same = None in (before, value) or kinds[0] == kinds[1]
    except (TypeError, ValueError):
        same = False
    if not same:
        raise InvalidParameter(
            f"The parameter {name!r} is to be {kinds[0]}, as it was",
            found=f"{value!r}, where it was {before!r}",
            advice="Give the value as JSON has it: a date, for instance, as a text.",
        )


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list | tuple) else "an object"


def code_of(run: Run) -> bytes | None:
    """Return the code that travelled with a run; None for one that is installed.

    Raises
    ------
    Unreadable
        It has gone from the run directory.
    """
    if run.spec.analysis.code != "pickle":
        return None
    try:
        data: bytes = run.directory.fs.cat_file(run.directory.file(CODE))
    except FileNotFoundError as error:
        raise Unreadable(
            f"The run {run.id} has lost its code",
            found=f"no {CODE} in {run.directory.path}",
            advice="Run the analysis itself again, with fed.run(…).",
        ) from error
    return data


def settle_again(run: Run, at: str, compute: Compute, home: Home) -> tuple[Environment, str]:
    """Return the environment of a run once more, and the Python for it.

    Where environments are made, it is that of the run; elsewhere it is the one of here and there,
    which code that was sent along must fit.

    Raises
    ------
    EnvironmentMismatch, Unavailable, Denied
    """
    spec = run.spec
    if isinstance(compute, SupportsProvision) and compute.provisions:
        return spec.environment, compute.provision(spec.environment)
    if spec.analysis.code == "pickle":
        then = f"when {run.id} was asked for"
        spec.environment.require_same(local_environment(), here=then, there="here")
    settled = settle(compute, at, home)
    return settled.environment, settled.python
