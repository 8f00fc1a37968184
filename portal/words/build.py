"""Make the shipped list of CF standard names: ``python -m portal.words.build TABLE.xml``.

``TABLE.xml`` is the CF standard name table, as the CF conventions publish it. What is kept of it
are the names, their canonical units and their former names; the descriptions stay out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

DATA = Path(__file__).parent / "data"


def standard_names(table: Path) -> Iterator[str]:
    """Give the lines of ``standard_names.txt``: name, units and former names, parted by tabs.

    Raises
    ------
    OSError, xml.etree.ElementTree.ParseError
        The table cannot be read.
    """
    root = ElementTree.parse(table).getroot()  # noqa: S314 - a developer's own copy of the table
    version, date = root.findtext("version_number"), root.findtext("last_modified")
    yield f"# CF standard name table, version {version} of {date}: name, canonical units, former"
    former: dict[str, list[str]] = {}
    for alias in root.iter("alias"):
        for name in alias.iter("entry_id"):
            former.setdefault(name.text or "", []).append(alias.attrib["id"])
    for entry in sorted(root.iter("entry"), key=lambda e: e.attrib["id"]):
        name, units = entry.attrib["id"], entry.findtext("canonical_units") or ""
        yield "\t".join((name, units.strip(), " ".join(former.get(name, ())))).rstrip("\t")


def main(arguments: list[str]) -> int:
    """Write ``data/standard_names.txt`` from the table that is named."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    lines = list(standard_names(Path(arguments[0])))
    (DATA / "standard_names.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
