"""Connections to a state file: made durable, checked, and SQLite's errors as ours."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from driftline.errors import StateError
from driftline.store import tables
from driftline.store.manifest import MANIFEST_KEY, Manifest
from driftline.store.schema import APPLICATION_ID, FORMAT, FORMAT_KEY, TABLES

_TEMPORARY = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY")

REMEDY = "restore it from a backup, or move it away to read Kafka again from `kafka.start`"


class StateFull(StateError):
    """The volume is full or fails for now: nothing was written, and the same commit may be tried again.

    At the start it is exit 1 and not 3: when there is room, the same start goes well.
    """

    exit_code = 1


def beside(path: Path, suffix: str) -> Path:
    """A file of the same name with a suffix."""
    return path.with_name(path.name + suffix)


def make_folder(path: Path) -> None:
    """Make the folder that the file is in."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"the folder {path.parent} cannot be made: {error.strerror}") from error


def create_if_absent(path: Path) -> None:
    """A new file appears complete, by renaming: so an empty one is always a damaged one."""
    if path.exists():
        return
    if (wal := beside(path, "-wal")).exists():
        raise StateError(
            f"the state file {path} is gone, but its log {wal.name} is there; restore both, or move it away"
        )
    new = beside(path, ".new")
    new.unlink(missing_ok=True)
    with translated(path):
        db = sqlite3.connect(new, isolation_level=None)
        try:
            tables.create(db, TABLES, APPLICATION_ID)
            tables.put_format(db, FORMAT_KEY, FORMAT)
            tables.put_manifest(db, MANIFEST_KEY, Manifest())
            db.execute("COMMIT")
        finally:
            db.close()
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have a renamed file survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection to a state file of ours, of this format or an older one, whose pages are sound."""
    if path.stat().st_size == 0:
        raise StateError(f"the state file {path} is empty, so damaged; {REMEDY}")
    with translated(path):
        db = _connection(path, read_only)
        try:
            _check(db, path)
            if not read_only:
                make_durable(db)
        except BaseException:
            db.close()
            raise
    return db


def _connection(path: Path, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rw"
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5)


def make_durable(db: sqlite3.Connection) -> None:
    """A commit is on the disk when it returns; also finds out whether the file can be written at all."""
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA journal_size_limit=67108864")
    db.execute("BEGIN IMMEDIATE")
    db.execute(f"PRAGMA application_id={APPLICATION_ID}")  # a write, so a read-only file is found now
    db.execute("COMMIT")


def _check(db: sqlite3.Connection, path: Path) -> None:
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StateError(f"{path} is not a state file of driftline")
    if (version := tables.format_version(db, FORMAT_KEY)) > FORMAT or version < 1:
        raise StateError(
            f"the state file {path} has format {version}, this program reads {FORMAT}; "
            "run the version of driftline that wrote it, or a newer one"
        )
    if (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise StateError(f"the state file {path} is damaged ({found}); {REMEDY}")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it, or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            db.execute("ROLLBACK")
        raise


@contextmanager
def one_moment(db: sqlite3.Connection) -> Iterator[None]:
    """Everything that is read in here is of one commit."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """The one place where SQLite's errors become ours, and where what to do is said."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(_TEMPORARY):
            raise StateFull(f"the state file {path} cannot be written now: {error}") from error
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            raise StateError(
                f"the state file {path} cannot be written: {error}; check its permissions"
            ) from error
        raise StateError(f"the state file {path} is damaged or unusable: {error}; {REMEDY}") from error
    except (UnicodeError, OverflowError, MemoryError) as error:  # names and sizes of a damaged page
        raise StateError(f"the state file {path} is damaged ({type(error).__name__}); {REMEDY}") from error
