"""The pipeline's state as named blobs of plain arrays, only what changed since the last snapshot."""

from __future__ import annotations

import json
from typing import Any

from driftline.aggregates.panes import Panes
from driftline.join import log
from driftline.pipeline.blocks import FORMAT, join_blob, key_of, kind_of, late_blob, staged_blob
from driftline.pipeline.counting import count_waiting
from driftline.pipeline.engine import Pipeline
from driftline.pipeline.restoring import restore
from driftline.pipeline.slots import Slot
from driftline.pipeline.state import LateRows
from driftline.records import Blob, BlobKey
from driftline.settings import WindowKind

__all__ = ["restore", "snapshot", "unwritten_bytes"]

Blobs = dict[BlobKey, Blob | None]


def snapshot(pipeline: Pipeline) -> Blobs:
    """Blobs to write, and None for those to delete. What this returns counts as written."""
    blobs: Blobs = {}
    pipeline.written.learn(pipeline.registry)
    _join(pipeline, blobs)
    _staged(pipeline, blobs)
    _late(pipeline, blobs)
    for slot in pipeline.registry.slots:
        count_waiting(slot)
        _slot(pipeline, slot, blobs)
        for kind, panes in slot.panes():
            for start in panes.changed:
                blobs["pane", _pane_key(slot, kind, panes, start)] = _pane(slot, kind, panes, start)
            panes.changed.clear()
    pipeline.written.put(blobs, ("meta", "names"), _names(pipeline))
    unmonitored = {"rows": [[*k, n] for k, n in pipeline.unmonitored.items()]}
    pipeline.written.put(blobs, ("meta", "unmonitored"), Blob(FORMAT, unmonitored))
    blobs["meta", "stream"] = _stream(pipeline)
    useless: Blobs = dict.fromkeys(pipeline.written.useless)
    pipeline.written.useless.clear()
    return useless | blobs  # what is written under such a key by now is of use


