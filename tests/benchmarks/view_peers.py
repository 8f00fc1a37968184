"""What is compared: the cell a person writes for each, and where its slider and picture are."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Look:
    """One way to look at the cells.

    Attributes
    ----------
    cell
        Source of the notebook's cell; ``{path}`` is the store.
    kinds
        Hooked calls by which new pixels are given to the browser.
    slider
        Selector of what takes the arrow keys.
    picture
        Selector of the element that shows the plane, empty where its number cannot be read.
    setup
        Source of a cell before it, whose time is not counted.
    ahead
        Whether Portal's extension has imported ahead when the cell is run, as in a notebook that
        has been open for two seconds; else it is turned off.
    """

    name: str
    cell: str
    kinds: tuple[str, ...]
    slider: str
    picture: str
    setup: str = "1"
    ahead: bool = False


PORTAL = Look(
    "Portal",
    "import xarray as xr\nimport portal\nportal.view(xr.open_zarr({path!r}))",
    ("portal-painted",),
    "input[data-portal-dim=time]",
    ".portal-viewer-stage",
    ahead=True,
)
COLD = replace(PORTAL, ahead=False)
SECOND = replace(
    PORTAL,
    setup="""
import numpy as np
import portal
import xarray as xr
portal.view(xr.Dataset({"small": (("y", "x"), np.eye(20))}))
""",
)

PEERS = (
    Look(
        "hvplot + datashader",
        """
import xarray as xr
xr.open_zarr({path!r}).cells.hvplot.image(
    x="x", y="y", rasterize=True, cmap="viridis", width=800, height=400, widget_location="bottom"
)
""",
        ("putImageData",),
        "[role=slider]",
        ".bk-Canvas, .bk-Figure",
        # Its scripts come from a CDN unless told otherwise, and in the cell itself too late.
        "import panel\npanel.extension(inline=True)\nimport hvplot.xarray",
    ),
    Look(
        "ipympl",
        """
%matplotlib widget
import ipywidgets
import matplotlib.pyplot as plt
import xarray as xr
cells = xr.open_zarr({path!r}).cells
figure, axes = plt.subplots(figsize=(8, 4))
image = axes.imshow(cells[0].values)
slider = ipywidgets.IntSlider(0, 0, 999)
def change(event):
    image.set_data(cells[event["new"]].values)
    figure.canvas.draw_idle()
slider.observe(change, "value")
slider
""",
        ("image",),
        "[role=slider]",
        ".jupyter-matplotlib-canvas-container",
    ),
    Look(
        "interact + xarray.plot",
        """
%matplotlib inline
import ipywidgets
import matplotlib.pyplot as plt
import xarray as xr
cells = xr.open_zarr({path!r}).cells
@ipywidgets.interact(time=(0, 999))
def show(time=0):
    cells.isel(time=time).plot(figsize=(8, 4), cmap="viridis")
    plt.show()
""",
        ("image",),
        "[role=slider]",
        "img",
    ),
    Look(
        "lexcube",
        """
import ipywidgets
import lexcube
import pandas
import xarray as xr
cells = xr.open_zarr({path!r}).cells
days = pandas.date_range("2000-01-01", periods=1000)
cube = lexcube.Cube3DWidget(cells.assign_coords(time=days), cmap="viridis")
slider = ipywidgets.IntSlider(0, 0, 998)
slider.observe(lambda event: setattr(cube, "zlim", (event["new"], 999)), "value")
ipywidgets.VBox([cube, slider])
""",
        ("texImage2D", "texSubImage2D"),
        "[role=slider]",
        "",
    ),
)
