"""Federation: the one door. The policy is asked here, before every verb, and nowhere else.

The other verbs stand in :mod:`portal.federation.finding`, :mod:`portal.federation.running`,
:mod:`portal.federation.clusters` and :mod:`portal.federation.virtualizing`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from portal.core.contracts import SupportsPublish
from portal.core.item import Item
from portal.core.policy import Action, Actor, Policy
from portal.core.run import RESULT
from portal.errors import InvalidParameter
from portal.federation import launch
from portal.federation.clusters import Clustering
from portal.federation.config import LOCAL, Home
from portal.federation.doctor import Examining
from portal.federation.finding import Finding
from portal.federation.gate import Gate
from portal.federation.harvesting import Harvesting
from portal.federation.journal import Journal
from portal.federation.publish import result_record
from portal.federation.reap import Reaping
from portal.federation.registry import Registry
from portal.federation.runs import Run
from portal.federation.virtualizing import Virtualizing

MODEL_VARIABLE = "PORTAL_SENTENCE_MODEL"


def connect(
    *,
    home: str | os.PathLike[str] | None = None,
    sample: bool = True,
    policy: Policy | None = None,
    sentence_model: str | os.PathLike[str] | None = None,
) -> Federation:
    """Open the federation that is configured here.

    Parameters
    ----------
    home
        Portal's own directory; by default ``$PORTAL_HOME`` or the platform's place for user data.
    sample
        Whether the sample federation, whose data ships in packages, is part of it.
    policy
        Rules other than the built-in ones.
    sentence_model
        Directory of a sentence-transformers model, by which quantities are found that are named in
        words that no table knows; by default that of ``$PORTAL_SENTENCE_MODEL``, or none. It is
        loaded at once, which takes seconds.

    Returns
    -------
    Federation

    Raises
    ------
    Unavailable
        The home cannot be made.
    InvalidConfig, MissingDependency
        The sentence model cannot be loaded.

    Warns
    -----
    PortalWarning
        A facility file is at fault; the facility is left out.
    """
    import getpass

    place = Home.of(home)
    place.make()
    gate = Gate(Actor(getpass.getuser()), policy or Policy(), Journal(place.journal))
    registry = Registry.load(place, sample=sample)
    model = os.environ.get(MODEL_VARIABLE, "") if sentence_model is None else sentence_model
    if not model:
        return Federation(place, registry, gate)
    from portal.words.semantic import Meanings

    return Federation(place, registry, gate, Meanings.of(model))


class Federation(Examining, Finding, Harvesting, Clustering, Reaping, Virtualizing):
    """Every facility's data and machines, for one person; see :func:`connect`."""

    def publish(
        self,
        run: Run | str,
        *,
        title: str,
        description: str = "",
        keywords: Iterable[str] = (),
        to: str = LOCAL,
    ) -> Item:
        """Make a run's result a dataset that others find, with its lineage.

        Parameters
        ----------
        to
            The facility whose catalog takes it.

        Returns
        -------
        Item
            Searches find it at once. A result that was published already under this title is
            left as it is.

        Raises
        ------
        RunFailed, RunCanceled, InvalidInput, UnknownFacility, Denied
        InvalidParameter
            The facility has no catalog that takes results.
        """
        held = run if isinstance(run, Run) else self.get_run(run)
        self.gate.require(Action.PUBLISH, self.gate.site(self.registry.facility(to)))
        held.result()
        record = result_record(
            held.spec,
            to,
            title=title,
            description=description,
            keywords=keywords,
            created=launch.now(),
        )
        known = self.records.index.get(record.id)
        if known is not None:
            return known[0]
        for name, catalog in self.registry.catalogs(to):
            if isinstance(catalog, SupportsPublish):
                item = catalog.publish(record, held.directory.file(RESULT))
                self.records.add(item, name)
                self.gate.write("publish", item=item.id, run=held.id)
                return item
        raise InvalidParameter(
            f"No catalog of {to!r} takes results",
            found=f"catalogs: {', '.join(self.facilities[to].catalogs) or 'none'}",
            advice=f'Publish to {LOCAL!r}, or give it a catalog with driver = "folder".',
        )
