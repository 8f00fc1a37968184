"""The dashboards: what the Voilà pages share, and the server that serves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portal.core.analysis import Analysis
    from portal.federation.federation import Federation
    from portal.ui.dashboards.explorer import Explorer


def explore(fed: Federation, *analyses: Analysis) -> Explorer:
    """Lay out the whole main job: find, choose, run, look, publish.

    Parameters
    ----------
    analyses
        What can be run; by default those of the sample data.

    Returns
    -------
    Explorer
        Displays itself as the last line of a cell.

    Raises
    ------
    MissingDependency
        A checkout whose front-end has not been built.
    """
    # The server of the pages is of this package too, and needs no widget.
    from portal.ui.dashboards.explorer import Explorer

    if not analyses:
        from portal.sample.analyses import turbidity_by_surface, warming

        analyses = (turbidity_by_surface, warming)
    return Explorer(fed, analyses)
