"""The arguments of each filesystem operation: a body in version 2, partly a query in version 1."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from portal.testing.iri.bodies import PART, urn

_PREFIX: Final = "urn:doe-iri:compression:"

#: A compression, by its short name in both versions.
Compression2 = Annotated[
    str, urn("compression"), AfterValidator(lambda text: str(text).removeprefix(_PREFIX))
]


class Operation(BaseModel):
    """Arguments of an operation, by the names that the documents have for them."""

    model_config = ConfigDict(extra="ignore")


class Path(Operation):
    """file, checksum, rm, download, upload."""

    path: str


class Stat(Path):
    """stat."""

    dereference: bool = False


class Ls(Path):
    """ls."""

    showHidden: bool = False  # noqa: N815 - the document's own name
    numericUid: bool = False  # noqa: N815
    recursive: bool = False
    dereference: bool = False


class Head(Path):
    """head."""

    bytes: int | None = None
    lines: int | None = None
    skipTrailing: bool = False  # noqa: N815


class Tail(Operation):
    """tail."""

    path: Annotated[str, Field(min_length=1)]
    bytes: Annotated[int, Field(ge=1)] | None = None
    lines: Annotated[int, Field(ge=1)] | None = None
    skipHeading: bool = False  # noqa: N815


class View1(Path):
    """view, version 1."""

    size: int = Field(PART, ge=1, le=PART)
    offset: int = Field(0, ge=0)


class View2(Path):
    """view, version 2: a size of 0, which is its default, asks for as much as there may be."""

    size: int = Field(0, ge=0)
    offset: int = Field(0, ge=0)


class _Source(Operation):
    path: str | None = None


class Chmod(_Source):
    """chmod."""

    mode: str


class Chown(_Source):
    """chown."""

    owner: str = ""
    group: str = ""


class Mkdir(_Source):
    """mkdir."""

    parent: bool = False


class Symlink(_Source):
    """symlink."""

    link_path: str


class Mv(_Source):
    """mv."""

    target_path: str


class Cp(Mv):
    """cp."""

    dereference: bool = False


class Compress1(Cp):
    """compress, version 1."""

    match_pattern: str | None = None
    compression: Literal["none", "bzip2", "gzip", "xz"] = "gzip"


class Compress2(Cp):
    """compress, version 2."""

    match_pattern: str | None = None
    compression: Compression2 = "gzip"


class Extract1(Mv):
    """extract, version 1."""

    compression: Literal["none", "bzip2", "gzip", "xz"] = "gzip"


class Extract2(Mv):
    """extract, version 2."""

    compression: Compression2 = "gzip"


def arguments(version: int) -> dict[str, tuple[str, type[Operation]]]:
    """Return for each operation the method of its route, and its arguments.

    Arguments of a GET or DELETE are in the query, others in the body. ``upload`` is not among
    them: it has a query and a file.
    """
    first = version == 1
    read = "GET" if first else "POST"
    return {
        "chmod": ("PUT" if first else "POST", Chmod),
        "chown": ("PUT" if first else "POST", Chown),
        "file": (read, Path),
        "stat": (read, Stat),
        "mkdir": ("POST", Mkdir),
        "symlink": ("POST", Symlink),
        "ls": (read, Ls),
        "head": (read, Head),
        "view": (read, View1 if first else View2),
        "tail": (read, Tail),
        "checksum": (read, Path),
        "rm": ("DELETE" if first else "POST", Path),
        "compress": ("POST", Compress1 if first else Compress2),
        "extract": ("POST", Extract1 if first else Extract2),
        "mv": ("POST", Mv),
        "cp": ("POST", Cp),
        "download": (read, Path),
    }


def told(operation: Operation) -> dict[str, Any]:
    """Return the arguments as a task tells them."""
    return operation.model_dump(exclude_none=True)
