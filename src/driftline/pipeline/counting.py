"""Rows into panes: what every window of a (model, version) counts, and where its data stands in the logs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from driftline.aggregates.drift import Prepared
from driftline.aggregates.latency import DELAY_BOUNDS_S
from driftline.aggregates.panes import Panes
from driftline.aggregates.performance import Changes
from driftline.pipeline.places import NOWHERE
from driftline.pipeline.slots import Slot
from driftline.pipeline.state import StreamState
from driftline.records import Bools, Codes32, Ints, PredictionPart
from driftline.settings import Task, WindowKind
from driftline.stamp.staging import Columns
from driftline.windows.grid import pane_starts

Rows = Ints | slice


def by_pane(times_ms: Ints, rows: Ints | None, panes: Panes) -> Iterator[tuple[int, Rows]]:
    """(pane start, the rows in it) of ``rows`` (None: all), a slice where one pane holds all.

    What is older than the panes' ``since_ms`` is in none: of what was counted then, nothing is there to take back.
    """
    window = panes.window
    if panes.since_ms is not None and len(times_ms) and times_ms.min() < panes.since_ms:
        known = times_ms >= panes.since_ms
        rows = np.flatnonzero(known) if rows is None else rows[known[rows]]
    starts = pane_starts(times_ms if rows is None else times_ms[rows], window)
    if not len(starts):
        return
    if starts[0] == starts[-1] and (starts == starts[0]).all():
        yield int(starts[0]), slice(None) if rows is None else rows
        return
    for start in np.unique(starts).tolist():
        mine = np.flatnonzero(starts == start)
        yield start, mine if rows is None else rows[mine]


def count_drift(slot: Slot, prepared: Prepared, rows: Ints | None, times_ms: Ints) -> None:
    """Inputs and answers of rows (None: all) into the panes of drift windows."""
    for panes in slot.drift_panes:
        for start, mine in by_pane(times_ms, rows, panes):
            panes.add(start, slot.drift.totals(prepared, mine))


def count_events(slot: Slot, part: PredictionPart, rows: Ints | None, times_ms: Ints) -> None:
    """Distinct predictions of rows (None: all) into the panes of performance windows."""
    if not slot.performance_panes:
        return
    segments = slot.segment_codes(part.segments, len(times_ms), len(slot.segments))
    for panes in slot.performance_panes:
        for start, mine in by_pane(times_ms, rows, panes):
            chosen = segments[mine]
            panes.bump(start, *slot.performance.arrivals(np.ones(len(chosen), np.int64), chosen))


def count_waiting(slot: Slot) -> None:
    """The on-time rows that waited, into the panes of all windows."""
    if not slot.waiting.rows:
        return
    part, times_ms, counted = slot.waiting.take()
    count_drift(slot, slot.drift.prepare(part), None, times_ms)
    if counted.any():
        count_events(slot, part, None if counted.all() else np.flatnonzero(counted), times_ms)


def count_changes(state: StreamState, slot: Slot, due: Columns) -> None:
    """What labels said, into the panes of their predictions."""
    changes = _changes(slot, due)
    slot.relabel(due["time_ms"])
    lost = np.zeros(len(due["eff_ms"]), np.bool_)
    for panes in slot.performance_panes:
        # By effective time, not by what is still there: other batch sizes lose the same labels.
        open_ms = state.open_ms(slot, WindowKind.PERFORMANCE, panes)
        gone = pane_starts(due["time_ms"], panes.window) + open_ms <= due["eff_ms"]
        lost |= gone
        kept = None if state.keeps_all or not gone.any() else np.flatnonzero(~gone)
        for start, mine in by_pane(due["time_ms"], kept, panes):
            rows = np.arange(len(lost)) if isinstance(mine, slice) else mine
            panes.bump(start, *slot.performance.delta(changes, rows))
    state.counts["labels_beyond_window",] += int(lost.sum())


def _changes(slot: Slot, due: Columns) -> Changes:
    regression = slot.settings.task is Task.REGRESSION
    nothing = np.full(len(due["eff_ms"]), np.nan)
    return Changes(
        sign=due["sign"], truth=due["truth"], predicted=due["predicted"],
        score=nothing if regression else due["value"],
        losses=due["losses"],
        truth_value=due["truth_value"], predicted_value=due["value"] if regression else nothing,
        segments=due["segments"][:, : len(slot.segments)],
    )  # fmt: skip


def measure_delays(slot: Slot, delay_ms: Ints) -> None:
    """How long labels took, into the histogram."""
    buckets = np.searchsorted(DELAY_BOUNDS_S, delay_ms / 1000, side="left")
    slot.delays[:] += np.bincount(buckets, minlength=len(slot.delays))
    slot.delay_sum_ms += int(delay_ms.sum())


def index_rows(state: StreamState, kind: str, of_ms: Ints, rows: Columns) -> None:
    """Note where rows stand. Columns ``slot``, ``place`` (either -1: nowhere), ``offset``, ``time_ms``.

    ``of_ms`` is the time of their predictions. Reading order is kept by partition, so rows mostly come in
    runs of one (version, partition, stretch of time); only where they do not, they are sorted first.
    """
    slot, place = rows["slot"], rows["place"]
    there = (slot >= 0) & (place != NOWHERE)
    if not there.all():
        index_rows(state, kind, of_ms[there], {name: column[there] for name, column in rows.items()})
        return
    if not len(slot):
        return
    sizes = np.array([s.data.bucket_ms for s in state.registry.slots], np.int64)
    bucket = of_ms // (sizes[slot] if (sizes != sizes[0]).any() else sizes[0])
    starts = _runs(slot, place, bucket)
    if len(starts) * 8 > len(slot):
        order = np.lexsort((bucket, place, slot))
        slot, place, bucket = slot[order], place[order], bucket[order]
        rows = {name: column[order] for name, column in rows.items()}
        starts = _runs(slot, place, bucket)
    offset, time_ms = rows["offset"], rows["time_ms"]
    spans = zip(
        slot[starts].tolist(), place[starts].tolist(), bucket[starts].tolist(),
        np.minimum.reduceat(offset, starts).tolist(), np.maximum.reduceat(offset, starts).tolist(),
        np.minimum.reduceat(time_ms, starts).tolist(), np.maximum.reduceat(time_ms, starts).tolist(), strict=True,
    )  # fmt: skip
    for code, where, key, *span in spans:
        state.registry.slots[code].data.widen((kind, *state.partitions.keys[where]), key, span)


def _runs(slot: Codes32, place: Codes32, bucket: Ints) -> Ints:
    """Where a new run of equal (slot, place, bucket) begins."""
    turn: Bools = (slot[1:] != slot[:-1]) | (place[1:] != place[:-1]) | (bucket[1:] != bucket[:-1])
    return np.concatenate(([0], np.flatnonzero(turn) + 1))
