"""The viewer as a notebook widget: requests in, frames out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from portal.errors import InvalidParameter
from portal.ui.widgets.bridge import Attached, BridgeWidget
from portal.ui.widgets.bundle import bundle
from portal.ui.widgets.calls import Call
from portal.viewer import COLOR_MAPS, FrameRequest, Viewer

if TYPE_CHECKING:
    import xarray as xr


class ViewerWidget(BridgeWidget):
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
        super().__init__({"frame": self._frame}, title=title, description=description)

    def _frame(self, params: Mapping[str, Any], call: Call) -> Attached:
        frame = self._viewer.answer(FrameRequest.of(params), call)
        return Attached(frame.header, (frame.payload,))

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
