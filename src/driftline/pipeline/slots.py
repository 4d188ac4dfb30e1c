"""What a stream keeps of each model and of each of its versions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import gcd
from typing import NamedTuple

import numpy as np

from driftline.aggregates import latency
from driftline.aggregates.drift import DriftLayout
from driftline.aggregates.panes import Panes
from driftline.aggregates.performance import PerformanceLayout
from driftline.errors import DataError
from driftline.matching import match_model
from driftline.pipeline.models import ModelState
from driftline.pipeline.ranges import DataIndex
from driftline.pipeline.waiting import NEVER_MS, Waiting
from driftline.records import Coded, Codes32, Floats, Ints, Schema
from driftline.reference.profile import Profile
from driftline.settings import HOUR_MS, OTHER, LabelSettings, Limits, ModelSettings, Task, Window, WindowKind

LoadProfile = Callable[[ModelSettings, str, str], Profile | None]
"""(settings, model, version) -> its reference, or None."""


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


class Registry:
    """Models and versions of one stream, made as they are first seen."""

    def __init__(
        self, models: tuple[ModelSettings, ...], limits: Limits, load_profile: LoadProfile, stream: str | None = None,
        *, tolerant: bool = False,
    ) -> None:  # fmt: skip
        """``models`` are those of all streams: a model is of one, that of its most specific entry. None: of this.

        ``tolerant``: a version whose reference cannot be read goes without one, and says so (``Slot.unreadable``).
        """
        self._tolerant = tolerant
        self._settings = models
        self._stream = stream
        self._limits = limits
        self._load = load_profile
        self.models: dict[str, ModelState] = {}
        self.by_code: list[ModelState] = []
        self.slots: list[Slot] = []
        self.of: dict[tuple[str, str], Slot] = {}
        self.refused: list[tuple[str, str, str]] = []
        """(model, version, why) of those over a limit that nobody has been told of yet."""
        self._refused: set[tuple[str, str]] = set()
        self._schemas: dict[tuple[str, str], Schema | None] = {}
        self.segment_width = max((len(m.segments) for m in models if self._mine(m)), default=0)

    def schema_of(self, model: str, version: str) -> Schema | None:
        """How events of a (model, version) are read; labels ask with version ``""``."""
        key = (model, version)
        if key not in self._schemas:
            if len(self._schemas) > self._limits.models * (self._limits.versions_per_model + 1):
                self._schemas = {k: s for k, s in self._schemas.items() if s is not None}
            self._schemas[key] = self._make_schema(model, version)
        return self._schemas[key]

    def _make_schema(self, model: str, version: str) -> Schema | None:
        state = self.model(model)
        if state is None:
            return None
        slot = self.slot(model, version) if version else None
        if version and slot is None:
            return None
        settings, profile = state.settings, slot.profile if slot else None
        names = self._class_names(settings, profile)
        negative = next((c for c in names if c != settings.positive), None)
        schema = Schema(
            task=settings.task,
            numeric=tuple(f.name for f in profile.numeric) if profile else (),
            categorical=tuple(f.name for f in profile.categorical) if profile else (),
            classes=settings.classes,
            positive=settings.positive,
            negative=negative,
            threshold=settings.threshold,
            segments=settings.segments,
        )
        if slot is not None:
            slot.schema = schema
        return schema

    def model(self, name: str) -> ModelState | None:
        """The model's state; None where no entry matches or the limit of models is reached."""
        state = self.models.get(name)
        if state is None:
            settings = match_model(self._settings, name)
            if settings is None or not self._mine(settings):
                return None
            if len(self.models) >= self._limits.models:
                self._refuse(name, "", f"limits.models ({self._limits.models}) is reached")
                return None
            state = ModelState(name, len(self.by_code), settings, class_limit=self._limits.classes)
            state.learn(self._class_names(settings, None))
            self.models[name] = state
            self.by_code.append(state)
        return state

    def _mine(self, settings: ModelSettings) -> bool:
        return self._stream in (None, settings.stream)

    @staticmethod
    def _class_names(settings: ModelSettings, profile: Profile | None) -> list[str]:
        names = list(settings.classes or ())
        if profile is not None:
            for column in (profile.predicted, profile.label):
                names.extend(column.categories if column else ())
        if settings.positive is not None:
            names.append(settings.positive)
        return list(dict.fromkeys(names)) if settings.task is not Task.REGRESSION else []

    def slot(self, model: str, version: str) -> Slot | None:
        """The state of a (model, version), made at first sight; None over the limits."""
        slot = self.of.get((model, version))
        if slot is None:
            state = self.model(model)
            if state is None:
                return None
            most = self._limits.versions_per_model
            if sum(s.model is state and not s.retired for s in self.slots) >= most:
                self._refuse(model, version, f"limits.versions_per_model ({most}) is reached")
                return None
            slot = self._make(state, version)
            self.slots.append(slot)
            self.of[slot.key] = slot
        return slot

    @property
    def retired(self) -> set[tuple[str, str]]:
        """(model, version) of those that are."""
        return {slot.key for slot in self.slots if slot.retired}

    def full(self, model: str) -> bool:
        """Whether a model has as many versions as may be, retired ones included."""
        return sum(s.model.name == model for s in self.slots) >= self._limits.versions_per_model

    def retire(self, slot: Slot) -> None:
        """Let another version have its place; those that were refused may ask again."""
        slot.retired = True
        self._schemas = {k: s for k, s in self._schemas.items() if s is not None}

    def _refuse(self, model: str, version: str, why: str) -> None:
        if (model, version) not in self._refused and len(self._refused) < self._limits.models:
            self._refused.add((model, version))
            self.refused.append((model, version, why))

    def _make(self, state: ModelState, version: str) -> Slot:
        settings = state.settings
        profile, unreadable = self._profile(settings, state.name, version)
        names = self._class_names(settings, profile)
        held = profile.performance.get("classes", ()) if profile else ()
        if state.learn((*names, *held)):
            for other in self.slots:
                if other.model is state:
                    other.grow()
        segments = self._segments(settings, profile)
        drift = DriftLayout.of(profile, settings.task, tuple(names))
        performance = PerformanceLayout.of(
            settings.task, tuple(state.classes), settings.positive, segments,
            label_mean=(profile.label_mean or 0.0) if profile else 0.0,
        )  # fmt: skip
        drift_zero, performance_zero = drift.empty(), performance.empty()
        labelled = settings.performance_windows if settings.labels.enabled else ()
        return Slot(
            code=len(self.slots), model=state, version=version, profile=profile, drift=drift,
            performance=performance, segments=segments, data=DataIndex(_bucket_ms((*settings.drift_windows, *labelled))),
            drift_panes=[Panes(w, drift_zero) for w in settings.drift_windows],
            performance_panes=[Panes(w, performance_zero) for w in labelled], unreadable=unreadable,
        )  # fmt: skip

    def _profile(
        self, settings: ModelSettings, model: str, version: str
    ) -> tuple[Profile | None, str | None]:
        """The reference, or why it cannot be read."""
        try:
            return self._load(settings, model, version), None
        except DataError as error:
            if not self._tolerant:
                raise
            return None, str(error)

    def _segments(
        self, settings: ModelSettings, profile: Profile | None
    ) -> tuple[tuple[str, tuple[str, ...]], ...]:
        known = {c.name: c.categories for c in profile.categorical} if profile else {}
        limit = self._limits.segment_values
        named = []
        for name in settings.segments:
            values = settings.segment_values.get(name) or known.get(name, ())
            named.append((name, (*(v for v in values[:limit] if v != OTHER), OTHER)))
        return tuple(named)


def departed(code: int, model: str, version: str, tags: Mapping[str, str]) -> Slot:
    """A version that left the configuration: a name for what is still open of it, without windows."""
    labels = LabelSettings(enabled=False)
    settings = ModelSettings(match=model, stream="", task=Task.REGRESSION, labels=labels, tags=tags)
    return Slot(
        code=code, model=ModelState(model, code, settings), version=version, profile=None,
        drift=DriftLayout.of(None, Task.REGRESSION, ()), performance=PerformanceLayout.of(Task.REGRESSION),
        drift_panes=[], performance_panes=[], segments=(), data=DataIndex(HOUR_MS), left=True,
    )  # fmt: skip


def with_windows(settings: ModelSettings, drift: set[Window], performance: set[Window]) -> ModelSettings:
    """The settings with windows added that rules name and the model does not."""
    return replace(
        settings,
        drift_windows=(*settings.drift_windows, *sorted(drift - set(settings.drift_windows))),
        performance_windows=(
            *settings.performance_windows,
            *sorted(performance - set(settings.performance_windows)),
        ),
    )


def _bucket_ms(windows: Iterable[Window]) -> int:
    """The largest stretch that divides an hour and every slide."""
    return gcd(HOUR_MS, *(w.slide_ms for w in windows))
