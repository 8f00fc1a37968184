"""The record of truth: an SQLite database in WAL mode, shared by any number of processes.

Every transaction that changes a record raises the generation by one, marks the records that it
wrote with it and notes the rows that it removed, so that whoever keeps a search index of them can
ask for what has changed since a generation that it knows. What is taken in batches is not due in
the searches at once: the generation that is due stays behind until someone shows it.
"""

from __future__ import annotations

import sqlite3
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from pathlib import Path

from portal.core.contracts import Batch
from portal.core.item import Item, split_id
from portal.errors import InvalidItem, Unavailable, Unreadable
from portal.index.tables import prepare, transaction

WAIT = 300.0

_CHUNK = 2_000
#: Kibibytes that the pages of the writer may take: less, and the index of ids is read over and over.
_CACHE = 32_000
#: Pages that the log holds before they are moved to the database, which waits for the disk twice.
_LOG_PAGES = 16_000

_OVERWRITE = """
ON CONFLICT (facility, local_id) DO UPDATE SET
    catalog = excluded.catalog,
    stac = excluded.stac,
    generation = CASE WHEN stac = excluded.stac THEN generation ELSE excluded.generation END
WHERE catalog != excluded.catalog OR stac != excluded.stac
"""
_WRITE = (
    "INSERT INTO items (facility, local_id, stac, catalog, generation) VALUES (?, ?, ?, ?, ?)"  # noqa: S608 - constants
    + _OVERWRITE
)
_MERGE = (
    "INSERT INTO items (facility, local_id, catalog, generation, stac)"  # noqa: S608 - constants
    " SELECT facility, local_id, ?, ?, stac FROM incoming WHERE true" + _OVERWRITE
)

_FACILITIES = """
WITH RECURSIVE found (name) AS (
    SELECT min(facility) FROM items
    UNION ALL
    SELECT (SELECT min(facility) FROM items WHERE facility > name) FROM found
    WHERE name IS NOT NULL
)
SELECT name FROM found WHERE name IS NOT NULL
"""

_GONE = """
FROM items WHERE facility = ? AND catalog = ? AND NOT EXISTS (
    SELECT 1 FROM incoming
    WHERE incoming.facility = items.facility AND incoming.local_id = items.local_id
)
"""


