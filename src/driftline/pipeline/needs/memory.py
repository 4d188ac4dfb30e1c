"""How much memory a version needs: panes, the index of where its data lies, rows of the join."""

from __future__ import annotations

from math import exp

from driftline.aggregates.panes import Panes
from driftline.pipeline.needs.asked import Asked, kept_ms, panes_kept
from driftline.pipeline.needs.filled import slot_of
from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import StreamEngine
from driftline.settings import DAY_MS, Task

PANE_OBJECTS_BYTES = 750
"""Python's own objects of a pane, beside its numbers."""
CATEGORY_BYTES = 64
"""Of an empty dictionary of unseen values."""
SPAN_BYTES = 340
"""Of one entry in the index of where the data lies."""


def pane_bytes(asked: Asked, panes: Panes) -> float:
    """Panes hold int32 counts; the running sum of a window, and its zero, int64 ones."""
    pane = next(iter(panes.panes.values()))
    numbers = pane.counts.nbytes + pane.sums.nbytes + pane.low.nbytes + pane.high.nbytes
    objects = PANE_OBJECTS_BYTES + CATEGORY_BYTES * len(pane.unseen)
    running = 2 * (2 * pane.counts.nbytes + pane.sums.nbytes)
    return panes_kept(panes.window, asked) * (numbers + objects) + running


def index_entries(asked: Asked, slot: Slot) -> int:
    """Entries of the index of where the data lies: a stretch of each partition, of predictions and of labels."""
    windows = [panes.window for _, panes in slot.panes()]
    longest = max((kept_ms(w, asked.settings, asked.stream) for w in windows), default=0)
    kinds = 2 if asked.settings.labels.enabled else 1
    bucket_ms = slot.data.bucket_ms
    filled = 1 - exp(-asked.a_day / asked.partitions * bucket_ms / DAY_MS)
    return round(longest / bucket_ms * kinds * asked.partitions * filled)


def row_bytes(asked: Asked, engine: StreamEngine) -> int:
    """Memory of one prediction in the join; class probabilities stand apart."""
    table = engine.pipeline.join.table
    wide = 8 * len(slot_of(engine).model.classes) + 200  # an array of its own, by its row
    scored = asked.settings.task is Task.MULTICLASS and _has_scores(asked)
    return table.row_bytes + (wide if scored else 0)


def _has_scores(asked: Asked) -> bool:
    metrics = asked.profile.performance.get("metrics", {}) if asked.profile else {}
    return "log_loss" in metrics
