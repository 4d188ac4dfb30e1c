"""The rows of each table of the state file: how they are written, read and checked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import xxhash

from driftline.errors import StateError
from driftline.records import Blob, BlobKey, Message
from driftline.store.blobs import checksum_of, decode, encode
from driftline.store.manifest import MANIFEST_KEY, Manifest
from driftline.store.rows import ControlRow, OutboxRow, PartitionRow, StreamKey
from driftline.store.schema import FORMAT_KEY

_SIGNED = 1 << 63
OWN_KEYS = (FORMAT_KEY, MANIFEST_KEY)
"""Rows of ``meta`` that are the file's own."""


CONTROLS_KEPT = 20_000
"""Newest control records that are kept, so that partitions that come and go do not fill the file."""
_HEAD_BYTES = 13
"""As much of a block as tells its checksum."""


def place(stream: str, table: str, key: str) -> str:
    """Where a block stands; its checksum holds there only."""
    return f"{stream}\0{table}\0{key}"


def create(db: sqlite3.Connection, tables: Iterable[str], application_id: int) -> None:
    """Makes the tables of a new file; leaves the transaction open."""
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("BEGIN IMMEDIATE")
    db.execute(f"PRAGMA application_id={application_id}")
    for statement in tables:
        db.execute(statement)


def put_format(db: sqlite3.Connection, key: str, version: int) -> None:
    """Writes the format version."""
    db.execute("INSERT OR REPLACE INTO meta VALUES ('', ?, ?)", (key, str(version).encode()))


def format_version(db: sqlite3.Connection, key: str) -> int:
    """The format version; 0 where there is none that can be read."""
    row = db.execute("SELECT block FROM meta WHERE stream = '' AND key = ?", (key,)).fetchone()
    try:
        return int(row[0]) if row else 0
    except (TypeError, ValueError):
        return 0


def put_manifest(db: sqlite3.Connection, key: str, manifest: Manifest) -> None:
    """Writes the manifest."""
    db.execute("INSERT OR REPLACE INTO meta VALUES ('', ?, ?)", (key, manifest.to_bytes()))


def manifest(db: sqlite3.Connection, key: str) -> Manifest:
    """Reads the manifest."""
    row = db.execute("SELECT block FROM meta WHERE stream = '' AND key = ?", (key,)).fetchone()
    if row is None:
        raise StateError("the manifest of the state file is missing")
    return Manifest.of_bytes(row[0])


def _checksum(row: PartitionRow) -> int:
    text = "\0".join(
        map(str, (row.stream, row.topic, row.partition, row.next_offset, row.watermark_ms, row.topic_id))
    )
    return xxhash.xxh3_64_intdigest(text.encode()) - _SIGNED


