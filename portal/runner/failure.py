"""What is told of a failure: its type, a message for people, and the analysis' own traceback."""

from __future__ import annotations

import errno
import linecache
import os
import sys
import traceback
from types import CodeType
from typing import Final

#: Packages whose frames tell a scientist nothing about the analysis.
_MACHINERY: Final = (
    *("portal.runner", "dask", "distributed", "tornado", "asyncio", "concurrent", "runpy"),
    *("multiprocessing", "threading", "importlib._bootstrap"),
)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LIMIT: Final = 20_000


def describe(error: BaseException) -> dict[str, str]:
    """Return {"type", "message", "traceback"} of what ended a run."""
    return {
        "type": type(error).__name__,
        "message": _message(error)[:_LIMIT],
        "traceback": _traceback(error)[-_LIMIT:],
    }


def remember_source(code: CodeType, source: str) -> None:
    """Let tracebacks show the lines of a function that came from a notebook."""
    if source and not linecache.getlines(code.co_filename):
        text = "\n" * (code.co_firstlineno - 1) + source
        lines = text.splitlines(keepends=True)
        linecache.cache[code.co_filename] = (len(text), None, lines, code.co_filename)


def _message(error: BaseException) -> str:
    name = type(error).__name__
    if name == "KilledWorker":
        workers = getattr(error, "allowed_failures", 0) + 1
        return (
            f"The task {getattr(error, 'task', '')!r} ended the process of every worker that ran "
            f"it, {workers} times. Most often it needs more memory than a worker has: use smaller "
            "chunks, or ask for more memory or fewer processes. stderr.log may say more."
        )
    if isinstance(error, MemoryError):
        return (
            f"The run ran out of memory. {error} Use smaller chunks, keep the arrays lazy, or ask "
            "for more memory.".replace("  ", " ")
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        return (
            f"There was no room to write: {os.strerror(error.errno or 0)}. Nothing of the result "
            "was kept. Free some space, or run where there is more."
        )
    if isinstance(error, SystemExit):
        return f"The analysis called sys.exit({error.code!r}). Raise an exception, or return."
    return str(error) or name


def _traceback(error: BaseException) -> str:
    """The traceback without the frames of the runner and of Dask's machinery."""
    places = tuple(_place(name) for name in _MACHINERY if name in sys.modules)
    whole = traceback.TracebackException.from_exception(error, compact=True)
    part: traceback.TracebackException | None = whole
    while part is not None:
        kept = [frame for frame in part.stack if not frame.filename.startswith(places)]
        part.stack = traceback.StackSummary.from_list(kept)
        part = part.__cause__ or part.__context__
    return "".join(whole.format())


def _place(module: str) -> str:
    """Where a module lies: its directory if it is a package, else its file."""
    path = str(getattr(sys.modules[module], "__file__", None) or f"<frozen {module}")
    return path.removesuffix("__init__.py")
