"""The gateway compute driver, against a real dask-gateway-server over a real Slurm."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests
import xarray as xr

import portal
from portal.core.check import Verdict
from portal.core.cluster import ClusterSpec
from portal.core.job import JobAttributes, JobSpec, JobState, Resources
from portal.drivers.compute.gateway import GatewayCompute
from portal.errors import Denied, InvalidConfig, InvalidParameter, Unavailable
from portal.testing.compute import ComputeTests
from tests.drivers.compute.servers.gateway import Gateway
from tests.helpers import wait_until
from tests.site import open_directory


@pytest.fixture(scope="module")
def gateway(lab_a) -> Iterator[Gateway]:
    with open_directory("gateway") as directory, Gateway(directory, lab_a.cluster) as server:
        yield server


@pytest.fixture(name="compute")
def over_slurm(gateway, tmp_path):
    return GatewayCompute(**gateway.options, workspace=str(tmp_path / "runs"))


@pytest.fixture
def usual(gateway, tmp_path):
    """Clusters as a site has them, with pages and nannies."""
    options = gateway.options | {"options": {"quick": False}}
    return GatewayCompute(**options, workspace=str(tmp_path / "runs"))


class TestGatewayCompute(ComputeTests):
    deadline = 120.0

    @pytest.fixture
    def compute(self, gateway, tmp_path):
        return GatewayCompute(**gateway.options, workspace=str(tmp_path / "runs"))

    def test_job_survives_its_submitter(self, compute, gateway, tmp_path):
        directory = self.directory(compute)
        options = {**gateway.options, "workspace": compute.workspace.root}
        program = f"""
