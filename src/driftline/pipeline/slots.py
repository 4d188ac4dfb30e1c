"""What a stream keeps of each (model, version)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from driftline.aggregates import latency
from driftline.aggregates.drift import DriftLayout
from driftline.aggregates.panes import Panes
from driftline.aggregates.performance import PerformanceLayout
from driftline.pipeline.models import ModelState
from driftline.pipeline.ranges import DataIndex
from driftline.pipeline.waiting import NEVER_MS, Waiting
from driftline.records import Coded, Codes32, Floats, Ints, Schema
from driftline.reference.profile import Profile
from driftline.settings import HOUR_MS, LabelSettings, ModelSettings, Task, WindowKind


class Counted(NamedTuple):
    """Whether a window was counted from its beginning."""

    whole: bool = True
    not_segments: frozenset[str] = frozenset()
    """Segments that were not, though the window was."""


FROM_THE_START = Counted()


@dataclass(slots=True)
class Slot:
    """One (model, version): layouts, panes and what is known of its traffic."""

    code: int
    model: ModelState
    version: str
    profile: Profile | None
    drift: DriftLayout
    performance: PerformanceLayout
    drift_panes: list[Panes]
    performance_panes: list[Panes]
    segments: tuple[tuple[str, tuple[str, ...]], ...]
    data: DataIndex
    first_ms: int = 1 << 62
    last_ms: int = -(1 << 62)
    predictions: int = 0
    schema: Schema = field(default_factory=lambda: Schema(Task.BINARY))
    delays: np.ndarray = field(default_factory=lambda: np.zeros(24, np.int64))
    delay_sum_ms: int = 0
    latency: np.ndarray = field(default_factory=lambda: np.zeros(latency.BINS, np.int64))
    latency_sum_ms: float = 0.0
    relabelled: set[int] = field(default_factory=set)
    """Starts of the stretches (of the data index) with predictions whose label changed since somebody looked."""
    segments_since_ms: dict[str, int] = field(default_factory=dict)
    """Since when a segment is counted as it is now, where that is not from the beginning."""
    retired: bool = False
    """Another version has taken its place, and nothing of it is in a window or open: not shown, and in nobody's way."""
    unreadable: str | None = None
    """Why there is no reference, though there is a file of one."""
    left: bool = False
    """The configuration has it no more: it is there until what its rules had open is told to be over."""
    waiting: Waiting = field(default_factory=Waiting)
    """On-time rows that are in no pane yet."""

    @property
    def key(self) -> tuple[str, str]:
        """(model, version)."""
        return self.model.name, self.version

    @property
    def settings(self) -> ModelSettings:
        """The model's settings."""
        return self.model.settings

    def layout_id(self, kind: WindowKind) -> str:
        """What the counts of a kind of windows mean; panes of another layout are never summed with them."""
        if kind is WindowKind.DRIFT:
            known = self.profile.id if self.profile else list(self.drift.classes)
            return json.dumps([str(self.settings.task), known])
        p = self.performance
        return json.dumps([str(p.task), p.positive, p.segments, p.label_mean])

    def panes(self) -> Iterable[tuple[WindowKind, Panes]]:
        """All windows of both kinds."""
        yield from ((WindowKind.DRIFT, p) for p in self.drift_panes)
        yield from ((WindowKind.PERFORMANCE, p) for p in self.performance_panes)

    def delay_ms(self, kind: WindowKind) -> int:
        """From a window's end to its judgement."""
        return self.settings.labels.delay_ms if kind is WindowKind.PERFORMANCE else 0

    def due_ms(self, time_ms: int) -> int:
        """The first W at which a window that holds an event of this time is judged."""
        ends = [
            time_ms // p.window.slide_ms * p.window.slide_ms + p.window.slide_ms + self.delay_ms(kind)
            for kind, p in self.panes()
        ]
        return min(ends, default=NEVER_MS)

    def counted(self, panes: Panes, end_ms: int) -> Counted:
        """How much of the window that ends at ``end_ms`` was counted from its beginning."""
        start_ms = end_ms - panes.window.length_ms
        late = {name for name, since_ms in self.segments_since_ms.items() if start_ms < since_ms}
        return Counted(panes.covers(end_ms), frozenset(late))

    @property
    def held(self) -> bool:
        """Whether any event of it is in a window, or on the way to one."""
        return self.waiting.rows > 0 or any(panes.panes for _, panes in self.panes())

    def seen(self, first_ms: int, last_ms: int) -> None:
        """Note the span of new events."""
        self.retired = False
        self.first_ms, self.last_ms = min(self.first_ms, first_ms), max(self.last_ms, last_ms)

    def relabel(self, times_ms: Ints) -> None:
        """Note that labels of predictions of these times have changed."""
        size = self.data.bucket_ms
        self.relabelled.update((np.unique(times_ms // size) * size).tolist())

    def measure_latency(self, latency_ms: Floats) -> None:
        """Add the latencies that the model reported to the histogram of all its predictions."""
        known = latency_ms[~np.isnan(latency_ms)]
        if len(known):
            bins = np.searchsorted(latency.edges_ms(), known, side="left")
            self.latency += np.bincount(bins, minlength=latency.BINS)
            self.latency_sum_ms += float(known.sum())

    def segment_codes(self, columns: tuple[Coded, ...], count: int, width: int) -> Codes32:
        """[count, width] codes of the configured segments' values; unknown ones are ``other``."""
        codes = np.full((count, width), -1, np.int32)
        for place, (column, (_name, values)) in enumerate(zip(columns, self.segments, strict=True)):
            known = {value: code for code, value in enumerate(values)}
            other = len(values) - 1
            table = np.array([*(known.get(v, other) for v in column.values), -1], np.int32)
            codes[:, place] = table[np.where(column.codes >= 0, column.codes, len(column.values))]
        return codes

    def grow(self) -> None:
        """Lay performance out anew after the model met a new class."""
        old = self.performance
        self.performance = old.grown(tuple(self.model.classes))
        empty = self.performance.empty()
        for panes in self.performance_panes:
            panes.convert(empty, lambda totals: old.convert(totals, self.performance))


def newest_ms(slots: Iterable[Slot]) -> dict[str, int]:
    """Time of the last event of each model, whatever its version."""
    newest: dict[str, int] = {}
    for slot in slots:
        newest[slot.model.name] = max(newest.get(slot.model.name, slot.last_ms), slot.last_ms)
    return newest


def departed(code: int, model: str, version: str, tags: Mapping[str, str]) -> Slot:
    """A version that left the configuration: a name for what is still open of it, without windows."""
    labels = LabelSettings(enabled=False)
    settings = ModelSettings(match=model, stream="", task=Task.REGRESSION, labels=labels, tags=tags)
    return Slot(
        code=code, model=ModelState(model, code, settings), version=version, profile=None,
        drift=DriftLayout.of(None, Task.REGRESSION, ()), performance=PerformanceLayout.of(Task.REGRESSION),
        drift_panes=[], performance_panes=[], segments=(), data=DataIndex(HOUR_MS), left=True,
    )  # fmt: skip
