"""Jobs of an IRI service: submitted once for a key, followed, listed, ended."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from portal.core.job import JobAttributes, JobSpec, JobState, JobStatus
from portal.core.standing import Job
from portal.drivers.compute._iri_client import KEY, Client, Request
from portal.drivers.compute._iri_problem import Uncertain
from portal.errors import Denied, InvalidParameter, NotFound, PortalError, Unavailable, Unreadable

#: Keys that are no UUIDs become some, since the documents say that a key is one.
_KEYS: Final = uuid.UUID("0f5a2d76-5b1e-5d0c-9a53-3f1c1f6f8f2b")
_SETTLE_SECONDS: Final = (0.5, 1.0, 2.0)
_SETUP: Final = """\
%s
exec "$@"
"""


class Jobs:
    """The jobs of one compute resource.

    Parameters
    ----------
    resource
        Its id.
    setup
        Shell lines that a login shell of bash runs before the job. They are not sent as
        ``pre_launch``, which is a file for PSI/J and commands in the words of the documents.
    queue, account
        What a job gets that names none.
    """

    def __init__(
        self,
        client: Client,
        resource: str,
        *,
        setup: str = "",
        queue: str | None = None,
        account: str | None = None,
    ) -> None:
        self._client = client
        self._resource = quote(resource, safe="")
        self._setup = setup
        self._queue = queue
        self._account = account

    def submit(self, job: JobSpec) -> str:
        """Start a job once for its key; return its id.

        A job with a key is first looked for by its name among the user's own; version 2 has a
        header for the key besides, and does where jobs are not listed. When the answer is lost, it
        is looked for again.

        Raises
        ------
        Uncertain
            The answer was lost, and there is no key to ask again with.
        """
        spec = self._asked(job)
        body, headers = spec.to_dict(), {}
        if job.key is not None and self._client.version == "v2":
            headers = {KEY: _uuid(job.key)}
        request = Request(
            "POST",
            f"/compute/job/{self._resource}",
            body=body,
            headers=headers,
            repeat=bool(headers),
        )
        if job.key is None:
            return _id(self._client.call(request))
        found = self._named(str(spec.name))
        for pause in _SETTLE_SECONDS:
            if found is not None:
                return found
            try:
                return _id(self._client.call(request))
            except Uncertain:
                time.sleep(pause)
                found = self._named(str(spec.name))
                if found is None and pause == _SETTLE_SECONDS[-1]:
                    raise
        return str(found)

    def _asked(self, job: JobSpec) -> JobSpec:
        given = job.attributes
        attributes = JobAttributes(
            duration=given.duration,
            queue_name=given.queue_name or self._queue,
            account=given.account or self._account,
            reservation_id=given.reservation_id,
            custom_attributes=given.custom_attributes,
        )
        name = job.name
        if job.key is not None and name != job.key:
            mark = hashlib.sha256(job.key.encode(errors="surrogatepass")).hexdigest()[:16]
            name = f"{name or 'portal'}-{mark}"
        if self._setup:
            shell = ("-l", "-c", _SETUP % self._setup, "portal", job.executable, *job.arguments)
            job = replace(job, executable="/bin/bash", arguments=shell)
        return replace(job, attributes=attributes, name=name)

    def _named(self, name: str) -> str | None:
        """Return the id of the user's job of a name, also of one that has ended."""
        try:
            for one in self._all(historical=True):
                if (one.get("job_spec") or {}).get("name") == name:
                    return _id(one)
        except (Denied, NotFound, Unavailable):
            if self._client.version == "v1":
                raise
        return None

    def _all(self, *, historical: bool) -> Iterator[dict[str, Any]]:
        query = {"historical": str(historical).lower(), "include_spec": "true"}
        request = Request(
            "POST", f"/compute/status/{self._resource}", query=query, body={}, repeat=True
        )
        for one in self._client.pages(request):
            if not isinstance(one, dict):
                raise _unknown(one)
            yield one

    def status(self, job_id: str) -> JobStatus:
        """Say what the service knows of a job.

        Raises
        ------
        NotFound
            It knows neither the job nor the resource any more.
        """
        found = None
        if _is_id(job_id):
            request = Request(
                "GET",
                f"/compute/status/{self._resource}/{quote(job_id, safe='')}",
                query={"historical": "true"},
                repeat=True,
            )
            try:
                found = self._client.call(request)
            except (NotFound, InvalidParameter) as error:
                self._require_resource(error)
                told = f" ({error.found})" if error.found else ""
                return _unheard(f"The facility knows of no job {job_id}{told}")
        if found is None:
            return _unheard(f"{job_id!r} is no job's id")
        if not isinstance(found, dict):
            raise _unknown(found)
        return _status(found)

    def _require_resource(self, error: PortalError) -> None:
        """Raise the error unless the resource is there: a proxy knows of nothing on a bad day."""
        listed = self._client.call(Request("GET", "/compute/resources", repeat=True))
        if self._resource not in [quote(str(one.get("id")), safe="") for one in listed or []]:
            raise error

    def cancel(self, job_id: str) -> None:
        """End a job; one that has ended, or that there is not, is left as it is."""
        if not _is_id(job_id):
            return
        path = f"/compute/cancel/{self._resource}/{quote(job_id, safe='')}"
        try:
            self._client.call(Request("DELETE", path, repeat=True))
        except (NotFound, InvalidParameter):
            if not self.status(job_id).state.final:
                raise

    def active(self) -> Iterator[Job]:
        """Give the user's jobs that wait or run."""
        for one in self._all(historical=False):
            status, spec = _status(one), one.get("job_spec") or {}
            resources = spec.get("resources") or {}
            if status.state.final:
                continue
            processes, cores = (
                resources.get("process_count"),
                resources.get("cpu_cores_per_process"),
            )
            yield Job(
                id=_id(one),
                name=str(spec.get("name") or ""),
                state=status.state,
                nodes=resources.get("node_count"),
                cores=processes * cores if processes and cores else None,
                message=status.message,
            )


