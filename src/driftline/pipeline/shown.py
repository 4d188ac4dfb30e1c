"""What the last views showed, so that a view computes anew only windows that changed, and not all at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from driftline.aggregates.panes import Panes
from driftline.metrics.view import HistoryView, WindowView
from driftline.pipeline.histograms import shares
from driftline.pipeline.history import history
from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import evaluate
from driftline.records import Evaluation
from driftline.settings import WindowKind

WINDOWS_A_VIEW = 64
"""Newest windows that one view computes at least; a quarter of all where there are more, so that none is
older than four views."""
HISTORIES_A_VIEW = 8
"""Histories that one view computes at most: the past changes slowly, and costs as much as many windows."""

Key = tuple[str, str, WindowKind, int]
"""(model, version, kind, length)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A window that is to be shown at an end."""

    slot: Slot
    kind: WindowKind
    panes: Panes
    end_ms: int

    @property
    def key(self) -> Key:
        """What it is known by."""
        return *self.slot.key, self.kind, self.panes.window.length_ms


@dataclass(slots=True)
class Kept:
    """What was computed of a window, and of which state of its panes."""

    slot: Slot
    state: tuple[int, int]
    view: WindowView
    turn: int
    past_state: tuple[int, int] = (-1, 0)
    past: HistoryView | None = None
    past_turn: int = -1


@dataclass(slots=True)
class Shown:
    """The windows of one stream, as the last views showed them."""

    kept: dict[Key, Kept] = field(default_factory=dict)
    turn: int = 0

    def windows(self, wanted: list[Wanted], watermark_ms: int) -> list[WindowView]:
        """The windows with their histories: what changed is computed anew, the stalest first."""
        self.turn += 1
        self.kept = {w.key: k for w in wanted if (k := self.kept.get(w.key)) is not None and k.slot is w.slot}
        fresh = [w for w in wanted if w.key not in self.kept]
        stale = [w for w in wanted if w.key in self.kept and self.kept[w.key].state != _state(w)]
        stale.sort(key=lambda w: self.kept[w.key].turn)
        room = max(WINDOWS_A_VIEW, -(-len(wanted) // 4))
        for w in (*fresh, *stale[:room]):
            self._renew(w, watermark_ms)
        self._renew_histories(wanted, watermark_ms)
        return [replace(self.kept[w.key].view, history=self.kept[w.key].past) for w in wanted]

    def _renew(self, w: Wanted, watermark_ms: int) -> None:
        old = self.kept.get(w.key)
        view = window_view(w, watermark_ms)
        if old is None:
            self.kept[w.key] = Kept(w.slot, _state(w), view, self.turn)
        else:
            old.state, old.view, old.turn = _state(w), view, self.turn

    def _renew_histories(self, wanted: list[Wanted], watermark_ms: int) -> None:
        due = [w for w in wanted if self.kept[w.key].past_state != _state(w)]
        due.sort(key=lambda w: self.kept[w.key].past_turn)
        for w in due[:HISTORIES_A_VIEW]:
            kept = self.kept[w.key]
            kept.past = history(w.slot, w.kind, w.panes, w.end_ms, watermark_ms)
            kept.past_state, kept.past_turn = _state(w), self.turn


def _state(w: Wanted) -> tuple[int, int]:
    return w.panes.revision, w.end_ms


def window_view(w: Wanted, watermark_ms: int) -> WindowView:
    """The window at its end. A mature performance window has been judged; a drift window's last pane is open."""
    slot, panes = w.slot, w.panes
    totals = panes.peek(w.end_ms)
    counted = slot.counted(panes, w.end_ms)
    evaluations = evaluate(slot, w.kind, panes.window.length_ms, totals, None, counted)
    judged_ms = w.end_ms + slot.delay_ms(w.kind)
    return WindowView(
        model=slot.model.name, version=slot.version, window=panes.window.name, kind=str(w.kind), end_ms=w.end_ms,
        events=whole(evaluations, "events"), labelled=whole(evaluations, "labelled"), evaluations=evaluations,
        judged_ms=judged_ms if judged_ms <= watermark_ms else None,
        length_ms=panes.window.length_ms, slide_ms=panes.window.slide_ms,
        shares=shares(slot, totals, evaluations) if w.kind is WindowKind.DRIFT else (),
    )  # fmt: skip


def whole(evaluations: list[Evaluation], statistic: str) -> int:
    """The count that a statistic of the whole window holds; 0 where it is not there."""
    for evaluation in evaluations:
        if evaluation.statistic == statistic:
            for place, dimension in enumerate(evaluation.dimensions):
                if dimension.segment is None:
                    return int(evaluation.value[0, place])
    return 0
