"""From an analysis and its inputs to a run directory and a job."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any

from portal.core.analysis import Analysis
from portal.core.contracts import Compute, SupportsProvision
from portal.core.environment import Environment
from portal.core.item import Item
from portal.core.job import JobAttributes, JobSpec
from portal.core.run import (
    JOB_JSON,
    STATUS,
    STDERR,
    STDOUT,
    AnalysisRef,
    RunSpec,
)
from portal.errors import GridMismatch, InvalidAnalysis, PortalError, Unavailable
from portal.federation.directory import RunDirectory, failed
from portal.federation.patience import TRANSIENT, Patience

#: Seconds for which a facility that may have lost an answer is asked again.
PATIENCE = 60.0


def pack(analysis: Analysis) -> tuple[AnalysisRef, bytes | None]:
    """Return how the code travels: by reference where it is installed, else pickled by value.

    Raises
    ------
    InvalidAnalysis
        It holds something that cannot be pickled.
    """
    installed = _is_installed(sys.modules.get(analysis.function.__module__))
    found = AnalysisRef(
        name=analysis.name,
        version=analysis.version,
        digest=analysis.digest,
        reference=analysis.reference,
        code="reference" if installed and _found_by_name(analysis) else "pickle",
        title=analysis.title,
        source=analysis.source,
    )
    if found.code == "reference":
        return found, None
    import pickle

    import cloudpickle

    with _by_value(cloudpickle):
        try:
            return found, cloudpickle.dumps(analysis)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise InvalidAnalysis(
                f"The analysis {analysis.name!r} cannot be sent to where it runs",
                found=str(error),
                advice="Open files, locks and connections inside the function, not outside it.",
            ) from error


def _found_by_name(analysis: Analysis) -> bool:
    module = sys.modules.get(analysis.function.__module__)
    return getattr(module, analysis.function.__qualname__, None) is analysis


def _is_installed(module: ModuleType | None) -> bool:
    """Whether a module comes with Python, an installed package or Portal itself."""
    import sysconfig

    if module is None or module.__name__ == "__main__":
        return False
    if module.__name__.partition(".")[0] == "portal":
        return True
    file = getattr(module, "__file__", None)
    if file is None:
        return True
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return any(Path(file).is_relative_to(sysconfig.get_path(name)) for name in names)


@contextmanager
def _by_value(cloudpickle: Any) -> Iterator[None]:
    """Let cloudpickle carry the user's own modules along, since the other side has none of them."""
    known = cloudpickle.list_registry_pickle_by_value()
    added = [
        module
        for name, module in list(sys.modules.items())
        if getattr(module, "__name__", None) == name != "__main__"
        and name not in known
        and not _is_installed(module)
    ]
    for module in added:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in added:
            cloudpickle.unregister_pickle_by_value(module)


def require_same_grid(inputs: Mapping[str, Item]) -> None:
    """Refuse, from the records alone, inputs that cannot share a grid.

    Raises
    ------
    GridMismatch
        Two inputs have a dimension of one name and of different sizes.
    """
    for (first, one), (second, other) in combinations(inputs.items(), 2):
        sizes = {d.name: d.size for d in one.dimensions if d.size is not None}
        for dimension in other.dimensions:
            size = sizes.get(dimension.name)
            if size is not None and dimension.size is not None and size != dimension.size:
                raise GridMismatch(
                    f"The inputs {first!r} and {second!r} do not share a grid",
                    found=f"{dimension.name}: {size} in {one.id}, {dimension.size} in {other.id}",
                    advice="Choose data of one grid, or let the analysis align them, with "
                    '.interp_like or .sel, and declare it @portal.analysis(grids="any").',
                )


def launch(
    spec: RunSpec,
    code: bytes | None,
    compute: Compute,
    *,
    python: str,
    patience: float = PATIENCE,
) -> RunDirectory:
    """Write the run directory and submit the job.

    Parameters
    ----------
    python
        Path of the Python there, as :func:`portal.federation.environments.settle` has found it.
    patience
        Seconds for which a facility that is not reached is asked again.

    Raises
    ------
    PortalError
        The job was not taken; the run directory says so too.
    Unavailable
        Whether it was taken is not known; see :func:`submit`.
    """
    directory = RunDirectory.of(compute.workspace, spec.id)
    directory.create(spec, code)
    submit(spec, directory, compute, python=python, patience=patience)
    return directory


def python_of(environment: Environment, compute: Compute) -> str:
    """Return the Python of a run that was asked for before: made once more, or that of the place.

    Raises
    ------
    EnvironmentMismatch, Unavailable
        It cannot be made.
    """
    if isinstance(compute, SupportsProvision) and compute.provisions:
        return compute.provision(environment)
    return compute.python


def submit(
    spec: RunSpec,
    directory: RunDirectory,
    compute: Compute,
    *,
    python: str,
    patience: float = PATIENCE,
) -> None:
    """Submit the job of a run directory, and write down its id.

    Where the answer is lost the same job is asked for again, by the same key, which starts no
    second one. For the same reason a directory whose submission is not known may be submitted again
    at any time.

    Raises
    ------
    PortalError
        The facility refused the job; the run directory says so too.
    Unavailable
        It was not reached in time: whether it has the job is not known.
    """
    job = JobSpec(
        executable=python,
        arguments=("-P", "-m", "portal.runner", directory.path),
        directory=directory.path,
        name=spec.id,
        stdout_path=directory.file(STDOUT),
        stderr_path=directory.file(STDERR),
        resources=spec.resources,
        attributes=JobAttributes(duration=spec.duration),
        key=spec.id,
    )
    tries = Patience(patience)
    while True:
        try:
            directory.write(JOB_JSON, {"at": spec.at, "job_id": compute.submit(job)})
            return
        except TRANSIENT as error:
            if not tries.again():
                raise Unavailable(
                    f"Whether {spec.at} has taken the run {spec.id} is not known",
                    found=str(error) or type(error).__name__,
                    advice=f'fed.get_run("{spec.id}").resume() asks again, and starts no second '
                    "job.",
                ) from error
        except PortalError as error:
            directory.write(STATUS, failed(directory.status(), str(error)).to_dict())
            raise


def now() -> str:
    """Return the time now, RFC 3339, UTC."""
    return datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
