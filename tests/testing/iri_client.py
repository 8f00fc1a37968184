"""A plain HTTP client for the tests of the IRI server; it knows the paths and nothing else."""

from __future__ import annotations

from typing import Any

import requests

from portal.testing.iri import IriServer
from tests.helpers import wait_until

ENDED = ("completed", "failed", "canceled")


class Client:
    """Asks one version of a server."""

    def __init__(self, server: IriServer, version: int, token: str | None = None) -> None:
        self.version = version
        self.api = server.api(version)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(server.ca_file)
        self.session.headers["Authorization"] = f"Bearer {token or server.tokens.issue()}"
        self.resource = self.get("compute/resources").json()[0]["id"]

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, f"{self.api}/{path}", timeout=30, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.ask("GET", path, **more)

    def submit(self, spec: dict[str, Any], **headers: str) -> requests.Response:
        """Submit a job, charged to the account of examples unless it says otherwise."""
        spec = {"attributes": {"account": "portal-tests"}} | spec
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", f"compute/job/{self.resource}", json=spec, headers=named)

    def job(self, job_id: str, **query: Any) -> dict[str, Any]:
        found = self.get(f"compute/status/{self.resource}/{job_id}", params=query)
        assert found.status_code == 200, found.text
        told: dict[str, Any] = found.json()
        return told

    def ended(self, job_id: str) -> dict[str, Any]:
        def final() -> dict[str, Any] | None:
            status: dict[str, Any] = self.job(job_id)["status"]
            return status if status["state"] in ENDED else None

        return wait_until(final)  # type: ignore[return-value]

    def jobs(self, filters: Any = None, **query: Any) -> Any:
        found = self.ask("POST", f"compute/status/{self.resource}", json=filters, params=query)
        assert found.status_code == 200, found.text
        return found.json()

    def operate(self, name: str, **arguments: Any) -> requests.Response:
        """Ask for an operation of the file system in the way of this version."""
        path = f"filesystem/{name}/{self.resource}"
        if name == "upload":
            content = arguments.pop("content")
            return self.ask("POST", path, params=arguments, files={"file": content})
        if self.version == 2 or name in (
            "mkdir", "symlink", "compress", "extract", "mv", "cp", "chmod", "chown"
        ):  # fmt: skip
            method = "PUT" if self.version == 1 and name in ("chmod", "chown") else "POST"
            return self.ask(method, path, json=arguments)
        query = {k: str(v).lower() if isinstance(v, bool) else v for k, v in arguments.items()}
        return self.ask("DELETE" if name == "rm" else "GET", path, params=query)

    def task(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Ask for an operation, and wait for the end of its task."""
        asked = self.operate(name, **arguments)
        assert asked.status_code in (200, 201), asked.text
        uri = asked.json()["task_uri"]

        def final() -> dict[str, Any] | None:
            told: dict[str, Any] = self.session.get(uri, timeout=30).json()
            return told if told["status"] in ENDED else None

        return wait_until(final)  # type: ignore[return-value]

    def done(self, name: str, **arguments: Any) -> Any:
        """Ask for an operation that succeeds; return what it gives."""
        task = self.task(name, **arguments)
        assert task["status"] == "completed", task
        return task["result"]["output"]