import os, signal
from portal.core.job import JobSpec
from portal.drivers.compute.gateway import GatewayCompute
code = "import os, time\\nwhile not os.path.exists('go'): time.sleep(0.05)\\nopen('done', 'w')"
job = JobSpec({sys.executable!r}, ("-c", code), directory={directory!r})
print(GatewayCompute(**{options!r}).submit(job), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert done.returncode == -9, done.stderr
        job_id = done.stdout.strip()
        self.until(lambda: compute.status(job_id).state is JobState.ACTIVE)
        assert compute.status(job_id).nodes
        assert job_id in [job.id for job in compute.jobs()]
        Path(directory, "go").touch()
        assert self.ended(compute, job_id).state is JobState.COMPLETED
        assert Path(directory, "done").exists()

    def test_wall_time_is_kept_and_nothing_of_the_cluster_is_told(self, compute):
        code = "import json, os, time; json.dump([*os.environ], open('names', 'w')); time.sleep(60)"
        directory = self.directory(compute)
        job_id = self.job(compute, directory, code, attributes=JobAttributes(duration=2))
        status = self.ended(compute, job_id)
        assert status.state is JobState.FAILED
        assert "wall time" in status.message
        names = json.loads(self.text(compute, f"{directory}/names"))
        assert not [n for n in names if n.startswith(("DASK_GATEWAY", "DASK_DISTRIBUTED__COMM"))]

    def test_lost_worker_ends_the_job(self, usual):
        """The Dask worker alone is killed: the job's processes are ended, and it says why."""
        directory = self.directory(usual)
        job_id = self.job(usual, directory, WITH_CHILD)
        child = psutil.Process(int(self.until(lambda: self.text(usual, f"{directory}/child"))))
        keeper = self.keeper(usual, job_id)
        keeper.parent().kill()
        status = self.ended(usual, job_id)
        assert status.state is JobState.FAILED
        assert "worker that ran it was lost" in status.message
        assert has_ended(child)
        self.until(lambda: job_id not in [job.id for job in usual.jobs()])

    def test_lost_node_ends_the_job_which_is_not_started_again(self, usual):
        """All that runs there is killed at once; the gateway brings another worker."""
        directory = self.directory(usual)
        job_id = self.job(usual, directory, WITH_CHILD)
        child = psutil.Process(int(self.until(lambda: self.text(usual, f"{directory}/child"))))
        keeper = self.keeper(usual, job_id)
        worker = keeper.parent()
        nanny = worker.parent()
        for process in (nanny, worker):
            process.suspend()
        for process in (keeper, child, worker, nanny):
            process.kill()
        status = self.ended(usual, job_id)
        assert status.state is JobState.FAILED
        assert "not started a second time" in status.message
        assert self.text(usual, f"{directory}/starts") == "x"
        self.until(lambda: job_id not in [job.id for job in usual.jobs()])

    def keeper(self, compute, job_id) -> psutil.Process:
        """Return the process that keeps a job."""
        started = f"{compute.workspace.root}/.gateway/{job_id}/started.json"
        return psutil.Process(json.loads(self.until(lambda: self.text(compute, started)))["pid"])

    def test_what_cannot_start_ends_and_says_why(self, compute):
        """A program that is not there; a record that the worker does not see."""
        missing = compute.submit(JobSpec("/no/such/program", directory=self.directory(compute)))
        unseen = self.job(compute, self.directory(compute), "pass")
        shutil.rmtree(Path(compute.workspace.root, ".gateway", unseen))
        status = self.ended(compute, missing)
        assert status.state is JobState.FAILED
        assert "/no/such/program" in status.message
        status = self.ended(compute, unseen)
        assert status.state is JobState.FAILED
        assert "do not see" in status.message

    def test_two_that_ask_at_once_get_one_job(self, compute):
        directory = self.directory(compute)
        code = "import uuid; open(uuid.uuid4().hex + '.mark', 'w').close()"
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(self.job, compute, directory, code, key="one key") for _ in "ab"]
            one, other = (future.result() for future in asked)
        assert one == other
        assert self.ended(compute, one).state is JobState.COMPLETED
        self.until(lambda: not compute.jobs())
        assert len([*Path(directory).glob("*.mark")]) == 1

    def test_cluster_that_does_not_start_leaves_nothing(self, gateway, tmp_path):
        options = gateway.options | {"workspace": str(tmp_path / "runs"), "start_seconds": 0}
        compute = GatewayCompute(**options)
        with pytest.raises(Unavailable, match="did not start"):
            compute.submit(JobSpec(compute.python, ("-V",), key="k"))
        self.until(lambda: not compute.jobs())
        assert not [*(tmp_path / "runs/.gateway/keys").iterdir()], "the key may start another job"

    def test_what_a_gateway_has_no_word_for_is_refused(self, compute):
        with pytest.raises(InvalidParameter, match="node_count"):
            compute.submit(JobSpec(compute.python, resources=Resources(node_count=2)))
        with pytest.raises(InvalidParameter, match="account"):
            compute.submit(JobSpec(compute.python, attributes=JobAttributes(account="m1")))

    def test_everything_survives_the_server(self, compute, gateway):
        """Killed and started again: a job ends meanwhile, a cluster computes afterwards."""
        directory = self.directory(compute)
        code = """
            import os, time
            while not os.path.exists("go"):
                time.sleep(0.05)
        """
        job_id = self.job(compute, directory, code)
        self.until(lambda: compute.status(job_id).state is JobState.ACTIVE)
        spec = ClusterSpec(idle=600, linger=600)
        with compute.cluster(spec, Resources(process_count=1)) as cluster:
            assert cluster.wait(120).client.submit(sum, [1]).result(60) == 1
            cluster.disconnect()
            gateway.kill()
            with pytest.raises(Unavailable, match="does not answer"):
                compute.status(job_id)
            assert compute.standing().up is False
            Path(directory, "go").touch()
            ended = f"{compute.workspace.root}/.gateway/{job_id}/ended.json"
            self.until(lambda: self.text(compute, ended))
            assert compute.status(job_id).state is JobState.COMPLETED
            gateway.start()
            assert compute.standing().up
            assert cluster.client.submit(sum, [2]).result(60) == 2
        self.until(lambda: not compute.jobs())

    def test_forgotten_cluster_ends_itself(self, compute, gateway):
        """The kernel that asked for it is killed."""
        options = {**gateway.options, "workspace": compute.workspace.root}
        program = f"""
import os, signal
from portal.core.cluster import ClusterSpec
from portal.core.job import Resources
from portal.drivers.compute.gateway import GatewayCompute
spec = ClusterSpec(idle=600, linger=1)
cluster = GatewayCompute(**{options!r}).cluster(spec, Resources(process_count=1))
print(cluster.id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert done.returncode == -9, done.stderr
        cluster_id = done.stdout.strip()
        self.until(lambda: cluster_id not in [job.id for job in compute.jobs()])


WITH_CHILD = """
    import subprocess, sys, time
    open("starts", "a").write("x")
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)"
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    open("child", "w").write(str(child.pid))
    time.sleep(120)
