"""Who may do what to which data: default deny.

Vocabulary as in Cedar: a principal (:class:`Actor`) asks for an :class:`Action` on a
:class:`Resource`. A rule answers True (permit), False (forbid) or None (no opinion). One forbid
forbids; without a permit the answer is no; a rule that fails forbids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from portal.errors import Denied


class Action(StrEnum):
    """The verbs the policy is asked about."""

    DISCOVER = "discover"
    OPEN = "open"
    RUN = "run"
    READ_RUN = "read_run"
    CANCEL = "cancel"
    PUBLISH = "publish"
    HARVEST = "harvest"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person, or an agent acting for one."""

    id: str
    kind: Literal["person", "agent", "service"] = "person"


@dataclass(frozen=True, slots=True)
class Resource:
    """What is asked for.

    Parameters
    ----------
    kind
        "facility", "item", "compute" or "run".
    access
        "public" or "owner"; "shared" for a run whose owner has opened its directory to others.
    owner
        The id of the Actor it belongs to; empty where it has none.
    """

    kind: Literal["facility", "item", "compute", "run"]
    id: str
    access: str = "owner"
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer, and the rule that gave it."""

    allowed: bool
    reason: str


Rule = Callable[[Actor, Action, Resource], bool | None]

READING = frozenset({Action.DISCOVER, Action.OPEN})


def public_data(actor: Actor, action: Action, resource: Resource) -> bool | None:
    """Anyone may find and open public data."""
    public = resource.kind in ("facility", "item") and resource.access == "public"
    return True if public and action in READING else None


def owner_may(actor: Actor, action: Action, resource: Resource) -> bool | None:
    """The owner may do everything to what is their own."""
    return True if resource.owner and resource.owner == actor.id else None


def shared_runs(actor: Actor, action: Action, resource: Resource) -> bool | None:
    """A run whose owner has opened its directory to others may be read by them."""
    shared = resource.kind == "run" and resource.access == "shared"
    return True if shared and action is Action.READ_RUN else None


def agents_ask_first(actor: Actor, action: Action, resource: Resource) -> bool | None:
    """An agent neither cancels nor publishes by itself."""
    return False if actor.kind == "agent" and action in (Action.CANCEL, Action.PUBLISH) else None


BUILT_IN_RULES: tuple[Rule, ...] = (public_data, owner_may, shared_runs, agents_ask_first)


@dataclass(frozen=True, slots=True)
class Policy:
    """A set of rules with default deny."""

    rules: tuple[Rule, ...] = BUILT_IN_RULES

    def decide(self, actor: Actor, action: Action, resource: Resource) -> Decision:
        """Ask every rule; the first forbid decides, then the first permit, then denial."""
        permit: Decision | None = None
        for rule in self.rules:
            name = getattr(rule, "__name__", type(rule).__name__)
            try:
                answer = rule(actor, action, resource)
            except Exception as error:  # noqa: BLE001 - a rule is a plug-in: one that fails forbids
                return Decision(False, f"the rule {name} failed ({type(error).__name__}: {error})")
            if answer is False:
                return Decision(False, f"the rule {name} forbids it")
            if answer is True and permit is None:
                permit = Decision(True, f"the rule {name} permits it")
        return permit or Decision(False, "no rule permits it")

    def require(self, actor: Actor, action: Action, resource: Resource) -> Decision:
        """Ask, and raise where the answer is no.

        Raises
        ------
        Denied
            The policy did not allow it.
        """
        decision = self.decide(actor, action, resource)
        if not decision.allowed:
            raise Denied(
                f"{actor.kind} {actor.id!r} may not {action} the {resource.kind} {resource.id!r}",
                found=f"{decision.reason} (access: {resource.access})",
                advice="Ask the facility for access, or choose other data with fed.search().",
            )
        return decision
