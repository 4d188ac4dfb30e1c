"""What a rule says, as frozen values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from driftline.rules.catalogue import STATISTICS
from driftline.settings import DAY_MS, HOUR_MS, WindowKind, duration_text

OPERATORS = ("above", "below", "outside", "drop", "rise")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A statistic against a threshold."""

    metric: str
    op: str
    threshold: tuple[float, ...]
    """One number; two for ``outside``."""
    window_ms: int | None = None
    feature: str | None = None
    segment: tuple[str, str] | None = None
    class_: str | None = None
    average: str | None = None
    output: str | None = None
    unit: str | None = None
    """``points`` or ``percent``, of ``drop`` and ``rise``."""
    versus: str | None = None
    """``reference``, ``previous window`` or ``version X``."""
    confidence: float | None = None
    at_least: int | None = None
    per_feature: tuple[tuple[str, float], ...] = ()
    of_kind: WindowKind | None = None
    """Set where a model has the statistic in other windows than usual."""

    @property
    def kind(self) -> WindowKind:
        """Which windows the statistic is of."""
        return self.of_kind or STATISTICS[self.metric].kind

    @property
    def globs(self) -> dict[str, str]:
        """Dimensions named by a pattern: each match is an instance of its own."""
        named = {"feature": self.feature, "class": self.class_}
        named["segment"] = self.segment[1] if self.segment else None
        if self.at_least is not None:
            return {}
        return {k: v for k, v in named.items() if v is not None and set(v) & set("*?[")}

    def limit(self, feature: str | None) -> tuple[float, ...]:
        """The threshold for a feature."""
        own = [
            value for glob, value in self.per_feature if feature is not None and fnmatchcase(feature, glob)
        ]
        return (own[0],) if own else self.threshold

    def text(self, window: str) -> str:
        """In words: ``f1 over 1d below 0.92``."""
        about = [x for x in (self.feature, self.class_, self.average, self.output) if x]
        if self.segment:
            about.append("=".join(self.segment))
        of = f" of {', '.join(about)}" if about else ""
        limit = " to ".join(f"{t:g}" for t in self.threshold)
        unit = "%" if self.unit == "percent" else f" {self.unit}" if self.unit else ""
        against = f" versus {self.versus}" if self.versus else ""
        many = f" in at least {self.at_least}" if self.at_least is not None else ""
        return f"{self.metric}{of} over {window} {self.op} {limit}{unit}{against}{many}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """All or any of several conditions."""

    how: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """No events for a duration of wall time."""

    no_events_for_ms: int


Condition = Comparison | Combination | Silence


def comparisons(condition: Condition | None) -> Iterator[Comparison]:
    """Every comparison in a condition."""
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, Combination):
        for part in condition.conditions:
            yield from comparisons(part)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    """A rule of the configuration."""

    name: str
    when: Condition
    uid: str | None = None
    models: tuple[str, ...] = ("*",)
    versions: tuple[str, ...] | None = None
    active_for_ms: int = 7 * DAY_MS
    for_ms: int = 0
    for_windows: int | None = None
    severity: str = "warning"
    then: str = "notify"
    unless: Condition | None = None
    cooldown_ms: int = 0
    keep_firing_for_ms: int = 0
    no_data: str = "hold"
    max_gap_ms: int = 12 * HOUR_MS
    retract_within_ms: int = DAY_MS
    """How long after firing labels may take a request back; 0: never."""

    @property
    def identity(self) -> str:
        """What the rule is known by: its uid, else its name."""
        return self.uid or self.name

    def concerns(self, model: str, version: str) -> bool:
        """Whether the rule is about a (model, version)."""
        if not any(fnmatchcase(model, glob) for glob in self.models):
            return False
        return self.versions is None or any(fnmatchcase(version, glob) for glob in self.versions)

    def comparisons(self) -> list[Comparison]:
        """Those of the condition and of ``unless``."""
        return [*comparisons(self.when), *comparisons(self.unless)]

    @property
    def for_text(self) -> str | None:
        """The duration as it is shown."""
        if self.for_windows is not None:
            return f"{self.for_windows} windows"
        return hours_text(self.for_ms) if self.for_ms else None


def hours_text(duration_ms: int) -> str:
    """A duration as people say it: whole hours up to three days, else the largest unit."""
    if duration_ms % HOUR_MS == 0 and duration_ms <= 3 * DAY_MS:
        return f"{duration_ms // HOUR_MS}h"
    return duration_text(duration_ms)
