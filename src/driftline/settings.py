"""What the core is told: plain frozen values, parsed elsewhere, durations in milliseconds.

The core takes these as arguments; ``config`` makes them from YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

OTHER = "other"
"""What a class or a segment value over its limit counts as."""


class Task(StrEnum):
    """What a model does, and so which performance statistics it has."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class WindowKind(StrEnum):
    """Which question a window answers: drift is judged at its end, performance ``labels.delay`` later."""

    DRIFT = "drift"
    PERFORMANCE = "performance"


_UNITS_MS = (("d", DAY_MS), ("h", HOUR_MS), ("m", MINUTE_MS), ("s", SECOND_MS), ("ms", 1))


def duration_text(duration_ms: int) -> str:
    """A duration in the largest unit that divides it: ``86 400 000 -> "1d"``, ``0 -> "0s"``."""
    if duration_ms == 0:
        return "0s"
    unit, size_ms = next((u, s) for u, s in _UNITS_MS if duration_ms % s == 0)
    return f"{duration_ms // size_ms}{unit}"


def spoken_text(duration_ms: int) -> str:
    """A duration for people to read, no setting: ``"24h 30m"``; hours up to three days, days from there on."""
    units = _UNITS_MS if duration_ms > 3 * DAY_MS else _UNITS_MS[1:]
    parts = []
    for unit, size_ms in units:
        count, duration_ms = divmod(duration_ms, size_ms)
        parts += [f"{count}{unit}"] if count else []
    return " ".join(parts) or "0s"


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A length of event time that slides: it holds the events with end - length <= time < end."""

    length_ms: int
    slide_ms: int

    @property
    def name(self) -> str:
        """The length, in the largest unit that divides it."""
        return duration_text(self.length_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSettings:
    """The clock of one stream."""

    step_ms: int = MINUTE_MS
    out_of_orderness_ms: int = MINUTE_MS
    allowed_lateness_ms: int = HOUR_MS
    max_future_ms: int | None = 5 * MINUTE_MS
    """None: no check (files without record timestamps)."""
    max_skew_ms: int = HOUR_MS
    idle_after_ms: int = 30 * SECOND_MS
    from_record: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSettings:
    """How labels are waited for."""

    enabled: bool = True
    """False for ``labels: none``: no performance; ids are kept for ``allowed_lateness`` only."""
    delay_ms: int = HOUR_MS
    horizon_ms: int = 30 * DAY_MS
    orphan_wait_ms: int = HOUR_MS
    corrections_ms: int = DAY_MS
    min_coverage: float = 0.5
    sample: float = 1.0


DEFAULT_THRESHOLD = 0.5
"""Score from which a binary model means its positive class, unless it says otherwise."""

DEFAULT_GATES: Mapping[str, int] = {
    "drift": 500, "f1": 100, "recall": 100, "precision": 30, "accuracy": 200, "balanced_accuracy": 200,
    "averages": 200, "mcc": 200, "log_loss": 200, "brier": 200, "regression": 200, "auc": 30,
}  # fmt: skip
"""Least denominators. ``drift`` gates all drift statistics and ratios; ``averages`` the macro, micro
and weighted ones; ``regression`` mae … bias; ``auc`` counts each class."""
GATED_AS: Mapping[str, str] = {"ece": "log_loss"}
"""Statistics under the gate of another one that rests on the same rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """One entry under ``models``: what is kept of the models whose names match."""

    match: str
    stream: str
    task: Task
    positive: str | None = None
    classes: tuple[str, ...] | None = None
    """Declared classes: closed. None: open, learned from the reference and the events."""
    threshold: float = DEFAULT_THRESHOLD
    drift_windows: tuple[Window, ...] = ()
    performance_windows: tuple[Window, ...] = ()
    references: str | None = None
    """Path pattern with ``{model}`` and ``{version}``, absolute by now."""
    labels: LabelSettings = field(default_factory=LabelSettings)
    segments: tuple[str, ...] = ()
    segment_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    gates: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_GATES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that keep memory, disk and series finite whatever comes in."""

    models: int = 1000
    versions_per_model: int = 5
    classes: int = 100
    segment_values: int = 50
    name_bytes: int = 256
    message_bytes: int = 1 << 20
    join_memory_bytes: int = 1 << 30
    staged_events: int = 2_000_000


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """Where a field of an event stands in JSON that is not driftline's own."""

    path: tuple[str | int, ...] = ()
    """Keys and places of lists, from the top."""
    header: str | None = None
    """Name of a Kafka header, instead of a path."""
    default: str | None = None
    """Taken where the field is not there, or null."""
    unit: str | None = None
    """Of a time that is a number: s, ms, us or ns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """A set of topics with one event format and one clock."""

    name: str
    predictions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    format: str = "driftline"
    places: tuple[tuple[str, FieldPlace], ...] = ()
    """Of a format of the user's own: where its fields stand; one that is not named stands under its own name."""
    time: TimeSettings = field(default_factory=TimeSettings)
