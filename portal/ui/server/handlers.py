"""The routes. Each asks who it is (403), whether they may (403), and only then the federation.

Every method bears :func:`portal.ui.server.guard.guarded`. POST is refused without the XSRF token, as everywhere in Jupyter.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado import web

from portal.errors import InvalidQuery, PortalError
from portal.ui import finding, messages
from portal.ui.server.dashboards import DashboardPages
from portal.ui.server.doors import ROUTE as DOORS
from portal.ui.server.doors import DoorHandler
from portal.ui.server.guard import RESOURCE, guarded, status_of

if TYPE_CHECKING:
    from portal.federation.federation import Federation

MOST_BYTES = 100_000


class PortalHandler(APIHandler):
    """What the routes share: an answer from the federation, or an error, both as JSON."""

    auth_resource = RESOURCE

    async def answer(self, work: Callable[[Federation], Any]) -> None:
        """Reply with what ``work`` returns; errors become {kind, message} with their status."""
        try:
            result = await self.settings["portal_door"].ask(work)
        except PortalError as error:
            self.set_status(status_of(error))
            result = messages.failure(error)
        if result is None:
            self.set_status(HTTPStatus.NO_CONTENT)
            self.finish()
        else:
            self.finish(json.dumps(result))

    def body(self) -> Any:
        """Read the request's body.

        Raises
        ------
        InvalidQuery
            It is not JSON, or too long.
        """
        if len(self.request.body) > MOST_BYTES:
            raise InvalidQuery(
                f"A request has at most {MOST_BYTES} bytes",
                found=f"{len(self.request.body)}",
                advice="Shorten it.",
            )
        try:
            return json.loads(self.request.body)
        except ValueError as error:
            raise InvalidQuery(
                "The request's body is not JSON", found=str(error), advice="Send a JSON object."
            ) from error

    def mapping(self) -> Mapping[str, Any]:
        """Read the request's body, a JSON object.

        Raises
        ------
        InvalidQuery
            It is something else.
        """
        values = self.body()
        if not isinstance(values, Mapping):
            raise InvalidQuery(
                "The request's body is no JSON object",
                found=f"a {type(values).__name__}",
                advice="Send {…}.",
            )
        return values

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Reply to what the server refuses, or to a fault, whose details stay in the log."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        if isinstance(error, web.HTTPError):
            phrase = HTTPStatus(status_code).phrase if status_code in _KNOWN else "Error"
            reply = {"kind": phrase.replace(" ", ""), "message": error.log_message or phrase}
        else:
            reference = secrets.token_hex(4)
            self.log.error("portal %s: %s failed", reference, self.request.path, exc_info=error)
            reply = messages.unexpected(reference)
        self.finish(json.dumps(reply))


_KNOWN = frozenset(int(status) for status in HTTPStatus)


class SearchHandler(PortalHandler):
    """Find datasets; asking is reading, although a query is posted."""

    @guarded("read")
    async def post(self) -> None:
        """Answer a Query."""
        await self.answer(lambda fed: finding.search(fed, self.body()))


class TimelineHandler(PortalHandler):
    """The density of a search's records over the years."""

    @guarded("read")
    async def post(self) -> None:
        """Answer with the bins."""
        await self.answer(lambda fed: finding.timeline(fed, self.body()))


class ItemHandler(PortalHandler):
    """A dataset's details."""

    @guarded("read")
    async def get(self, item_id: str) -> None:
        """Answer with the record and its lazy representation."""
        await self.answer(lambda fed: finding.item(fed, item_id))


class QuicklookHandler(PortalHandler):
    """A small picture of a dataset."""

    @guarded("read")
    async def get(self, item_id: str) -> None:
        """Answer with a data URL, or why there is none."""
        await self.answer(lambda fed: finding.quicklook(fed, item_id))


class ExportHandler(PortalHandler):
    """Records in other formats."""

    @guarded("read")
    async def post(self) -> None:
        """Answer with a file's name, type and text."""
        await self.answer(lambda fed: finding.export(fed, self.mapping()))


class SearchesHandler(PortalHandler):
    """The saved searches."""

    @guarded("read")
    async def get(self) -> None:
        """Answer with all of them."""
        await self.answer(finding.saved)

    @guarded("write")
    async def post(self) -> None:
        """Keep one."""
        await self.answer(lambda fed: finding.save(fed, self.mapping()))


class ForgetHandler(PortalHandler):
    """The end of a saved search."""

    @guarded("write")
    async def post(self) -> None:
        """Drop one."""
        await self.answer(lambda fed: finding.forget(fed, self.mapping()))


class RunsHandler(PortalHandler):
    """The runs there are."""

    @guarded("read")
    async def get(self) -> None:
        """Answer with the newest runs, and where others are that could not be listed."""
        await self.answer(messages.listing)


class RunHandler(PortalHandler):
    """One run."""

    @guarded("read")
    async def get(self, run_id: str) -> None:
        """Answer with all that is known of it."""
        await self.answer(lambda fed: messages.run(fed, run_id))


class CancelHandler(PortalHandler):
    """The end of a run."""

    @guarded("write")
    async def post(self, run_id: str) -> None:
        """End it."""
        await self.answer(lambda fed: messages.cancel(fed, run_id))


class RerunHandler(PortalHandler):
    """A run once more."""

    @guarded("write")
    async def post(self, run_id: str) -> None:
        """Start it; answer with its id."""
        await self.answer(lambda fed: messages.rerun(fed, run_id, self.mapping()))


class FacilitiesHandler(PortalHandler):
    """The facilities configured here."""

    @guarded("read")
    async def get(self) -> None:
        """Answer with their names."""
        await self.answer(messages.facilities)


ROUTES: tuple[tuple[str, type[JupyterHandler]], ...] = (
    (r"portal/api/search", SearchHandler),
    (r"portal/api/timeline", TimelineHandler),
    (r"portal/api/items/(.+)", ItemHandler),
    (r"portal/api/quicklooks/(.+)", QuicklookHandler),
    (r"portal/api/export", ExportHandler),
    (r"portal/api/searches", SearchesHandler),
    (r"portal/api/searches/forget", ForgetHandler),
    (r"portal/api/runs", RunsHandler),
    (r"portal/api/runs/([^/]+)", RunHandler),
    (r"portal/api/runs/([^/]+)/cancel", CancelHandler),
    (r"portal/api/runs/([^/]+)/rerun", RerunHandler),
    (r"portal/api/facilities", FacilitiesHandler),
    (r"portal/api/dashboards/([^/]+)/(.*)", DashboardPages),
    (DOORS, DoorHandler),
)
