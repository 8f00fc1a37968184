"""Words that no table knows, by their meaning: the nearest phrases of the vocabulary.

The phrases are embedded by a sentence model that the user has on disk; nothing is downloaded. It is
optional: the extra ``semantic``, and a model's directory named to :func:`portal.connect`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.core.query import Concept
from portal.errors import InvalidConfig, MissingDependency
from portal.words.tables import load

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

Embed = Callable[[Sequence[str]], "NDArray[Any]"]

#: The least cosine of two phrases that mean the same, and the most phrases whose names are taken.
LEAST, MOST = 0.5, 3
#: Longer texts are no phrase.
LONGEST = 200


class Meanings:
    """The vocabulary by meaning.

    Parameters
    ----------
    embed
        From n texts to an array of shape (n, width): one vector for each, of any length.
    """

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    @classmethod
    def of(cls, directory: str | os.PathLike[str]) -> Meanings:
        """Use the sentence-transformers model in a directory.

        Raises
        ------
        InvalidConfig
            There is no such directory, or it holds no model.
        MissingDependency
            The extra ``semantic`` is not installed.
        """
        path = Path(directory).expanduser()
        if not (path / "modules.json").is_file():
            raise InvalidConfig(
                "The sentence model is a directory that sentence-transformers wrote",
                found=f"no modules.json in {path}",
                advice="Save one with model.save(…), and name its directory; nothing is downloaded.",
            )
        try:
            from sentence_transformers import SentenceTransformer
        except ModuleNotFoundError as error:
            raise MissingDependency(
                f"Finding by meaning needs the package {error.name!r}",
                found="it is not installed",
                advice='pip install "portal-science[semantic]"',
            ) from error
        model = SentenceTransformer(str(path.absolute()), local_files_only=True)
        return cls(lambda texts: model.encode(list(texts), show_progress_bar=False))

    def concept(self, words: str) -> Concept | None:
        """Return the quantity that words mean, its names from the nearest phrases; None if none is near."""
        import numpy as np

        if not words or len(words) > LONGEST or not any(c.isalpha() for c in words):
            return None
        phrases, vectors = self._vocabulary
        near = vectors @ _unit(self._embed([words]))[0]
        best = [i for i in np.argsort(-near)[:MOST] if near[i] >= LEAST]
        names = [name for i in best for name in load().synonyms[phrases[i]]]
        return Concept(words, tuple(dict.fromkeys(names))) if names else None

    @cached_property
    def _vocabulary(self) -> tuple[list[str], NDArray[Any]]:
        phrases = [p for p in load().synonyms if len(p) > 3]
        return phrases, _unit(self._embed(phrases))


def _unit(vectors: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    found = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    unit: NDArray[Any] = found / np.where(lengths == 0, 1, lengths)
    return unit
