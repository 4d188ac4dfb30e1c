"""The rows of each table of the state file: how they are written, read and checked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import xxhash

from driftline.errors import StateError
from driftline.records import Blob, Message
from driftline.store.blobs import decode, encode
from driftline.store.rows import ControlRow, OutboxRow, PartitionRow, StreamKey

_SIGNED = 1 << 63


def create(
    db: sqlite3.Connection, tables: Iterable[str], application_id: int, format_key: str, version: int
) -> None:
    """Makes the tables of a new file."""
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("BEGIN IMMEDIATE")
    db.execute(f"PRAGMA application_id={application_id}")
    for statement in tables:
        db.execute(statement)
    db.execute("INSERT INTO meta VALUES ('', ?, ?)", (format_key, str(version).encode()))
    db.execute("COMMIT")


def _checksum(row: PartitionRow) -> int:
    text = "\0".join(
        map(str, (row.stream, row.topic, row.partition, row.next_offset, row.watermark_ms, row.topic_id))
    )
    return xxhash.xxh3_64_intdigest(text.encode()) - _SIGNED


def put_partitions(db: sqlite3.Connection, partitions: Iterable[PartitionRow]) -> None:
    """Writes offsets and watermarks."""
    db.executemany(
        "INSERT OR REPLACE INTO partition VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (r.stream, r.topic, r.partition, r.next_offset, r.watermark_ms, r.topic_id, _checksum(r))
            for r in partitions
        ),
    )


def partitions(db: sqlite3.Connection) -> list[PartitionRow]:
    """Reads offsets and watermarks; StateError where a row's checksum does not match."""
    found = []
    for *columns, checksum in db.execute("SELECT * FROM partition ORDER BY stream, topic, partition"):
        row = PartitionRow(*columns)
        if _checksum(row) != checksum:
            raise StateError(
                f"the row of partition {row.partition} of topic {row.topic} in the state file is damaged: "
                "its checksum does not match"
            )
        found.append(row)
    return found


def put_blocks(db: sqlite3.Connection, blocks: Mapping[StreamKey, bytes | None]) -> None:
    """Writes the changed blocks; None deletes one."""
    for (stream, table, key), raw in blocks.items():
        if raw is None:
            db.execute(f"DELETE FROM {table} WHERE stream = ? AND key = ?", (stream, key))
        else:
            db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", (stream, key, raw))


def put_controls(db: sqlite3.Connection, controls: Iterable[tuple[str, int, str, dict[str, Any]]]) -> int:
    """Appends control records; returns their bytes."""
    written = 0
    for stream, at_ms, kind, data in controls:
        raw = encode(Blob(1, {"at_ms": at_ms, "kind": kind, "data": data}))
        db.execute("INSERT INTO control (stream, block) VALUES (?, ?)", (stream, raw))
        written += len(raw)
    return written


def controls(db: sqlite3.Connection) -> list[ControlRow]:
    """Reads the control records in the order of their writing."""
    found = []
    for seq, stream, raw in db.execute("SELECT seq, stream, block FROM control ORDER BY seq"):
        data = decode(raw, f"control record {seq}").data
        found.append(ControlRow(stream, data["at_ms"], data["kind"], data["data"]))
    return found


def _pack(message: Message, now_ms: int) -> bytes:
    data = {
        "topic": message.topic,
        "key": message.key,
        "value": message.value,
        "headers": message.headers,
        "id": message.id,
        "created_ms": now_ms,
    }
    return encode(Blob(1, data))


def _unpack(seq: int, stream: str, raw: bytes) -> OutboxRow:
    data = decode(raw, f"outbox row {seq}").data
    headers = tuple((name, value) for name, value in data["headers"])
    message = Message(data["topic"], data["key"], data["value"], headers, data["id"])
    return OutboxRow(seq, stream, message, data["created_ms"])


def put_outbox(
    db: sqlite3.Connection, messages: Iterable[tuple[str, Message]], now_ms: int
) -> tuple[list[int], int]:
    """Appends messages to send; returns their numbers and their bytes."""
    seqs, written = [], 0
    for stream, message in messages:
        raw = _pack(message, now_ms)
        cursor = db.execute("INSERT INTO outbox (stream, block) VALUES (?, ?)", (stream, raw))
        seqs.append(int(cursor.lastrowid or 0))
        written += len(raw)
    return seqs, written


def outbox(db: sqlite3.Connection) -> list[OutboxRow]:
    """Reads the messages that were not sent yet, oldest first."""
    return [_unpack(*row) for row in db.execute("SELECT seq, stream, block FROM outbox ORDER BY seq")]


def sizes(db: sqlite3.Connection, table: str) -> list[tuple[str, int, int]]:
    """(stream, blocks, bytes) of a table of blocks."""
    query = (
        f"SELECT stream, count(*), sum(length(block)) FROM {table} "  # one of BLOCK_TABLES
        "WHERE key != 'format_version' GROUP BY stream"
    )
    return list(db.execute(query))