class Store:
    """The records of every facility, in ``path``.

    Raises
    ------
    Unavailable
        The directory cannot be written, or another process holds the database for too long.
    Unreadable
        The file is not a database of this version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        with ExitStack() as opened, _explained(path):
            self._reader = opened.enter_context(closing(self._connect()))
            self._writer = opened.enter_context(closing(self._connect()))
            self._writer.execute(f"PRAGMA cache_size = {-_CACHE}")
            self._writer.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            self._writer.execute("PRAGMA journal_size_limit = 4000000")
            prepare(self._writer, path)
            opened.pop_all()

    def close(self) -> None:
        """Close the connections."""
        with self._reading, self._writing:
            self._reader.close()
            self._writer.close()

    def generation(self) -> tuple[int, int]:
        """Return the number of the last change, and of the last one that searches must show."""
        with _explained(self._path), self._reading:
            found = self._reader.execute("SELECT generation, due FROM state").fetchone()
        return int(found[0]), int(found[1])

    def count(self) -> int:
        """Return the number of records."""
        with _explained(self._path), self._reading:
            return int(self._reader.execute("SELECT count(*) FROM items").fetchone()[0])

    def get(self, item_id: str) -> tuple[Item, str] | None:
        """Return the record of an id and the name of its catalog, None where there is none."""
        facility, local = split_id(item_id)
        sql = "SELECT facility, stac, catalog FROM items WHERE facility = ? AND local_id = ?"
        with _explained(self._path), self._reading:
            found = self._reader.execute(sql, (facility, local)).fetchone()
        return None if found is None else (Item(found[0], found[1]), str(found[2]))

    def local_ids(self, facility: str, catalog: str) -> set[str]:
        """Return the local ids of a catalog's records."""
        sql = "SELECT local_id FROM items WHERE facility = ? AND catalog = ?"
        with _explained(self._path), self._reading:
            return {name for (name,) in self._reader.execute(sql, (facility, catalog))}

    def facilities(self) -> frozenset[str]:
        """Return the facilities that have records; one step of the index for each of them."""
        with _explained(self._path), self._reading:
            return frozenset(name for (name,) in self._reader.execute(_FACILITIES))

    def rows(self, rows: Sequence[int]) -> dict[int, Item]:
        """Return the records of row numbers; rows that have gone are left out."""
        sql = f"SELECT row, facility, stac FROM items WHERE row IN ({','.join('?' * len(rows))})"  # noqa: S608 - only question marks
        with _explained(self._path), self._reading:
            found = self._reader.execute(sql, tuple(rows)).fetchall()
        return {row: Item(facility, stac) for row, facility, stac in found}

    def fingerprint(self, facility: str, catalog: str) -> str | None:
        """Return the fingerprint of a catalog when it was last taken in."""
        sql = "SELECT fingerprint FROM catalogs WHERE facility = ? AND catalog = ?"
        with _explained(self._path), self._reading:
            found = self._reader.execute(sql, (facility, catalog)).fetchone()
        return None if found is None else found[0]

    def cursor(self, facility: str, catalog: str) -> str | None:
        """Return the cursor of the last batch that was taken of a catalog since its last replace."""
        sql = "SELECT cursor FROM catalogs WHERE facility = ? AND catalog = ?"
        with _explained(self._path), self._reading:
            found = self._reader.execute(sql, (facility, catalog)).fetchone()
        return None if found is None else found[0]

    def take(self, facility: str, catalog: str, batch: Batch) -> None:
        """Take in a batch and its cursor, whole or not at all; it is not due in searches yet.

        The catalog's fingerprint is forgotten, for the records are no longer those it was of, as
        :meth:`replace` forgets the cursor.
        """
        rows = [_row(item) for item in _checked(batch.items, facility)]
        with _explained(self._path), self._writing, transaction(self._writer):
            connection = self._writer
            generation = _next(connection, due=False)
            connection.executemany(_WRITE, ((*row, catalog, generation) for row in rows))
            where = "FROM items WHERE facility = ? AND catalog = ? AND local_id = ?"
            for local_id in batch.removed:
                self._forget(connection, generation, where, (facility, catalog, local_id))
            connection.execute(
                "INSERT OR REPLACE INTO catalogs (facility, catalog, cursor) VALUES (?, ?, ?)",
                (facility, catalog, batch.cursor),
            )

    def show(self) -> None:
        """Make everything that was taken due in searches."""
        with _explained(self._path), self._writing:
            with transaction(self._writer):
                self._writer.execute("UPDATE state SET due = generation")
            self._writer.execute("PRAGMA shrink_memory")

    def upsert(self, items: Iterable[Item], *, catalog: str) -> None:
        """Add records, or put them in the place of those of the same id, some at a time.

        A source that fails leaves what it gave before; one that is slow holds no lock. They are due
        in searches when the last one is here.
        """
        source = (_row(item) for item in _checked(items, None))
        try:
            while rows := list(islice(source, _CHUNK)):
                with _explained(self._path), self._writing, transaction(self._writer):
                    generation = _next(self._writer, due=False)
                    self._writer.executemany(_WRITE, ((*row, catalog, generation) for row in rows))
        finally:
            self.show()

    def replace(
        self, facility: str, catalog: str, items: Iterable[Item], fingerprint: str | None
    ) -> None:
        """Make ``items`` the only records of a catalog; all of it happens, or nothing."""
        with self._spooled(items, facility) as connection, transaction(connection):
            generation = _next(connection)
            connection.execute(_MERGE, (catalog, generation))
            self._forget(connection, generation, _GONE, (facility, catalog))
            connection.execute(
                "INSERT OR REPLACE INTO catalogs (facility, catalog, fingerprint) VALUES (?, ?, ?)",
                (facility, catalog, fingerprint),
            )

    def remove(self, ids: Iterable[str]) -> None:
        """Remove the records of these ids; ids that are not here are passed over."""
        wanted = [split_id(item_id) for item_id in ids]
        with _explained(self._path), self._writing, transaction(self._writer):
            generation = _next(self._writer)
            for pair in wanted:
                where = "FROM items WHERE facility = ? AND local_id = ?"
                self._forget(self._writer, generation, where, pair)

    @contextmanager
    def exclusive(self, *, wait: bool) -> Iterator[bool]:
        """Hold the one lock of all writers, of every process; False where it is not to be had."""
        if not self._writing.acquire(blocking=wait):
            yield False
            return
        try:
            with _explained(self._path):
                self._writer.execute(f"PRAGMA busy_timeout = {int(WAIT * 1000) if wait else 0}")
                try:
                    self._writer.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as error:
                    if wait or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                        raise
                    yield False
                    return
                finally:
                    self._writer.execute(f"PRAGMA busy_timeout = {int(WAIT * 1000)}")
                try:
                    yield True
                except BaseException:
                    self._writer.execute("ROLLBACK")
                    raise
                self._writer.execute("COMMIT")
        finally:
            self._writing.release()

    def step(self) -> tuple[int, int]:
        """Return, within :meth:`exclusive`, the generation and the oldest one known in full."""
        found = self._writer.execute("SELECT generation, floor FROM state").fetchone()
        return int(found[0]), int(found[1])

    def changed(self, since: int) -> Iterator[tuple[int, Item]]:
        """Give, within :meth:`exclusive`, the rows and records written after a generation."""
        column = "generation" if since >= 0 else "+generation"
        sql = f"SELECT row, facility, stac FROM items WHERE {column} > ?"  # noqa: S608 - as it stands
        for row, facility, stac in self._writer.execute(sql, (since,)):
            yield row, Item(facility, stac)

    def stale(self, since: int) -> list[int]:
        """Return, within :meth:`exclusive`, the rows written or removed after a generation."""
        sql = (
            "SELECT row FROM items WHERE generation > :since"
            " UNION ALL SELECT row FROM removed WHERE generation > :since"
        )
        return [row for (row,) in self._writer.execute(sql, {"since": since})]

    def forget_removed(self, generation: int) -> None:
        """Drop, within :meth:`exclusive`, the notes about rows removed up to a generation."""
        self._writer.execute("DELETE FROM removed WHERE generation <= ?", (generation,))
        self._writer.execute("UPDATE state SET floor = ?", (generation,))

    @staticmethod
    def _forget(
        connection: sqlite3.Connection, generation: int, where: str, values: tuple[str, ...]
    ) -> None:
        connection.execute(
            f"INSERT OR REPLACE INTO removed SELECT row, {generation} {where}",
            values,
        )
        connection.execute(f"DELETE {where}", values)

    @contextmanager
    def _spooled(self, items: Iterable[Item], facility: str | None) -> Iterator[sqlite3.Connection]:
        """Write records to a table of this call's own, so that a slow source holds no lock."""
        with _explained(self._path):
            connection = self._connect()
            try:
                connection.execute(
                    "CREATE TEMP TABLE incoming (facility TEXT, local_id TEXT, stac TEXT,"
                    " UNIQUE (facility, local_id))"
                )
                connection.execute("BEGIN")
                connection.executemany(
                    "INSERT OR REPLACE INTO incoming VALUES (?, ?, ?)",
                    (_row(item) for item in _checked(items, facility)),
                )
                connection.execute("COMMIT")
                yield connection
            finally:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=WAIT, isolation_level=None, check_same_thread=False
        )
        with ExitStack() as opened:
            opened.enter_context(closing(connection))
            connection.execute("PRAGMA synchronous = NORMAL")
            opened.pop_all()
        return connection


def _checked(items: Iterable[Item], facility: str | None) -> Iterator[Item]:
    for item in items:
        if facility is not None and item.facility != facility:
            raise InvalidItem(
                f"A catalog of {facility!r} gave a record of another facility",
                found=item.id,
                advice="A catalog's records carry the id of the facility it was built with.",
            )
        if item.local_id.isprintable():
            yield item
        else:
            warnings.warn(
                f"A record was left out: its id {item.local_id!r} has characters that do not print",
                stacklevel=2,
            )


def _row(item: Item) -> tuple[str, str, str]:
    return item.facility, item.local_id, item.text


def _next(connection: sqlite3.Connection, *, due: bool = True) -> int:
    sql = "UPDATE state SET generation = generation + 1 RETURNING generation"
    (generation,) = connection.execute(sql).fetchone()
    if due:
        connection.execute("UPDATE state SET due = generation")
    return int(generation)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into Portal's."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(
            f"The index {path} cannot be used",
            found=str(error),
            advice="See that its directory can be written and has space, then try again.",
        ) from error
    except sqlite3.DatabaseError as error:
        raise Unreadable(
            f"The index {path} is damaged",
            found=str(error),
            advice="Move its directory away: the catalogs are harvested anew.",
        ) from error
