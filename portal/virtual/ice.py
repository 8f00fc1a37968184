"""Icechunk and Zarr as virtual stores use them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from portal.virtual.needs import need


def load_icechunk() -> Any:
    """Import Icechunk; what it would print of local directories is left unsaid.

    Raises
    ------
    MissingDependency
        It is not installed.
    """
    icechunk = need("icechunk", "cloud")
    if "ICECHUNK_LOG" not in os.environ:
        icechunk.set_logs_filter("error")
    return icechunk


def without_keys(icechunk: Any, scheme: str) -> Any:
    """Return what stands for access without keys: None in Icechunk 1, a mark of its own in 2.

    Parameters
    ----------
    scheme
        "file", "http" or "https".
    """
    name = "LocalFileSystemAccess" if scheme == "file" else "HttpAccess"
    return getattr(icechunk.credentials, name, None)


@contextmanager
def quiet_codecs() -> Iterator[None]:
    """Leave unsaid that Zarr's specification lacks the codecs of HDF5, of which virtual stores are."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Numcodecs codecs are not in the Zarr version 3")
        yield
