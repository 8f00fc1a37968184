"""`portal.view`: look at a dataset inline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import xarray as xr

    from portal.ui.widgets.viewer import ViewerWidget


def view(
    data: object,
    *,
    variable: str | None = None,
    title: str | None = None,
    state: Mapping[str, Any] | None = None,
    compare: object = None,
) -> ViewerWidget:
    """Show an xarray Dataset or DataArray as an interactive picture.

    Data that are lazy stay lazy: only the slice on the screen is read, at the screen's resolution.
    In a Panel app, ``portal.view(ds).panel()`` is the same view as a component.

    Parameters
    ----------
    data
        An xarray Dataset or DataArray.
    variable
        Variable shown first; by default the first that has a map, else an image, else a series.
    title
        Heading; by default the dataset's ``title`` attribute.
    state
        What is shown at first, as the widget's ``state`` holds it: ``view(ds, state=other.state)``.
    compare
        A second Dataset or DataArray, to be shown beside the first, linked, or taken from it.

    Returns
    -------
    ViewerWidget
        Displays itself as the last line of a notebook cell. Its ``state`` is what is shown now, and
        can be set.

    Raises
    ------
    InvalidInput
        `data` or `compare` is neither a Dataset nor a DataArray.
    InvalidParameter
        There is no such variable, or the state cannot be taken.
    MissingDependency
        A checkout whose front-end has not been built.
    """
    ds = as_dataset(data)
    other = None if compare is None else as_dataset(compare)
    from portal.ui.widgets.viewer import ViewerWidget

    heading = title_for(ds, title)
    return ViewerWidget(ds, variable=variable, title=heading, state=state, compare=other)


def as_dataset(data: object) -> xr.Dataset:
    """Take a Dataset or DataArray and return a Dataset.

    Raises
    ------
    InvalidInput
        Anything else.
    """
    import xarray as xr

    if isinstance(data, xr.Dataset):
        return data
    if isinstance(data, xr.DataArray):
        name = "values" if data.name is None else str(data.name)
        # A coordinate may be viewed as well: to_dataset refuses a name that a coordinate has.
        return data.rename(None).to_dataset(name=f"{name}_values" if name in data.coords else name)
    advice = "Give an xarray Dataset or DataArray, such as fed.open(id) or run.result() returns."
    if hasattr(data, "to_xarray"):
        advice = "Give an xarray Dataset or DataArray: data.to_xarray() makes one of this."
    elif hasattr(data, "result"):
        advice = "Give its result: portal.view(run.result())."
    kind = type(data)
    raise InvalidInput(
        "A view needs an xarray Dataset or DataArray",
        found=f"{kind.__module__}.{kind.__qualname__}",
        advice=advice,
    )


def title_for(ds: xr.Dataset, title: str | None) -> str:
    """Return the heading: what was asked for, else the dataset's own title."""
    if title is not None:
        return title
    own = ds.attrs.get("title")
    return own.strip() if isinstance(own, str) else ""
