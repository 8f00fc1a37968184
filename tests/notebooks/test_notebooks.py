"""The notebooks run in a fresh home, and are kept without what they printed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import nbclient
import nbformat
import numpy as np
import pvlib
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ALL = sorted(NOTEBOOKS.rglob("*.ipynb"))


def test_there_are_notebooks() -> None:
    names = {path.relative_to(NOTEBOOKS).as_posix() for path in ALL}
    assert {"tutorials/first-steps.ipynb", "dashboards/explore.ipynb"} <= names


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_it_is_kept_without_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    nbformat.validate(notebook)
    assert "widgets" not in notebook["metadata"]
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def output(notebook: Any, cell_id: str) -> str:
    """All text that a cell gave."""
    cell = next(cell for cell in notebook.cells if cell.id == cell_id)
    texts = [o.text if o.output_type == "stream" else o.data["text/plain"] for o in cell.outputs]
    return "\n".join(texts)


def turbidity_over_land() -> float:
    """The same figure from pvlib's own files, by numpy alone."""
    data = Path(pvlib.__file__).parent / "data"
    with h5py.File(data / "LinkeTurbidities.h5") as file:
        turbidity = file["LinkeTurbidity"][:].sum(axis=2, dtype=np.int64) / 12 / 20
    with h5py.File(data / "Altitude.h5") as file:
        stored = file["Altitude"][:].astype(int)
    land = (stored != 255) & (stored * 28 - 450 > 0)
    latitude = 90 - (np.arange(stored.shape[0]) + 0.5) * 180 / stored.shape[0]
    weights = np.cos(np.deg2rad(latitude))[:, None] * land
    return float((turbidity * weights).sum() / weights.sum())


@pytest.mark.usefixtures("home")
def test_the_tutorial_runs(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOKS / "tutorials" / "first-steps.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    views = [o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
    assert len(views) == 5
    assert "sandia:linke-turbidity" in output(notebook, "find")
    assert "local.default" in output(notebook, "place")
    mean = re.search(r"mean of the year: ([\d.]+)", output(notebook, "result"))
    assert mean is not None
    assert float(mean[1]) == pytest.approx(turbidity_over_land(), abs=0.0006)
    assert "completed" in output(notebook, "runs")
    assert "'high'" in output(notebook, "mistake")
    assert "local:turbidity-over-land" in output(notebook, "publish")
    assert "from Altitude of the land" in output(notebook, "lineage")
    assert "my-lab:haze" in output(notebook, "own")


def test_the_dashboard_is_a_few_lines() -> None:
    notebook = nbformat.read(NOTEBOOKS / "dashboards" / "explore.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) == 1
    assert len(code[0].source.splitlines()) < 6
