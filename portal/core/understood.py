"""What a person's words were taken to mean: quantities, a place, a time."""

from __future__ import annotations

from dataclasses import dataclass

from portal.core.query import BBox, Concept, Interval


@dataclass(frozen=True, slots=True)
class Place:
    """A place that a person named.

    Parameters
    ----------
    words
        The words as they were typed, the preposition included: "over Texas".
    name
        The place's own name.
    bbox
        Its box.
    """

    words: str
    name: str
    bbox: BBox


@dataclass(frozen=True, slots=True)
class Period:
    """A time that a person named in words, such as "since 1990"."""

    words: str
    interval: Interval


@dataclass(frozen=True, slots=True)
class Understanding:
    """What was understood of a text; every part can be taken back by naming its words literal.

    Parameters
    ----------
    original
        The text as it was typed.
    text
        What is left of it as plain words.
    concepts
        Quantities, each with the variables that mean it.
    place, time
        Where and when; None where the text says nothing of it.
    offers
        Places that are named without "over" or "in": they could be meant, and are not applied.
    """

    original: str
    text: str
    concepts: tuple[Concept, ...] = ()
    place: Place | None = None
    time: Period | None = None
    offers: tuple[Place, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.concepts or self.place or self.time)

    def __str__(self) -> str:
        parts = [f"{c.words} = {' or '.join(c.names[:3])}" for c in self.concepts]
        if self.place:
            box = ", ".join(f"{x:g}" for x in self.place.bbox.to_list())
            parts.append(f"{self.place.words} = {self.place.name} ({box})")
        if self.time:
            parts.append(f"{self.time.words} = {self.time.interval}")
        return "; ".join(parts)