"""


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


class TestWhoIsLetIn:
    def test_wrong_secret_is_denied(self, gateway, tmp_path):
        wrong = tmp_path / "wrong"
        wrong.touch(mode=0o600)
        wrong.write_text("not-the-secret")
        for more in ({"token_file": str(wrong)}, {"username": "somebody-else"}):
            compute = GatewayCompute(**gateway.options | {"workspace": str(tmp_path)} | more)
            with pytest.raises(Denied, match="does not let you in") as told:
                compute.submit(JobSpec(compute.python))
            assert "not-the-secret" not in str(told.value)

    def test_token_of_a_hub(self, gateway, tmp_path, monkeypatch):
        options = gateway.options | {"auth": "jupyterhub", "workspace": str(tmp_path)}
        assert GatewayCompute(**options).jobs() == []
        options |= {"token_file": "", "token_command": f"cat {shlex.quote(str(gateway.secret))}"}
        assert GatewayCompute(**options).jobs() == []
        options |= {"token_command": ""}
        monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
        with pytest.raises(InvalidConfig, match="no token"):
            GatewayCompute(**options).jobs()
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", gateway.secret.read_text())
        assert GatewayCompute(**options).jobs() == []

    def test_command_that_prints_no_token_says_so(self, gateway, tmp_path):
        options = gateway.options | {"token_file": "", "workspace": str(tmp_path)}
        for command in ("false", "true", "no-such-command"):
            compute = GatewayCompute(**options | {"token_command": command})
            with pytest.raises(Unavailable, match="command that prints the token"):
                compute.jobs()

    def test_certificate_of_an_unknown_authority(self, gateway, tmp_path):
        options = gateway.options | {"ca_file": None, "workspace": str(tmp_path)}
        with pytest.raises(Unavailable, match="cannot be trusted"):
            GatewayCompute(**options).jobs()

    def test_option_that_the_site_does_not_offer(self, gateway, tmp_path):
        options = gateway.options | {"options": {"colour": 1}, "workspace": str(tmp_path)}
        compute = GatewayCompute(**options)
        with pytest.raises(InvalidParameter, match="colour"):
            compute.submit(JobSpec(compute.python))

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"address": "http://127.0.0.1:1"}, "over https alone"),
            ({"auth": "kerberos"}, "not known"),
            ({"token_command": "x"}, "kept in one place"),
            ({"token_file": ""}, "wants a password"),
        ],
    )
    def test_what_cannot_be_is_refused_at_once(self, gateway, wrong, said):
        with pytest.raises(InvalidConfig, match=said):
            GatewayCompute(**gateway.options | wrong)

    def test_server_that_is_down(self, gateway, tmp_path):
        options = gateway.options | {"address": "https://127.0.0.1:9", "workspace": str(tmp_path)}
        compute = GatewayCompute(**options)
        with pytest.raises(Unavailable, match="does not answer"):
            compute.submit(JobSpec(compute.python))
        assert compute.standing().up is False


@pytest.fixture
def lab(gateway, home, tmp_path) -> Iterator[portal.Federation]:
    """A federation with a facility that has a gateway."""
    values = gateway.options | {"workspace": str(tmp_path / "runs"), "driver": "gateway"}
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    (home / "facilities").mkdir(parents=True)
    text = "\n".join(['name = "Lab"', "[compute.gateway]", *lines])
    (home / "facilities/lab.toml").write_text(text)
    with portal.connect(home=home) as federation:
        yield federation


@portal.analysis
def highest(co2: xr.Dataset) -> xr.Dataset:
    """The highest value."""
    return co2[["co2"]].max()


class TestThroughTheDoor:
    def test_run_has_its_result(self, lab):
        run = lab.run(highest, co2="ornl:mauna-loa-co2", at="lab.gateway")
        assert float(run.result(timeout=200).co2) > 300
        assert run.status().state is JobState.COMPLETED

    def test_cluster_is_started_and_found_again(self, lab):
        with lab.cluster(at="lab.gateway", workers=1, adapt=True) as cluster:
            assert cluster.client.submit(sum, [1, 2]).result(120) == 3
            again = lab.cluster(at="lab.gateway", run_id=cluster.id)
            assert again.client.submit(sum, [3, 4]).result(120) == 7
            again.disconnect()
        with pytest.raises(InvalidParameter, match="number of workers alone"):
            lab.cluster(at="lab.gateway", resources=Resources(node_count=2))

    def test_doctor_tells_what_the_gateway_says(self, lab, compute, gateway, tmp_path):
        found = lab.doctor("lab.gateway")
        (told,) = [one.check for one in found.looked if one.check.name == "gateway"]
        assert told.verdict is Verdict.OK
        assert "worker_cores" in told.found
        wrong = gateway.options | {"workspace": str(tmp_path / "runs"), "options": {"colour": 1}}
        *_, last = GatewayCompute(**wrong).checks()
        assert last.verdict is Verdict.FAIL
        assert "colour" in last.advice


class TestInteractiveCluster:
    def test_cluster_computes_and_follows_what_is_asked(self, gateway, lab_a, usual):
        """One cluster for all of it, since each takes seconds to start."""
        spec = ClusterSpec(idle=600, linger=600)
        with usual.cluster(spec, Resources(process_count=1)) as cluster:
            cluster.wait(120)
            client = cluster.client
            assert client.scheduler.address.startswith("gateway://")
            assert client.submit(sum, [1, 2, 3]).result(60) == 6
            page = requests.get(cluster.dashboard, verify=str(gateway.authority), timeout=30)
            assert "Bokeh" in page.text
            with pytest.raises(InvalidParameter):
                cluster.scale(-1)

            (worker,) = client.scheduler_info(n_workers=-1)["workers"].values()
            lab_a.cluster.run("scancel", max(lab_a.cluster.states(), key=int))
            wait_until(lambda: worker["id"] not in names(client) and names(client), seconds=120)
            assert client.submit(sum, [4], pure=False).result(60) == 4, "a lost worker is replaced"

            cluster.scale(2)
            wait_until(lambda: len(names(client)) == 2, seconds=120)
            cluster.adapt(0, 2)
            wait_until(lambda: not names(client), seconds=120)
            assert client.submit(sum, [5], pure=False).result(120) == 5, "a worker comes for work"

            again = usual.find_cluster(cluster.id)
            assert cluster.id in [job.id for job in usual.jobs()]
            assert cluster.id in repr(again)
        assert cluster.id not in [job.id for job in usual.jobs()]
        wait_until(lambda: not lab_a.cluster.run("squeue", "-h").strip())
        with pytest.raises(Unavailable, match="There is no cluster"):
            usual.find_cluster(cluster.id)


def names(client) -> set[str]:
    return {w["id"] for w in client.scheduler_info(n_workers=-1)["workers"].values()}
