"""What goes wrong at a web service, for every driver that asks one: named, and nothing else breaks."""

from __future__ import annotations

import json
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from portal.core.facility import DriverConfig
from portal.core.plugins import CATALOGS, build_driver
from portal.core.query import Query
from portal.drivers.catalogs import _service
from portal.errors import Denied, PortalError, PortalWarning, TooLarge, Unavailable, Unreadable
from tests.drivers.catalogs.servers import (
    ckan,
    data_gov,
    datacite,
    esgf,
    ess_dive,
    openmetadata,
    osti,
)
from tests.drivers.catalogs.servers.standin import Answer, Request, StandIn

WRONG: tuple[Any, ...] = (
    None, 7, -1e300, "text", ["list", 3, None], {"key": "value"}, json.loads("[" * 400 + "]" * 400),
)  # fmt: skip
SCRIPT = 'Air <script>alert("x")</script> & <b>more</b>'


@dataclass(frozen=True)
class Case:
    """A driver, its stand-in, its options, and a record of a title."""

    driver: str
    server: Callable[[Path], Any]
    options: Callable[[str], dict[str, Any]]
    record: Callable[[str], Any]
    #: Where the id and the title stand, by keys; everything else is made wrong.
    kept: tuple[str, ...] = ()


def _esgf_record(title: str) -> Any:
    return esgf.record("x", variable_long_name=[title])


CASES = (
    Case("osti", osti.OstiServer, lambda u: {"url": f"{u}/api/v1"}, lambda t: osti.record(9, t)),
    Case("datacite", datacite.DataciteServer, lambda u: {"url": u},
         lambda t: datacite.record("10.5072/nine", t)),
    Case("ckan", ckan.CkanServer, lambda u: {"url": u}, lambda t: ckan.record("nine", t)),
    Case("data-gov", data_gov.DataGovServer, lambda u: {"url": u}, lambda t: data_gov.record("nine", t)),
    Case("openmetadata", openmetadata.OpenMetadataServer,
         lambda u: {"url": u, "key_env": "TOKEN_OF_A_TEST"}, lambda t: openmetadata.record("nine", t)),
    Case("esgf", esgf.EsgfServer, lambda u: {"url": u, "index": esgf.INDEX}, _esgf_record),
    Case("ess-dive", ess_dive.EssDiveServer, lambda u: {"url": u},
         lambda t: ess_dive.record(9, t)),
)  # fmt: skip


@pytest.fixture(params=CASES, ids=lambda case: case.driver)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setenv("TOKEN_OF_A_TEST", openmetadata.TOKEN)
    chosen: Case = request.param
    return chosen


@pytest.fixture
def server(case: Case, tmp_path: Path) -> Iterator[Any]:
    with case.server(tmp_path) as standin:
        yield standin


def catalog_of(case: Case, url: str, timeout: float = 5.0) -> Any:
    options = case.options(url) | {"timeout": timeout}
    return build_driver(CATALOGS, DriverConfig(case.driver, options), "lab")


def ask(case: Case, server: StandIn, **options: Any) -> list[Any]:
    return list(catalog_of(case, server.origin, **options).search(Query.of("air")))


def test_a_service_that_is_down_is_unavailable(case: Case) -> None:
    with pytest.raises(Unavailable, match="127.0.0.1:9.*refused"):
        list(catalog_of(case, "http://127.0.0.1:9").search(Query.of("air")))


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (Answer({"message": "database is away"}, 500), Unavailable, "500.*database is away"),
        (Answer({}, 429, headers={"Retry-After": "600"}), Unavailable, "wants 600 s"),
        (Answer(b"{'not': json", 200), Unreadable, "does not answer in JSON"),
        (Answer(b"<html>Sign in</html>", 200, "text/html"), Unreadable, "one to sign in"),
        (Answer(b"<html>Sign in</html>", 401, "text/html"), Denied, "refuses"),
        (Answer({"detail": "no"}, 403), Denied, "403"),
        (Answer({"records": []}, 200, short=500), Unavailable, "breaks off"),
        (Answer(b"[" * 100_000, 200), Unreadable, "does not answer in JSON"),
        (Answer({"an": "answer", "of": ["another", "kind"]}), Unreadable, "no list of records"),
        (Answer({}, 302, headers={"Location": "http://169.254.169.254/latest"}), Denied, "169.254"),
        (Answer({}, 302, headers={"Location": "file:///etc/passwd"}), Unreadable, "cannot be asked"),
        (Answer({"message": "bad query"}, 400), Unreadable, "400.*bad query"),
    ],
    ids=[
        "500", "429", "rubbish", "page", "401", "403", "truncated", "nested", "another kind",
        "redirect", "redirect to a file", "400",
    ],
)  # fmt: skip
def test_a_bad_answer_is_named(
    case: Case, server: StandIn, answer: Answer, error: type[PortalError], said: str
) -> None:
    server.fault = lambda request: answer
    with pytest.raises(error, match=said) as caught:
        ask(case, server)
    assert caught.value.advice
    assert "air" not in str(caught.value), "the query is not shown"


