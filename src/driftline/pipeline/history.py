"""A window's past: its headline statistics at every end whose panes are still held."""

from __future__ import annotations

from driftline.aggregates.panes import Panes
from driftline.metrics.view import HistoryView
from driftline.pipeline.slots import Slot
from driftline.records import Evaluation, Ints
from driftline.settings import WindowKind
from driftline.statistics.drift import evaluate_drift
from driftline.statistics.performance import evaluate_performance

DRIFT = frozenset({"events", "psi", "prediction_psi", "missing_ratio", "class_ratio"})
PERFORMANCE = frozenset({
    "events", "labelled", "label_coverage", "accuracy", "precision", "recall", "f1", "balanced_accuracy", "auc",
    "log_loss", "mae", "rmse", "r2", "bias",
})  # fmt: skip
"""Statistics that have a history: few, since a view holds all of them for every model."""
MOST_ENDS = 96


def ends_held(panes: Panes, newest_ms: int) -> list[int]:
    """The ends up to the newest one whose windows are whole: no pane of theirs has been dropped."""
    slide, length = panes.window.slide_ms, panes.window.length_ms
    if not panes.panes:
        return []
    first_ms = max(min(panes.panes) + slide, panes.horizon_ms + length, newest_ms - (MOST_ENDS - 1) * slide)
    first_ms = max(first_ms, (panes.since_ms or 0) + length if panes.since_ms is not None else first_ms)
    first_ms = -(-first_ms // slide) * slide
    return list(range(first_ms, newest_ms + 1, slide))


def history(slot: Slot, kind: WindowKind, panes: Panes, newest_ms: int, watermark_ms: int) -> HistoryView:
    """What is known now of each of these ends, labels that came since included."""
    ends = ends_held(panes, newest_ms)
    if not ends:
        return HistoryView(ends_ms=())
    counts, sums, unseen = panes.sweep(ends)
    delay = slot.delay_ms(kind)
    return HistoryView(
        ends_ms=tuple(ends),
        judged_ms=tuple(end + delay if end + delay <= watermark_ms else None for end in ends),
        evaluations=_evaluations(slot, kind, panes, counts, sums, unseen),
    )


def _evaluations(
    slot: Slot, kind: WindowKind, panes: Panes, counts: Ints, sums: Ints, unseen: list[tuple[dict[str, int], ...]]
) -> list[Evaluation]:  # fmt: skip
    settings = slot.settings
    if kind is WindowKind.DRIFT:
        return evaluate_drift(slot.drift, counts, sums, unseen, panes.window.length_ms, settings.gates, DRIFT)
    return evaluate_performance(
        slot.performance, counts, sums, settings.gates, settings.labels.min_coverage, PERFORMANCE
    )
