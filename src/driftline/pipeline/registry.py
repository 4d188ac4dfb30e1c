"""The models and versions of a stream: made as they are first seen, within limits, and retired."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import gcd

from driftline.aggregates.drift import DriftLayout
from driftline.aggregates.panes import Panes
from driftline.aggregates.performance import PerformanceLayout
from driftline.errors import DataError
from driftline.matching import match_model
from driftline.pipeline.models import ModelState
from driftline.pipeline.ranges import DataIndex
from driftline.pipeline.slots import Slot
from driftline.records import Schema
from driftline.reference.profile import Profile
from driftline.settings import HOUR_MS, OTHER, Limits, ModelSettings, Task, Window

LoadProfile = Callable[[ModelSettings, str, str], Profile | None]
"""(settings, model, version) -> its reference, or None."""


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
