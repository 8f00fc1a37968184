"""Jobs on a Dask Gateway: a cluster for each, a worker that runs its keeper, a record of it.

The records lie in a directory that this side and the workers see. What the gateway says of the
cluster tells whether a job waits or runs; the record tells how it ended.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from portal.core.job import JobSpec, JobState, JobStatus
from portal.core.standing import Job
from portal.drivers.compute import _gateway_job
from portal.drivers.compute._gateway_server import GatewayServer, NotStarted, is_name, is_over
from portal.drivers.compute._keys import name_of
from portal.drivers.compute._transport import Transport
from portal.errors import InvalidParameter, Unavailable

if TYPE_CHECKING:
    from dask_gateway.client import ClusterReport

_POLL_SECONDS: Final = 0.25
#: The keeper gives the program ten seconds to end.
_END_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 30.0
_RETRIES: Final = 3
_MAKE: Final = 'umask 077; mkdir -p -- "$1/keys" && mkdir -- "$1/$2"'


@dataclass(frozen=True)
class GatewayJobs:
    """Starts jobs, and tells how they are.

    Parameters
    ----------
    records
        Directory of the records, at ``transport`` and at the workers.
    start_seconds
        How long a cluster's scheduler may take to start.
    """

    server: GatewayServer
    transport: Transport
    records: str
    start_seconds: float

    def start(self, job: JobSpec, argv: list[str]) -> str:
        """Start a job once for its key; return the name of its cluster.

        Parameters
        ----------
        argv
            The command, in place of the job's own.
        """
        left = self._of_key(job.key) if job.key else None
        if left is None:
            _require_possible(job)
        name = left or self._claim(job, argv)
        if self._is_handed(name):
            return name
        try:
            self._hand_over(name)
        except NotStarted:
            if self._is_handed(name):  # by another, and it has ended since
                return name
            self._withdraw(name, job.key)
            if left is None:
                raise
            return self.start(job, argv)
        return name

    def _is_handed(self, name: str) -> bool:
        files = ("handed.json", "started.json", "ended.json")
        return any(self._read(name, file) is not None for file in files)

    def _withdraw(self, name: str, key: str | None) -> None:
        """Give up a cluster on which nothing has run; its key may start another."""
        self.transport.fs.pipe_file(self._path(name, "wanted"), b"cancel")
        self.server.stop(name)
        if key is not None:
            with contextlib.suppress(FileNotFoundError):
                self.transport.fs.rm(self._of(key))

    def _claim(self, job: JobSpec, argv: list[str]) -> str:
        """Make a cluster and its record; where another has made those of the key, take them."""
        name = self.server.new()
        try:
            self._write_record(name, job, argv)
            if job.key is None:
                return name
            own = self._path(name, "job.json")
            linked = self.transport.run(["ln", "--", own, self._of(job.key)])
            if linked.code == 0:
                return name
            winner = self._of_key(job.key)
            if winner is None:
                raise Unavailable(
                    "The key of the job cannot be noted in the workspace",
                    found=linked.stderr.strip(),
                    advice="The workspace must be on a file system that knows hard links.",
                )
        except BaseException:
            self.server.stop(name)
            raise
        self.server.stop(name)
        self.transport.fs.rm(f"{self.records}/{name}", recursive=True)
        return winner

    def _write_record(self, name: str, job: JobSpec, argv: list[str]) -> None:
        made = self.transport.run(["sh", "-c", _MAKE, "portal", self.records, name])
        if made.code:
            raise Unavailable(
                "The job cannot be noted in the workspace",
                found=made.stderr.strip() or f"exit code {made.code}",
                advice="See that `workspace` is a directory of your own, and not full.",
            )
        values = {
            "cluster": name,
            "name": job.name or job.executable,
            "executable": argv[0],
            "arguments": argv[1:],
            "directory": job.directory,
            "inherit_environment": job.inherit_environment,
            "environment": dict(job.environment),
            "stdout_path": job.stdout_path,
            "stderr_path": job.stderr_path,
            "duration": job.attributes.duration,
        }
        fs = self.transport.fs
        fs.pipe_file(self._path(name, "wanted"), b"run")
        fs.pipe_file(self._path(name, "job.json"), json.dumps(values).encode())

    def _hand_over(self, name: str) -> None:
        """Give the job to the cluster's scheduler, which holds it from then on, and ask for a worker."""
        from distributed import fire_and_forget

        report = self.server.running(name, seconds=self.start_seconds)
        record = f"{self.records}/{name}"
        key = f"portal-job-{name}"
        with self.server.client(report) as client:
            # The worker's own Python runs the keeper. One that was killed is followed by another,
            # which says that the job was lost.
            argv = ["/proc/self/exe", "-I", "-c", inspect.getsource(_gateway_job), record]
            future = client.submit(subprocess.check_call, argv, key=key, retries=_RETRIES)
            fire_and_forget(future)  # type: ignore[no-untyped-call]
            while client.sync(client.scheduler.get_task_status, keys=[key])[key] is None:
                time.sleep(_POLL_SECONDS)
        self.server.scale(name, 1)
        self._write(name, "handed.json", {"time": time.time()})

    def status(self, name: str) -> JobStatus:
        """Say what the record and the gateway know of a job."""
        if not is_name(name):
            return _failed(f"There is no job {name!r}: it is no name of a gateway's cluster")
        ended = self._ended(name)
        if ended is not None:
            return ended
        report = self.server.report(name)
        if report is None or is_over(report):
            return self._ended(name) or self._gone(name, report)
        return self._alive(name, report)

    def _alive(self, name: str, report: ClusterReport) -> JobStatus:
        started = self._read(name, "started.json")
        status = report.status.name.lower()
        if started is not None:
            nodes = (str(started["host"]),)
            message = "" if status == "running" else f"its cluster is {status}"
            return JobStatus(JobState.ACTIVE, message, time=time.time(), nodes=nodes)
        if status == "running" and self._read(name, "job.json") is None:
            return JobStatus(JobState.ACTIVE, "an interactive cluster", time=time.time())
        what = "a worker" if status == "running" else "the scheduler"
        message = f"cluster {status}: {what} of its gateway cluster has not started yet"
        return JobStatus(JobState.QUEUED, message, time=time.time())

    def _gone(self, name: str, report: ClusterReport | None) -> JobStatus:
        if self._is_canceled(name):
            return JobStatus(JobState.CANCELED, "canceled", time=time.time())
        if report is None:
            return _failed(
                f"The gateway does not know the cluster {name}, and nothing says how its job ended"
            )
        return _failed(
            f"The gateway's cluster {name} has {report.status.name.lower()}, and its job left no "
            f"word: its worker or its scheduler was lost, or its workers do not see {self.records}"
        )

    def cancel(self, name: str) -> None:
        """End a job and its cluster, or a cluster that is no job's."""
        if not is_name(name):
            return
        if self._read(name, "job.json") is not None and self._ended(name) is None:
            self.transport.fs.pipe_file(self._path(name, "wanted"), b"cancel")
            if self._read(name, "started.json") is not None:
                self._until_ended(name)
        if not self._is_gone(name):
            self.server.stop(name, seconds=_STOP_SECONDS)

    def list(self) -> list[Job]:
        """Give the user's clusters that wait or run: jobs, and those that are no job's.

        The cluster of a job that has ended is told as it is: it still holds what it holds.
        """
        return [
            Job(
                id=report.name,
                name=(self._read(report.name, "job.json") or {}).get("name", ""),
                state=self._alive(report.name, report).state,
                submitted=report.start_time.timestamp(),
            )
            for report in self.server.clusters()
        ]

    def _is_gone(self, name: str) -> bool:
        report = self.server.report(name)
        return report is None or is_over(report)

    def _is_canceled(self, name: str) -> bool:
        with contextlib.suppress(OSError):
            return bool(self.transport.fs.cat_file(self._path(name, "wanted")) == b"cancel")
        return False

    def _ended(self, name: str) -> JobStatus | None:
        values = self._read(name, "ended.json")
        if values is None:
            return None
        state = JobState(values["state"])
        return JobStatus(state, values["message"], values["exit_code"], time.time())

    def _of_key(self, key: str) -> str | None:
        values = self._json(self._of(key))
        return None if values is None else str(values["cluster"])

    def _of(self, key: str) -> str:
        return f"{self.records}/keys/{name_of(key)}"

    def _path(self, name: str, file: str) -> str:
        return f"{self.records}/{name}/{file}"

    def _read(self, name: str, file: str) -> dict[str, Any] | None:
        return self._json(self._path(name, file))

    def _json(self, path: str) -> dict[str, Any] | None:
        try:
            values: dict[str, Any] = json.loads(self.transport.fs.cat_file(path))
        except (FileNotFoundError, ValueError):
            return None
        return values

    def _write(self, name: str, file: str, values: dict[str, Any]) -> None:
        self.transport.fs.pipe_file(self._path(name, file), json.dumps(values).encode())

    def _until_ended(self, name: str) -> None:
        end = time.monotonic() + _END_SECONDS
        while self._ended(name) is None and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)


def _failed(message: str) -> JobStatus:
    return JobStatus(JobState.FAILED, message, time=time.time())


def _require_possible(job: JobSpec) -> None:
    """Refuse what a gateway has no word for.

    Raises
    ------
    InvalidParameter
        More than one node, processes of graphics cards, a queue, an account, a reservation.
    """
    resources, attributes = job.resources, job.attributes
    asked = {
        "node_count": (resources.node_count or 1) > 1,
        "gpu_cores_per_process": bool(resources.gpu_cores_per_process),
        "exclusive_node_use": resources.exclusive_node_use,
        "queue_name": bool(attributes.queue_name),
        "account": bool(attributes.account),
        "reservation_id": bool(attributes.reservation_id),
    }
    if any(asked.values()):
        raise InvalidParameter(
            "A Dask Gateway runs a job on one worker, whose size and place are cluster options",
            found=", ".join(name for name, given in asked.items() if given),
            advice="Set what the site offers in `options` of the compute resource.",
        )
