"""A harvest that is killed goes on where it was, and ends as one that was not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import portal
from portal.core.item import Item
from tests.drills.harvest_slowly import HALF

SLOWLY = Path(__file__).with_name("harvest_slowly.py")
ALL = 4_500


def connect(home: Path) -> portal.Federation:
    (home / "facilities").mkdir(parents=True, exist_ok=True)
    (home / "data").mkdir(exist_ok=True)
    text = f'name = "Lab"\naccess = "public"\n[catalog.data]\ndriver = "folder"\npath = "{home}/data"\n'
    (home / "facilities" / "lab.toml").write_text(text)
    return portal.connect(home=home, sample=False)


def state(fed: portal.Federation) -> tuple[int, set[str]]:
    hits = fed.search("record", limit=1000, facility="lab", sort="title")
    return hits.total, {hit.id for hit in hits}


def test_killed_half_way_it_goes_on(tmp_path):
    source = tmp_path / "records.ndjson"
    with source.open("w") as file:
        for number in range(ALL):
            made = Item.build(
                "lab", f"r{number:05}", title=f"Record {number}", created="2020-01-01T00:00:00Z"
            )
            file.write(made.text + "\n")
    with connect(tmp_path / "whole") as fed:
        (whole,) = fed.harvest("lab", source=source)
        expected = state(fed)
    assert (whole.records, expected[0]) == (ALL, ALL)

    home = tmp_path / "killed"
    connect(home).close()
    with subprocess.Popen(
        [sys.executable, str(SLOWLY), str(home), str(source)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= HALF:
                break
        process.kill()
    with connect(home) as fed:
        (rest,) = fed.harvest("lab", source=source)
        assert rest.done
        assert rest.records == ALL - HALF, "nothing is taken twice"
        assert state(fed) == expected
        (again,) = fed.harvest("lab", source=source)
        assert again.records == 0
