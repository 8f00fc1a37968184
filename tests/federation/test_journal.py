"""The journal: what was done is written down, and a change of it shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import portal
from portal.core.policy import Action, Policy
from portal.errors import Denied, Unreadable
from portal.federation.journal import Journal


def test_verbs_and_denials_are_written_down(home: Path) -> None:
    def no_altitude(actor: object, action: Action, resource: object) -> bool | None:
        return False if "altitude" in resource.id else None

    with portal.connect(policy=Policy((*Policy().rules, no_altitude))) as fed:
        fed.open("ornl:mauna-loa-co2")
        with pytest.raises(Denied, match="may not open the item 'sandia:altitude'.*no_altitude"):
            fed.open("sandia:altitude")
        events = list(fed.gate.journal.events())
    assert [e.kind for e in events] == ["open", "denied"]
    assert events[0].data["item"] == "ornl:mauna-loa-co2"
    assert events[1].data["resource"] == "sandia:altitude"
    assert events[1].data["actor"] == fed.gate.actor.id


def filled(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "journal.jsonl")
    for i in range(5):
        journal.append("open", "me", item=f"lab:{i}")
    assert journal.verify() == 5
    return journal


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [lines[0].replace(b"lab:0", b"lab:9"), *lines[1:]], 2),
        (lambda lines: [*lines[:2], *lines[3:]], 3),
        (lambda lines: [*lines[:4], lines[4][:-9]], 5),
        (lambda lines: lines[1:], 1),
    ],
)
def test_a_change_shows(tmp_path: Path, change, line: int) -> None:
    journal = filled(tmp_path)
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join(change(lines)))
    with pytest.raises(Unreadable, match=f"changed at line {line}"):
        journal.verify()


def test_a_torn_line_is_closed_before_the_next(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    with journal.path.open("ab") as file:
        file.write(b'{"v": 1, "ti')
    journal.append("open", "me", item="lab:after")
    assert [e.data["item"] for e in journal.events()][-1] == "lab:after"
    with pytest.raises(Unreadable, match="line 6"):
        journal.verify()


def test_several_processes_append_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    code = (
        "import sys; from pathlib import Path; from portal.federation.journal import Journal\n"
        "j = Journal(Path(sys.argv[1]))\nfor i in range(40): j.append('open', 'me', item=str(i))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [w.wait(60) for w in writers] == [0, 0, 0]
    assert Journal(path).verify() == 120
