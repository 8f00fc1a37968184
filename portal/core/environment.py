"""The Python environment of a run: what must agree on both sides, and the lock of the rest."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.errors import EnvironmentMismatch

CHECKED = ("dask", "distributed", "xarray", "zarr", "cloudpickle")


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment, as a run carries it.

    Parameters
    ----------
    python
        Major and minor version, such as "3.11".
    packages
        Versions of the packages that must be the same at both sides (:data:`CHECKED`).
    lock
        Every installed distribution as ``name==version``, sorted.
    """

    python: str
    packages: Mapping[str, str]
    lock: tuple[str, ...] = ()

    @property
    def lock_hash(self) -> str:
        """SHA-256 of the lock, one line a distribution."""
        import hashlib

        return hashlib.sha256("\n".join(self.lock).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the environment as JSON values, with the hash of its lock."""
        return {
            "python": self.python,
            "packages": dict(self.packages),
            "lock": list(self.lock),
            "lock_sha256": self.lock_hash,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Environment:
        """Read what :meth:`to_dict` wrote."""
        return cls(values["python"], dict(values["packages"]), tuple(values.get("lock", ())))

    def require_same(
        self, other: Environment, *, here: str, there: str, python: str = "python"
    ) -> None:
        """Refuse two environments that cannot exchange code and data.

        Parameters
        ----------
        python
            Path of the other's Python, for the command that mends it.

        Raises
        ------
        EnvironmentMismatch
            The Python minor or one of :data:`CHECKED` differs; both sides are named.
        """
        differences = []
        if self.python != other.python:
            differences.append(f"Python {self.python} {here} and {other.python} {there}")
        for name in CHECKED:
            mine, theirs = self.packages.get(name, "none"), other.packages.get(name, "none")
            if mine != theirs:
                differences.append(f"{name} {mine} {here} and {theirs} {there}")
        if differences:
            same = self.python == other.python
            wanted = f"-m pip install {' '.join(f'{n}=={v}' for n, v in self.packages.items())}"
            raise EnvironmentMismatch(
                "The two sides of the run have different environments",
                found="; ".join(differences),
                advice=f"Run {there}: {shlex.quote(python)} {wanted}"
                if same
                else f"Name a Python {self.python} {there}, and run with it: python {wanted}",
            )


def local_environment() -> Environment:
    """Describe the environment of this process."""
    from importlib import metadata

    told = (distribution.metadata for distribution in metadata.distributions())
    found = {m["Name"].lower(): m["Version"] for m in told if "Name" in m}
    return Environment(
        python="{}.{}".format(*sys.version_info),
        packages={name: found[name] for name in CHECKED if name in found},
        lock=tuple(sorted(f"{name}=={version}" for name, version in found.items())),
    )
