"""The viewer as a notebook widget: requests in, frames out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from portal.errors import InvalidParameter, PortalError
from portal.ui.widgets.bundle import bundle
from portal.viewer import COLOR_MAPS, Viewer

if TYPE_CHECKING:
    import xarray as xr


class ViewerWidget(anywidget.AnyWidget):
    """Interactive view of a dataset: a map, image or series with a slider per other dimension.

    The front-end sends ``{id, method: "frame", params: {variable, index, width, height}}``; the
    answer is ``{id, result: header}`` with the payload of a `portal.viewer.Frame` as its buffer, or
    ``{id, error: {kind, message}}``, which is shown inside the viewer.

    Parameters
    ----------
    ds
        The dataset; what is lazy stays lazy.
    variable
        Variable shown first; the first map by default.
    title
        Heading, in front of the variable's name.

    Raises
    ------
    InvalidParameter
        The dataset has no such variable.
    """

    _esm = bundle("viewer.js")
    _css = bundle("viewer.css")

    title = traitlets.Unicode().tag(sync=True)
    description = traitlets.Dict().tag(sync=True)
    color_maps = traitlets.Dict(dict(COLOR_MAPS)).tag(sync=True)

    def __init__(self, ds: xr.Dataset, *, variable: str | None = None, title: str = "") -> None:
        self._viewer = Viewer(ds)
        description = self._viewer.description.to_dict()
        if variable is not None:
            names = [v["name"] for v in description["variables"]]
            if variable not in names:
                raise InvalidParameter(
                    f"The dataset has no variable {variable!r} to view",
                    found=", ".join(names) or "no variables",
                    advice="Name one of these.",
                )
            description["default"] = variable
        super().__init__(title=title, description=description)
        self.on_msg(self._answer)

    def _answer(self, _: object, message: object, __: object) -> None:
        if not isinstance(message, dict) or message.get("method") != "frame":
            return
        try:
            header, payload = self._frame(message.get("params"))
        except PortalError as error:
            kind = type(error).__name__
            self.send({"id": message.get("id"), "error": {"kind": kind, "message": str(error)}})
        else:
            self.send({"id": message.get("id"), "result": header}, buffers=[payload])

    def _frame(self, params: object) -> tuple[dict[str, Any], bytes]:
        wanted = {"variable", "index", "width", "height"}
        if (
            not isinstance(params, dict)
            or set(params) != wanted
            or not isinstance(params["index"], dict)
        ):
            raise InvalidParameter(
                "A request for a frame needs variable, index, width and height",
                found=f"{params!r:.200}",
                advice="Reload the page, so that the front-end and the kernel are of one version.",
            )
        frame = self._viewer.frame(
            params["variable"], params["index"], width=params["width"], height=params["height"]
        )
        return frame.header, frame.payload

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        found = super()._repr_mimebundle_(**kwargs)
        data, metadata = found if isinstance(found, tuple) else (found, {})
        return {**(data or {}), "text/plain": self.summary()}, metadata

    def summary(self) -> str:
        """Say in words what can be viewed: what a saved notebook shows without a kernel."""
        lines = [f"Portal viewer{': ' if self.title else ''}{self.title}"]
        for variable in self._viewer.description.variables:
            units = f" ({variable.units})" if variable.units else ""
            sizes = ", ".join(
                f"{d} {n:,}" for d, n in zip(variable.dims, variable.shape, strict=True)
            )
            lines.append(f"  {variable.name}: {variable.title}{units}; {sizes or 'one value'}")
        return "\n".join([*lines, "Run the cell again for the interactive view."])
