"""Servers of files on loopback: HTTP with ranges and index pages, and S3 (moto)."""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit


class Files:
    """Serves a directory: ranges, index pages, and redirects where it is told so.

    ``asked`` holds the method, path and range of every request.
    """

    def __init__(self, root: Path, redirects: dict[str, str]) -> None:
        self.asked: list[tuple[str, str, str]] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = unquote(urlsplit(self.path).path)
                span = self.headers.get("Range", "")
                asked.append((self.command, path, span))
                if path in redirects:
                    self.answer(302, b"", Location=redirects[path])
                    return
                place = root / path.lstrip("/")
                if place.is_dir():
                    names = (quote(p.name) + "/" * p.is_dir() for p in sorted(place.iterdir()))
                    links = "".join(f'<a href="{html.escape(n)}">{n}</a>\n' for n in names)
                    self.answer(
                        200, f"<html>{links}</html>".encode(), **{"Content-Type": "text/html"}
                    )
                elif not place.is_file():
                    self.answer(404, b"")
                elif match := re.fullmatch(r"bytes=(\d*)-(\d*)", span):
                    self.part(place.read_bytes(), *match.groups())
                else:
                    self.answer(200, place.read_bytes())

            do_HEAD = do_GET

            def part(self, data: bytes, first: str, last: str) -> None:
                start = int(first) if first else max(len(data) - int(last), 0)
                end = min(int(last) if first and last else len(data) - 1, len(data) - 1)
                if start >= len(data):
                    self.answer(416, b"", **{"Content-Range": f"bytes */{len(data)}"})
                    return
                told = {"Content-Range": f"bytes {start}-{end}/{len(data)}"}
                self.answer(206, data[start : end + 1], **told)

            def answer(self, status: int, data: bytes, **headers: str) -> None:
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self.http.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()


@contextmanager
def serving_files(root: Path, redirects: dict[str, str] | None = None) -> Iterator[Files]:
    """Serve a directory over HTTP."""
    server = Files(root, redirects or {})
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        server.thread.join()


@contextmanager
def serving_s3(root: Path, bucket: str) -> Iterator[str]:
    """Serve a directory as a bucket of an S3 server; gives the server's URL."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        client.create_bucket(Bucket=bucket)
        for path in sorted(root.rglob("*")):
            if path.is_file():
                client.put_object(
                    Bucket=bucket, Key=str(path.relative_to(root)), Body=path.read_bytes()
                )
        client.put_bucket_policy(Bucket=bucket, Policy=_anyone(bucket))
        client.close()
        yield url
    finally:
        server.stop()


def _anyone(bucket: str) -> str:
    """moto asks for HeadObject where S3 asks for GetObject."""
    allowed = {
        "s3:GetObject": f"{bucket}/*",
        "s3:HeadObject": f"{bucket}/*",
        "s3:ListBucket": bucket,
    }
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{name}"}
        for action, name in allowed.items()
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
