"""Format 1 to 2: the join and what is staged, one blob each until now, become logs of blocks."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from math import gcd
from typing import Any

import numpy as np

from driftline.records import Blob, BlobKey
from driftline.store import tables
from driftline.store.manifest import MANIFEST_KEY, Manifest
from driftline.store.migrations.blobs_1 import decode
from driftline.store.schema import BLOCK_TABLES

FORMAT = 2
HOUR_MS = 3_600_000
FIRST = "0000000001"
"""Number of the only block of each log."""


def migrate(db: sqlite3.Connection) -> None:
    """Write all rows anew; the caller's transaction makes it all or nothing."""
    manifest = Manifest()
    tables.partitions(db, manifest)
    for table in ("control", "outbox"):
        for seq, stream, raw in db.execute(f"SELECT seq, stream, block FROM {table}").fetchall():
            old = decode(raw, f"{table} {seq}")
            tables.rewrite(db, manifest, table, seq, Blob(1, {"stream": stream, **old.data}))
    streams: defaultdict[str, dict[BlobKey, Blob]] = defaultdict(dict)
    for table in BLOCK_TABLES:
        for stream, key, raw in list(tables.blocks(db, table)):
            streams[stream][table, key] = decode(raw, f'{table} "{key}" of stream "{stream}"')
        db.execute(f"DELETE FROM {table} WHERE stream != '' OR key NOT IN {tables.OWN_KEYS}")
    for stream, blobs in streams.items():
        tables.put_blobs(db, manifest, stream, transform(blobs) if stream else blobs)
    tables.put_manifest(db, MANIFEST_KEY, manifest)


def transform(blobs: Mapping[BlobKey, Blob]) -> dict[BlobKey, Blob]:
    """The blobs of one stream in the new form."""
    if ("meta", "stream") not in blobs:
        return dict(blobs)
    old = blobs["meta", "stream"].data
    new = {key: blob for key, blob in blobs.items() if key[0] in {"pane", "rule_state"}}
    partitions: list[tuple[str, int]] = []
    staged = [_staged(name, blobs["staged", name], partitions) for name in ("labels", "changes", "places")]
    new["meta", "stream"] = Blob(
        FORMAT,
        {name: old[name] for name in ("watermark_ms", "watermarks", "positions", "counts")}
        | {
            "partitions": partitions,
            "join": _join_data(blobs),
            "taken": {name: [0, -(1 << 62)] for name in ("labels", "changes", "places")},
        },
    )
    new["meta", "unmonitored"] = Blob(FORMAT, {"rows": old["unmonitored"]})
    models = [{**model, "policy": None} for model in old["models"]]
    slots = [[slot["model"], slot["version"]] for slot in old["slots"]]
    new["meta", "names"] = Blob(FORMAT, {"models": models, "slots": slots})
    for slot in old["slots"]:
        new |= _counters(slot) | _data(slot, blobs)
    new |= _join(blobs["join_block", "table"])
    for rows in staged:
        new |= rows
    late = blobs["staged", "late"]
    if late.data["rows"]:
        new["staged", f"late:{FIRST}"] = Blob(FORMAT, {"takes": 0, "rows": late.data["rows"]}, late.arrays)
    return new


def _join_data(blobs: Mapping[BlobKey, Blob]) -> dict[str, Any]:
    counts = blobs["join_block", "table"].data["counts"]
    return {"counts": counts, "expires": 0, "expired_ms": -(1 << 62)}


def _join(table: Blob) -> dict[BlobKey, Blob]:
    if not len(table.arrays["keys"]):
        return {}
    arrays = {**table.arrays, "over": np.zeros(0, np.int64)}
    return {("join_block", f"rows:{FIRST}"): Blob(FORMAT, {"group": 0, "expires": 0}, arrays)}


def _staged(name: str, blob: Blob, partitions: list[tuple[str, int]]) -> dict[BlobKey, Blob]:
    """Rows that name their topic and partition get its code in ``partitions``, which grows."""
    if "eff_ms" not in blob.arrays:
        return {}
    before = "label_" if name == "changes" else ""
    arrays = dict(blob.arrays)
    topics = blob.data[f"{before}topic"]
    keys = list(zip(topics, arrays.pop(f"{before}partition").tolist(), strict=True))
    for key in keys:
        if key[0] and key not in partitions:
            partitions.append(key)
    code = {key: i for i, key in enumerate(partitions)}
    arrays["place"] = np.array([code.get(key, -1) for key in keys], np.int32)
    if name == "changes":
        arrays["offset"], arrays["label_ms"] = arrays.pop("label_offset"), arrays.pop("label_time_ms")
    if name == "places":
        arrays["features"] = np.array([kind == "features" for kind in blob.data["kind"]], np.bool_)
    return {("staged", f"{name}:{FIRST}"): Blob(FORMAT, {"takes": 0, "texts": {}}, arrays)}


def _counters(slot: Mapping[str, Any]) -> dict[BlobKey, Blob]:
    """Counters of one version."""
    key = (slot["model"], slot["version"])
    names = (
        "model", "version", "first_ms", "last_ms", "predictions", "delay_sum_ms", "latency_sum_ms", "bins_id",
    )  # fmt: skip
    arrays = {name: np.array(slot[name], np.int64) for name in ("delays", "latency")}
    return {("counter", json.dumps(["slot", *key])): Blob(FORMAT, {n: slot[n] for n in names}, arrays)}


def _data(slot: Mapping[str, Any], blobs: Mapping[BlobKey, Blob]) -> dict[BlobKey, Blob]:
    """Where a version's data is, a block a bucket; its windows tell how long a bucket was."""
    key = (slot["model"], slot["version"])
    panes = [b.data for (table, _key), b in blobs.items() if table == "pane"]
    size_ms = gcd(HOUR_MS, *(p["slide_ms"] for p in panes if (p["model"], p["version"]) == key))
    buckets: defaultdict[int, list[list[Any]]] = defaultdict(list)
    for kind, topic, partition, bucket, *span in slot["data"]:
        buckets[bucket].append([kind, topic, partition, *span])
    new: dict[BlobKey, Blob] = {}
    for bucket, rows in buckets.items():
        start_ms = bucket * size_ms
        data = {"model": key[0], "version": key[1], "start_ms": start_ms, "size_ms": size_ms, "rows": rows}
        new["counter", json.dumps(["data", *key, start_ms, size_ms])] = Blob(FORMAT, data)
    return new