def unwritten_bytes(pipeline: Pipeline) -> int:
    """About what ``snapshot`` would write now."""
    staged = (pipeline.labels, pipeline.changes, pipeline.places)
    late = sum(_late_bytes(rows) for rows in pipeline.late if not rows.block)
    panes = 0
    for slot in pipeline.registry.slots:
        for _kind, each in slot.panes():
            counts = len(next((p.counts for p in each.panes.values()), ()))
            panes += len(each.changed) * (64 + counts // 2)
    return pipeline.join.table.unwritten_bytes + sum(s.unwritten_bytes for s in staged) + late + panes


def _late_bytes(rows: LateRows) -> int:
    return 64 * len(rows.eff_ms) + rows.part.numeric.nbytes


def _join(pipeline: Pipeline, blobs: Blobs) -> None:
    models = pipeline.written.model_ids(pipeline.registry)
    slots = pipeline.written.slot_ids(pipeline.registry)
    blocks, gone = log.write(pipeline.join)
    for number in gone:
        for kind in ("rows", "changes"):
            blobs["join_block", key_of(kind, number)] = None
    for block in blocks:
        blobs["join_block", key_of(kind_of(block), block.number)] = join_blob(block, models, slots)


def _staged(pipeline: Pipeline, blobs: Blobs) -> None:
    models = pipeline.written.model_ids(pipeline.registry)
    slots = pipeline.written.slot_ids(pipeline.registry)
    for kind, staging, name, codes in (
        ("labels", pipeline.labels, "model", models),
        ("changes", pipeline.changes, "slot", slots),
        ("places", pipeline.places, "slot", slots),
    ):
        blocks, gone = staging.write()
        for number in gone:
            blobs["staged", key_of(kind, number)] = None
        for block in blocks:
            blobs["staged", key_of(kind, block.number)] = staged_blob(block, name, codes)
    early, gone = pipeline.join.early.write()
    for number in gone:
        blobs["staged", key_of("early", number)] = None
    for number, columns in early:
        blobs["staged", key_of("early", number)] = Blob(
            FORMAT, {}, {**columns, "model": models[columns["model"]]}
        )


def _late(pipeline: Pipeline, blobs: Blobs) -> None:
    """Late rows take effect together with their places, so those tell what is through."""
    ledger = pipeline.written.late
    live: dict[int, int] = {}
    for rows in pipeline.late:
        live[rows.block] = live.get(rows.block, 0) + len(rows.eff_ms)
    ledger.recount(live)
    gone = ledger.sweep()
    slots = pipeline.written.slot_ids(pipeline.registry)
    for run in [*ledger.due(), [0]]:
        if run != [0]:
            gone += run
            ledger.drop(run)
        moved = [rows for rows in pipeline.late if rows.block in run]
        if moved:
            number = ledger.add(sum(len(rows.eff_ms) for rows in moved))
            blobs["staged", key_of("late", number)] = late_blob(moved, pipeline.places.takes, slots)
            for rows in moved:
                rows.block = number
    for number in gone:
        blobs["staged", key_of("late", number)] = None


def _slot(pipeline: Pipeline, slot: Slot, blobs: Blobs) -> None:
    key = ("counter", json.dumps(["slot", *slot.key]))
    delays, latency = int(slot.delays.sum()), int(slot.latency.sum())
    windows = [[str(kind), p.window.length_ms, p.window.slide_ms, p.since_ms] for kind, p in slot.panes()]
    layouts = {str(kind): slot.layout_id(kind) for kind in WindowKind}
    since = dict(slot.segments_since_ms)
    classes, room = [*slot.performance.classes], slot.performance.capacity
    version = (
        slot.retired,
        windows,
        layouts,
        since,
        classes,
        room,
        slot.first_ms,
        slot.last_ms,
        slot.predictions,
        slot.delay_sum_ms,
        delays,
        slot.latency_sum_ms,
        latency,
    )
    if pipeline.written.changed(key, version):
        data = {
            "model": slot.model.name, "version": slot.version, "first_ms": slot.first_ms, "last_ms": slot.last_ms,
            "predictions": slot.predictions, "delay_sum_ms": slot.delay_sum_ms, "latency_sum_ms": slot.latency_sum_ms,
            "bins_id": slot.profile.bins_id if slot.profile else "", "windows": windows, "layouts": layouts,
            "retired": slot.retired, "segments_since": since, "classes": classes, "capacity": room,
        }  # fmt: skip
        blobs[key] = Blob(FORMAT, data, {"delays": slot.delays.copy(), "latency": slot.latency.copy()})
    size_ms = slot.data.bucket_ms
    for bucket in slot.data.changed:
        rows = slot.data.bucket(bucket)
        data = {
            "model": slot.model.name, "version": slot.version, "start_ms": bucket * size_ms, "size_ms": size_ms,
            "rows": rows,
        }  # fmt: skip
        name = json.dumps(["data", *slot.key, bucket * size_ms, size_ms])
        blobs["counter", name] = Blob(FORMAT, data) if rows else None
    slot.data.changed.clear()


def _names(pipeline: Pipeline) -> Blob:
    """Models with their classes and what the last expiry went by; versions. All by place."""
    policies = pipeline.join.expired_policies
    models: list[dict[str, Any]] = []
    for name in pipeline.written.models:
        state = pipeline.registry.models.get(name)
        known = state is not None and state.code < len(policies)
        policy = policies[state.code] if state is not None and known else None
        models.append(
            {
                "name": name,
                "classes": [] if state is None else [*state.classes],
                "policy": policy and [policy.horizon_ms, policy.orphan_wait_ms, policy.corrections_ms],
            }
        )
    return Blob(FORMAT, {"models": models, "slots": [[*key] for key in pipeline.written.slots]})


def _stream(pipeline: Pipeline) -> Blob:
    join = pipeline.join
    staged = {"labels": pipeline.labels, "changes": pipeline.changes, "places": pipeline.places}
    data = {
        "watermark_ms": pipeline.watermark_ms,
        "watermarks": [[t, p, w] for (t, p), w in pipeline.watermarks.items()],
        "positions": [[t, p, o] for (t, p), o in pipeline.positions.items()],
        "partitions": [[t, p] for t, p in pipeline.partitions.keys],
        "counts": [[*k, n] for k, n in pipeline.counts.items()],
        "join": {"counts": dict(join.counts), "expires": join.expires, "expired_ms": join.expired_ms},
        "taken": {name: [s.takes, s.taken_ms] for name, s in staged.items()},
    }
    return Blob(FORMAT, data, {})


def _pane_key(slot: Slot, kind: WindowKind, panes: Panes, start: int) -> str:
    """By names, not codes: codes change when a model leaves the configuration."""
    return json.dumps([*slot.key, str(kind), panes.window.length_ms, panes.window.slide_ms, start])


def _pane(slot: Slot, kind: WindowKind, panes: Panes, start: int) -> Blob | None:
    pane = panes.panes.get(start)
    if pane is None:
        return None
    arrays = {"counts": pane.counts, "sums": pane.sums, "low": pane.low, "high": pane.high}
    data = {
        "model": slot.model.name, "version": slot.version, "kind": str(kind), "length_ms": panes.window.length_ms,
        "slide_ms": panes.window.slide_ms, "start_ms": start, "unseen": [dict(u) for u in pane.unseen],
    }  # fmt: skip
    return Blob(FORMAT, data, {n: a.copy() for n, a in arrays.items()})
