"""The page for a site's administrator is so: its files are taken, its commands are run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import portal
from portal.core import plugins
from portal.federation.config import parse_facility
from tests.helpers import wait_until
from tests.test_docs import ROOT, blocks

PAGE = (ROOT / "docs/joining.md").read_text()
FILES = blocks(PAGE, "toml")
COMMANDS = [line for block in blocks(PAGE, "console") for line in block.splitlines()]


@pytest.mark.parametrize("number", range(4))
def test_each_file_makes_its_driver(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(FILES) == 4
    token = tmp_path / "my-lab-token"
    token.touch(mode=0o600)
    text = FILES[number].replace("~/.config/my-lab-token", str(token))
    facility = parse_facility(text, "my-lab", source="joining.md")
    (compute,) = facility.computes.values()
    assert compute.driver == ("slurm", "pbs", "gateway", "iri")[number]
    assert plugins.build_driver(plugins.COMPUTES, compute).python
    assert facility.access == "owner"


def test_the_first_file_and_every_command_work(
    home: Path, lab_b, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With the addresses of a laboratory that is there in place of those of the page."""
    text = FILES[0]
    there = lab_b.options | {"workspace": "~/joined", "setup": "true", "queue": "debug"}
    for name, value in there.items():
        line = f"{name} = {json.dumps(value)}"
        text, done = re.subn(rf"^{name} = .*$", lambda _, line=line: line, text, flags=re.MULTILINE)
        text += "" if done else f"{line}\n"
    text = re.sub(r"^account = .*\n", "", text, flags=re.MULTILINE)
    (home / "facilities").mkdir(parents=True)
    (home / "facilities/my-lab.toml").write_text(text)
    assert len(COMMANDS) == 3
    for command in COMMANDS:
        first, *words = shlex.split(command)
        assert first == "portal"
        done = subprocess.run(
            [str(Path(sys.executable).with_name("portal")), *words],
            capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def test_the_schedulers_commands_list_and_end_a_job(lab_a, tmp_path: Path) -> None:
    run_id = re.search(r"scancel.* --name (\S+)", PAGE).group(1)
    lab_a.cluster.run(
        "sbatch", f"--job-name={run_id}", f"--output={tmp_path}/out", "--wrap=sleep 600"
    )
    listed, ended = blocks(PAGE, "sh")[0].splitlines()
    script = f"PATH={lab_a.cluster.bin}:$PATH; USER=$(id -un); "
    done = subprocess.run(["sh", "-c", script + listed], capture_output=True, text=True, check=True)
    assert run_id in done.stdout
    subprocess.run(["sh", "-c", script + ended], check=True)
    wait_until(lambda: run_id not in lab_a.cluster.run("squeue", "-h", "-o%j"))


def test_names_on_the_page_are_those_of_the_product(fed: portal.Federation) -> None:
    for link in re.findall(r"\]\(([a-z-]+\.md)\)", PAGE):
        assert (ROOT / "docs" / link).is_file(), link
    for page in ("README.md", "docs/facilities.md"):
        assert "joining.md" in (ROOT / page).read_text(), page
