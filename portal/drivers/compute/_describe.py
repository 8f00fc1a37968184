"""What the Python of a site holds, asked over a transport."""

from __future__ import annotations

import json
from typing import Final

from portal.core.environment import Environment
from portal.drivers.compute._detached import under
from portal.drivers.compute._transport import Transport
from portal.errors import Unavailable

_ANSWER: Final = "portal: "
_CODE: Final = (
    "import json; from portal.core.environment import local_environment; "
    f"print({_ANSWER!r} + json.dumps(local_environment().to_dict()))"
)


def describe(transport: Transport, python: str, setup: str = "") -> Environment:
    """Describe a Python of the machine, after the setup lines.

    Raises
    ------
    Unavailable
        The machine was not reached, its Python cannot be run, or has no Portal.
    """
    done = transport.run(under(setup, [python, "-c", _CODE]))
    answers = [line for line in done.stdout.splitlines() if line.startswith(_ANSWER)]
    if done.code or not answers:
        told = done.stderr.strip().splitlines()
        raise Unavailable(
            f"The Python {python} on {transport.name} cannot run Portal",
            found=told[-1] if told else f"exit code {done.code}",
            advice="Install Portal in it, or correct `python` or `setup` of this compute resource.",
        )
    return Environment.from_dict(json.loads(answers[-1].removeprefix(_ANSWER)))
