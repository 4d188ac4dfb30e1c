"""The state file: one SQLite database that holds everything in one transaction a commit.

It does not know what blocks mean, and never starts empty where something was.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from driftline.errors import StateError
from driftline.records import Blob, BlobKey
from driftline.store import tables
from driftline.store.blobs import checksum_of, decode, encode
from driftline.store.connection import (
    REMEDY,
    StateFull,
    beside,
    connect,
    create_if_absent,
    make_folder,
    one_moment,
    transaction,
    translated,
)
from driftline.store.lock import FileLock, Pause
from driftline.store.manifest import MANIFEST_KEY, Manifest
from driftline.store.migrations import migrate
from driftline.store.rows import Commit, Committed, Stored, Summary
from driftline.store.schema import BLOCK_TABLES, FORMAT, FORMAT_KEY

__all__ = ["SqliteStore", "StateFull"]


class SqliteStore:
    """The state file, held by one process. Its methods may be called from any thread, one at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: FileLock | None) -> None:
        self._path = path
        self._db = connection
        self._lock = lock
        self._manifest: Manifest | None = None

    @classmethod
    def open(cls, path: str | Path, *, wait: bool = False, pause: Pause = time.sleep) -> SqliteStore:
        """Opens or creates the file for writing and takes its lock; one of an older format is migrated.

        Raises
        ------
        StateLocked
            Another process holds it (with ``wait``: until then it waits).
        StateError
            The file is damaged, newer than this program, of another program, or not writable.
        """
        path = Path(path)
        make_folder(path)
        lock = FileLock.acquire(path, wait=wait, pause=pause)
        try:
            create_if_absent(path)
            db = connect(path)
            try:
                with translated(path):
                    migrate(db, path)
            except BaseException:
                db.close()
                raise
            return cls(path, db, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def peek(cls, path: str | Path) -> SqliteStore:
        """Opens an existing file to read, without the lock, beside a running daemon too."""
        path = Path(path)
        if not path.exists():
            raise StateError(f"there is no state file {path}")
        db = connect(path, read_only=True)
        if (version := tables.format_version(db, FORMAT_KEY)) != FORMAT:
            db.close()
            raise StateError(
                f"the state file {path} has format {version}, this program reads {FORMAT}; "
                "`driftline run` migrates it, and keeps a copy"
            )
        return cls(path, db, None)

    def commit(self, commit: Commit) -> Committed:
        """Stores what changed, all of it or nothing.

        Raises
        ------
        StateFull
            For now it cannot be written; nothing was.
        StateError
            It cannot be written at all.
        """
        blocks = {
            key: None if b is None else encode(b, tables.place(*key)) for key, b in commit.blobs.items()
        }
        with translated(self._path), transaction(self._db):
            if self._manifest is None:
                self._manifest = tables.manifest(self._db, MANIFEST_KEY)
            manifest = self._manifest.copy()
            tables.put_partitions(self._db, manifest, commit.partitions)
            tables.put_blocks(self._db, manifest, blocks)
            written = tables.put_controls(self._db, manifest, commit.controls)
            seqs, outbox_bytes = tables.put_outbox(self._db, manifest, commit.outbox, commit.now_ms)
            tables.drop_outbox(self._db, manifest, commit.sent)
            tables.put_manifest(self._db, MANIFEST_KEY, manifest)
        self._manifest = manifest
        return Committed(seqs, written + outbox_bytes + sum(len(b) for b in blocks.values() if b))

    def load(self, counted: Manifest | None = None) -> Stored:
        """All that the file holds; every checksum is verified (StateError names a damaged block).

        ``counted``, an empty manifest, is filled with what was read.
        """
        found = counted if counted is not None else Manifest()
        try:
            with translated(self._path), one_moment(self._db):
                stored = Stored(
                    tables.partitions(self._db, found),
                    self._blobs(found),
                    tables.outbox(self._db, found),
                    tables.controls(self._db, found),
                )
                tables.manifest(self._db, MANIFEST_KEY).check(found)
        except StateFull:
            raise
        except StateError as error:
            told = str(error)
            raise StateError(told if REMEDY in told else f"{told} ({self._path}); {REMEDY}") from error
        return stored

    def _blobs(self, found: Manifest) -> dict[str, dict[BlobKey, Blob]]:
        blobs: dict[str, dict[BlobKey, Blob]] = {}
        for table in BLOCK_TABLES:
            for stream, key, raw in tables.blocks(self._db, table):
                name = f'{table} "{key}" of stream "{stream}"'
                blobs.setdefault(stream, {})[table, key] = decode(raw, name, tables.place(stream, table, key))
                found.add(table, checksum_of(raw))
        return blobs

    def summary(self) -> Summary:
        """What ``state show`` prints."""
        with translated(self._path):
            version = tables.format_version(self._db, FORMAT_KEY)
            blocks = [(s, t, n, size) for t in BLOCK_TABLES for s, n, size in tables.sizes(self._db, t)]
        return Summary(version, self.size_bytes(), blocks, self.load())

    def size_bytes(self) -> int:
        """Size of the file with its write-ahead log."""
        return sum(p.stat().st_size for p in (self._path, beside(self._path, "-wal")) if p.exists())

    def free_bytes(self) -> int:
        """Free bytes of the volume that the file is on."""
        volume = os.statvfs(self._path.parent)
        return volume.f_bavail * volume.f_frsize

    def close(self) -> None:
        """Closes the file and lets the next process in."""
        self._db.close()
        if self._lock is not None:
            self._lock.release()