def _status(job: dict[str, Any]) -> JobStatus:
    """Read a status; a job that ended with an exit code other than 0 has failed, whatever is said."""
    found = job.get("status") or {}
    if not isinstance(found, dict) or found.get("state", "new") not in tuple(JobState):
        raise _unknown(job)
    state, code = JobState(found.get("state", "new")), found.get("exit_code")
    message = str(found.get("message") or "")
    code = code if isinstance(code, int) else None
    if state is JobState.COMPLETED and code:
        state, message = JobState.FAILED, message or f"exit code {code}"
    elif state is JobState.FAILED and not message:
        message = f"exit code {code}" if code is not None else "the facility does not say why"
    moment = found.get("time")
    more = found.get("meta_data") if isinstance(found.get("meta_data"), dict) else {}
    return JobStatus(
        state,
        message,
        code if state.final else None,
        float(moment) if isinstance(moment, int | float) else None,
        **_queue(more or {}),
    )


def _queue(more: dict[str, Any]) -> dict[str, Any]:
    """Read what a service says beyond the document, where it is of the kind that is meant."""
    found: dict[str, Any] = {}
    if isinstance(more.get("position"), int):
        found["position"] = more["position"]
    if isinstance(more.get("start"), int | float):
        found["start"] = float(more["start"])
    if isinstance(more.get("nodes"), list):
        found["nodes"] = tuple(str(name) for name in more["nodes"])
    return found


def _id(job: Any) -> str:
    found = job.get("id") if isinstance(job, dict) else None
    if not isinstance(found, str) or not _is_id(found):
        raise _unknown(job)
    return found


def _is_id(text: str) -> bool:
    """Whether a text stays one part of a URL's path, whoever decodes it on the way."""
    return bool(text.strip(".")) and "/" not in text


def _uuid(key: str) -> str:
    try:
        return str(uuid.UUID(key))
    except ValueError:
        return str(uuid.uuid5(_KEYS, key))


def _unheard(message: str) -> JobStatus:
    return JobStatus(JobState.FAILED, message, time=time.time())


def _unknown(found: Any) -> Unreadable:
    return Unreadable(
        "The IRI service describes a job in a form that is not the document's",
        found=repr(found)[:500],
        advice="Tell the facility.",
    )
