"""Door: what every verb of the federation stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from portal.core.facility import Facility
from portal.core.item import Item, split_id
from portal.core.policy import Action
from portal.federation.config import Home
from portal.federation.gate import Gate
from portal.federation.records import Records
from portal.federation.registry import Registry

if TYPE_CHECKING:
    from portal.words.semantic import Meanings


@dataclass
class Door:
    """Every facility's data and machines, for one person."""

    home: Home
    registry: Registry = field(repr=False)
    gate: Gate
    meanings: Meanings | None = field(default=None, repr=False)
    records: Records = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.records = Records(self.home, self.registry)

    def close(self) -> None:
        """Let go of the index. Runs go on."""
        self.records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def facilities(self) -> Mapping[str, Facility]:
        """The facilities configured here, by id."""
        return self.registry.facilities

    def item(self, item: Item | str) -> Item:
        """Return a record by its id.

        Raises
        ------
        InvalidItem, UnknownFacility, UnknownItem, Denied
        """
        return self._item(item)[0]

    def _item(self, item: Item | str) -> tuple[Item, str]:
        """A record and the name of its catalog."""
        item_id = item.id if isinstance(item, Item) else item
        facility = self.registry.facility(split_id(item_id)[0])
        self.gate.require(Action.DISCOVER, self.gate.site(facility))
        return self.records.get(item_id)

    def _require_data(self, item: Item) -> None:
        facility = self.registry.facility(item.facility)
        self.gate.require(Action.OPEN, self.gate.data(facility, item.id))
