"""A certificate for the loopback address, and the authority that vouches for it."""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_DAYS: Final = 30


def make(directory: Path) -> tuple[Path, Path, Path]:
    """Make both; return the files of the authority, of the certificate and of its key (0600)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.datetime.now(datetime.UTC)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
        for text in ("Portal's tests", "localhost")
    ]

    def certificate(name: x509.Name, of: ec.EllipticCurvePrivateKey, *, ca: bool) -> Certificate:
        usage = x509.KeyUsage(
            digital_signature=not ca,
            key_cert_sign=ca,
            crl_sign=ca,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(of.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=2))
            .not_valid_after(now + datetime.timedelta(days=_DAYS))
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(of.public_key()), False)
            .add_extension(known, critical=False)
        )
        if not ca:
            addresses = [
                x509.DNSName("localhost"),
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            ]
            built = built.add_extension(x509.SubjectAlternativeName(addresses), critical=False)
            server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
            built = built.add_extension(server, critical=False)
        return built.sign(authority_key, hashes.SHA256())

    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (
        write(
            directory / "ca.pem", certificate(names[0], authority_key, ca=True).public_bytes(pem)
        ),
        write(directory / "server.pem", certificate(names[1], key, ca=False).public_bytes(pem)),
        write(directory / "server.key", private),
    )


def write(path: Path, content: bytes) -> Path:
    """Write a file that only its owner can read, whole or not at all; return its path."""
    part = path.with_name(f"{path.name}.{os.urandom(6).hex()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - it is a descriptor
        file.write(content)
    return part.replace(path)
