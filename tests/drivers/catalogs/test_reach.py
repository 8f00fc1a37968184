"""Where records may lead: addresses in every spelling, redirects, names that change."""

from __future__ import annotations

import asyncio
import pickle
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from portal.drivers.catalogs._address import kind, literal
from portal.drivers.catalogs._http import body
from portal.drivers.catalogs._reach import Reach, Refused, shown
from portal.errors import Denied, InvalidConfig, TooLarge


class Server:
    """Answers with its name, or with a redirect; counts who came."""

    def __init__(self, location: str = "", content: bytes = b"hello") -> None:
        self.agents: list[str] = []
        seen = self.agents

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(self.headers["User-Agent"])
                self.send_response(302 if location else 200)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0" if location else str(len(content)))
                self.end_headers()
                if not location:
                    self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@contextmanager
def serving(location: str = "", content: bytes = b"hello") -> Iterator[Server]:
    server = Server(location, content)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


OWN = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1",
    "127.0.0.1.", "localhost", "LOCALHOST.", "0.0.0.0", "0", "10.1.2.3", "172.16.0.1",
    "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[ff02::1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]", "%31%32%37.0.0.1", "①②⑦.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", OWN)
@pytest.mark.parametrize("form", ["http://{}/x.nc", "https://{}:8443/x.zarr", "HTTP://{}"])
def test_this_network_is_refused_in_every_spelling(host, form):
    with pytest.raises(Denied) as caught:
        Reach().check(form.format(host))
    assert caught.value.advice


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd", "FILE:///etc/passwd", "file://localhost/etc/passwd",
        "file://host/etc/passwd", "/etc/passwd", "data/../../etc/passwd", "local:///etc/passwd",
        "memory://x", "simplecache::file:///etc/passwd", "zip://x::file:///etc/passwd",
        "filecache::http://127.0.0.1/x", "reference://", "github://a:b@/x", "ftp://a/b",
        "gopher://a/", "data:text/plain,x", "http+unix://%2Frun%2Fdocker.sock/x", "unix:///run/x",
        "http://good.example@127.0.0.1/", "http://user:key@data.example/", "http:///x", "http://",
        "//127.0.0.1/x", "", " http://127.0.0.1/", "http://a b/", "http://a\\@127.0.0.1/",
        "http://a:99999/", "http://[::1", "http://a:0/", "javascript:alert(1)", "s3://",
    ],
)  # fmt: skip
def test_other_schemes_and_odd_urls_are_refused(href):
    with pytest.raises(Denied) as caught:
        Reach.of("https://data.example.gov/stac").check(href)
    assert caught.value.found


@pytest.mark.parametrize(
    "href", ["http://8.8.8.8/x", "https://[2606:4700::1]/x", "s3://bucket/key", "gs://bucket/key"]
)
def test_the_public_internet_is_reached(href):
    Reach().check(href)


def test_what_the_facility_file_names_is_allowed():
    reach = Reach.of("http://127.0.0.1:8080/stac", "HTTP://LocalHost/x")
    reach.check("http://127.0.0.1:8080/data/x.zarr")
    reach.check("http://localhost:80/y")
    for href in ("http://127.0.0.1:8081/", "http://127.0.0.1/x", "http://192.168.0.1:8080/"):
        if href != "http://127.0.0.1/x":
            with pytest.raises(Denied):
                reach.check(href)


@pytest.mark.parametrize(
    ("allow", "good", "bad"),
    [
        ("127.0.0.1:9000", "http://127.0.0.1:9000/x", "http://127.0.0.1:9001/x"),
        ("127.0.0.1", "https://127.0.0.1:1/x", "http://127.0.0.2/x"),
        ("10.0.0.0/8", "http://10.9.8.7:99/x", "http://192.168.0.1/x"),
        ("[::1]:9000", "http://[::1]:9000/x", "http://[::1]:9001/x"),
        ("fd00::/8", "http://[fd12::1]/x", "http://[::1]/x"),
        ("localhost:9000", "http://localhost:9000/x", "http://localhost:9001/x"),
    ],
)
def test_the_option_allow(allow, good, bad):
    reach = Reach.of("https://data.example.gov", allow=[allow])
    reach.check(good)
    with pytest.raises(Denied):
        reach.check(bad)


def test_a_directory_is_allowed_and_links_out_of_it_are_not(tmp_path):
    inside = tmp_path / "data"
    inside.mkdir()
    (inside / "out").symlink_to("/etc")
    for reach in (Reach.of(allow=[str(inside)]), Reach.of(str(inside))):
        reach.check(f"{inside}/x.nc")
        reach.check(f"file://{inside}/x%20y.nc")
        for href in (f"{inside}/../y", f"{inside}/out/passwd", f"{inside}2/x", "/etc/passwd"):
            with pytest.raises(Denied, match=r"a path on this computer.*allow = \["):
                reach.check(href)


@pytest.mark.parametrize(
    "entry", ["", "http://a", "a b", "a:b", "a/b", "user@a", "300.0.0.0/8", 5, "a\nb"]
)
def test_an_entry_of_another_kind_is_refused(entry):
    with pytest.raises(InvalidConfig, match="allow"):
        Reach.of(allow=[entry])


@pytest.mark.parametrize("url", ["data.example.gov", "ftp://a", "https://key@a", ""])
def test_an_endpoint_that_is_no_url_is_refused(url):
    with pytest.raises(InvalidConfig, match="not a URL"):
        Reach.of(url)


