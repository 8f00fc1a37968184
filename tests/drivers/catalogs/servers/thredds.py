"""A small server of a THREDDS catalog: InvCatalog 1.0, DAP2 by pydap, and files with ranges.

It is no THREDDS: none can be installed here. Its catalogs are of the form that the InvCatalog 1.0
schema and a THREDDS data server's own catalogs have.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.drivers.catalogs.servers import dap
from tests.drivers.catalogs.servers.wsgi import App

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<catalog xmlns="http://www.unidata.ucar.edu/namespaces/thredds/InvCatalog/v1.0"'
    ' xmlns:xlink="http://www.w3.org/1999/xlink" name="{name}" version="1.2">\n'
    '  <service name="all" serviceType="Compound" base="">\n'
    '    <service name="odap" serviceType="OPENDAP" base="/thredds/dodsC/"/>\n'
    '    <service name="http" serviceType="HTTPServer" base="/thredds/fileServer/"/>\n'
    '    <service name="wms" serviceType="WMS" base="/thredds/wms/"/>\n'
    "  </service>\n{body}</catalog>\n"
)
_REFERENCE = '  <catalogRef xlink:href="{href}" xlink:title="{title}" ID="{title}" name=""/>\n'


def catalog(name: str, body: str) -> bytes:
    """Write a catalog."""
    return _HEAD.format(name=name, body=body).encode()


def reference(href: str, title: str) -> str:
    """Write a reference to another catalog."""
    return _REFERENCE.format(href=href, title=title)


def folder(title: str, service: str, *files: str) -> str:
    """Write a dataset that holds others, of which a service gives the files."""
    inner = "".join(
        f'    <dataset name="{f.rpartition("/")[2]}" ID="{f}" urlPath="{f}">'
        '<dataSize units="Kbytes">9.5</dataSize></dataset>\n'
        for f in files
    )
    return (
        f'  <dataset name="{title}" ID="{title}">\n    <metadata inherited="true">'
        f"<serviceName>{service}</serviceName></metadata>\n{inner}  </dataset>\n"
    )


def thredds(data: Path, catalogs: dict[str, bytes]) -> App:
    """Serve catalogs by path below ``/thredds``, and a directory's NetCDF files."""
    served = dap.directory(data)

    def app(environ: dict[str, Any], start: Any) -> Any:
        path = environ["PATH_INFO"].removeprefix("/thredds/")
        if path in catalogs:
            start("200 OK", [("Content-Type", "application/xml")])
            return [catalogs[path]]
        if path.startswith("dodsC/"):
            return served({**environ, "PATH_INFO": path.removeprefix("dodsC")}, start)
        file = data / path.removeprefix("fileServer/")
        if path.startswith("fileServer/") and file.is_file():
            return _file(file.read_bytes(), environ, start)
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not here"]

    return app


def _file(content: bytes, environ: dict[str, Any], start: Any) -> list[bytes]:
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", environ.get("HTTP_RANGE", ""))
    headers = [("Content-Type", "application/x-netcdf"), ("Accept-Ranges", "bytes")]
    if not asked:
        start("200 OK", [*headers, ("Content-Length", str(len(content)))])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else content]
    first = int(asked[1])
    part = content[first : int(asked[2]) + 1 if asked[2] else None]
    span = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
    sizes = [("Content-Length", str(len(part))), ("Content-Range", span)]
    start("206 Partial Content", [*headers, *sizes])
    return [part]
