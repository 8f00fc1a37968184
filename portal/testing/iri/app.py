"""The web application: authentication, requests and answers around the routes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from portal.testing.iri import routes_about, routes_work
from portal.testing.iri.bodies import PART
from portal.testing.iri.problems import Problem, unauthorized
from portal.testing.iri.routes import Call, House, Reply, Route
from portal.testing.iri.tokens import Tokens

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

VERSIONS: Final = (1, 2)
#: The largest body that is read, in bytes: a file of the largest size in its form.
_LARGEST: Final = PART + (1 << 20)


def application(house: House, tokens: Tokens) -> Starlette:
    """Return the application of both versions."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route as WebRoute

    found: dict[tuple[int, str], dict[str, Route]] = {}
    for version in VERSIONS:
        for route in (*routes_about.ROUTES, *routes_work.routes(version)):
            found.setdefault((version, route.path), {})[route.method] = route
    return Starlette(
        routes=[
            WebRoute(
                f"/api/v{version}{path}",
                _endpoint(house, tokens, version, methods),
                methods=[*methods],
            )
            for (version, path), methods in found.items()
        ],
        exception_handlers={HTTPException: _web_problem, Problem: _problem, Exception: _fault},
    )


def _endpoint(house: House, tokens: Tokens, version: int, methods: dict[str, Route]) -> Any:
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response

    async def endpoint(request: Request) -> Response:
        route = methods["GET" if request.method == "HEAD" else request.method]
        if not route.open and not _known(request, tokens):
            raise unauthorized()
        body = b"" if route.form else await _body(request)
        call = Call(
            version=version,
            base=f"{str(request.base_url).rstrip('/')}/api/v{version}",
            path=request.path_params,
            query=parse_qs(request.url.query, keep_blank_values=True),
            headers=request.headers,
            body=body,
            upload=await _file(request) if route.form else None,
        )
        value = await run_in_threadpool(route.handler, house, call)
        status = value.status if isinstance(value, Reply) else 200
        told = value.value if isinstance(value, Reply) else value
        return Response(status_code=status) if told is None else _json(told, status)

    return endpoint


def _json(told: Any, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Answer in JSON; bytes of a file's name that are no UTF-8 become question marks."""
    from starlette.responses import Response

    text = json.dumps(told, ensure_ascii=False).encode(errors="replace")
    return Response(text, status, headers, "application/json")


def _known(request: Request, tokens: Tokens) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and tokens.accepts(token.strip())


async def _body(request: Request) -> bytes:
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > _LARGEST:
            raise Problem(
                422, f"The body is larger than {_LARGEST} bytes.", {"Connection": "close"}
            )
    return bytes(found)


async def _file(request: Request) -> bytes | None:
    """Return the bytes of the form's file; None where the form has none."""
    from starlette.datastructures import UploadFile
    from starlette.exceptions import HTTPException

    if int(request.headers.get("content-length") or 0) > _LARGEST:
        raise Problem(422, f"The body is larger than {_LARGEST} bytes.", {"Connection": "close"})
    try:
        async with request.form(max_files=1, max_fields=10) as form:
            file = form.get("file")
            return await file.read(PART + 1) if isinstance(file, UploadFile) else None
    except HTTPException as error:
        raise Problem(400, f"The form cannot be read: {error.detail}") from error


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _json(error.to_dict(request.url.path), error.status, error.headers)


async def _web_problem(request: Request, error: Exception) -> Response:
    from starlette.exceptions import HTTPException

    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return await _problem(request, Problem(error.status_code, detail, error.headers or {}))


async def _fault(request: Request, _: Exception) -> Response:
    return await _problem(request, Problem(500, "The server has a fault; its log says more."))
