"""Little catalogs that do what a test tells them, and federations of them."""

from __future__ import annotations

import threading
from contextlib import contextmanager

from portal.core.facility import DriverConfig, Facility
from portal.core.item import Item
from portal.core.plugins import CATALOGS
from portal.core.policy import Actor, Policy
from portal.federation.config import Home
from portal.federation.federation import Federation
from portal.federation.gate import Gate
from portal.federation.journal import Journal
from portal.federation.registry import Registry

MADE = "2020-01-01T00:00:00Z"


def item(facility, local, title="Turbidity", **more):
    return Item.build(facility, local, title=title, created=MADE, **more)


class Live:
    """A catalog that searches by itself: it does what it is told to, when it is asked."""

    def __init__(self, act, get=lambda local_id: None):
        self._act = act
        self._get = get
        self.asked = []
        self.wanted = []

    def __len__(self):
        return 0  # nobody may take it for none

    def items(self):
        raise AssertionError("a live catalog is not harvested")

    def open(self, item):
        return item.id

    def search(self, query):
        self.asked.append(query)
        return self._act(query)

    def get(self, local_id):
        self.wanted.append(local_id)
        return self._get(local_id)


def gives(*items):
    """A live catalog that has these records, whatever it is asked."""
    held = {item.local_id: item for item in items}
    return Live(lambda query: list(items), held.get)


class Held:
    """A live catalog that answers when the test lets it."""

    def __init__(self, *items):
        self.items_ = items
        self.entered = threading.Semaphore(0)
        self.release = threading.Event()
        self.asked = 0

    def items(self):
        raise AssertionError("a live catalog is not harvested")

    def open(self, item):
        raise AssertionError("nothing is opened by a search")

    def search(self, query):
        self.asked += 1
        self.entered.release()
        assert self.release.wait(60)
        return list(self.items_)


class Shelf:
    """A catalog whose records are taken into the index."""

    def __init__(self, *items):
        self.held = list(items)
        self.reads = 0

    def items(self):
        self.reads += 1
        yield from self.held

    def open(self, item):
        return item.id


def streamed(fed, query, pending):
    """The first result for which these and no others are waited for."""
    return next(r for r in fed.watch(query, deadline=60) if r.pending == pending)


@contextmanager
def federation(path, catalogs, *, policy=None, access="public"):
    """A federation of catalogs by (facility, name), built already; others wait to be added."""
    names = dict.fromkeys(facility for facility, _ in catalogs)
    facilities = {
        facility: Facility(
            facility,
            facility.upper(),
            access=access,
            catalogs={
                name: DriverConfig("no-such-driver")
                for where, name in catalogs
                if where == facility
            },
        )
        for facility in names
    }
    built = {(CATALOGS, *key): catalog for key, catalog in catalogs.items() if catalog is not None}
    home = Home.of(path)
    home.make()
    gate = Gate(Actor("ada"), policy or Policy(), Journal(home.journal))
    with Federation(home, Registry(facilities, built), gate) as fed:
        yield fed
