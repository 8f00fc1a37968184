"""The tables of the record of truth, and how those of an earlier version become these."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.errors import Unreadable

SCHEMA = 2
#: Seconds to wait for another process that makes the same database, and between two tries.
_PATIENCE, _PAUSE = 10.0, 0.01

#: By the version that a database has, the statements that bring it to the next one.
_STEPS = {
    0: """
CREATE TABLE items (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    facility TEXT NOT NULL,
    local_id TEXT NOT NULL,
    catalog TEXT NOT NULL,
    generation INTEGER NOT NULL,
    stac TEXT NOT NULL,
    UNIQUE (facility, local_id)
);
CREATE INDEX items_generation ON items (generation);
CREATE INDEX items_catalog ON items (facility, catalog);
CREATE TABLE removed (row INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
CREATE TABLE catalogs (
    facility TEXT NOT NULL,
    catalog TEXT NOT NULL,
    fingerprint TEXT,
    PRIMARY KEY (facility, catalog)
);
CREATE TABLE state (generation INTEGER NOT NULL, floor INTEGER NOT NULL);
INSERT INTO state VALUES (0, 0)
""",
    1: """
ALTER TABLE catalogs ADD COLUMN cursor TEXT;
ALTER TABLE state ADD COLUMN due INTEGER NOT NULL DEFAULT 0;
UPDATE state SET due = generation
""",
}


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or bring them to this version, whole or not at all.

    Raises
    ------
    Unreadable
        They are of a later version.
    """
    if _version(connection) == 0:
        _log_ahead(connection)
    if _version(connection) < SCHEMA:
        with transaction(connection):
            for version in range(_version(connection), SCHEMA):
                for statement in _STEPS[version].split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
    if _version(connection) != SCHEMA:
        raise Unreadable(
            f"The index {path} is of another version of Portal",
            found=f"version {_version(connection)}, and this Portal reads {SCHEMA}",
            advice="Use the Portal that wrote it, or move it away: it is harvested anew.",
        )


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Have the database write ahead; SQLite waits for nobody who does the same at this moment."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
        else:
            return


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write at once: all of it, or nothing where it fails."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
