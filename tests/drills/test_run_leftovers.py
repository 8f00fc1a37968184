"""What a killed runner leaves behind is removed by who comes next, and nothing else is."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

import portal
from portal.core.cluster import TLS
from portal.core.job import JobState
from portal.core.run import PARTIAL, RESERVE
from portal.federation.runs import Run
from portal.runner.scratch import LOCK
from tests.drills import slow
from tests.helpers import wait_until

CO2 = "ornl:mauna-loa-co2"


def kill(run: Run) -> None:
    """Kill the runner, which cannot know."""
    _, job_id = run.directory.job() or ("", "")
    os.kill(int(job_id.partition("-")[0]), signal.SIGKILL)


def scratch(run: Run) -> list[Path]:
    return [*Path(tempfile.gettempdir()).glob(f"portal-{run.id}-*")]


def names(run: Run) -> set[str]:
    return {path.name for path in Path(run.directory.path).iterdir()}


def test_a_killed_run_is_tidied_up(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "tmp"
    own.mkdir()
    monkeypatch.setenv("TMPDIR", str(own))
    monkeypatch.setattr(tempfile, "tempdir", None)
    gates = [tmp_path / name for name in ("never", "open")]
    with portal.connect(home=home) as fed:
        killed, lives = (
            fed.run(slow.gated, data=CO2, gate=str(gate), at="local") for gate in gates
        )
        for run in (killed, lives):
            wait_until(lambda run=run: PARTIAL in names(run) and scratch(run))
        foreign = own / f"portal-{killed.id}-foreign"  # of a Portal that knows no locks
        foreign.mkdir()
        assert RESERVE in names(killed)

        kill(killed)
        assert killed.wait(60).state is JobState.FAILED
        assert not {PARTIAL, RESERVE} & names(killed)
        assert "run.json" in names(killed)
        assert len(scratch(killed)) == 2

        gates[1].touch()
        third = fed.run(slow.patient, data=CO2, tasks=20, at="local")
        wait_until(lambda: scratch(third))
        assert scratch(killed) == [foreign]
        for run in (lives, third):
            assert run.wait(120).state is JobState.COMPLETED, run.log()
            assert scratch(run) == []


def test_a_killed_cluster_leaves_no_key(fed: portal.Federation) -> None:
    cluster = fed.cluster(workers=1)
    run = fed.get_run(cluster.id)
    wait_until(lambda: TLS in names(run))
    kill(run)
    assert run.wait(60).state is JobState.FAILED
    assert TLS not in names(run)
    cluster.close()


def test_locks_name_their_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary directory may be shared by machines whose locks do not reach each other."""
    from portal.runner import scratch

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    here = scratch.make_scratch("one")
    away = tmp_path / "portal-two-12345678"
    away.mkdir()
    (away / LOCK).write_text("another-machine")
    link = tmp_path / "portal-three"
    link.symlink_to(here)
    scratch.remove_left()
    assert {path.name for path in tmp_path.iterdir()} == {here.name, away.name, link.name}
