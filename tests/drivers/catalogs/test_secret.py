"""Secrets: read from where the facility file says, and never shown."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.drivers.catalogs._secret import SecretRef, read_secret
from portal.errors import InvalidConfig

KEY = "s3cret-Qx7"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"  {KEY}\n")
    path.chmod(0o600)
    return path


def test_a_file_and_a_variable_give_the_key(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_KEY", f"{KEY}\n")
    assert read_secret(key_file=str(key_file)) == KEY
    assert read_secret(key_env="LAB_KEY") == KEY
    assert read_secret() is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_may_read_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(InvalidConfig, match=f"{mode:04o}.*chmod 600") as caught:
        read_secret(key_file=str(key_file), what="the API key of the lab")
    assert "the API key of the lab" in str(caught.value)
    assert KEY not in str(caught.value)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_KEY", raising=False)
    with pytest.raises(InvalidConfig, match="LAB_KEY .key_env. is not set"):
        read_secret(key_env="LAB_KEY")
    with pytest.raises(InvalidConfig, match="No such file.*correct key_file"):
        read_secret(key_file=str(tmp_path / "none"))
    with pytest.raises(InvalidConfig, match="cannot be read|is none"):
        read_secret(key_file=str(tmp_path))
    with pytest.raises(InvalidConfig, match="one place"):
        SecretRef("a", "b")


@pytest.mark.parametrize("held", ["", " \n", "two\nlines", "nul\0", "schlüssel", "x\r\nHost: evil"])
def test_what_is_no_key_is_refused_and_not_shown(
    key_file: Path, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file.write_text(held)
    with pytest.raises(InvalidConfig, match="one line of plain characters") as caught:
        read_secret(key_file=str(key_file))
    assert not held.strip() or held.strip() not in str(caught.value)


def test_a_reference_holds_no_secret(key_file: Path) -> None:
    ref = SecretRef(str(key_file), what="the key of the lab")
    assert ref.read() == KEY
    shown = repr(ref) + str(ref) + ref.advice + repr(pickle.dumps(ref))
    assert KEY not in shown
    assert "key_file" in ref.advice
    assert pickle.loads(pickle.dumps(ref)).read() == KEY
    assert ref
    assert not SecretRef()
    assert "key_env" in SecretRef().advice


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_any_printable_key_comes_back(key: str) -> None:
    os.environ["PORTAL_TEST_KEY"] = f"\n {key} "
    try:
        assert read_secret(key_env="PORTAL_TEST_KEY") == key
    finally:
        del os.environ["PORTAL_TEST_KEY"]
