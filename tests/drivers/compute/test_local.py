"""The local compute driver: the conformance suite, and what is its own."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from portal.core.job import JobAttributes, JobSpec, JobState
from portal.drivers.compute import processes
from portal.drivers.compute.local import LocalCompute
from portal.errors import Unavailable
from portal.testing.compute import ComputeTests
from tests.helpers import wait_until


class TestLocalCompute(ComputeTests):
    @pytest.fixture
    def compute(self, tmp_path):
        return LocalCompute(workspace=str(tmp_path / "runs"))

    def test_exit_code_and_signal_are_told(self, compute):
        failed = self.job(compute, self.directory(compute), "raise SystemExit(3)")
        assert self.ended(compute, failed).exit_code == 3
        killed = self.job(compute, self.directory(compute), "import os; os.kill(os.getpid(), 9)")
        status = self.ended(compute, killed)
        assert status.exit_code == -9
        assert "SIGKILL" in status.message

    def test_wall_time_is_kept(self, compute):
        attributes = JobAttributes(duration=1)
        job_id = self.job(
            compute, self.directory(compute), "import time; time.sleep(60)", attributes=attributes
        )
        status = self.ended(compute, job_id)
        assert status.state is JobState.FAILED
        assert "wall time" in status.message

    def test_one_key_asked_for_at_once_starts_one_job(self, compute):
        """From two driver objects and eight threads, as from two portals."""
        directory = self.directory(compute)
        others = (compute, LocalCompute(workspace=compute.workspace.root))
        code = "import os; open(f'{os.getpid()}.mark', 'w').close()"

        def ask(number):
            return self.job(others[number % 2], directory, code, key="a key/\n of any kind")

        with ThreadPoolExecutor(8) as threads:
            (job_id,) = set(threads.map(ask, range(8)))
        self.ended(compute, job_id)
        assert len(list(Path(directory).glob("*.mark"))) == 1

    def test_key_of_a_job_that_could_not_start_may_be_asked_again(self, compute):
        with pytest.raises(Unavailable):
            compute.submit(JobSpec("no-such-program", key="k"))
        assert self.ended(compute, compute.submit(JobSpec("true", key="k"))).exit_code == 0

    def test_canceled_job_says_so(self, compute):
        job_id = self.job(compute, self.directory(compute), "import time; time.sleep(60)")
        compute.cancel(job_id)
        assert compute.status(job_id).state is JobState.CANCELED

    def test_reused_process_id_is_not_the_job(self, compute):
        """This very process has the id, and another start: it is neither reported nor killed."""
        job_id = f"{os.getpid()}-1"
        assert compute.status(job_id).state is JobState.FAILED
        compute.cancel(job_id)

    def test_another_driver_object_knows_the_end(self, compute):
        job_id = self.job(compute, self.directory(compute), "raise SystemExit(4)")
        self.ended(compute, job_id)
        other = LocalCompute(workspace=compute.workspace.root)
        assert other.status(job_id).exit_code == 4

    def test_job_survives_its_submitter(self, compute, tmp_path):
        directory = self.directory(compute)
        program = f"""
import os, signal
from portal.core.job import JobSpec
from portal.drivers.compute.local import LocalCompute
code = "import os, time\\nwhile not os.path.exists('go'): time.sleep(0.05)\\nopen('done', 'w')"
job = JobSpec({sys.executable!r}, ("-c", code), directory={directory!r})
print(LocalCompute(workspace={compute.workspace.root!r}).submit(job), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert done.returncode == -9, done.stderr
        job_id = done.stdout.strip()
        assert compute.status(job_id).state is JobState.ACTIVE
        Path(directory, "go").touch()
        wait_until(Path(directory, "done").exists)
        status = self.ended(compute, job_id)
        assert status.state is JobState.FAILED
        assert "not known" in status.message

    def test_orphans_of_a_dead_leader_are_ended(self, compute):
        directory = self.directory(compute)
        code = """
            import os, subprocess, sys
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
            open("child", "w").write(str(child.pid))
            os._exit(1)
        """
        job_id = self.job(compute, directory, code)
        self.ended(compute, job_id)
        child = psutil.Process(int(Path(directory, "child").read_text()))
        assert not processes.has_ended(child.pid)
        compute.cancel(job_id)
        assert processes.has_ended(child.pid)

    def test_what_cannot_start_says_why(self, compute):
        with pytest.raises(Unavailable, match="no-such-program"):
            compute.submit(JobSpec("no-such-program", name="x"))
        with pytest.raises(Unavailable, match="could not be started"):
            compute.submit(JobSpec(sys.executable, directory="/no/such/directory"))

    def test_python_without_portal_says_so(self, tmp_path):
        with pytest.raises(Unavailable, match="cannot run Portal"):
            LocalCompute(workspace=str(tmp_path), python="/bin/false").environment()

    def test_nothing_inherited_where_not_wanted(self, compute, monkeypatch):
        monkeypatch.setenv("PORTAL_TEST_SECRET", "x")
        code = "import os; open('names', 'w').write(' '.join(os.environ))"
        directory = self.directory(compute)
        self.ended(compute, self.job(compute, directory, code, inherit_environment=False))
        assert "PORTAL_TEST_SECRET" not in self.text(compute, f"{directory}/names")


def test_workspace_lies_in_the_home_and_is_private(home):
    root = Path(LocalCompute().workspace.root)
    assert root == home / "runs"
    assert root.stat().st_mode & 0o777 == 0o700


def test_workspace_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot be made"):
        _ = LocalCompute(workspace=str(tmp_path / "file" / "runs")).workspace
