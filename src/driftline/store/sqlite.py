"""The state file: one SQLite database that holds everything in one transaction a commit.

It does not know what blocks mean, and never starts empty where something was.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from driftline.errors import StateError
from driftline.records import Blob, BlobKey
from driftline.store import tables
from driftline.store.blobs import decode, encode
from driftline.store.lock import FileLock, Pause
from driftline.store.rows import Commit, Committed, Stored, Summary
from driftline.store.schema import (
    APPLICATION_ID,
    BLOCK_TABLES,
    FORMAT,
    FORMAT_KEY,
    TABLES,
)

_TEMPORARY = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY")


class StateFull(StateError):
    """The volume is full or fails for now: nothing was written, and the same commit may be tried again."""


class SqliteStore:
    """The state file, held by one process. Its methods may be called from any thread, one at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: FileLock | None) -> None:
        self._path = path
        self._db = connection
        self._lock = lock

    @classmethod
    def open(cls, path: str | Path, *, wait: bool = False, pause: Pause = time.sleep) -> SqliteStore:
        """Opens or creates the file for writing and takes its lock.

        Raises
        ------
        StateLocked
            Another process holds it (with ``wait``: until then it waits).
        StateError
            The file is damaged, newer than this program, of another program, or not writable.
        """
        path = Path(path)
        _make_folder(path)
        lock = FileLock.acquire(path, wait=wait, pause=pause)
        try:
            _create_if_absent(path)
            return cls(path, _connect(path), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def peek(cls, path: str | Path) -> SqliteStore:
        """Opens an existing file to read, without the lock, beside a running daemon too."""
        path = Path(path)
        if not path.exists():
            raise StateError(f"there is no state file {path}")
        return cls(path, _connect(path, read_only=True), None)

    def commit(self, commit: Commit) -> Committed:
        """Stores what changed, all of it or nothing.

        Raises
        ------
        StateFull
            For now it cannot be written; nothing was.
        StateError
            It cannot be written at all.
        """
        blocks = {key: None if blob is None else encode(blob) for key, blob in commit.blobs.items()}
        with _translated(self._path), _transaction(self._db):
            tables.put_partitions(self._db, commit.partitions)
            tables.put_blocks(self._db, blocks)
            written = tables.put_controls(self._db, commit.controls)
            seqs, outbox_bytes = tables.put_outbox(self._db, commit.outbox, commit.now_ms)
            self._db.executemany("DELETE FROM outbox WHERE seq = ?", ((seq,) for seq in commit.sent))
        return Committed(seqs, written + outbox_bytes + sum(len(b) for b in blocks.values() if b))

    def load(self) -> Stored:
        """All that the file holds; every checksum is verified (StateError names a damaged block)."""
        with _translated(self._path), _snapshot(self._db):
            return Stored(
                tables.partitions(self._db), self._blobs(), tables.outbox(self._db), tables.controls(self._db)
            )

    def _blobs(self) -> dict[str, dict[BlobKey, Blob]]:
        blobs: dict[str, dict[BlobKey, Blob]] = {}
        for table in BLOCK_TABLES:
            for stream, key, raw in self._db.execute(f"SELECT stream, key, block FROM {table}"):
                if (table, key) != ("meta", FORMAT_KEY):
                    blobs.setdefault(stream, {})[table, key] = decode(
                        raw, f'{table} "{key}" of stream "{stream}"'
                    )
        return blobs

    def summary(self) -> Summary:
        """What ``state show`` prints."""
        with _translated(self._path):
            version = _format_version(self._db)
            blocks = [(s, t, n, size) for t in BLOCK_TABLES for s, n, size in tables.sizes(self._db, t)]
        return Summary(version, self.size_bytes(), blocks, self.load())

    def size_bytes(self) -> int:
        """Size of the file with its write-ahead log."""
        return sum(p.stat().st_size for p in (self._path, _beside(self._path, "-wal")) if p.exists())

    def free_bytes(self) -> int:
        """Free bytes of the volume that the file is on."""
        volume = os.statvfs(self._path.parent)
        return volume.f_bavail * volume.f_frsize

    def close(self) -> None:
        """Closes the file and lets the next process in."""
        self._db.close()
        if self._lock is not None:
            self._lock.release()


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"the folder {path.parent} cannot be made: {error.strerror}") from error


def _create_if_absent(path: Path) -> None:
    """A new file appears complete, by renaming: so an empty one is always a damaged one."""
    if path.exists():
        return
    if (wal := _beside(path, "-wal")).exists():
        raise StateError(
            f"the state file {path} is gone, but its log {wal.name} is there; restore both, or move it away"
        )
    new = _beside(path, ".new")
    new.unlink(missing_ok=True)
    with _translated(path):
        db = sqlite3.connect(new, isolation_level=None)
        try:
            tables.create(db, TABLES, APPLICATION_ID, FORMAT_KEY, FORMAT)
        finally:
            db.close()
    new.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    if path.stat().st_size == 0:
        raise StateError(f"the state file {path} is empty, so damaged; {_REMEDY}")
    with _translated(path):
        db = _connection(path, read_only)
        try:
            _verify(db, path)
            if not read_only:
                _make_durable(db)
        except BaseException:
            db.close()
            raise
    return db


def _connection(path: Path, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rw"
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5)


def _make_durable(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA journal_size_limit=67108864")
    db.execute("BEGIN IMMEDIATE")
    db.execute(f"PRAGMA application_id={APPLICATION_ID}")  # a write, so a read-only file is found now
    db.execute("COMMIT")


_REMEDY = "restore it from a backup, or move it away to read Kafka again from `kafka.start`"


def _verify(db: sqlite3.Connection, path: Path) -> None:
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StateError(f"{path} is not a state file of driftline")
    if (version := _format_version(db)) != FORMAT:
        raise StateError(
            f"the state file {path} has format {version}, this program reads {FORMAT}; "
            "run the version of driftline that wrote it, or a newer one"
        )
    if (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise StateError(f"the state file {path} is damaged ({found}); {_REMEDY}")


def _format_version(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT block FROM meta WHERE stream = '' AND key = ?", (FORMAT_KEY,)).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            db.execute("ROLLBACK")
        raise


@contextmanager
def _snapshot(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """The one place where SQLite's errors become ours."""
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
        raise StateError(f"the state file {path} is damaged or unusable: {error}; {_REMEDY}") from error
