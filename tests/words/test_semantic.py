"""Finding by meaning, with a stand-in for the sentence model: phrases are near that share letters."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

import portal
from portal.errors import InvalidConfig, MissingDependency
from portal.words import understand
from portal.words.semantic import LONGEST, Meanings


def embed(texts):
    """Count the pairs of letters of each text."""
    vectors = np.zeros((len(texts), 26 * 26))
    for row, text in zip(vectors, texts, strict=True):
        letters = [ord(c) - 97 for c in text.lower() if "a" <= c <= "z"]
        for a, b in itertools.pairwise(letters):
            row[26 * a + b] += 1
    return vectors


@pytest.fixture(scope="module")
def meanings() -> Meanings:
    return Meanings(embed)


def test_the_nearest_phrases_give_the_names(meanings):
    concept = meanings.concept("precipitationz")
    assert concept is not None
    assert concept.words == "precipitationz"
    assert concept.names[0] == "precipitation_flux"


@pytest.mark.parametrize("words", ["", "0123", "qqq xx jj", "rain " * LONGEST, "\u5929\u6c17"])
def test_what_is_near_nothing_means_nothing(meanings, words):
    assert meanings.concept(words) is None


def test_meaning_is_asked_where_the_tables_know_nothing(meanings):
    text = "humidityness since 1990"
    assert understand(text).concepts == ()
    meant = understand(text, meanings=meanings)
    assert "relative_humidity" in meant.concepts[0].names
    assert (meant.text, meant.time.words) == ("", "since 1990")


def test_the_tables_come_first(meanings):
    assert understand("rain", meanings=meanings) == understand("rain")


@pytest.mark.parametrize("text", ['"humidityness"', "humidityness*", "-humidityness"])
def test_words_as_they_are_stay_so(meanings, text):
    assert understand(text, meanings=meanings).concepts == ()


def test_what_was_meant_is_taken_back(meanings):
    assert understand("humidityness", literal=("humidityness",), meanings=meanings).concepts == ()


def test_a_federation_finds_by_meaning(home, meanings):
    with portal.connect(home=home) as fed:
        fed.meanings = meanings
        hits = fed.search("carbondioxides")
        assert hits[0].id == "ornl:mauna-loa-co2"
        assert hits.understood.concepts


def test_a_directory_without_a_model_is_refused(home, tmp_path):
    with pytest.raises(InvalidConfig, match="modules.json"):
        portal.connect(home=home, sentence_model=tmp_path)


def test_the_extra_is_named(home, tmp_path, monkeypatch):
    (tmp_path / "modules.json").write_text("[]")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    monkeypatch.setenv("PORTAL_SENTENCE_MODEL", str(tmp_path))
    with pytest.raises(MissingDependency, match="semantic"):
        portal.connect(home=home)
