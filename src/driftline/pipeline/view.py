"""What a stream shows of itself: the newest windows, open pane included, as plain values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from driftline.aggregates.latency import DELAY_BOUNDS_S, prometheus_buckets
from driftline.aggregates.panes import Panes
from driftline.metrics.view import Histogram, ModelView, PartitionView, RuleView, StreamView
from driftline.pipeline.rule_info import rule_infos
from driftline.pipeline.shown import Shown, Wanted
from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import StreamEngine
from driftline.records import REJECT_REASONS, Kind
from driftline.settings import WindowKind

_UNSET = -(1 << 61)


def stream_view(
    name: str,
    engine: StreamEngine,
    partitions: tuple[PartitionView, ...],
    rules: tuple[RuleView, ...],
    exported: tuple[str, ...] | None,
    hold: str | None,
    shown: Shown | None = None,
    committed_: Committed | None = None,
) -> StreamView:
    """The stream's view. ``exported`` names the windows shown; None: the first of each kind.

    ``shown`` is what the last view knew, so that only what changed is computed. ``committed_`` has the counters of
    the last commit; without it they are those of the engine.
    """
    counted = committed_ or committed(engine)
    pipeline = engine.pipeline
    slots = [slot for slot in pipeline.registry.slots if not slot.retired]
    gone = pipeline.registry.retired
    rules = tuple(r for r in rules if (r.model, r.version) not in gone)
    wanted = [w for slot in slots for w in _windows(slot, pipeline.watermark_ms, exported)]
    windows = (shown or Shown()).windows(wanted, pipeline.watermark_ms)
    return StreamView(
        name=name,
        watermark_ms=pipeline.watermark_ms if pipeline.watermark_ms > _UNSET else None,
        staged=pipeline.staged_rows(),
        join_pending=pipeline.join.pending(),
        partitions=partitions,
        counters=counted.counters,
        windows=windows,
        rules=rules,
        models=[_model(slot, counted.models.get(slot.key, Counted())) for slot in slots],
        unmonitored=[(m, v, n) for (m, v), n in pipeline.unmonitored.most_common(100)],
        hold=hold,
        rule_infos=rule_infos(engine.rules, slots, rules) if engine.rules else (),
        trigger_last_ms={k: t for k, t in engine.rules.trigger_last_ms.items() if k[1:3] not in gone}
        if engine.rules
        else {},
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """What only grows of one (model, version)."""

    predictions: int = 0
    latency: Histogram | None = None
    delays: Histogram | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """Counters as they were committed: after a crash they go on from there, and never go back."""

    counters: Mapping[str, Mapping[tuple[str, ...], int]] = field(default_factory=dict)
    models: Mapping[tuple[str, str], Counted] = field(default_factory=dict)


def committed(engine: StreamEngine) -> Committed:
    """The engine's counters as they stand now."""
    models = {s.key: Counted(s.predictions, _latency(s), _delays(s)) for s in engine.pipeline.registry.slots}
    return Committed(_counters(engine), models)


def _counters(engine: StreamEngine) -> Mapping[str, Mapping[tuple[str, ...], int]]:
    counters: dict[str, dict[tuple[str, ...], int]] = defaultdict(dict)
    stream = engine.pipeline.stream
    for topic in (*stream.predictions, *stream.labels, *stream.features):
        counters["events_lost_total"][topic,] = 0  # from the start, so that the first one is an increase
        for reason in REJECT_REASONS:
            counters["events_rejected_total"][topic, reason] = 0
    kinds = (
        (Kind.PREDICTION, stream.predictions),
        (Kind.LABEL, stream.labels),
        (Kind.FEATURES, stream.features),
    )
    for kind, topics in kinds:
        counters["events_consumed_total"] |= {(topic, str(kind)): 0 for topic in topics}
    for topic in (*stream.predictions, *stream.features):
        counters["events_unmonitored_total"][topic,] = 0
    for outcome in ("staged", "dropped"):
        counters["events_late_total"][outcome,] = 0
    join = engine.pipeline.join.counts
    for (name, *labels), n in engine.pipeline.counts.items():
        counters[f"{name}_total"][tuple(labels)] = n
    counters["events_duplicate_total"][()] = join["duplicate"]
    counters["join_expired_events_total"][()] = join["expired"]
    counters["join_evicted_events_total"][()] = join["evicted"]
    counters["predictions_conflicting_total"][()] = join["conflict"]
    counters["labels_orphaned_total"][()] = join["orphan"]
    counters["labels_beyond_window_total"].setdefault((), 0)
    return counters


def _windows(slot: Slot, watermark_ms: int, exported: tuple[str, ...] | None) -> list[Wanted]:
    wanted = []
    places = {WindowKind.DRIFT: 0, WindowKind.PERFORMANCE: 0}
    for kind, panes in slot.panes():
        place = places[kind]
        places[kind] += 1
        shown = panes.window.name in exported if exported is not None else place == 0
        end_ms = _newest_end(slot, kind, panes, watermark_ms)
        if shown and end_ms is not None:
            wanted.append(Wanted(slot, kind, panes, end_ms))
    return wanted


def _newest_end(slot: Slot, kind: WindowKind, panes: Panes, watermark_ms: int) -> int | None:
    """Drift includes the open pane; performance shows the newest mature window."""
    if not panes.panes:
        return None
    slide = panes.window.slide_ms
    if kind is WindowKind.DRIFT:
        return int(max(watermark_ms, slot.last_ms) // slide * slide + slide)
    end_ms = (watermark_ms - slot.delay_ms(kind)) // slide * slide
    return int(end_ms) if end_ms > min(panes.panes) else None


def _model(slot: Slot, counted: Counted) -> ModelView:
    return ModelView(
        model=slot.model.name, version=slot.version, tags=slot.settings.tags,
        predictions_total=counted.predictions, last_event_ms=slot.last_ms if slot.predictions else None,
        reference_id=slot.profile.id if slot.profile else None, reference_problem=slot.unreadable,
        latency_histogram=counted.latency or _latency(slot, empty=True), label_delay_histogram=counted.delays or _delays(slot, empty=True),
        task=str(slot.settings.task), positive=slot.settings.positive, labelled=slot.settings.labels.enabled,
        min_coverage=slot.settings.labels.min_coverage, label_delay_ms=slot.settings.labels.delay_ms,
        classes_over=slot.model.class_limit if slot.model.over else None,
        reference_rows=slot.profile.rows if slot.profile else None,
        reference_metrics=_validated(slot), lineage=slot.profile.lineage if slot.profile else {},
    )  # fmt: skip


def _validated(slot: Slot) -> Mapping[str, float]:
    metrics = slot.profile.performance.get("metrics", {}) if slot.profile else {}
    return {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)}


def _delays(slot: Slot, *, empty: bool = False) -> Histogram:
    """Of all labels since the state began."""
    counts = np.zeros_like(slot.delays) if empty else slot.delays
    bounds = tuple(DELAY_BOUNDS_S.tolist())
    return bounds, tuple(np.cumsum(counts).tolist()), 0.0 if empty else slot.delay_sum_ms / 1000


def _latency(slot: Slot, *, empty: bool = False) -> Histogram | None:
    """Of all predictions since the state began, so that it only grows; from 0, so that the first is an increase."""
    if not slot.latency.any():
        return None
    buckets = prometheus_buckets(np.zeros_like(slot.latency) if empty else slot.latency)
    bounds = tuple(edge for edge, _count in buckets if edge != float("inf"))
    return bounds, tuple(count for _edge, count in buckets), 0.0 if empty else slot.latency_sum_ms / 1000
