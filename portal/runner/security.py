"""The TLS of a run: one certificate that trusts itself only. Who holds its key is of the run.

On one machine it exists in the memory of the run's processes alone. Where other machines, or the
person who asked, have to hold it too, it lies in the run directory for as long as the run lives.
"""

from __future__ import annotations

import datetime
import os
import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

from distributed.security import Security

from portal.core.cluster import TLS, TLS_PEM
from portal.errors import Unreadable

_KEY: Final = "-----BEGIN PRIVATE KEY-----"
_ROLES: Final = ("client", "scheduler", "worker")


class RunSecurity(Security):
    """The certificate of one run: its own authority, known to the run's processes alone."""

    @classmethod
    def for_run(cls) -> Self:
        """Make a new key and a certificate that trusts itself only."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portal-run")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=2))
            .not_valid_after(now + datetime.timedelta(days=365))
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        return cls._of(certificate.public_bytes(serialization.Encoding.PEM).decode(), private)

    @classmethod
    def from_pem(cls, text: str) -> Self:
        """Take the certificate and the key that :meth:`save` wrote.

        Raises
        ------
        Unreadable
            They are not there.
        """
        public, mark, private = text.partition(_KEY)
        if not mark or "BEGIN CERTIFICATE" not in public:
            raise Unreadable(
                f"The {TLS_PEM} of the run holds no certificate with its key",
                found=f"{len(text)} characters",
                advice="The directory was damaged; end the run, and start another.",
            )
        return cls._of(public, mark + private)

    @classmethod
    def _of(cls, public: str, private: str) -> Self:
        return cls(
            require_encryption=True,
            tls_ca_file=public,
            **{f"tls_{role}_key": private for role in _ROLES},
            **{f"tls_{role}_cert": public for role in _ROLES},
        )

    def save(self, directory: Path) -> None:
        """Write the certificate and the key into a run directory, closed to other users."""
        place = directory / TLS
        place.mkdir(mode=0o700)
        tls = self.get_tls_config_for_role("client")  # type: ignore[no-untyped-call]
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(place / TLS_PEM, flags, 0o600), "w", encoding="ascii") as file:
            file.write(tls["cert"] + tls["key"])

    def server_context(self) -> ssl.SSLContext:
        """Return the context of a server that answers to holders of the key alone."""
        context: ssl.SSLContext = self.get_listen_args("scheduler")["ssl_context"]  # type: ignore[no-untyped-call]
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return the context of a client of the run's servers."""
        context: ssl.SSLContext = self.get_connection_args("client")["ssl_context"]  # type: ignore[no-untyped-call]
        return context

    def _get_tls_context(self, tls: dict[str, Any], purpose: ssl.Purpose) -> ssl.SSLContext:
        """Dask's context, but the PEM texts reach OpenSSL through anonymous memory, not files."""
        if not hasattr(os, "memfd_create"):  # macOS: files of this user alone, for a moment
            usual: ssl.SSLContext = super()._get_tls_context(tls, purpose)  # type: ignore[no-untyped-call]
            return usual
        context = ssl.create_default_context(purpose=purpose, cadata=tls["ca_file"])
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        with ExitStack() as stack:
            context.load_cert_chain(_in_memory(tls["cert"] + tls["key"], stack))
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = False
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def _in_memory(text: str, stack: ExitStack) -> str:
    descriptor = os.memfd_create("portal", os.MFD_CLOEXEC)
    stack.callback(os.close, descriptor)
    os.write(descriptor, text.encode())
    return f"/proc/self/fd/{descriptor}"
