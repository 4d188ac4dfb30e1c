"""From an older format to today's, one step a format, after a copy of the file as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from driftline.errors import StateError
from driftline.store import tables
from driftline.store.backup import copy
from driftline.store.connection import REMEDY, StateFull, beside, transaction
from driftline.store.migrations import one_to_two
from driftline.store.schema import FORMAT, FORMAT_KEY

STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {1: one_to_two.migrate}
"""What brings a file of each format to the next one."""


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring the file to today's format, all the way or not at all.

    Raises
    ------
    StateError
        The file is damaged, or the copy cannot be written; the file is as it was.
    """
    version = tables.format_version(db, FORMAT_KEY)
    if version == FORMAT:
        return
    kept = beside(path, f".format-{version}.backup")
    if not kept.exists():
        try:
            copy(db, kept)
        except Exception as error:
            raise StateError(f"{path} has to be migrated, and a copy is needed first: {error}") from error
    try:
        with transaction(db):
            for step in range(version, FORMAT):
                STEPS[step](db)
                tables.put_format(db, FORMAT_KEY, step + 1)
    except StateFull:
        raise
    except StateError as error:
        raise StateError(f"{error} ({path}); {REMEDY}") from error
