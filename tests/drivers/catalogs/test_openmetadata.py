"""The OpenMetadata catalog, against a stand-in of the documented APIs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.facility import DriverConfig
from portal.drivers.catalogs.openmetadata import OpenMetadataCatalog
from portal.errors import Denied, InvalidConfig
from portal.testing.live import LiveCatalogTests
from tests.drivers.catalogs.servers.openmetadata import TOKEN, OpenMetadataServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OpenMetadataServer]:
    with OpenMetadataServer(tmp_path) as standin:
        yield standin


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    path = tmp_path / "jwt"
    path.write_text(TOKEN)
    path.chmod(0o600)
    return str(path)


class TestOpenMetadata(LiveCatalogTests):
    @pytest.fixture
    def config(self, server: OpenMetadataServer, key_file: str) -> DriverConfig:
        return DriverConfig("openmetadata", {"url": server.origin, "key_file": key_file})

    @pytest.fixture
    def local_id(self) -> str:
        return "store.tas"


def test_a_record_keeps_what_openmetadata_tells(server: OpenMetadataServer, key_file: str) -> None:
    catalog = OpenMetadataCatalog("amsc", url=server.origin, key_file=key_file)
    item = catalog.get("store.raw")
    assert item is not None
    assert item.keywords == ("Climate", "S3")
    assert [(p.name, p.roles) for p in item.providers] == [
        ("Climate", ("producer",)),
        ("store", ("host",)),
    ]
    assert item.assets["file"].href == "s3://bucket/raw"
    assert item.links[0]["href"] == f"{server.origin}/container/store.raw"


def test_a_missing_or_wrong_key_is_named_and_never_shown(
    server: OpenMetadataServer, tmp_path: Path
) -> None:
    with pytest.raises(Denied, match="key_file or key_env"):
        list(OpenMetadataCatalog("amsc", url=server.origin).items())
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong-and-secret")
    wrong.chmod(0o600)
    with pytest.raises(Denied) as caught:
        list(OpenMetadataCatalog("amsc", url=server.origin, key_file=str(wrong)).items())
    assert "has not expired" in str(caught.value)
    assert "wrong-and-secret" not in str(caught.value)


def test_every_page_is_read(tmp_path: Path, key_file: str) -> None:
    with OpenMetadataServer(tmp_path, extra=230) as server:
        catalog = OpenMetadataCatalog("amsc", url=server.origin, key_file=key_file)
        assert len(list(catalog.items())) == 232


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="container, table"):
        OpenMetadataCatalog("amsc", url="https://catalog.example.gov", kind="user")
