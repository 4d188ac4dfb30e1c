"""All that one stream knows: what a snapshot holds, and what every stage of the pipeline works on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from driftline.aggregates.panes import Panes
from driftline.join.join import Join
from driftline.join.lifetime import Policy
from driftline.pipeline.models import ModelState
from driftline.pipeline.places import Places
from driftline.pipeline.registry import Registry
from driftline.pipeline.slots import Slot, newest_ms
from driftline.pipeline.written import Written
from driftline.records import Bools, Coded, Codes32, Control, Ints, PredictionPart, TopicPartition
from driftline.settings import DAY_MS, Limits, StreamSettings, WindowKind
from driftline.stamp.staging import Staging
from driftline.stamp.watermark import UNSET_MS

RETIRED_AFTER_MS = 7 * DAY_MS
"""A version that had no event for so long, while another one of its model had some, has been replaced."""


@dataclass(slots=True)
class LateRows:
    """Late predictions or features that wait, as a part of their own."""

    slot: Slot
    part: PredictionPart
    time_ms: Ints
    eff_ms: Ints
    counted: Bools
    """Rows whose prediction takes part in the join."""
    block: int = 0
    """The block of the state file that holds them; 0: none yet."""


@dataclass(slots=True)
class StreamState:
    """The state of one stream."""

    stream: StreamSettings
    registry: Registry
    limits: Limits
    join: Join
    watermarks: dict[TopicPartition, int] = field(default_factory=dict)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    watermark_ms: int = UNSET_MS
    partitions: Places = field(default_factory=Places)
    keeps_ms: Callable[[Slot, WindowKind, int], int] = lambda _slot, _kind, _length_ms: 0
    """How much longer than for judging the panes of a window are kept, for rules."""
    busy: Callable[[Slot], bool] = lambda _slot: False
    """Whether a rule still has to do with a version."""
    keeps_all: bool = False
    """Every pane is kept and counted into, however late: for samples of state ``final``."""
    labels: Staging = field(default_factory=lambda: Staging(("place", "offset")))
    """Labels that wait for W to pass their effective time."""
    changes: Staging = field(default_factory=lambda: Staging(("slot",)))
    """What labels changed, to be counted at its effective time."""
    late: list[LateRows] = field(default_factory=list)
    places: Staging = field(default_factory=lambda: Staging(("slot",)))
    """Where the late rows stand in the logs."""
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    unmonitored: Counter[tuple[str, str]] = field(default_factory=Counter)
    written: Written = field(default_factory=Written)
    """What the state file has."""
    controls: list[Control] = field(default_factory=list)
    """Decisions since the last commit that the logs alone do not tell."""

    def learn_policies(self) -> None:
        """How long each model waits for labels, for models met since the last call."""
        for model in self.registry.by_code[len(self.join.policies) :]:
            labels = model.settings.labels
            policy = Policy(labels.horizon_ms, labels.orphan_wait_ms, labels.corrections_ms)
            if not labels.enabled:
                policy = Policy(self.stream.time.allowed_lateness_ms, 0, 0, labelled=False)
            self.join.policies.append(policy)

    def class_codes(self, model: ModelState, column: Coded) -> Codes32:
        """Model-level codes of a column of classes; a new class makes room in all its versions."""
        codes, grown = model.class_codes(column)
        if grown:
            self.grow(model)
        return codes

    def grow(self, model: ModelState) -> None:
        """Lay out anew what counts a model's classes."""
        for slot in self.registry.slots:
            if slot.model is model:
                slot.grow()

    def open_ms(self, slot: Slot, kind: WindowKind, panes: Panes) -> int:
        """How long after its start labels count in a pane: until its last window is judged, and what rules ask for."""
        window = panes.window
        return (
            window.slide_ms
            + window.length_ms
            + slot.settings.labels.delay_ms
            + self.keeps_ms(slot, kind, window.length_ms)
        )

    def lifetime_ms(self, slot: Slot, kind: WindowKind, panes: Panes) -> int:
        """How long after its start a pane is kept: the page looks back one length at least."""
        window = panes.window
        looked_back = 2 * window.length_ms + window.slide_ms + slot.settings.labels.delay_ms
        return max(looked_back, self.open_ms(slot, kind, panes))

    def forgets(self) -> bool:
        """Whether ``forget`` would drop a pane."""
        return any(
            panes.drops_before(self.watermark_ms - self.lifetime_ms(slot, kind, panes))
            for slot in self.registry.slots
            for kind, panes in slot.panes()
        )

    def forget(self) -> None:
        """Drop the panes that nothing can read any more, and where their data stands."""
        for slot in self.registry.slots:
            lifetimes = [(panes, self.lifetime_ms(slot, kind, panes)) for kind, panes in slot.panes()]
            for panes, lifetime_ms in lifetimes:
                panes.drop_before(self.watermark_ms - lifetime_ms)
            slot.data.drop_before(self.watermark_ms - max((ms for _, ms in lifetimes), default=0))

    def retire(self) -> None:
        """Versions without an event for long, while another one of their model has some, that nothing is left of."""
        newest = newest_ms(self.registry.slots)
        for slot in self.registry.slots:
            replaced = newest[slot.model.name] - slot.last_ms > RETIRED_AFTER_MS
            if replaced and not slot.retired and not slot.held and not self.busy(slot):
                self.registry.retire(slot)

    def late_times(self, slot: Slot) -> list[Ints]:
        """Times of the late events that wait to take effect."""
        return [rows.time_ms for rows in self.late if rows.slot is slot]

    def staged_rows(self) -> int:
        """Rows that wait for W."""
        return self.labels.rows + sum(len(rows.eff_ms) for rows in self.late)

    def wake(self, key: TopicPartition, offset: int) -> None:
        """A partition that was idle, or is new, starts at W; noted only where that raises it."""
        mark = self.watermarks.get(key)
        if self.watermark_ms > (UNSET_MS if mark is None else mark):
            kind = "discovery" if mark is None else "wake"
            self.controls.append(Control(kind, *key, offset, self.watermark_ms))
        self.watermarks[key] = max(UNSET_MS if mark is None else mark, self.watermark_ms)

    def pass_by(self, idle: Iterable[TopicPartition], watermark_ms: int) -> None:
        """Note the idle partitions that W leaves behind as it moves on to ``watermark_ms``."""
        for key in sorted(idle):
            mark = self.watermarks.get(key, UNSET_MS)
            if self.watermark_ms <= mark < watermark_ms:
                self.controls.append(Control("idle", *key, self.positions.get(key, 0), mark))


def every(count: int) -> Ints:
    """All rows of a batch."""
    return np.arange(count)
