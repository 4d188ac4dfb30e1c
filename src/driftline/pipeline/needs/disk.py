"""How much room a version takes in the state file, as the real snapshot writes it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from driftline.pipeline import synthetic
from driftline.pipeline.needs.asked import Asked, join_rows, panes_kept
from driftline.pipeline.needs.filled import fill, now_ms, slot_of
from driftline.pipeline.needs.memory import index_entries
from driftline.pipeline.slots import Slot
from driftline.pipeline.snapshot import snapshot
from driftline.pipeline.stream import StreamEngine
from driftline.records import Blob, BlobKey
from driftline.settings import DAY_MS, Task

Stored = Callable[[BlobKey, Blob], int]
"""Bytes on disk of a block under its key."""

_ROWS = 4096


def disk_bytes(asked: Asked, engine: StreamEngine, stored: Stored) -> tuple[float, float]:
    """Bytes of all panes, and of all else, as the real snapshot of a small engine writes them."""
    slot = slot_of(engine)
    times: dict[tuple[str, int], float] = {}
    for kind, panes in slot.panes():
        fill(asked, slot, kind, panes, panes.window.slide_ms)
        times[str(kind), panes.window.length_ms] = panes_kept(panes.window, asked)
    _remember(asked, engine)
    _index(asked, slot)
    panes_bytes = other = 0.0
    for key, blob in snapshot(engine.pipeline).items():
        if blob is None:
            continue
        size = stored(key, blob)
        if key[0] == "pane":
            panes_bytes += times[blob.data["kind"], blob.data["length_ms"]] * size
        elif key[0] == "join_block":
            other += size * join_rows(asked) / max(1, engine.pipeline.join.table.rows)
        else:
            other += size
    return panes_bytes, other


def _remember(asked: Asked, engine: StreamEngine) -> None:
    """Some rows of the join, as unlike each other as real ones."""
    random, slot, table = np.random.default_rng(2), slot_of(engine), engine.pipeline.join.table
    truth, predicted = synthetic.classes(slot, _ROWS, random)
    part = synthetic.predictions(slot, predicted, random)
    rows = table.append(random.integers(0, 1 << 63, (_ROWS, 2)).astype(np.uint64))
    span_ms = max(asked.settings.labels.horizon_ms, 1)
    time_ms = np.sort(now_ms(asked) - random.integers(0, span_ms, _ROWS))
    table.time_ms[rows] = table.eff_ms[rows] = time_ms
    table.model[rows] = table.slot[rows] = 0
    table.predicted[rows] = predicted
    regression = asked.settings.task is Task.REGRESSION
    table.value[rows] = part.value if regression else part.score
    table.flags[rows] = 1
    if asked.settings.labels.enabled:
        table.label[rows] = truth
        table.label_value[rows] = part.value if regression else np.nan
        table.label_ms[rows] = time_ms + random.integers(0, 1 + asked.settings.labels.delay_ms, _ROWS)
        table.revision[rows] = 1
        table.flags[rows] = 3


def _index(asked: Asked, slot: Slot) -> None:
    """The index of where the data lies, as full as it will be."""
    bucket_ms, first = slot.data.bucket_ms, now_ms(asked) // slot.data.bucket_ms
    each = max(1, round(asked.a_day / asked.partitions * bucket_ms / DAY_MS))
    kinds = ("prediction", "label") if asked.settings.labels.enabled else ("prediction",)
    topics = {"prediction": asked.stream.predictions or asked.stream.features, "label": asked.stream.labels}
    for k in range(index_entries(asked, slot)):
        bucket, place = divmod(k, len(kinds) * asked.partitions)
        kind = kinds[place % len(kinds)]
        key = kind, (topics[kind] or ("none",))[0], place // len(kinds)
        at_ms = (first - bucket) * bucket_ms
        span = [bucket * each, (bucket + 1) * each - 1, at_ms, at_ms + bucket_ms - 1]
        slot.data.widen(key, first - bucket, span)
