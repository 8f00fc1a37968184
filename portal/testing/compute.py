"""The conformance suite of compute drivers.

Subclass it, and give it the driver::

    class TestMyCompute(ComputeTests):
        @pytest.fixture
        def compute(self, tmp_path):
            return MyCompute(workspace=str(tmp_path))

Everything goes through the contract alone: the workspace's file system, submit, status, cancel.
Jobs are small Python programs run by the driver's own ``python``.
"""

from __future__ import annotations

import inspect
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from portal.core.contracts import Compute, SupportsEnvironment
from portal.core.environment import CHECKED
from portal.core.job import JobSpec, JobState, JobStatus

AWKWARD = (
    "plain",
    "two words",
    'it\'s "quoted"',
    "$(touch injected) `touch injected` $HOME",
    "line one\nline two",
    "; rm -rf x && echo *",
    "-flag=--value",
    "back\\slash",
    "größe 温度",
    "",
)


class ComputeTests:
    """What every compute driver must do."""

    #: Seconds within which a small job must have ended.
    deadline = 60.0

    @pytest.fixture
    def compute(self) -> Compute:
        """Return the driver under test; the subclass gives it."""
        raise AssertionError("A subclass of ComputeTests gives the fixture `compute`.")

    def directory(self, compute: Compute) -> str:
        """Make a fresh directory in the workspace, and return its path."""
        path = f"{compute.workspace.root.rstrip('/')}/{uuid.uuid4().hex}"
        compute.workspace.fs.makedirs(path)
        return path

    def job(self, compute: Compute, directory: str, code: str, *arguments: str, **more: Any) -> str:
        """Submit a Python program in a directory; return the job's id."""
        return compute.submit(
            JobSpec(
                executable=compute.python,
                arguments=("-c", inspect.cleandoc(code), *arguments),
                directory=directory,
                stdout_path=f"{directory}/stdout.log",
                stderr_path=f"{directory}/stderr.log",
                **more,
            )
        )

    def until(self, what: Callable[[], Any]) -> Any:
        """Return the first true value of ``what()``; fail after the deadline."""
        end = time.monotonic() + self.deadline
        while not (value := what()):
            assert time.monotonic() < end, (
                f"not so after {self.deadline} s: {inspect.getsource(what)}"
            )
            time.sleep(0.05)
        return value

    def ended(self, compute: Compute, job_id: str) -> JobStatus:
        """Wait until a job has ended."""

        def final() -> JobStatus | None:
            status = compute.status(job_id)
            return status if status.state.final else None

        status: JobStatus = self.until(final)
        return status

    def text(self, compute: Compute, path: str) -> str:
        """Return a file's text; empty where there is none yet."""
        try:
            data: bytes = compute.workspace.fs.cat_file(path)
        except FileNotFoundError:
            return ""
        return data.decode()

    def test_keeps_the_contract(self, compute: Compute) -> None:
        assert isinstance(compute, Compute)
        assert compute.workspace.root
        assert compute.python

    def test_workspace_holds_files(self, compute: Compute) -> None:
        fs, directory = compute.workspace.fs, self.directory(compute)
        fs.pipe_file(f"{directory}/name with 'quotes'", b"\x00\xffbytes")
        assert fs.cat_file(f"{directory}/name with 'quotes'") == b"\x00\xffbytes"
        assert fs.cat_file(f"{directory}/name with 'quotes'", start=2) == b"bytes"
        fs.rm(directory, recursive=True)
        assert not fs.exists(directory)

    def test_job_runs_in_its_directory_and_completes(self, compute: Compute) -> None:
        directory = self.directory(compute)
        job_id = self.job(compute, directory, "open('done', 'w').write('yes')")
        status = self.ended(compute, job_id)
        assert status.state is JobState.COMPLETED, status
        assert self.text(compute, f"{directory}/done") == "yes"
        assert compute.status(job_id).state is JobState.COMPLETED, "the end is told more than once"

    def test_arguments_arrive_as_they_are(self, compute: Compute) -> None:
        directory = self.directory(compute)
        code = "import json, sys; json.dump(sys.argv[1:], open('arguments', 'w'))"
        self.ended(compute, self.job(compute, directory, code, *AWKWARD))
        assert json.loads(self.text(compute, f"{directory}/arguments")) == list(AWKWARD)
        names = compute.workspace.fs.ls(directory, detail=False)
        assert not [name for name in names if name.endswith("injected")]

    def test_environment_variables_arrive(self, compute: Compute) -> None:
        directory = self.directory(compute)
        code = "import os; open('value', 'w').write(os.environ['PORTAL_TEST'])"
        value = "a 'b' $(c)"
        self.ended(compute, self.job(compute, directory, code, environment={"PORTAL_TEST": value}))
        assert self.text(compute, f"{directory}/value") == value

    def test_output_goes_to_its_files(self, compute: Compute) -> None:
        directory = self.directory(compute)
        code = "import sys; print('to stdout'); print('to stderr', file=sys.stderr)"
        self.ended(compute, self.job(compute, directory, code))
        assert "to stdout" in self.text(compute, f"{directory}/stdout.log")
        assert "to stderr" in self.text(compute, f"{directory}/stderr.log")

    def test_standard_input_is_empty(self, compute: Compute) -> None:
        directory = self.directory(compute)
        code = "import sys; open('read', 'w').write(repr(sys.stdin.read()))"
        self.ended(compute, self.job(compute, directory, code))
        assert self.text(compute, f"{directory}/read") == "''"

    def test_one_key_starts_one_job(self, compute: Compute) -> None:
        """Who has lost the answer asks again, and gets the job that was started."""
        directory, key = self.directory(compute), uuid.uuid4().hex
        code = "import uuid; open(uuid.uuid4().hex + '.mark', 'w').close()"
        one = self.job(compute, directory, code, key=key)
        assert self.job(compute, directory, code, key=key) == one
        assert self.ended(compute, one).state is JobState.COMPLETED
        assert self.job(compute, directory, code, key=key) == one, (
            "an ended job is not started anew"
        )
        names = compute.workspace.fs.ls(directory, detail=False)
        assert len([name for name in names if str(name).endswith(".mark")]) == 1

    def test_failing_job_has_failed(self, compute: Compute) -> None:
        status = self.ended(
            compute, self.job(compute, self.directory(compute), "raise SystemExit(3)")
        )
        assert status.state is JobState.FAILED
        assert status.exit_code in (3, None)
        assert status.message

    def test_unknown_job_has_failed(self, compute: Compute) -> None:
        for job_id in ("999999999", "no such job", "../../etc/passwd"):
            status = compute.status(job_id)
            assert status.state is JobState.FAILED
            assert status.message
            compute.cancel(job_id)

    def test_cancel_leaves_no_process(self, compute: Compute) -> None:
        """A grandchild that ignores signals writes on and on; after the cancel it does not."""
        directory = self.directory(compute)
        code = """
            import subprocess, sys, time
            beat = '''
            import signal, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            for number in range(2400):
                open("beat", "w").write(str(number)); time.sleep(0.05)
            '''
            import inspect
            subprocess.Popen([sys.executable, "-c", inspect.cleandoc(beat)])
            time.sleep(120)
        """
        job_id = self.job(compute, directory, code)
        self.until(lambda: self.text(compute, f"{directory}/beat"))
        compute.cancel(job_id)
        assert self.ended(compute, job_id).state is not JobState.COMPLETED
        last = self.text(compute, f"{directory}/beat")
        time.sleep(0.5)
        assert self.text(compute, f"{directory}/beat") == last
        compute.cancel(job_id)

    def test_two_jobs_at_once(self, compute: Compute) -> None:
        """Each waits for the other's file, so they end only if both run."""
        directory = self.directory(compute)
        code = """
            import os, sys, time
            open(sys.argv[1], "w").close()
            end = time.monotonic() + 50
            while not os.path.exists(sys.argv[2]):
                assert time.monotonic() < end
                time.sleep(0.05)
        """
        one = self.job(compute, directory, code, "one", "two")
        two = self.job(compute, directory, code, "two", "one")
        assert one != two
        assert self.ended(compute, one).state is JobState.COMPLETED
        assert self.ended(compute, two).state is JobState.COMPLETED

    def test_runs_the_runner(self, compute: Compute) -> None:
        status = self.ended(
            compute, self.job(compute, self.directory(compute), "import portal.runner")
        )
        assert status.state is JobState.COMPLETED, status

    def test_describes_its_environment(self, compute: Compute) -> None:
        if not isinstance(compute, SupportsEnvironment):
            pytest.skip("this driver does not describe its environment")
        environment = compute.environment()
        assert environment.python.count(".") == 1
        assert set(environment.packages) == set(CHECKED)