def test_the_refusal_names_the_line_to_write_and_no_secret():
    with pytest.raises(Denied) as caught:
        Reach().check("http://127.0.0.1:9000/x.zarr?X-Amz-Signature=secret#secret")
    assert "secret" not in str(caught.value)
    assert 'allow = ["127.0.0.1:9000"]' in caught.value.advice
    assert "loopback" in caught.value.found
    assert shown("http://me:secret@a/b?c=secret") == "http://a/b"


@given(st.ip_addresses(v=4, network="127.0.0.0/8") | st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_own_addresses_in_numbers(address):
    number = int(address)
    for text in (str(number), hex(number), f"0{number:o}", str(address)):
        assert literal(text) == address
        assert kind(literal(text))
    for text in (f"[::ffff:{address}]", f"[64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}]"):
        assert kind(literal(text))


def test_a_session_reaches_the_endpoint_and_says_who_it_is():
    with serving() as server:
        session = Reach.of(server.url).session()
        assert session.get(server.url).text == "hello"
        assert server.agents[0].startswith("portal-science/")
        again = pickle.loads(pickle.dumps(session))
        assert again.get(server.url).text == "hello"


def test_a_session_reaches_nothing_else():
    with serving() as server:
        with pytest.raises(Denied, match="allow"):
            Reach.of("https://data.example.gov").session().get(server.url)
        assert server.agents == []


@pytest.mark.parametrize("target", ["{}/x", "file:///etc/passwd", "ftp://127.0.0.1/"])
def test_a_session_follows_no_redirect_to_what_is_refused(target):
    with serving() as inner, serving(target.format(inner.url)) as outer:
        session = Reach.of(outer.url).session()
        with pytest.raises((Denied, requests.exceptions.InvalidSchema)):
            session.get(outer.url)
        assert inner.agents == []
        assert len(outer.agents) == 1


def test_a_session_follows_a_redirect_to_what_is_allowed():
    with serving() as inner, serving(inner.url) as outer:
        reach = Reach.of(outer.url, allow=[f"127.0.0.1:{inner.port}"])
        assert reach.session().get(outer.url).text == "hello"


def change_mind(monkeypatch, *answers: str) -> None:
    """A name server that gives another address each time, as in DNS rebinding."""
    left, whole = list(answers), socket.getaddrinfo

    def answer(host, port, *args, **kwargs):
        if host != "data.example.gov":
            return whole(host, port, *args, **kwargs)
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def test_a_name_that_changes_its_address_gains_nothing(monkeypatch):
    with serving() as server:
        change_mind(monkeypatch, "8.8.8.8", "127.0.0.1")
        with pytest.raises(Denied, match="allow"):
            Reach().session().get(f"http://data.example.gov:{server.port}/x")
        change_mind(monkeypatch, "8.8.8.8", "127.0.0.1")
        with pytest.raises(Refused, match="allow"):
            fetch(Reach(), f"http://data.example.gov:{server.port}/x")
        assert server.agents == []


def test_a_connection_by_tls_is_to_the_name_that_was_asked_for(tmp_path):
    """The certificate is the name's, though the connection is made to a checked address."""
    with serving() as server:
        certificate = certify(tmp_path, "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
        session = Reach.of(f"https://localhost:{server.port}").session()
        url, verify = f"https://localhost:{server.port}", str(certificate)
        assert session.get(url, verify=verify).text == "hello"
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"https://127.0.0.1:{server.port}", verify=verify)
        with pytest.raises(Denied):
            Reach().session().get(f"https://localhost:{server.port}")


def certify(path: Path, name: str) -> Path:
    """A key and a certificate of a name, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    target = path / "server.pem"
    target.write_bytes(
        key.private_bytes(pem, kind, serialization.NoEncryption()) + certificate.public_bytes(pem)
    )
    return target


def test_a_name_that_is_unknown_is_a_fault_of_the_network(monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(requests.exceptions.ConnectionError, match="no address is known"):
        Reach().session().get("http://data.example.gov/x")


def test_an_answer_is_read_up_to_a_limit():
    with serving(content=b"x" * 100_000) as server:
        session = Reach.of(server.url).session()
        assert len(body(session.get(server.url, stream=True))) == 100_000
        with pytest.raises(TooLarge, match="too long"):
            body(session.get(f"{server.url}?key=secret", stream=True), most=1000)


def fetch(reach: Reach, url: str) -> bytes:
    async def ask() -> bytes:
        async with await reach.client() as client, client.get(url) as answer:
            return await answer.read()

    return asyncio.run(ask())


def test_the_asynchronous_client_reaches_the_endpoint():
    with serving() as server:
        assert fetch(Reach.of(server.url), server.url) == b"hello"
        assert server.agents[0].startswith("portal-science/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433"])
def test_the_asynchronous_client_reaches_nothing_else(host):
    with serving() as server:
        with pytest.raises(Refused, match="allow"):
            fetch(Reach.of("https://data.example.gov"), f"http://{host}:{server.port}/")
        assert server.agents == []


def test_the_asynchronous_client_follows_no_redirect_to_what_is_refused():
    with serving() as inner, serving(inner.url) as outer:
        with pytest.raises(Refused, match="allow"):
            fetch(Reach.of(outer.url), outer.url)
        assert inner.agents == []
        allowed = Reach.of(outer.url, allow=[f"127.0.0.1:{inner.port}"])
        assert fetch(allowed, outer.url) == b"hello"
