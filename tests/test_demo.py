"""The main job, unchanged, at a laboratory: a Slurm cluster that is reached by SSH only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_the_main_job_at_a_laboratory(home: Path, lab_b, tmp_path: Path) -> None:
    """``make demo AT=labB.debug``: the figures are those of the data, not of the place."""
    options = lab_b.options | {"workspace": f"~/{tmp_path.name}/runs"}
    table = "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())
    (home / "facilities").mkdir(parents=True)
    (home / "facilities" / "labb.toml").write_text(
        f'name = "Laboratory B"\n[compute.debug]\ndriver = "slurm"\n{table}'
    )
    before = set(lab_b.cluster.states())
    command = [sys.executable, "-m", "portal.ui.demo", "--directory", str(tmp_path / "demo")]
    done = subprocess.run(
        [*command, "--at", "labB.debug"], capture_output=True, text=True, check=False
    )
    said = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stdout + done.stderr
    for figure in (
        "land 2.964 3.025 3.176 3.282 3.398 3.508 3.636 3.656 3.615 3.327 3.072 2.974",
        "ocean 3.060 3.097 3.051 3.082 2.992 3.046 3.013 2.985 3.171 3.108 3.074 3.078",
        "whole globe 3.1305",
        "at labb.debug",
        "found again: True",
        "A1B +4.89 K E1 +2.41 K",
    ):
        assert figure in said
    jobs = {job: state for job, state in lab_b.cluster.states().items() if job not in before}
    assert [*jobs.values()] == ["COMPLETED"] * 3
    assert (tmp_path / "demo" / "turbidity.html").stat().st_size > 0
