"""Terms: the tantivy index of the records, which is rebuilt from the record of truth at need.

Its files lie in a directory of their own, named by ``terms.json`` beside the database. That file
also holds the generation of the records that they show, and each file's size and time, so that
files that are missing, cut or written over are noticed when the index is opened. A writer marks it
before it touches the files: a process killed on the way leaves a mark, not a doubt, and the changes
since the last generation, harmless to repeat, are applied again.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from portal.errors import Unreadable
from portal.index.document import document, open_index, plainly
from portal.index.entry import Entry
from portal.index.numbers import Numbers, numbers
from portal.index.store import Store

SCHEMA = 5

#: Seconds after which searches see what was taken in batches.
LAG = 30.0

_SMALL, _LARGE = 15_000_000, 128_000_000
_MANY = 2_000
_FEW = 20_000


@dataclass(frozen=True, slots=True)
class State:
    """What ``terms.json`` says.

    Parameters
    ----------
    files
        Size and modification time of every file; None while a writer is at work.
    """

    directory: str
    generation: int
    files: dict[str, list[int]] | None
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class View:
    """An opened tantivy index at a generation."""

    directory: str
    generation: int
    index: Any = field(repr=False)

    @property
    def searcher(self) -> Any:
        """A tantivy Searcher of this generation or a later one."""
        return self.index.searcher()


class Terms:
    """The tantivy index of a store's records, in the same directory."""

    def __init__(self, root: Path, store: Store) -> None:
        self._root = root
        self._store = store
        self._lock = threading.Lock()
        self._view: View | None = None
        self._lagging = 0
        self._updated = time.monotonic()
        state = self._state()
        if state and self._whole(state) and state.generation == store.generation()[0]:
            self._show(state)
        else:
            self.update(wait=True)

    def close(self) -> None:
        """Let go of the files."""
        self._view = None

    def view(self) -> View:
        """Return the index with every record that was due when this was called.

        Where another process is at work on it just now, what it had before is given instead. What
        was taken in batches is shown by the process that takes them, or by this one where that
        has not done so for twice ``LAG`` seconds.
        """
        view = self._view
        last, due = self._store.generation()
        late = time.monotonic() - self._updated > 2 * LAG
        if view is not None and view.generation >= (last if late else due):
            if view.generation == last:
                self._updated = time.monotonic()
            return view
        state = self._state()
        newer = state is not None and (view is None or state.generation > view.generation)
        if state is not None and newer:
            view, late, self._updated = self._show(state), False, time.monotonic()
        if view is None or view.generation < (last if late else due):
            self.update(wait=view is None)
        if self._view is None:
            raise Unreadable(
                f"The search index in {self._root} was closed", advice="Open it again."
            )
        return self._view

    def numbers(self) -> Iterator[tuple[str, int, list[str]]]:
        """Give the facets, numbers and values that were kept with the search files."""
        view = self._view
        return iter(()) if view is None else numbers(self._root / view.directory)

    def lag(self, changes: int) -> None:
        """Note changes that are not due yet; update where there are many, or it was long ago."""
        self._lagging += changes
        view = self._view
        known = view.searcher.num_docs if view else 0
        many = self._lagging > max(_FEW, known // 4)
        if many or time.monotonic() - self._updated > LAG:
            self.update(wait=True)
            self._store.show()

    def update(self, *, wait: bool, anew: bool = False) -> None:
        """Bring the index to the record of truth: apply what has changed, or build it anew."""
        with self._store.exclusive(wait=wait) as held:
            if not held:
                return
            generation, floor = self._store.step()
            state = None if anew else self._state()
            usable = state is not None and floor <= state.generation <= generation
            if state is None or not usable or not self._whole(state):
                state = State(f"terms-{uuid.uuid4().hex[:12]}", -1, None)
            if state.generation < generation or state.files is None:
                state = self._apply(state, generation)
            self._store.forget_removed(generation)
            self._sweep(state.directory)
            self._lagging, self._updated = 0, time.monotonic()
        if self._show(state) is None and not anew:
            self.update(wait=True, anew=True)

    def _apply(self, state: State, generation: int) -> State:
        path = self._root / state.directory
        fresh = state.generation < 0
        stale = [] if fresh else self._store.stale(state.generation)
        if not fresh:
            self._write(State(state.directory, state.generation, None))
        try:
            self._commit(path, state.generation, stale, fresh=fresh)
        except BaseException as error:
            if not is_damage(error):
                raise
            if fresh:
                raise Unreadable(
                    f"The search index cannot be written in {self._root}",
                    found=str(error),
                    advice="See that the directory has space and can be written.",
                ) from error
            return self._apply(State(f"terms-{uuid.uuid4().hex[:12]}", -1, None), generation)
        state = State(state.directory, generation, _listing(path))
        self._write(state)
        return state

    def _commit(self, path: Path, since: int, stale: list[int], *, fresh: bool) -> None:
        import tantivy

        if fresh:
            path.mkdir()
        index = open_index(path)
        large = fresh or len(stale) > _MANY
        writer = index.writer(_LARGE if large else _SMALL, num_threads=1)
        try:
            for start in range(0, len(stale), _MANY):
                some = tantivy.Query.term_set_query(
                    index.schema, "row", stale[start : start + _MANY]
                )
                writer.delete_documents_by_query(some)
            numbered = Numbers(path) if large else None
            for row, item in self._store.changed(since):
                writer.add_document(document(row, Entry.of(item), numbered or plainly))
            if numbered:
                numbered.write()
            writer.commit()
        except BaseException:
            writer.rollback()
            raise
        writer.wait_merging_threads()

    def _show(self, state: State) -> View | None:
        """Open or reload what the state names; None where it cannot be opened."""
        with self._lock:
            view = self._view
            try:
                if view is None or view.directory != state.directory:
                    index = open_index(self._root / state.directory)
                else:
                    index = view.index
                index.reload()
            except BaseException as error:
                if not is_damage(error):
                    raise
                self._view = None
            else:
                self._view = View(state.directory, state.generation, index)
            return self._view

    def _state(self) -> State | None:
        try:
            state = State(**json.loads((self._root / "terms.json").read_text()))
            return state if state.schema == SCHEMA and state.directory else None
        except (OSError, ValueError, TypeError):
            return None

    def _write(self, state: State) -> None:
        part = self._root / "terms.json.part"
        part.write_text(json.dumps(asdict(state)))
        part.replace(self._root / "terms.json")

    def _whole(self, state: State) -> bool:
        path = self._root / state.directory
        if state.files is None:
            return path.is_dir()
        try:
            return all(_stamp(path / name) == stamp for name, stamp in state.files.items())
        except OSError:
            return False

    def _sweep(self, keep: str) -> None:
        for path in self._root.glob("terms-*"):
            if path.name != keep:
                shutil.rmtree(path, ignore_errors=True)


def is_damage(error: BaseException) -> bool:
    """Whether tantivy could not use its files: it says so by ValueError, OSError or a panic."""
    return isinstance(error, (ValueError, OSError)) or type(error).__name__ == "PanicException"


def _listing(path: Path) -> dict[str, list[int]]:
    return {p.name: _stamp(p) for p in path.iterdir() if p.suffix != ".lock"}


def _stamp(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]