def put_partitions(db: sqlite3.Connection, manifest: Manifest, partitions: Iterable[PartitionRow]) -> None:
    """Writes offsets and watermarks."""
    for r in partitions:
        where = "WHERE stream = ? AND topic = ? AND partition = ?"
        key = (r.stream, r.topic, r.partition)
        for (old,) in db.execute(f"SELECT checksum FROM partition {where}", key).fetchall():
            manifest.remove("partition", old + _SIGNED)
        checksum = _checksum(r)
        manifest.add("partition", checksum + _SIGNED)
        row = (*key, r.next_offset, r.watermark_ms, r.topic_id, checksum)
        db.execute("INSERT OR REPLACE INTO partition VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def partitions(db: sqlite3.Connection, manifest: Manifest) -> list[PartitionRow]:
    """Reads offsets and watermarks; StateError where a row's checksum does not match."""
    found = []
    for *columns, checksum in db.execute("SELECT * FROM partition ORDER BY stream, topic, partition"):
        row = PartitionRow(*columns)
        if _checksum(row) != checksum:
            raise StateError(
                f"the row of partition {row.partition} of topic {row.topic} in the state file is damaged: "
                "its checksum does not match"
            )
        manifest.add("partition", checksum + _SIGNED)
        found.append(row)
    return found


def put_blocks(db: sqlite3.Connection, manifest: Manifest, blocks: Mapping[StreamKey, bytes | None]) -> None:
    """Writes the changed blocks; None deletes one."""
    head = f"SELECT substr(block, 1, {_HEAD_BYTES}) FROM {{}} WHERE stream = ? AND key = ?"
    for (stream, table, key), raw in blocks.items():
        for (old,) in db.execute(head.format(table), (stream, key)).fetchall():
            manifest.remove(table, checksum_of(old))
        if raw is None:
            db.execute(f"DELETE FROM {table} WHERE stream = ? AND key = ?", (stream, key))
        else:
            manifest.add(table, checksum_of(raw))
            db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", (stream, key, raw))


def blocks(db: sqlite3.Connection, table: str) -> Iterator[tuple[str, str, bytes]]:
    """(stream, key, bytes) of the blocks of a table."""
    for stream, key, raw in db.execute(f"SELECT stream, key, block FROM {table}"):
        if stream or key not in OWN_KEYS:
            yield stream, key, raw


def put_controls(
    db: sqlite3.Connection, manifest: Manifest, controls: Iterable[tuple[str, int, str, dict[str, Any]]]
) -> int:
    """Appends control records, the oldest make room; returns their bytes."""
    written = newest = 0
    for stream, at_ms, kind, data in controls:
        blob = Blob(1, {"stream": stream, "at_ms": at_ms, "kind": kind, "data": data})
        newest, raw = _append(db, manifest, "control", stream, blob)
        written += len(raw)
    if newest > CONTROLS_KEPT:
        _drop(db, manifest, "control", "seq <= ?", newest - CONTROLS_KEPT)
    return written


def _append(
    db: sqlite3.Connection, manifest: Manifest, table: str, stream: str, blob: Blob
) -> tuple[int, bytes]:
    """A row with the next number."""
    raw = encode(blob, table)
    cursor = db.execute(f"INSERT INTO {table} (stream, block) VALUES (?, ?)", (stream, raw))
    seq = int(cursor.lastrowid or 0)
    manifest.add(table, _numbered(seq, raw))
    return seq, raw


def rewrite(db: sqlite3.Connection, manifest: Manifest, table: str, seq: int, blob: Blob) -> None:
    """A numbered row anew, in its place."""
    raw = encode(blob, table)
    db.execute(f"UPDATE {table} SET block = ? WHERE seq = ?", (raw, seq))
    manifest.add(table, _numbered(seq, raw))


def put_blobs(db: sqlite3.Connection, manifest: Manifest, stream: str, blobs: Mapping[BlobKey, Blob]) -> None:
    """Writes blocks of one stream."""
    raw = {(stream, *key): encode(blob, place(stream, *key)) for key, blob in blobs.items()}
    put_blocks(db, manifest, raw)


def _numbered(seq: int, raw: bytes) -> int:
    """Checksum of a row with its number."""
    return int(xxhash.xxh3_64_intdigest(raw[:_HEAD_BYTES] + str(seq).encode()))


def controls(db: sqlite3.Connection, manifest: Manifest) -> list[ControlRow]:
    """Reads the control records in the order of their writing."""
    found = []
    for seq, stream, raw in db.execute("SELECT seq, stream, block FROM control ORDER BY seq"):
        data = decode(raw, f"control record {seq}", "control").data
        manifest.add("control", _numbered(seq, raw))
        found.append(ControlRow(data.get("stream", stream), data["at_ms"], data["kind"], data["data"]))
    return found


def _pack(stream: str, message: Message, now_ms: int) -> Blob:
    data = {
        "stream": stream,
        "topic": message.topic,
        "key": message.key,
        "value": message.value,
        "headers": message.headers,
        "id": message.id,
        "created_ms": now_ms,
    }
    return Blob(1, data)


def _unpack(seq: int, stream: str, raw: bytes) -> OutboxRow:
    data = decode(raw, f"outbox row {seq}", "outbox").data
    headers = tuple((name, value) for name, value in data["headers"])
    message = Message(data["topic"], data["key"], data["value"], headers, data["id"])
    return OutboxRow(seq, data.get("stream", stream), message, data["created_ms"])


def put_outbox(
    db: sqlite3.Connection, manifest: Manifest, messages: Iterable[tuple[str, Message]], now_ms: int
) -> tuple[list[int], int]:
    """Appends messages to send; returns their numbers and their bytes."""
    seqs, written = [], 0
    for stream, message in messages:
        seq, raw = _append(db, manifest, "outbox", stream, _pack(stream, message, now_ms))
        seqs.append(seq)
        written += len(raw)
    return seqs, written


def drop_outbox(db: sqlite3.Connection, manifest: Manifest, sent: Iterable[int]) -> None:
    """Deletes messages that were sent."""
    for seq in sent:
        _drop(db, manifest, "outbox", "seq = ?", seq)


def _drop(db: sqlite3.Connection, manifest: Manifest, table: str, where: str, seq: int) -> None:
    """Deletes numbered rows."""
    for found, raw in db.execute(f"SELECT seq, block FROM {table} WHERE {where}", (seq,)).fetchall():
        manifest.remove(table, _numbered(found, raw))
    db.execute(f"DELETE FROM {table} WHERE {where}", (seq,))


def outbox(db: sqlite3.Connection, manifest: Manifest) -> list[OutboxRow]:
    """Reads the messages that were not sent yet, oldest first."""
    found = []
    for seq, stream, raw in db.execute("SELECT seq, stream, block FROM outbox ORDER BY seq"):
        found.append(_unpack(seq, stream, raw))
        manifest.add("outbox", _numbered(seq, raw))
    return found


def sizes(db: sqlite3.Connection, table: str) -> list[tuple[str, int, int]]:
    """(stream, blocks, bytes) of a table of blocks."""
    query = (
        f"SELECT stream, count(*), sum(length(block)) FROM {table} "  # one of BLOCK_TABLES
        f"WHERE stream != '' OR key NOT IN {OWN_KEYS} GROUP BY stream"
    )
    return list(db.execute(query))
