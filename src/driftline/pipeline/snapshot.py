"""The pipeline's state as named blobs of plain arrays, only what changed since the last snapshot."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.aggregates.panes import Panes
from driftline.aggregates.totals import Totals
from driftline.join.table import JoinTable
from driftline.pipeline.engine import Pipeline
from driftline.pipeline.places import Places
from driftline.pipeline.ranges import DataIndex
from driftline.pipeline.slots import Slot
from driftline.pipeline.state import LateRows
from driftline.records import Blob, BlobKey, Coded, PredictionPart
from driftline.settings import WindowKind

FORMAT = 1


def snapshot(pipeline: Pipeline) -> dict[BlobKey, Blob | None]:
    """Blobs to write, and None for those to delete."""
    blobs: dict[BlobKey, Blob | None] = {("meta", "stream"): _stream(pipeline)}
    for slot in pipeline.registry.slots:
        for kind, panes in slot.panes():
            for start in panes.changed:
                key = ("pane", _pane_key(slot, kind, panes, start))
                blobs[key] = _pane(slot, kind, panes, start)
            panes.changed.clear()
    blobs["join_block", "table"] = Blob(
        FORMAT, {"counts": dict(pipeline.join.counts)}, pipeline.join.table.snapshot()
    )
    blobs["staged", "labels"] = _columns(pipeline.labels.snapshot())
    blobs["staged", "changes"] = _columns(pipeline.changes.snapshot())
    blobs["staged", "late"] = _late(pipeline)
    blobs["staged", "places"] = _columns(pipeline.places.snapshot())
    blobs["staged", "origins"] = _columns(pipeline.origins.snapshot())
    return blobs


def _stream(pipeline: Pipeline) -> Blob:
    registry = pipeline.registry
    models = [{"name": m.name, "classes": m.classes} for m in registry.by_code]
    slots = [
        {
            "model": s.model.name, "version": s.version, "first_ms": s.first_ms, "last_ms": s.last_ms,
            "predictions": s.predictions, "data": s.data.snapshot(), "delays": s.delays.tolist(),
            "delay_sum_ms": s.delay_sum_ms, "latency": s.latency.tolist(), "latency_sum_ms": s.latency_sum_ms,
            "bins_id": s.profile.bins_id if s.profile else "",
        }
        for s in registry.slots
    ]  # fmt: skip
    data = {
        "watermark_ms": pipeline.watermark_ms,
        "watermarks": [[t, p, w] for (t, p), w in pipeline.watermarks.items()],
        "positions": [[t, p, o] for (t, p), o in pipeline.positions.items()],
        "partitions": pipeline.partitions.keys,
        "models": models,
        "slots": slots,
        "counts": [[*k, n] for k, n in pipeline.counts.items()],
        "unmonitored": [[*k, n] for k, n in pipeline.unmonitored.items()],
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


def _columns(columns: dict[str, Any]) -> Blob:
    return Blob(FORMAT, {}, columns)


def _late(pipeline: Pipeline) -> Blob:
    data: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    for place, rows in enumerate(pipeline.late):
        part = rows.part
        coded = {"predicted": part.predicted}
        coded |= {f"categorical{i}": c for i, c in enumerate(part.categorical)}
        coded |= {f"segment{i}": c for i, c in enumerate(part.segments)}
        data.append(
            {
                "slot": rows.slot.code, "score_classes": part.score_classes,
                "coded": {n: c.values for n, c in coded.items()},
                "categorical": len(part.categorical), "segments": len(part.segments),
            }
        )  # fmt: skip
        held = {
            "time_ms": rows.time_ms, "eff_ms": rows.eff_ms, "counted": rows.counted, "numeric": part.numeric,
            "value": part.value, "score": part.score, "latency_ms": part.latency_ms,
        }  # fmt: skip
        if part.scores is not None:
            held["scores"] = part.scores
        held |= {f"codes:{n}": c.codes for n, c in coded.items()}
        arrays |= {f"{place}:{n}": a for n, a in held.items()}
    return Blob(FORMAT, {"rows": data}, arrays)


def restore(pipeline: Pipeline, blobs: dict[BlobKey, Blob]) -> None:
    """Bring an empty pipeline to where the snapshot was taken."""
    if ("meta", "stream") not in blobs:
        return
    data = blobs["meta", "stream"].data
    pipeline.watermark_ms = data["watermark_ms"]
    stream = pipeline.stream
    topics = {*stream.predictions, *stream.labels, *stream.features}
    pipeline.watermarks = {(t, p): w for t, p, w in data["watermarks"] if t in topics}
    pipeline.positions = {(t, p): o for t, p, o in data["positions"] if t in topics}
    pipeline.counts = Counter({tuple(k): n for *k, n in data["counts"]})
    pipeline.unmonitored = Counter({(m, v): n for m, v, n in data["unmonitored"]})
    pipeline.partitions = Places((t, p) for t, p in data["partitions"])
    slots = _restore_slots(pipeline, data)
    known = [pipeline.registry.models.get(m["name"]) for m in data["models"]]
    models = np.array([-1 if m is None else m.code for m in known], np.int32)
    codes = np.array([slots[c].code if c in slots else -1 for c in range(len(data["slots"]))], np.int32)
    _restore_join(pipeline, blobs["join_block", "table"], models, codes)
    pipeline.labels.restore(_recoded(blobs["staged", "labels"].arrays, "model", models))
    pipeline.changes.restore(_recoded(blobs["staged", "changes"].arrays, "slot", codes))
    pipeline.places.restore(_recoded(blobs["staged", "places"].arrays, "slot", codes))
    pipeline.origins.restore(blobs["staged", "origins"].arrays)
    pipeline.late = _restore_late(slots, blobs["staged", "late"])
    for (kind, _key), blob in blobs.items():
        if kind == "pane":
            _restore_pane(pipeline, blob)
    pipeline.learn_policies()
    pipeline.forget()


def _recoded(columns: dict[str, Any], name: str, codes: NDArray[np.int32]) -> dict[str, Any]:
    """Rows with today's codes; those of what left the configuration are dropped."""
    if not columns:
        return columns
    fresh = codes[columns[name]]
    kept = fresh >= 0
    return {n: c[kept] for n, c in {**columns, name: fresh}.items()}


