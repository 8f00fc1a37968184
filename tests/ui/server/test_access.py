"""Who may ask: every route of the extension is walked, so that a new one is held as well."""

from __future__ import annotations

import re

import pytest
from jupyter_server.auth import Authorizer
from tornado.httpclient import HTTPClientError
from tornado.web import RequestHandler

from portal.ui.server.handlers import ROUTES

VERBS = ("get", "head", "post", "put", "patch", "delete")


class Denier(Authorizer):
    """Says no to everything of Portal's, and to the kernels that its routes lead to."""

    def is_authorized(self, handler, user, action, resource) -> bool:
        return resource not in ("portal", "kernels")


def served(serverapp) -> list[tuple[str, type[RequestHandler]]]:
    """Every route of the running server whose path or whose handler is Portal's."""
    found = []
    for rule in serverapp.web_app.default_router.rules:
        for inner in getattr(rule.target, "rules", ()):
            pattern, handler = inner.matcher.regex.pattern, inner.target
            if "portal" in pattern or getattr(handler, "__module__", "").startswith("portal"):
                found.append((pattern, handler))
    return found


def an_address(pattern: str) -> str:
    """An address that a route answers to."""
    return re.sub(r"\([^)]*\)", "some:thing", pattern).removesuffix("$")


def implemented(handler: type[RequestHandler]) -> tuple[str, ...]:
    """The verbs that a handler answers to."""
    return tuple(v for v in VERBS if getattr(handler, v) is not getattr(RequestHandler, v))


@pytest.fixture
def knock(jp_serverapp, http_server_client, jp_auth_header):
    """Ask for a whole address; give the status alone."""

    async def _knock(address, verb, *, token=True, headers=None):
        try:
            reply = await http_server_client.fetch(
                address,
                method=verb.upper(),
                headers=(jp_auth_header if token else {}) | (headers or {}),
                body="{}" if verb == "post" else None,
                allow_nonstandard_methods=True,
                follow_redirects=False,
            )
        except HTTPClientError as error:
            return error.code
        return reply.code

    return _knock


def test_the_server_serves_the_routes_that_are_declared_and_no_other(jp_serverapp):
    assert sorted(h.__name__ for _, h in served(jp_serverapp)) == sorted(
        h.__name__ for _, h in ROUTES
    )


async def test_without_a_token_every_route_is_closed(jp_serverapp, knock):
    for pattern, handler in served(jp_serverapp):
        for verb in implemented(handler):
            assert await knock(an_address(pattern), verb, token=False) == 403, (pattern, verb)


async def test_a_verb_that_a_route_has_not_is_refused(jp_serverapp, knock):
    for pattern, handler in served(jp_serverapp):
        for verb in set(VERBS) - set(implemented(handler)):
            assert await knock(an_address(pattern), verb) == 405, (pattern, verb)


async def test_who_is_known_by_a_cookie_needs_the_xsrf_token_to_post(
    jp_serverapp, http_server_client, knock
):
    login = f"{jp_serverapp.base_url}api/status?token={jp_serverapp.identity_provider.token}"
    page = await http_server_client.fetch(login)
    login_cookie = page.headers.get_list("Set-Cookie")[0].partition(";")[0]
    known = {"Cookie": login_cookie, "Referer": http_server_client.get_url("/")}
    posts = []
    for pattern, handler in served(jp_serverapp):
        for verb in implemented(handler):
            code = await knock(an_address(pattern), verb, token=False, headers=known)
            if verb == "post":
                posts.append(handler)
                assert code == 403, pattern
            else:
                assert code in (200, 404), pattern
    assert posts == [h for _, h in served(jp_serverapp) if "post" in implemented(h)] != []

    xsrf = known | {"Cookie": f"{login_cookie}; _xsrf=abc", "X-XSRFToken": "abc"}
    search = an_address(served(jp_serverapp)[0][0])
    assert await knock(search, "post", token=False, headers=xsrf) == 200


class TestDenied:
    """With an Authorizer that says no, being known is not enough."""

    @pytest.fixture
    def jp_server_config(self, home):
        return {
            "ServerApp": {
                "jpserver_extensions": {"portal.ui.server": True},
                "authorizer_class": Denier,
            }
        }

    async def test_every_route_asks_the_authorizer(self, jp_serverapp, knock):
        for pattern, handler in served(jp_serverapp):
            for verb in implemented(handler):
                assert await knock(an_address(pattern), verb) == 403, (pattern, verb)