def test_a_busy_service_is_asked_again(case: Case, server: StandIn) -> None:
    answers = [Answer({}, 503), Answer({}, 429, headers={"Retry-After": "0"})]
    server.fault = lambda request: answers.pop() if answers else None
    assert ask(case, server)
    assert not answers


def test_a_slow_service_is_left_after_the_timeout(case: Case, server: StandIn) -> None:
    over = threading.Event()
    server.fault = lambda request: Answer({}) if over.wait(30) else None
    try:
        with pytest.raises(Unavailable, match="timeout"):
            ask(case, server, timeout=0.3)
    finally:
        over.set()


def test_an_endless_answer_is_cut_off(
    case: Case, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_service, "LARGEST_PAGE", 2**20)
    server.fault = lambda request: Answer(b" " * 3 * 2**20)
    with pytest.raises(TooLarge, match="more than 1,048,576 bytes"):
        ask(case, server)


def test_a_script_in_a_title_stays_text(case: Case, server: Any) -> None:
    server.records.append(case.record(SCRIPT))
    found = list(catalog_of(case, server.origin).search(Query.of("alert", limit=5)))
    assert [i.title.startswith(SCRIPT) for i in found] == [True]


def test_broken_records_are_named_and_the_rest_goes_on(case: Case, server: Any) -> None:
    catalog = catalog_of(case, server.origin)
    whole = {i.id for i in catalog.items()}
    for wrong in (None, 7, ["list"], {"key": "value"}):
        server.records.append(_wrong(case.record("Nine"), wrong))
    server.records += [None, "not a record", 5, ["list"]]
    with pytest.warns(PortalWarning, match="left out") as caught:
        items = list(catalog.items())
    assert {i.id for i in items} == whole
    assert all("/" in str(w.message) for w in caught)


@pytest.mark.parametrize("first", [0, 3, 6])
def test_fields_of_a_wrong_kind_do_no_harm(case: Case, server: Any, first: int) -> None:
    """Each field alone: the record is given without it, or left out with a warning."""
    good = case.record("Nine lives")
    count = 0
    for count, path in enumerate(_paths(good), 1):
        wrong = WRONG[(first + count) % len(WRONG)]
        server.records.append(_with(good, path, wrong))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PortalWarning)
            for item in catalog_of(case, server.origin).items():
                assert item.title.strip()
                json.dumps(item.to_stac(), allow_nan=False)
        server.records.pop()
    assert count > 5


def _wrong(document: Any, wrong: Any, depth: int = 0) -> Any:
    """The record with every field but its id of a wrong kind."""
    id_keys = ("id", "osti_id", "fullyQualifiedName", "subject", "slug")
    if not isinstance(document, dict):
        return wrong
    return {
        k: v if k in id_keys and depth == 0 else wrong for k, v in document.items()
    }  # fmt: skip


def _paths(document: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in pairs:
        yield (*prefix, key)
        yield from _paths(value, (*prefix, key))


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(document))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


def test_a_dripping_answer_ends_at_the_timeout(tmp_path: Path) -> None:
    """Bytes that come one by one do not keep the question open."""
    import socket

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not over.is_set():
                try:
                    connection.sendall(b" ")
                except OSError:
                    return
                over.wait(0.05)

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(Unavailable, match="does not end"):
            list(catalog_of(CASES[0], url, timeout=1.0).items())
        assert time.monotonic() - began < 30
        over.set()
        thread.join()


def test_a_secret_goes_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_A_TEST", openmetadata.TOKEN)
    with StandIn() as other, openmetadata.OpenMetadataServer(tmp_path) as server:
        there = other.origin
        server.fault = lambda r: Answer({}, 302, headers={"Location": f"{there}/x"})
        seen: list[Request] = other.requests
        catalog = build_driver(
            CATALOGS,
            DriverConfig(
                "openmetadata",
                {"url": server.origin, "key_env": "TOKEN_OF_A_TEST", "allow": ["127.0.0.1"]},
            ),
            "lab",
        )
        with pytest.raises(Unreadable):
            list(catalog.items())
        assert seen
        assert "Authorization" not in seen[-1].headers
