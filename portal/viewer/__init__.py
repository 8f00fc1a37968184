"""From an xarray Dataset to pixels: selection, decimation, encoding. No Jupyter, no HTTP."""

from __future__ import annotations

from portal.viewer.colors import COLOR_MAPS
from portal.viewer.describe import Description, Dimension, VariableView, describe
from portal.viewer.frame import Frame
from portal.viewer.render import Viewer, render
from portal.viewer.request import FrameRequest
from portal.viewer.tools import tools_methods

__all__ = [
    "COLOR_MAPS",
    "Description",
    "Dimension",
    "Frame",
    "FrameRequest",
    "VariableView",
    "Viewer",
    "describe",
    "render",
    "tools_methods",
]
