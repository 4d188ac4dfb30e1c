"""Copies of a state file: of one moment, on the disk before they have their name, never over another file."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from driftline.errors import StateError, UsageError
from driftline.store.connection import beside, connect, sync_folder, translated


def backup(source: Path, target: Path) -> int:
    """Copy a state file, beside a running daemon too; returns the copy's bytes.

    Raises
    ------
    UsageError
        There is a file ``target`` already, or its folder cannot be written.
    StateError
        There is no such state file, or it is damaged.
    """
    if not source.exists():
        raise StateError(f"there is no state file {source}")
    if target.exists():
        raise UsageError(f"{target} exists; a backup overwrites nothing: choose another name")
    with closing(connect(source, read_only=True)) as db, translated(source):
        copy(db, target)
    return target.stat().st_size


def copy(db: sqlite3.Connection, target: Path) -> None:
    """Write what one moment of the database holds to a new file."""
    part = beside(target, f".part-{os.getpid()}")
    try:
        with closing(sqlite3.connect(part)) as into:
            db.backup(into)
            into.execute("PRAGMA journal_mode=DELETE")
        _sync(part)
        os.link(part, target)  # unlike a rename, this fails where the name is taken
        sync_folder(target.parent)
    except FileExistsError as error:
        raise UsageError(f"{target} exists; a backup overwrites nothing: choose another name") from error
    except (OSError, sqlite3.Error) as error:
        raise UsageError(f"{target} cannot be written: {error}") from error
    finally:
        with suppress(OSError):
            part.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
