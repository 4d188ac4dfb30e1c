"""From the blobs of the state file to a pipeline that goes on where the commit left it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.aggregates.performance import Segments
from driftline.aggregates.totals import Totals
from driftline.join import log
from driftline.join.lifetime import Policy
from driftline.pipeline.blocks import join_block, key_of, late_rows, number_of, staged_block
from driftline.pipeline.earlier import Conversions, SegmentsThen, as_it_is, begin, performance_then
from driftline.pipeline.engine import Pipeline
from driftline.pipeline.places import Places
from driftline.pipeline.slots import Slot
from driftline.pipeline.state import LateRows
from driftline.records import Blob, BlobKey
from driftline.settings import WindowKind

NEVER = Policy(1 << 60, 1 << 60, 1 << 60)
"""Of a model that no expiry has met: nothing of it expired."""


def restore(pipeline: Pipeline, blobs: Mapping[BlobKey, Blob]) -> None:
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
    unmonitored = blobs["meta", "unmonitored"].data["rows"]
    pipeline.unmonitored = Counter({(m, v): n for m, v, n in unmonitored})
    pipeline.partitions = Places((t, p) for t, p in data["partitions"])
    retired = {
        (blob.data["model"], blob.data["version"])
        for (table, _key), blob in blobs.items()
        if table == "counter" and blob.data.get("retired")
    }
    slots = _names(pipeline, blobs["meta", "names"], retired)
    pipeline.learn_policies()
    conversions, then = _counters(pipeline, blobs, retired)
    segments = SegmentsThen(pipeline.registry.slots, then, pipeline.registry.segment_width)
    _join(pipeline, blobs, segments)
    _staged(pipeline, blobs, segments)
    _late(pipeline, blobs, slots)
    for (table, key), blob in blobs.items():
        if table == "pane" and not _pane(pipeline, blob, conversions):
            pipeline.written.useless.append((table, key))
    pipeline.forget()


def _names(pipeline: Pipeline, blob: Blob, retired: Collection[tuple[str, str]]) -> dict[int, Slot]:
    """Make the models and versions that are still configured; returns the versions by place.

    Those that are retired come last, and while there is room only.
    """
    registry, written = pipeline.registry, pipeline.written
    for model in blob.data["models"]:
        written.models.append(model["name"])
        state = registry.model(model["name"])
        if state is not None and model["classes"]:
            state.classes[:] = model["classes"]
    slots = {}
    written.slots += [(name, version) for name, version in blob.data["slots"]]
    for place, key in sorted(enumerate(written.slots), key=lambda held: held[1] in retired):
        if key in retired and registry.full(key[0]):
            continue
        registry.schema_of(*key)
        slot = registry.slot(*key)
        if slot is not None:
            slots[place] = slot
            if key in retired:
                registry.retire(slot)
    for slot in registry.slots:
        slot.grow()
    policies = {m["name"]: Policy(*m["policy"]) for m in blob.data["models"] if m["policy"]}
    pipeline.join.expired_policies = [policies.get(m.name, NEVER) for m in registry.by_code]
    return slots


def _slot(pipeline: Pipeline, blob: Blob) -> Slot | None:
    """The version that a blob is about, if it is still configured."""
    return pipeline.registry.of.get((blob.data["model"], blob.data["version"]))


def _join(pipeline: Pipeline, blobs: Mapping[BlobKey, Blob], segments: SegmentsThen) -> None:
    join, data = pipeline.join, blobs["meta", "stream"].data["join"]
    join.counts = Counter(data["counts"])
    join.expires, join.expired_ms = data["expires"], data["expired_ms"]
    models = pipeline.written.model_codes(pipeline.registry)
    slots = pipeline.written.slot_codes(pipeline.registry)
    blocks = [
        join_block(number_of(key)[1], blob, models, slots)
        for (table, key), blob in blobs.items()
        if table == "join_block"
    ]
    old = [b for b in blocks if "segments" in b.arrays and _translate(b.arrays, segments)]
    log.read(join, blocks, join.expired_policies)
    join.table.ledger.force(block.number for block in old)


def _translate(columns: dict[str, NDArray[Any]], segments: SegmentsThen) -> bool:
    """Segment codes in place, in today's terms; whether they were others."""
    if segments.fits(columns["segments"], columns["slot"]):
        return False
    columns["segments"] = segments.today(columns["segments"], columns["slot"])
    return True


