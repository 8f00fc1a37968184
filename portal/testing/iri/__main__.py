"""``python -m portal.testing.iri --directory DIR``: a facility of one's own, to try Portal with."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from portal.core.facility import DriverConfig
from portal.core.plugins import COMPUTES, build_driver
from portal.errors import PortalError
from portal.testing.iri.facility import Facility
from portal.testing.iri.server import IriServer, serve
from portal.testing.iri.tokens import LIFETIME


def facility_file(server: IriServer, version: int, token_file: Path) -> str:
    """Return a facility file for a server, in TOML."""
    options = {
        "driver": "iri",
        "url": server.api(version),
        "ca_file": str(server.ca_file),
        "token_file": str(token_file),
        "resource": server.facility.resource,
        "account": server.facility.accounts[0],
        "workspace": str(server.root),
        "python": sys.executable,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    name = json.dumps(server.facility.name)
    return "\n".join([f"name = {name}", "", f"[compute.{server.facility.resource}]", *lines])


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted or terminated; the token is renewed half-way through its life."""
    given = _parser().parse_args(arguments)
    directory: Path = given.directory.expanduser().absolute()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    options = {"workspace": str(directory / "scratch")}
    try:
        compute = build_driver(COMPUTES, DriverConfig(driver="local", options=options))
        facility = Facility("A laboratory on this computer")
        with serve(
            compute, facility=facility, directory=directory / "server", port=given.port
        ) as server:
            token_file = server.write_token(directory / "token", given.lifetime)
            print(f"url         {server.url}")
            print(f"CA file     {server.ca_file}")
            print(f"token file  {token_file}")
            print(f"files       {server.root}")
            print("\nA facility file for it:\n")
            print(facility_file(server, given.version, token_file), flush=True)
            while not stop.wait(given.lifetime / 2):
                server.write_token(token_file, given.lifetime)
            token_file.unlink(missing_ok=True)
    except PortalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m portal.testing.iri",
        description="Serve this computer as a facility of the IRI Facility API, on loopback.",
    )
    parser.add_argument(
        "--directory",
        type=Path,
        required=True,
        help="where its files, certificates and token lie; made where it is not there",
    )
    parser.add_argument("--port", type=int, default=0, help="by default one that is free")
    parser.add_argument(
        "--version", type=int, choices=(1, 2), default=2, help="of the API, in the facility file"
    )
    parser.add_argument(
        "--lifetime",
        type=_seconds,
        default=LIFETIME,
        metavar="SECONDS",
        help="how long a token is good; the file holds a new one half-way (default: %(default)g)",
    )
    return parser


def _seconds(text: str) -> float:
    if not 1.0 <= (found := float(text)) <= 1e7:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to 10 million seconds")
    return found


if __name__ == "__main__":
    sys.exit(main())
