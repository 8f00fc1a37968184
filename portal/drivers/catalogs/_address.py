"""Network addresses: which are this network's own, in whatever spelling."""

from __future__ import annotations

import ipaddress
import socket
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: IPv4 addresses within IPv6 ones (RFC 6052): the last 32 bits.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


def literal(host: str) -> Address | None:
    """Read a host that is an address: dotted, one number, hexadecimal, octal, shortened, IPv6.

    None for a name.
    """
    text = unicodedata.normalize("NFKC", unquote(host)).strip("[]").rstrip(".").partition("%")[0]
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, UnicodeError):
        return None


def resolve(host: str, port: int) -> tuple[Address, ...]:
    """Return the addresses of a host; none where its name is unknown.

    ``localhost`` and the names under it are loopback (RFC 6761), whatever a name server says.
    """
    known = literal(host)
    if known is not None:
        return (known,)
    if f".{host}".rstrip(".").lower().endswith(".localhost"):
        return (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1"))
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    return tuple(ipaddress.ip_address(text) for text in texts)


def kind(address: Address) -> str:
    """Say what an address is that is not one of the public internet; empty for a public one.

    Loopback, private (RFC 1918, RFC 4193), link-local with the clouds' metadata service,
    shared (RFC 6598), unspecified, multicast and reserved ones are not public, nor is an IPv6
    address that holds such an IPv4 one (mapped, compatible, translated, 6to4, Teredo).
    """
    for one in (address, *_within(address)):
        for name in ("loopback", "link_local", "unspecified", "multicast", "private", "reserved"):
            if getattr(one, f"is_{name}"):
                article = "an" if name == "unspecified" else "a"
                return f"{article} {name.replace('_', '-')} address"
        if not one.is_global:
            return "an address that is not of the public internet"
    return ""


def _within(address: Address) -> Iterator[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address in _TRANSLATED or (address in _COMPATIBLE and int(address) > 1):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    for held in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())):
        if held is not None:
            yield held
