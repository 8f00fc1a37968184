"""The one error tree of Portal.

Every error says what happened, what was there instead, and what to do::

    PortalError
    ├── InvalidInput (ValueError)
    │   ├── InvalidQuery
    │   ├── InvalidItem
    │   ├── InvalidAnalysis
    │   ├── InvalidParameter
    │   ├── InvalidConfig
    │   └── GridMismatch
    ├── NotFound (LookupError)
    │   ├── UnknownItem
    │   ├── UnknownFacility
    │   ├── UnknownCompute
    │   └── UnknownRun
    ├── Denied (PermissionError)
    ├── MissingDependency (ImportError)
    ├── DriverError
    ├── Unavailable
    ├── Unreadable
    │   └── TooLarge
    ├── Interrupted
    ├── EnvironmentMismatch
    └── RunError
        ├── RunFailed
        ├── RunCanceled
        └── RunNotFinished

Faults that must not stop the rest are warned about as :class:`PortalWarning`.
"""

from __future__ import annotations


class PortalError(Exception):
    """Base of every error that Portal raises on purpose.

    Parameters
    ----------
    happened
        What happened, one sentence.
    found
        What was there instead.
    advice
        What the reader can do about it.
    """

    def __init__(
        self, happened: str, *, found: str | None = None, advice: str | None = None
    ) -> None:
        self.happened = happened
        self.found = found
        self.advice = advice
        super().__init__(happened, found, advice)

    def __str__(self) -> str:
        parts = [_sentence(self.happened)]
        if self.found:
            parts.append(_sentence(f"Found: {self.found}"))
        if self.advice:
            parts.append(_sentence(self.advice))
        return " ".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.happened, self.found, self.advice), self.__dict__)


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", ":", "`")) else f"{text}."


def _rebuild(
    kind: type[PortalError], happened: str, found: str | None, advice: str | None
) -> PortalError:
    return kind(happened, found=found, advice=advice)


class InvalidInput(PortalError, ValueError):
    """A value that the user gave cannot be taken."""


class InvalidQuery(InvalidInput):
    """A search that cannot be asked: a bad box, time, limit."""


class InvalidItem(InvalidInput):
    """A record that is not a STAC Item Portal can hold."""


class InvalidAnalysis(InvalidInput):
    """A function that cannot serve as an analysis, or one that returned no Dataset."""


class InvalidParameter(InvalidInput):
    """A parameter or input that is unknown, missing or of the wrong kind."""


class InvalidConfig(InvalidInput):
    """A facility file with an unknown key, driver or option."""


class GridMismatch(InvalidInput):
    """Inputs of one analysis share a dimension and disagree about its coordinates."""


class NotFound(PortalError, LookupError):
    """Something asked for by name is not here."""


class UnknownItem(NotFound):
    """No catalog holds an Item of this id."""


class UnknownFacility(NotFound):
    """No facility of this id is configured."""


class UnknownCompute(NotFound):
    """The facility has no compute resource of this name."""


class UnknownRun(NotFound):
    """No run directory of this id is to be found."""


class Denied(PortalError, PermissionError):
    """The policy did not allow the action; no answer is a denial."""


class MissingDependency(PortalError, ImportError):
    """An optional package is needed; the advice says what to install."""


class DriverError(PortalError):
    """A driver broke its contract or could not be loaded."""


class Unavailable(PortalError):
    """A system does not answer: a directory that has gone, a server that is down."""


class Unreadable(PortalError):
    """Data that is there but cannot be read: corrupt, truncated, of an unknown format."""


class TooLarge(Unreadable):
    """Data whose declared size is beyond what its stored bytes can hold, or beyond a limit."""


class Interrupted(PortalError):
    """Work that was stopped because its answer is no longer wanted."""


class EnvironmentMismatch(PortalError):
    """The two sides of a run do not have the same Python, Dask, xarray, zarr or cloudpickle."""


class RunError(PortalError):
    """Base of what can be wrong with a run."""


class RunFailed(RunError):
    """The run ended without a result.

    Attributes
    ----------
    traceback : str
        The analysis' own traceback, as text; empty when none is known.
    """

    traceback: str = ""

    def with_traceback_text(self, text: str) -> RunFailed:
        """Attach the traceback text that the runner recorded, and return self."""
        self.traceback = text
        if text:
            self.add_note(text)
        return self


class RunCanceled(RunError):
    """The run was canceled; there is no result."""


class RunNotFinished(RunError):
    """The run has not ended yet; there is no result yet."""


class PortalWarning(UserWarning):
    """A driver, lab or record was passed over; the rest goes on."""
