"""Gate: the policy asked for one person, with each denial in the journal."""

from __future__ import annotations

from dataclasses import dataclass, field

from portal.core.facility import Facility
from portal.core.policy import Action, Actor, Policy, Resource
from portal.errors import Denied
from portal.federation.journal import Journal


@dataclass(frozen=True, slots=True)
class Gate:
    """What one person may do; every verb of the federation passes here."""

    actor: Actor
    policy: Policy = field(repr=False)
    journal: Journal = field(repr=False)

    def require(self, action: Action, resource: Resource) -> None:
        """Ask the policy, and write a denial down.

        Raises
        ------
        Denied
            The answer was no, or there was none.
        """
        try:
            self.policy.require(self.actor, action, resource)
        except Denied as denial:
            self.write("denied", action=action.value, resource=resource.id, reason=denial.found)
            raise

    def sees(self, facility: Facility) -> bool:
        """Whether the facility's records may be found."""
        return self.policy.decide(self.actor, Action.DISCOVER, self.site(facility)).allowed

    def write(self, kind: str, **data: object) -> None:
        """Write down what this person did."""
        self.journal.append(kind, self.actor.id, **data)

    def site(self, facility: Facility) -> Resource:
        """The facility as a resource; a configured facility belongs to who configured it."""
        return Resource("facility", facility.id, facility.access, self.actor.id)

    def data(self, facility: Facility, item_id: str) -> Resource:
        """A dataset as a resource; its access is its facility's."""
        return Resource("item", item_id, facility.access, self.actor.id)

    def machine(self, at: str) -> Resource:
        """A compute resource as a resource; it belongs to who configured it."""
        return Resource("compute", at, owner=self.actor.id)

    def run(self, run_id: str, owner: str, *, shared: bool = False) -> Resource:
        """A run as a resource; it belongs to who asked for it, and may have opened it to others."""
        return Resource("run", run_id, "shared" if shared else "owner", owner)