def _restore_join(
    pipeline: Pipeline, blob: Blob, models: NDArray[np.int32], codes: NDArray[np.int32]
) -> None:
    pipeline.join.counts = Counter(blob.data["counts"])
    if not len(blob.arrays["keys"]):
        return
    table = JoinTable.restore(blob.arrays)
    rows = np.arange(table.rows)
    predicted = table.slot[rows] >= 0
    table.model[rows] = models[table.model[rows]]
    table.slot[rows[predicted]] = codes[table.slot[rows[predicted]]]
    gone = rows[(table.model[rows] < 0) | (predicted & (table.slot[rows] < 0))]
    if len(gone):
        table.kill(gone)
        table.compact()
    pipeline.join.table = table


def _restore_slots(pipeline: Pipeline, data: dict[str, Any]) -> dict[int, Slot]:
    registry = pipeline.registry
    for model in data["models"]:
        state = registry.model(model["name"])
        if state is not None:
            state.classes[:] = model["classes"]
    slots = {}
    for code, row in enumerate(data["slots"]):
        registry.schema_of(row["model"], row["version"])
        slot = registry.slot(row["model"], row["version"])
        if slot is None:
            continue
        slot.first_ms, slot.last_ms, slot.predictions = row["first_ms"], row["last_ms"], row["predictions"]
        slot.data = DataIndex.restore(row["data"], slot.data.bucket_ms)
        slot.delays[:], slot.delay_sum_ms = row["delays"], row["delay_sum_ms"]
        slot.latency[:], slot.latency_sum_ms = row["latency"], row["latency_sum_ms"]
        slots[code] = slot
    for slot in registry.slots:
        slot.grow()
    return slots


def _restore_pane(pipeline: Pipeline, blob: Blob) -> None:
    slot = pipeline.registry.of.get((blob.data["model"], blob.data["version"]))
    if slot is None:
        return
    kind = WindowKind(blob.data["kind"])
    for panes_kind, panes in slot.panes():
        window = panes.window
        if panes_kind is kind and (window.length_ms, window.slide_ms) == (
            blob.data["length_ms"],
            blob.data["slide_ms"],
        ):
            a = {n: v.copy() for n, v in blob.arrays.items()}
            unseen = tuple(dict(u) for u in blob.data["unseen"])
            panes.panes[blob.data["start_ms"]] = Totals(a["counts"], a["sums"], a["low"], a["high"], unseen)


def _restore_late(slots: dict[int, Slot], blob: Blob) -> list[LateRows]:
    late = []
    for place, row in enumerate(blob.data["rows"]):
        held = {n.split(":", 1)[1]: a for n, a in blob.arrays.items() if n.split(":", 1)[0] == str(place)}
        coded = {n: Coded(held[f"codes:{n}"], tuple(v)) for n, v in row["coded"].items()}
        slot = slots.get(row["slot"])
        if slot is None:
            continue
        schema = slot.schema
        part = PredictionPart(
            model=slot.model.name, version=slot.version, schema=schema,
            rows=np.arange(len(held["time_ms"])), numeric=held["numeric"],
            categorical=tuple(coded[f"categorical{i}"] for i in range(row["categorical"])),
            predicted=coded["predicted"], value=held["value"], score=held["score"],
            scores=held.get("scores"), score_classes=tuple(row["score_classes"]), latency_ms=held["latency_ms"],
            segments=tuple(coded[f"segment{i}"] for i in range(row["segments"])),
        )  # fmt: skip
        late.append(LateRows(slot, part, held["time_ms"], held["eff_ms"], held["counted"]))
    return late
