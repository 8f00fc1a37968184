"""`portal.finder` and `portal.form`: find and run in a notebook without writing more code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portal.core.analysis import Analysis
from portal.federation.federation import Federation

if TYPE_CHECKING:
    from portal.ui.widgets.finder import FinderWidget
    from portal.ui.widgets.form import AnalysisForm


def finder(fed: Federation, *, text: str = "") -> FinderWidget:
    """Show the finder: search box, facets, results, and a dataset's details.

    Parameters
    ----------
    text
        Words that are searched for at first.

    Returns
    -------
    FinderWidget
        ``.selected`` is the id, ``.item`` the record of what was chosen.

    Raises
    ------
    MissingDependency
        A checkout whose front-ends have not been built.
    """
    from portal.ui.widgets.finder import FinderWidget

    return FinderWidget(fed, text=text)


def form(fed: Federation, analysis: Analysis, **values: Any) -> AnalysisForm:
    """Show an analysis as a form: fill it in, run it, follow it, look at its result.

    Parameters
    ----------
    **values
        What the fields hold at first, by the names of its inputs and parameters.

    Returns
    -------
    AnalysisForm
        ``.run`` is the run that was started last.

    Raises
    ------
    InvalidInput, InvalidParameter
        ``analysis`` is none, or has no such input or parameter.
    MissingDependency
        A checkout whose front-ends have not been built.
    """
    from portal.ui.widgets.form import AnalysisForm

    return AnalysisForm(fed, analysis, **values)
