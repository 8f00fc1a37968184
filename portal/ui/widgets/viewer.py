"""The viewer as a notebook widget: requests in, frames out."""

from __future__ import annotations

import queue
import re
import secrets
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import traitlets

from portal.errors import InvalidParameter, MissingDependency, PortalError
from portal.ui.widgets.bridge import Attached, BridgeWidget, Method, in_thread, log_fault
from portal.ui.widgets.bundle import bundle
from portal.ui.widgets.calls import Call
from portal.viewer import COLOR_MAPS, FrameRequest, Viewer, tools_methods
from portal.viewer.call import Unheard
from portal.viewer.state import ViewState

if TYPE_CHECKING:
    import xarray as xr

    from portal.ui.panel import ViewerPane
    from portal.viewer import Description


#: Seconds that the picture in a saved notebook may hold up the cell, and its pixels.
PICTURE_SECONDS: Final = 0.4
PICTURE_SIZE: Final = (640, 400)


class ViewerWidget(BridgeWidget):
    """Interactive view of a dataset: a map, image or series with a slider per other dimension.

    The front-end may ask for ``frame`` (see `portal.viewer.FrameRequest`; the payload of the
    `portal.viewer.Frame` is its buffer), for what `portal.viewer.tools_methods` has, for ``save``
    (``what`` and ``state``, see `portal.viewer.take.take`) and for ``asset`` (``name`` of a file
    that ships beside the front-end).

    Parameters
    ----------
    ds
        The dataset; what is lazy stays lazy.
    variable
        Variable shown first; the first map by default.
    title
        Heading, in front of the variable's name.
    state
        What is shown at first, see `portal.viewer.state.ViewState`.
    compare
        A second dataset, to be looked at beside the first or taken from it.

    Attributes
    ----------
    state : dict
        What is shown now. Set it to show something else: ``widget.state |= {"index": {"time": 3}}``.
        Keys that are left out take their defaults.

    Raises
    ------
    InvalidParameter
        The dataset has no such variable, or the state cannot be taken.
    """

    _esm = bundle("viewer.js")
    _css = bundle("viewer.css")

    title = traitlets.Unicode().tag(sync=True)
    description = traitlets.Dict().tag(sync=True)
    other = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    color_maps = traitlets.Dict(dict(COLOR_MAPS)).tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    # Views of one widget know by it that they are.
    key = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        ds: xr.Dataset,
        *,
        variable: str | None = None,
        title: str = "",
        state: Mapping[str, Any] | None = None,
        compare: xr.Dataset | None = None,
    ) -> None:
        self._viewer = viewer = Viewer(ds, compare)
        description = viewer.description.to_dict()
        first = ViewState.parse(state or {}).to_dict()
        shown = first.get("variable") if variable is None else variable
        if shown is not None:
            _check_variable(viewer.description, shown)
            description["default"] = shown
        if description["default"]:
            first["variable"] = description["default"]
        methods: dict[str, Method] = dict(tools_methods(viewer))
        methods |= {"frame": self._frame, "save": self._save, "asset": _asset}
        other = viewer.other_description
        super().__init__(
            methods,
            title=title,
            description=description,
            other=None if other is None else other.to_dict(),
            state=first,
            key=secrets.token_hex(8),
        )

    @traitlets.validate("state")
    def _checked_state(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
        state = ViewState.parse(proposal["value"])
        if state.variable is not None:
            _check_variable(self._viewer.description, state.variable)
        return state.to_dict()

    def picture(self, seconds: float = PICTURE_SECONDS) -> bytes | None:
        """Return what is shown now as a small PNG, or None where it takes longer than `seconds`.

        What the front-end will ask for first is made ready afterwards.
        """
        drawn: queue.Queue[bytes | None] = queue.Queue()
        call = Unheard()
        in_thread(self._draw, drawn, call)
        try:
            return drawn.get(timeout=seconds)
        except queue.Empty:
            call.cancelled.set()
            return None

    def _draw(self, drawn: queue.Queue[bytes | None], call: Unheard) -> None:
        from portal.viewer.still import still

        try:
            state = ViewState.parse(self.state)
            request = self._request(state)
            if request is None:
                drawn.put(None)
                return
            frame = self._viewer.answer(request, call, alone=True)
            drawn.put(still(frame, state, title=self.title))
            # The colour limits, which take some more reading.
            self._viewer.answer(request, call)
        except PortalError:
            drawn.put(None)  # the live view says what is the matter
        except Exception:  # noqa: BLE001 - whatever it is, the view itself is shown
            log_fault("the picture of a view")
            drawn.put(None)

    def _request(self, state: ViewState) -> FrameRequest | None:
        if state.variable is None:
            return None
        view = self._viewer.description.variable(state.variable)
        index = {d: i for d, i in state.index.items() if view is not None and d in view.sliders}
        return FrameRequest(state.variable, index, *PICTURE_SIZE, window=state.window)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        png = self.picture()
        return data if png is None else data | {"image/png": b64encode(png).decode()}, metadata

    def panel(self) -> ViewerPane:
        """Return the view for a Panel app; needs the package ``panel``.

        Raises
        ------
        MissingDependency
            Panel is not installed.
        """
        try:
            from portal.ui.panel import ViewerPane
        except ModuleNotFoundError as error:
            raise MissingDependency(
                "Panel is needed to show a view in a Panel app",
                found=f"no module {error.name}",
                advice="Install it: pip install panel. In a notebook the view needs none.",
            ) from error
        return ViewerPane(self)

    def _frame(self, params: Mapping[str, Any], call: Call) -> Attached:
        frame = self._viewer.answer(FrameRequest.of(params), call)
        return Attached(frame.header, (frame.payload,))

    def _save(self, params: Mapping[str, Any], _: Call) -> Attached:
        from portal.viewer.take import take

        viewer = self._viewer
        what, state = str(params.get("what")), ViewState.parse(params.get("state"))
        if what == "page":
            from portal.ui.page import page_to_take

            taken = page_to_take(viewer.ds, state, self.title)
        else:
            taken = take(viewer.ds, what, state, other=viewer.other)
        return Attached({"name": taken.name, "media_type": taken.media_type}, (taken.data,))

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


def _check_variable(description: Description, name: str) -> None:
    if description.variable(name) is None:
        names = [v.name for v in description.variables]
        raise InvalidParameter(
            f"The dataset has no variable {name!r} to view",
            found=", ".join(names) or "no variables",
            advice="Name one of these.",
        )


def _asset(params: Mapping[str, Any], _: Call) -> Attached:
    """Answer with a file that ships beside the front-end: finer outlines, the movies' encoder."""
    name = str(params.get("name"))
    # The name comes from a page: it is one of a file, and leads nowhere else.
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise InvalidParameter("There is no such asset", found=f"{name!r:.80}", advice="Reload.")
    return Attached(None, (bundle(name).read_bytes(),))