def _staged(pipeline: Pipeline, blobs: Mapping[BlobKey, Blob], segments: SegmentsThen) -> None:
    taken = blobs["meta", "stream"].data["taken"]
    models = pipeline.written.model_codes(pipeline.registry)
    slots = pipeline.written.slot_codes(pipeline.registry)
    for kind, staging, name, codes in (
        ("labels", pipeline.labels, "model", models),
        ("changes", pipeline.changes, "slot", slots),
        ("places", pipeline.places, "slot", slots),
    ):
        found = [
            staged_block(number_of(key)[1], blob, name, codes)
            for (table, key), blob in blobs.items()
            if table == "staged" and number_of(key)[0] == kind
        ]
        old = [
            block.number
            for block, lost in found
            if ("segments" in block.columns and _translate(block.columns, segments)) or lost
        ]
        staging.read((block for block, _lost in found), *taken[kind])
        staging.ledger.force(old)
    early = [
        (number_of(key)[1], {**blob.arrays, "model": models[blob.arrays["model"]]})
        for (table, key), blob in blobs.items()
        if table == "staged" and number_of(key)[0] == "early"
    ]
    pipeline.join.early.read(early, pipeline.join.waits)
    pipeline.written.useless += [("staged", key_of("early", 0))] * any(number == 0 for number, _ in early)


def _late(pipeline: Pipeline, blobs: Mapping[BlobKey, Blob], slots: dict[int, Slot]) -> None:
    takes, taken_ms = blobs["meta", "stream"].data["taken"]["places"]
    for (table, key), blob in sorted(blobs.items(), key=lambda item: item[0]):
        if table != "staged" or number_of(key)[0] != "late":
            continue
        number = number_of(key)[1]
        written = 0
        for rows in late_rows(blob, slots, number):
            written += len(rows.eff_ms)
            pipeline.late += _waiting(rows, taken_ms if blob.data["takes"] < takes else None)
        pipeline.written.late.know(number, 0, written, written)
        if len({row["slot"] for row in blob.data["rows"]} - slots.keys()):
            pipeline.written.late.force([number])


def _waiting(rows: LateRows, taken_ms: int | None) -> list[LateRows]:
    """What of late rows had not taken effect."""
    if taken_ms is None:
        return [rows]
    rest = (rows.eff_ms >= taken_ms).nonzero()[0]
    if not len(rest):
        return []
    part = rows.part.take(rest)
    return [LateRows(rows.slot, part, rows.time_ms[rest], rows.eff_ms[rest], rows.counted[rest], rows.block)]


def _counters(
    pipeline: Pipeline, blobs: Mapping[BlobKey, Blob], retired: Collection[tuple[str, str]]
) -> tuple[Conversions, dict[int, Segments]]:
    """What is known of each version; with how its panes go on, and its segments as they were."""
    conversions: Conversions = {}
    then: dict[int, Segments] = {}
    for (table, key), blob in blobs.items():
        if table != "counter":
            continue
        slot = _slot(pipeline, blob)
        if slot is not None:
            _counter(slot, blob)
            if "layouts" in blob.data:
                layout = performance_then(blob.data, slot)
                if layout.task is slot.settings.task and slot.model.learn(layout.classes):
                    pipeline.grow(slot.model)
                then[slot.code] = layout.segments
                conversions |= begin(slot, blob.data, layout, pipeline.watermark_ms)
        elif (blob.data["model"], blob.data["version"]) in retired:
            pipeline.written.useless.append((table, key))
    return conversions, then


def _counter(slot: Slot, blob: Blob) -> None:
    if "rows" in blob.data:
        slot.data.restore(blob.data["start_ms"], blob.data["size_ms"], blob.data["rows"])
        return
    data = blob.data
    slot.first_ms, slot.last_ms, slot.predictions = data["first_ms"], data["last_ms"], data["predictions"]
    slot.delays[:], slot.delay_sum_ms = blob.arrays["delays"], data["delay_sum_ms"]
    slot.latency[:], slot.latency_sum_ms = blob.arrays["latency"], data["latency_sum_ms"]


def _pane(pipeline: Pipeline, blob: Blob, conversions: Conversions) -> bool:
    """Whether a pane still has its place; nothing is summed that was counted otherwise."""
    data, slot = blob.data, _slot(pipeline, blob)
    if slot is None:
        return True  # the model may come back into the configuration
    kind, end_ms = WindowKind(data["kind"]), data["start_ms"] + data["slide_ms"]
    for panes_kind, panes in slot.panes():
        window = (panes.window.length_ms, panes.window.slide_ms)
        begun = panes.since_ms is None or end_ms > panes.since_ms
        if panes_kind is kind and window == (data["length_ms"], data["slide_ms"]) and begun:
            convert = conversions.get((slot.code, kind), as_it_is)
            if convert is None:
                return False
            a = {n: v.copy() for n, v in blob.arrays.items()}
            unseen = tuple(dict(u) for u in data["unseen"])
            sums = a["sums"]
            if kind is WindowKind.PERFORMANCE:
                sums = slot.performance.completed(a["counts"], sums)
            totals = Totals(a["counts"], sums, a["low"], a["high"], unseen)
            if convert is not as_it_is:
                totals = convert(totals)
                totals.counts = totals.counts.astype(np.int32)
                panes.changed.add(data["start_ms"])
            panes.panes[data["start_ms"]] = totals
            return True
    return False
