"""The tables of the state file and its format version."""

from __future__ import annotations

FORMAT = 2
"""Raised with every change that an older program cannot read; ``migrations`` has a step for each."""

APPLICATION_ID = 0x44524654
"""SQLite's ``application_id`` of a state file: "DRFT"."""

BLOCK_TABLES = ("meta", "pane", "staged", "join_block", "rule_state", "counter")
"""Tables of named blocks: (stream, key) -> bytes."""

FORMAT_KEY = "format_version"

TABLES = (
    """CREATE TABLE partition (stream TEXT, topic TEXT, partition INTEGER, next_offset INTEGER NOT NULL,
    watermark_ms INTEGER, topic_id TEXT NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (stream, topic, partition))""",
    *(
        f"CREATE TABLE {table} (seq INTEGER PRIMARY KEY AUTOINCREMENT, "
        "stream TEXT NOT NULL, block BLOB NOT NULL)"
        for table in ("control", "outbox")
    ),
    *(
        f"CREATE TABLE {table} (stream TEXT, key TEXT, block BLOB NOT NULL, PRIMARY KEY (stream, key))"
        for table in BLOCK_TABLES
    ),
)
