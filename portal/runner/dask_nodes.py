"""Dask's scheduler and worker without HTTP, and TLS whose keys never touch a disk.

Imported by the workers too.
"""

from __future__ import annotations

import datetime
import os
import ssl
from contextlib import ExitStack
from typing import Any

from distributed import Scheduler, Worker
from distributed.http.routing import RoutingApplication
from distributed.security import Security


class QuietScheduler(Scheduler):
    """A scheduler that serves no HTTP."""

    def start_http_server(self, routes: Any, *_: Any, **__: Any) -> None:
        """Listen nowhere: Dask's pages have no authentication."""
        self.http_application = RoutingApplication([])  # type: ignore[no-untyped-call]


class QuietWorker(Worker):
    """A worker that serves no HTTP."""

    def start_http_server(self, routes: Any, *_: Any, **__: Any) -> None:
        """Listen nowhere: Dask's pages have no authentication."""
        self.http_application = RoutingApplication([])  # type: ignore[no-untyped-call]


class RunSecurity(Security):
    """The certificate of one run: its own authority, known to the run's processes alone."""

    @classmethod
    def for_run(cls) -> RunSecurity:
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
        public = certificate.public_bytes(serialization.Encoding.PEM).decode()
        roles = ("client", "scheduler", "worker")
        return cls(
            require_encryption=True,
            tls_ca_file=public,
            **{f"tls_{role}_key": private for role in roles},
            **{f"tls_{role}_cert": public for role in roles},
        )

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
