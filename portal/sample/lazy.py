"""An array that a function reads when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def lazy_array(
    read: Callable[..., Any], *arguments: Any, shape: tuple[int, ...], dtype: Any = float
) -> Any:
    """Return a Dask array of one chunk: ``read(*arguments)``, whose shape and dtype are known."""
    import dask.array as da
    from dask.delayed import delayed

    task = delayed(read, pure=True)(*arguments)
    return da.from_delayed(task, shape, dtype)  # type: ignore[no-untyped-call]
