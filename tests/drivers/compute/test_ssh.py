"""The driver `ssh`: the conformance suite over a real sshd, and what is its own."""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal.core.contracts import SupportsForward, SupportsJobs
from portal.core.job import JobAttributes, JobSpec, JobState
from portal.drivers.compute import processes
from portal.drivers.compute._detached import Detached
from portal.drivers.compute._transport import Here
from portal.drivers.compute.ssh import SshCompute
from portal.errors import InvalidParameter, Unavailable
from portal.testing.compute import ComputeTests
from tests.drivers.compute.servers.relay import Relay
from tests.drivers.compute.servers.sshd import Sshd
from tests.helpers import wait_until
from tests.site import open_directory

MARK = "import uuid; open(uuid.uuid4().hex + '.mark', 'w').close()"


@pytest.fixture(scope="module")
def sshd():
    with open_directory("sshd") as directory, Sshd(directory) as sshd:
        yield sshd


@pytest.fixture(scope="module")
def relay(sshd):
    with Relay(sshd.port) as relay:
        yield relay


@pytest.fixture
def make(sshd, relay, site_users, site_python):
    """Make drivers that share a workspace, as two portals do."""
    made = []
    workspace = f"~/{uuid.uuid4().hex}/runs"

    def make(**more):
        options = sshd.options(site_users[0], relay.port)
        made.append(SshCompute(**options | {"workspace": workspace, "python": site_python} | more))
        return made[-1]

    yield make
    for compute in made:
        compute.transport.close()


def ids(fs, compute):
    """The jobs and half-made jobs that are noted in a workspace."""
    names = fs.ls(f"{compute.workspace.root}/.jobs", detail=False)
    return {Path(name).name for name in names} - {"keys"}


