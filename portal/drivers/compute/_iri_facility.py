"""What an IRI service says of its facility: resources, how they stand, what one may use of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from portal.core.standing import Allocation, Outage, Standing
from portal.drivers.compute._iri_client import Client, Request
from portal.errors import Denied, InvalidConfig, NotFound, Unavailable, Unreadable

_OVER: Final = ("cancelled", "completed")
_STORED: Final = ("bytes", "inodes")
#: Places for run directories, the best first (v2: LogicalName).
_PLACES: Final = ("home", "scratch", "project", "campaign", "shared")


class About:
    """Questions to one service that change nothing."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def name(self) -> str:
        """Return what the facility is called."""
        found = self._one("/facility")
        return str(found.get("short_name") or found.get("name") or self._client.base)

    def compute(self, wanted: str | None) -> dict[str, Any]:
        """Return the compute resource of an id or a name; the only one where none is named."""
        return _chosen(self._list("GET", "/compute/resources"), wanted, "resource", "compute")

    def storage(self, wanted: str | None, compute: str) -> dict[str, Any]:
        """Return the file system of an id or a name; that of the compute resource for none."""
        method = "GET" if self._client.version == "v1" else "POST"
        found = self._list(method, "/filesystem/resources")
        if wanted is None and any(one.get("id") == compute for one in found):
            wanted = compute
        return _chosen(found, wanted, "storage", "filesystem")

    def directory(self, storage: str, wanted: str | None) -> str:
        """Return the path of the directory of run directories.

        Parameters
        ----------
        storage
            Id of the file system.
        wanted
            An absolute path, or one that begins with ``~``; by default ``.portal/runs`` where the
            user may write.
        """
        if wanted and wanted.startswith("/"):
            return wanted.rstrip("/") or "/"
        places = self.locations(storage)
        if wanted:
            places = [one for one in places if one.get("logical_name") == "home"]
        for name in _PLACES:
            for one in places:
                if one.get("logical_name") == name and one.get("access", {}).get("write"):
                    below = (wanted or "~/.portal/runs").partition("/")[2]
                    return f"{str(one['path']).rstrip('/')}/{below}".rstrip("/")
        raise InvalidConfig(
            "The service does not say where run directories can lie",
            found=f"workspace = {wanted!r}" if wanted else "no `workspace`",
            advice="Set `workspace` of this compute resource to an absolute path of your own there.",
        )

    def locations(self, storage: str) -> list[dict[str, Any]]:
        """Return the storage locations of the user; version 1 has none."""
        return self._offered(f"/storage/locations/{quote(storage, safe='')}", {"intent": "write"})

    def endpoints(self, storage: str) -> list[dict[str, Any]]:
        """Return the other ways to the storage (Globus, XRootD, S3); version 1 has none."""
        return self._offered(f"/storage/access-endpoints/{quote(storage, safe='')}", {})

    def _offered(self, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
        if self._client.version == "v1":
            return []
        try:
            return _records(self._client.call(Request("GET", path, query=query, repeat=True)))
        except (NotFound, Denied, Unavailable):
            return []

    def standing(self, resource: str) -> Standing:
        """Say how a resource stands; ``resource`` is its id."""
        found = self._one(f"/status/resources/{quote(resource, safe='')}")
        status = found.get("current_status")
        return Standing(
            up={"up": True, "degraded": True, "down": False}.get(str(status)),
            text=self._text(found, str(status or "unknown")),
            outages=tuple(self._outages(resource)),
            allocations=tuple(self._allocations(found)),
        )

    def _text(self, resource: dict[str, Any], status: str) -> str:
        words = [str(resource.get("name") or resource["id"]), f"of {self.name()}"]
        site = _last(resource.get("site_uri"))
        if site:
            place = self._one(f"/facility/sites/{quote(site, safe='')}").get("locality_name")
            words += [f"({place})"] if place else []
        text = f"{' '.join(words)}: {status}"
        if status == "up":
            return text
        events = self._pages("/status/events", {"resource_id": resource["id"]})
        last = max(events, key=lambda one: str(one.get("occurred_at")), default={})
        said = last.get("description") or last.get("name")
        return f"{text}, {said}" if said else text

    def _outages(self, resource: str) -> Iterator[Outage]:
        now = time.time()
        for one in self._pages("/status/incidents", {"resource_id": resource}):
            start, end = moment(one.get("start")), moment(one.get("end"))
            named = [_last(uri) for uri in one.get("resource_uris") or []]
            if (
                start is None
                or (end is not None and end < now)
                or one.get("resolution") in _OVER
                or one.get("status") == "up"
                or (named and resource not in named)
            ):
                continue
            yield Outage(
                text=str(one.get("description") or one.get("name") or one.get("type")),
                start=start,
                end=end,
                planned=one.get("type") in ("planned", "reservation"),
                down=one.get("status") == "down",
            )

    def _allocations(self, resource: dict[str, Any]) -> Iterator[Allocation]:
        """Give what is left of each project for this resource; of the user's share, if that is less."""
        offered = {_last(uri) for uri in resource.get("capability_uris") or []}
        for project in self._account("/account/projects"):
            path = f"/account/projects/{quote(str(project['id']), safe='')}/project_allocations"
            for granted in self._account(path):
                if offered and _last(granted.get("capability_uri")) not in offered:
                    continue
                own = f"{path}/{quote(str(granted['id']), safe='')}/user_allocations"
                shares = [list(_entries(one, project)) for one in self._account(own)]
                for allocation in _entries(granted, project):
                    same = [a for share in shares for a in share if a.unit == allocation.unit]
                    yield min([allocation, *same], key=lambda one: one.left or 0.0)

    def _account(self, path: str) -> list[dict[str, Any]]:
        """Return records of the user's account; none where the service keeps no such account."""
        try:
            return _records(self._client.call(Request("GET", path, repeat=True)))
        except (NotFound, Denied, Unavailable):
            return []

    def _one(self, path: str) -> dict[str, Any]:
        found = self._client.call(Request("GET", path, repeat=True))
        if not isinstance(found, dict):
            raise _unknown(path, found)
        return found

    def _list(self, method: str, path: str) -> list[dict[str, Any]]:
        return _records(self._client.call(Request(method, path, repeat=True)), path)

    def _pages(self, path: str, query: dict[str, str]) -> Iterable[dict[str, Any]]:
        return _records(list(self._client.pages(Request("GET", path, query=query, repeat=True))))


def _chosen(
    found: list[dict[str, Any]], wanted: str | None, option: str, what: str
) -> dict[str, Any]:
    fitting = [one for one in found if wanted is None or wanted in (one.get("id"), one.get("name"))]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(f"{one.get('name')} ({one.get('id')})" for one in found) or "none"
    raise InvalidConfig(
        f"There is no {what} resource {wanted!r} at this IRI service"
        if wanted
        else f"This IRI service has not just one {what} resource",
        found=names,
        advice=f"Set `{option}` to the id or the name of one of them.",
    )


def _entries(record: dict[str, Any], project: dict[str, Any]) -> Iterator[Allocation]:
    for entry in record.get("entries") or []:
        unit = str(entry.get("unit") or "").rpartition(":")[2].replace("-", "_")
        if unit and unit not in _STORED:
            yield Allocation(
                str(project["id"]),
                unit,
                _number(entry.get("allocation")),
                _number(entry.get("usage")),
            )


def _records(found: Any, path: str = "") -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _unknown(path, found)
    return found


def _unknown(path: str, found: Any) -> Unreadable:
    return Unreadable(
        f"The IRI service answers {path or 'a question'} in a form that is not the document's",
        found=repr(found)[:500],
        advice="Tell the facility.",
    )


def _last(uri: Any) -> str:
    """Return the id at the end of a record's address, which may be one behind a proxy."""
    return urlsplit(str(uri or "")).path.rstrip("/").rpartition("/")[2]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def moment(text: Any) -> float | None:
    """Return a time of ISO 8601 in seconds since the epoch; None for what is none."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None
