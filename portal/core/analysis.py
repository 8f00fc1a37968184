"""``@analysis``: a function of Datasets and typed parameters that can run at any facility."""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from portal.errors import InvalidAnalysis, InvalidParameter

if TYPE_CHECKING:
    import pydantic
    import xarray as xr

Grids = Literal["match", "any"]

#: Names that ``Federation.run`` takes for itself.
RESERVED = frozenset({"analysis", "at", "resources", "title", "duration", "key", "overrides"})


@dataclass(frozen=True)
class Analysis:
    """A function that serves as an analysis. Calling it calls the function, here and now.

    Parameters
    ----------
    function
        Takes Datasets (its inputs) and typed parameters; returns a Dataset.
    version
        What the author calls this version; the digest of its source is recorded as well.
    grids
        "match": inputs that share a dimension must have the same coordinates along it, and are
        refused otherwise (xarray's arithmetic would silently keep the common part).
        "any": the function aligns them itself.
    """

    function: Callable[..., Any]
    version: str
    grids: Grids = "match"

    def __post_init__(self) -> None:
        for name in (*functools.WRAPPER_ASSIGNMENTS, "__wrapped__"):
            value = getattr(self.function, name, self.function if name == "__wrapped__" else None)
            object.__setattr__(self, name, value)
        self._check()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself."""
        return self.function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        hints = typing.get_type_hints(self.function, include_extras=True)
        return (_restore, (self.function, hints, self.version, self.grids))

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.function.__name__)

    @property
    def reference(self) -> str:
        """``package.module:function``."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    @property
    def title(self) -> str:
        """The first line of the docstring without its full stop, or the name."""
        return (inspect.getdoc(self.function) or self.name).splitlines()[0].rstrip(".")

    @cached_property
    def source(self) -> str:
        """The function's source text; empty where Python cannot find it."""
        try:
            return inspect.getsource(self.function)
        except (OSError, TypeError):
            return ""

    @property
    def digest(self) -> str:
        """SHA-256 of the source, or of the byte code where there is no source."""
        import hashlib

        body = self.source.encode() or self.function.__code__.co_code
        return hashlib.sha256(body).hexdigest()

    @cached_property
    def _hints(self) -> dict[str, Any]:
        try:
            return typing.get_type_hints(self.function)
        except (NameError, TypeError, AttributeError) as error:
            raise InvalidAnalysis(
                f"The annotations of analysis {self.name!r} cannot be read",
                found=str(error),
                advice="Import what they name, such as `import xarray as xr`, where it is defined.",
            ) from error

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of the parameters that take a Dataset."""
        return tuple(n for n in self._signature.parameters if _is_dataset(self._hints.get(n)))

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.function)

    def _check(self) -> None:
        advice = (
            "Write `def f(data: xr.Dataset, *, above: float = 0.0) -> xr.Dataset`: inputs are "
            "annotated xr.Dataset, everything else is a typed parameter."
        )
        if not hasattr(self.function, "__code__"):
            raise InvalidAnalysis(
                "An analysis is a Python function", found=repr(self.function), advice=advice
            )
        for name, parameter in self._signature.parameters.items():
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise InvalidAnalysis(
                    f"Analysis {self.name!r} has a parameter that cannot be given by name",
                    found=str(parameter),
                    advice=advice,
                )
            if name in RESERVED:
                raise InvalidAnalysis(
                    f"Analysis {self.name!r} has a parameter whose name Portal uses itself",
                    found=name,
                    advice=f"Choose another name than {', '.join(sorted(RESERVED))}.",
                )
            if name not in self._hints:
                raise InvalidAnalysis(
                    f"Analysis {self.name!r} has a parameter without a type",
                    found=name,
                    advice=advice,
                )
        if not self.inputs:
            raise InvalidAnalysis(
                f"Analysis {self.name!r} has no input", found=str(self._signature), advice=advice
            )
        returned = self._hints.get("return")
        if returned is not None and not _is_dataset(returned):
            raise InvalidAnalysis(
                f"Analysis {self.name!r} does not return a Dataset",
                found=f"-> {returned}",
                advice="Return an xr.Dataset; a DataArray becomes one by .to_dataset(name=…).",
            )

    @cached_property
    def model(self) -> type[pydantic.BaseModel]:
        """The pydantic model of the parameters."""
        import pydantic

        fields: dict[str, Any] = {}
        for name, parameter in self._signature.parameters.items():
            if name not in self.inputs:
                default = ... if parameter.default is parameter.empty else parameter.default
                fields[name] = (self._hint(name), default)
        config = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=False)
        try:
            return pydantic.create_model(f"{self.name} parameters", __config__=config, **fields)
        except pydantic.errors.PydanticSchemaGenerationError as error:
            raise InvalidAnalysis(
                f"Analysis {self.name!r} has a parameter whose type has no JSON form",
                found=str(error).splitlines()[0],
                advice="Use bool, int, float, str, Literal, Enum, date, lists or mappings of these.",
            ) from error

    def _hint(self, name: str) -> Any:
        """The annotation with its ``Annotated`` metadata, which pydantic reads as constraints."""
        return typing.get_type_hints(self.function, include_extras=True)[name]

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the parameters, from which forms are built."""
        return self.model.model_json_schema()

    def split(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Split what was given by name into inputs and validated, JSON-ready parameters.

        Raises
        ------
        InvalidParameter
            A name is unknown or missing, or a value is not what the parameter takes.
        """
        known = tuple(self._signature.parameters)
        unknown = [name for name in given if name not in known]
        if unknown:
            raise InvalidParameter(
                f"Analysis {self.name!r} takes no {unknown[0]!r}",
                found=f"given: {', '.join(given)}",
                advice=f"It takes {self._describe()}.",
            )
        missing = [name for name in self.inputs if given.get(name) is None]
        if missing:
            raise InvalidParameter(
                f"Analysis {self.name!r} lacks its input {missing[0]!r}",
                found=f"given: {', '.join(given) or 'nothing'}",
                advice="Give an Item, or an id such as 'sandia:altitude'.",
            )
        inputs = {name: given[name] for name in self.inputs}
        return inputs, self._validate({k: v for k, v in given.items() if k not in inputs})

    def _validate(self, given: dict[str, Any]) -> dict[str, Any]:
        import pydantic

        try:
            checked = self.model.model_validate(given)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(p) for p in first["loc"])
            raise InvalidParameter(
                f"The parameter {where!r} of analysis {self.name!r} cannot be taken: "
                f"{first['msg'][0].lower()}{first['msg'][1:]}",
                found=repr(first["input"]) if first["type"] != "missing" else "nothing",
                advice=f"It takes {self._describe()}.",
            ) from error
        values: dict[str, Any] = checked.model_dump(mode="json")
        return values

    def arguments(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Turn JSON parameters back into the Python values that the function takes."""
        checked = self.model.model_validate(dict(parameters))
        return {name: getattr(checked, name) for name in type(checked).model_fields}

    def _describe(self) -> str:
        parts = []
        for name, parameter in self._signature.parameters.items():
            kind = (
                "a dataset" if name in self.inputs else inspect.formatannotation(self._hints[name])
            )
            default = parameter.default
            shown = "" if default is parameter.empty else f", by default {default!r}"
            parts.append(f"{name} ({kind}{shown})")
        return ", ".join(parts)

    def _repr_html_(self) -> str:
        from html import escape

        lines = (inspect.getdoc(self.function) or "").splitlines()
        rest = " ".join(lines[1:]).strip()
        return (
            f"<b>{escape(self.title)}</b><br><code>{escape(self.name)}</code> "
            f"{escape(self.version)}: {escape(self._describe())}<br>{escape(rest)}"
        )


@typing.overload
def analysis(function: Callable[..., xr.Dataset], /) -> Analysis: ...
@typing.overload
def analysis(
    *, version: str = "0", grids: Grids = "match"
) -> Callable[[Callable[..., xr.Dataset]], Analysis]: ...
def analysis(
    function: Callable[..., xr.Dataset] | None = None,
    /,
    *,
    version: str = "0",
    grids: Grids = "match",
) -> Analysis | Callable[[Callable[..., xr.Dataset]], Analysis]:
    """Make a function an :class:`Analysis`.

    Its parameters annotated ``xr.Dataset`` are the inputs; its other, typed parameters become a
    JSON Schema, so that every face can build a form from it.

    Parameters
    ----------
    version
        What the author calls this version.
    grids
        Whether inputs must agree where they share a dimension; see :class:`Analysis`.

    Raises
    ------
    InvalidAnalysis
        The function has no input, an untyped or reserved parameter, or returns something else.
    """
    if function is None:
        return lambda f: Analysis(f, version, grids)
    return Analysis(function, version, grids)


def _restore(
    function: Callable[..., Any], hints: dict[str, Any], version: str, grids: Grids
) -> Analysis:
    """Rebuild an analysis that has travelled; what its annotations named came along."""
    function.__annotations__ = hints
    return Analysis(function, version, grids)


def _is_dataset(hint: Any) -> bool:
    xarray = sys.modules.get("xarray")
    return xarray is not None and hint is xarray.Dataset
