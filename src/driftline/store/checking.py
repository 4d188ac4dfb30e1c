"""Everything that can be checked of a state file without knowing what its blocks mean."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from driftline.errors import StateError
from driftline.store import tables
from driftline.store.connection import REMEDY, connect, translated
from driftline.store.manifest import Manifest
from driftline.store.schema import FORMAT_KEY, TABLES
from driftline.store.sqlite import SqliteStore

_SQLITES_OWN = ("sqlite_sequence",)


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked and found sound."""

    format_version: int
    pages: int
    size_bytes: int
    rows: dict[str, int]
    """Rows with a checksum of their own, by table."""


def verify(path: Path) -> Report:
    """Check a state file, beside a running daemon too.

    Raises
    ------
    StateError
        The first thing that is not as it was written.
    """
    store = SqliteStore.peek(path)
    try:
        with closing(connect(path, read_only=True)) as db, translated(path):
            _check_pages(db, path)
            _check_tables(db, path)
            version = tables.format_version(db, FORMAT_KEY)
            pages = int(db.execute("PRAGMA page_count").fetchone()[0])
        found = Manifest()
        store.load(found)
        return Report(version, pages, store.size_bytes(), {t: n for t, (n, _x) in found.rows().items()})
    finally:
        store.close()


def _check_pages(db: sqlite3.Connection, path: Path) -> None:
    found = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise StateError(f"the state file {path} is damaged ({found}); {REMEDY}")


def _check_tables(db: sqlite3.Connection, path: Path) -> None:
    rows = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    found = {" ".join(str(sql).split()) for name, sql in rows if name not in _SQLITES_OWN}
    if found != {" ".join(sql.split()) for sql in TABLES}:
        raise StateError(f"the tables of the state file {path} are not as they were made; {REMEDY}")