class TestSshCompute(ComputeTests):
    @pytest.fixture
    def compute(self, make):
        return make()

    def marks(self, compute, directory):
        return [n for n in compute.workspace.fs.ls(directory, detail=False) if n.endswith(".mark")]

    def test_abilities(self, compute):
        assert isinstance(compute, SupportsJobs)
        assert isinstance(compute, SupportsForward)

    def test_exit_code_signal_and_machine_are_told(self, compute):
        failed = self.job(compute, self.directory(compute), "raise SystemExit(3)")
        status = self.ended(compute, failed)
        assert (status.exit_code, status.nodes) == (3, (os.uname().nodename,))
        killed = self.job(compute, self.directory(compute), "import os; os.kill(os.getpid(), 9)")
        status = self.ended(compute, killed)
        assert status.exit_code == -9
        assert "SIGKILL" in status.message

    def test_wall_time_is_kept_and_ends_all(self, compute):
        directory = self.directory(compute)
        code = """
            import subprocess, sys, time
            beat = '''
            import os, signal, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            open("pid", "w").write(str(os.getpid()) + " ")
            time.sleep(120)
            '''
            import inspect
            subprocess.Popen([sys.executable, "-c", inspect.cleandoc(beat)], process_group=0)
            time.sleep(60)
        """
        job_id = self.job(compute, directory, code, attributes=JobAttributes(duration=2))
        pid = self.until(lambda: self.text(compute, f"{directory}/pid")).strip()
        status = self.ended(compute, job_id)
        assert status.state is JobState.FAILED
        assert "wall time" in status.message
        assert processes.has_ended(int(pid))

    def test_job_in_time_keeps_its_code(self, compute):
        attributes = JobAttributes(duration=50)
        code = "raise SystemExit(124)"
        status = self.ended(
            compute, self.job(compute, self.directory(compute), code, attributes=attributes)
        )
        assert status.exit_code == 124

    def test_canceled_job_says_so_and_may_say_goodbye(self, compute):
        directory = self.directory(compute)
        code = """
            import signal, sys, time
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(open("bye", "w").write("yes") - 3))
            open("on", "w").write("yes")
            time.sleep(60)
        """
        job_id = self.job(compute, directory, code)
        self.until(lambda: self.text(compute, f"{directory}/on"))
        compute.cancel(job_id)
        assert compute.status(job_id).state is JobState.CANCELED
        assert self.text(compute, f"{directory}/bye") == "yes"

    def test_cancel_leaves_an_ended_job_as_it_is(self, compute):
        job_id = self.job(compute, self.directory(compute), "pass")
        self.ended(compute, job_id)
        compute.cancel(job_id)
        assert compute.status(job_id).state is JobState.COMPLETED

    def test_cancel_finds_who_left_the_session_and_orphans(self, compute):
        directory = self.directory(compute)
        code = """
            import os, subprocess, sys
            sleep = [sys.executable, "-c", "import time; time.sleep(120)"]
            pids = [subprocess.Popen(sleep, start_new_session=new).pid for new in (False, True)]
            open("pids.part", "w").write(" ".join(map(str, pids)))
            os.rename("pids.part", "pids")
            if len(sys.argv) > 1:
                os._exit(1)
            import time
            time.sleep(120)
        """
        job_id = self.job(compute, directory, code)
        pids = self.until(lambda: self.text(compute, f"{directory}/pids")).split()
        compute.cancel(job_id)
        assert all(processes.has_ended(int(pid)) for pid in pids)

        orphaned = self.directory(compute)
        job_id = self.job(compute, orphaned, code.replace("(False, True)", "(False,)"), "now")
        self.ended(compute, job_id)
        (pid,) = self.text(compute, f"{orphaned}/pids").split()
        assert not processes.has_ended(int(pid))
        compute.cancel(job_id)
        assert processes.has_ended(int(pid))

    def test_process_that_was_given_the_number_is_left_alone(self, compute):
        """A record of this very boot whose number this test's process has, with another start."""
        records = f"{compute.workspace.root}/.jobs"
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().partition("-")[0]
        job_id = f"{os.getpid()}-1-{boot}"
        compute.workspace.fs.makedirs(f"{records}/{job_id}")
        compute.workspace.fs.pipe_file(f"{records}/{job_id}/machine", b"x\n")
        assert compute.status(job_id).state is JobState.FAILED
        compute.cancel(job_id)

    def test_job_before_a_restart_of_the_machine_has_failed(self, compute):
        records = f"{compute.workspace.root}/.jobs"
        for machine in (os.uname().nodename, "login07"):
            job_id = f"7-7-{uuid.uuid4().hex[:8]}"
            compute.workspace.fs.makedirs(f"{records}/{job_id}")
            compute.workspace.fs.pipe_file(f"{records}/{job_id}/machine", f"{machine}\n".encode())
            if machine == "login07":
                with pytest.raises(Unavailable, match="started on login07"):
                    compute.status(job_id)
            else:
                assert "started anew" in compute.status(job_id).message
            compute.cancel(job_id)

    def test_job_survives_log_out_and_a_stopped_sshd(self, compute, make, sshd):
        directory = self.directory(compute)
        code = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.05)"
        job_id = self.job(compute, directory, code)
        compute.transport.close()
        assert compute.status(job_id).state is JobState.ACTIVE
        sshd.stop()
        try:
            with pytest.raises(Unavailable):
                compute.status(job_id)
        finally:
            sshd.start()
        other = make()
        assert other.status(job_id).state is JobState.ACTIVE
        other.workspace.fs.pipe_file(f"{directory}/go", b"")
        assert self.ended(other, job_id).state is JobState.COMPLETED
        assert compute.status(job_id).state is JobState.COMPLETED

    def test_running_jobs_are_listed(self, compute):
        code = "import time; time.sleep(60)"
        job_id = self.job(compute, self.directory(compute), code, name="a name\nof 'mine'")
        ended = self.job(compute, self.directory(compute), "pass")
        self.ended(compute, ended)
        (job,) = compute.jobs()
        assert (job.id, job.name, job.state) == (job_id, "a name of 'mine'", JobState.ACTIVE)
        assert job.started is not None
        compute.cancel(job_id)
        assert compute.jobs() == []

    def test_setup_comes_first_and_its_noise_is_set_apart(self, make):
        setup = "echo noise\nexport FROM_SETUP=\"a 'b'\"\nmodule() { echo; }"
        compute = make(setup=setup)
        directory = self.directory(compute)
        code = "import os; open('value', 'w').write(os.environ['FROM_SETUP'])"
        self.ended(compute, self.job(compute, directory, code))
        assert self.text(compute, f"{directory}/value") == "a 'b'"
        assert self.text(compute, f"{directory}/stdout.log") == "noise\n"
        assert compute.environment().packages

    def test_setup_that_is_no_shell_fails_the_job(self, make):
        compute = make(setup="if (")
        directory = self.directory(compute)
        status = self.ended(compute, self.job(compute, directory, "pass"))
        assert status.state is JobState.FAILED
        assert "syntax error" in self.text(compute, f"{directory}/stderr.log")

    def test_nothing_inherited_where_not_wanted(self, compute):
        directory = self.directory(compute)
        code = "import os; open('names', 'w').write(' '.join(os.environ))"
        self.ended(compute, self.job(compute, directory, code, inherit_environment=False))
        assert "SSH_CONNECTION" not in self.text(compute, f"{directory}/names")

    def test_files_of_a_job_are_closed_to_others(self, compute, make, site_users):
        directory = self.directory(compute)
        self.ended(compute, self.job(compute, directory, "print(1)"))
        root = Path(compute.workspace.root)
        assert (root / ".jobs").is_dir()
        for path in [root, *root.rglob("*")]:
            if not path.is_symlink():
                assert path.stat().st_mode & 0o077 == 0, path

    def test_what_cannot_be_is_refused(self, compute, make, tmp_path):
        with pytest.raises(InvalidParameter, match="A-B"):
            compute.submit(JobSpec("true", environment={"A-B": "1"}))
        with pytest.raises(InvalidParameter, match="NUL"):
            compute.submit(JobSpec("echo", ("a\0b",)))
        with pytest.raises(Unavailable, match="no/such/directory"):
            compute.submit(JobSpec("true", directory="/no/such/directory"))
        assert ids(compute.workspace.fs, compute) == set()
        status = self.ended(compute, compute.submit(JobSpec("no-such-program")))
        assert status.exit_code == 127
        with pytest.raises(Unavailable, match="cannot run Portal"):
            make(python="/bin/false").environment()
        with pytest.raises(Unavailable, match="cannot be made"):
            _ = make(workspace="/proc/no").workspace

    def test_python_may_lie_in_the_home(self, make, site_python):
        compute = make()
        compute.transport.run(["ln", "-s", str(Path(site_python).parents[1]), "my-python"])
        named = make(python="~/my-python/bin/python")
        assert named.python.startswith("/")
        assert named.environment().packages == compute.environment().packages

    # One key, one job

    def test_one_key_asked_for_at_once_starts_one_job(self, make):
        computes = [make(), make()]
        directory = self.directory(computes[0])

        def ask(number):
            return self.job(computes[number % 2], directory, MARK, key="a key/\n of any kind")

        with ThreadPoolExecutor(8) as threads:
            (job_id,) = set(threads.map(ask, range(8)))
        self.ended(computes[0], job_id)
        assert len(self.marks(computes[0], directory)) == 1
        assert ids(computes[0].workspace.fs, computes[0]) == {job_id}

    def question(self, compute, relay):
        """How many bytes go to the machine with a job."""
        directory = self.directory(compute)
        before = relay.sent
        job_id = self.job(compute, directory, MARK, key="part-000")
        sent = relay.sent - before
        self.ended(compute, job_id)
        return sent

    def test_lost_answer_is_given_again(self, compute, relay):
        needed = self.question(compute, relay)
        directory = self.directory(compute)
        relay.withhold_after(needed - 200)
        try:
            with ThreadPoolExecutor(1) as threads:
                asking = threads.submit(self.job, compute, directory, MARK, key="part-001")
                wait_until(lambda: list(Path(directory).glob("*.mark")))
                relay.sever()
                with pytest.raises(Unavailable, match="broke"):
                    asking.result(30)
        finally:
            relay.heal()
        job_id = self.job(compute, directory, MARK, key="part-001")
        assert self.ended(compute, job_id).state is JobState.COMPLETED
        assert len(self.marks(compute, directory)) == 1

    def test_cut_anywhere_in_submit_starts_one_job_at_most(self, compute, relay):
        """Cut after ever more bytes have gone, up to all; asked again, there is exactly one job."""
        needed = self.question(compute, relay)
        directories, cut = {}, 0
        for part in (1, 40, 80, 90, 95, 97, 99, 100):
            directory = self.directory(compute)
            relay.sever_after(needed * part // 100)
            try:
                self.job(compute, directory, MARK, key=f"part-{part:03}")
            except Unavailable:
                cut += 1
            finally:
                relay.heal()
            directories[directory] = self.job(compute, directory, MARK, key=f"part-{part:03}")
        assert cut >= 6
        for directory, job_id in directories.items():
            assert self.ended(compute, job_id).state is JobState.COMPLETED
            assert len(self.marks(compute, directory)) == 1
        assert len(ids(compute.workspace.fs, compute)) == 1 + len(directories)


def test_script_that_arrived_in_part_starts_nothing(tmp_path):
    """As it is when the connection or the disk gives way in the middle of it."""
    jobs = Detached(Here(), str(tmp_path / "jobs"))
    words = ("start", str(tmp_path / "jobs"), "key", "0", str(tmp_path), "name", jobs._text, "sh")
    done = jobs._ask(*words, stdin=b"touch started\n# who")
    assert done.code
    assert "in part" in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.name not in ("jobs", "keys")]


def test_text_that_arrived_in_part_does_nothing(tmp_path):
    text = Detached(Here(), str(tmp_path))._text
    for size in range(0, len(text) - 6, 97):
        Here().run(["sh", "-c", text[:size], "portal", "start", str(tmp_path / "jobs")])
    assert not list(tmp_path.iterdir())
