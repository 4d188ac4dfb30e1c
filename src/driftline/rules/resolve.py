"""A rule for one model: its windows filled in, its revision, and when it is evaluated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from driftline.rules.spec import Combination, Comparison, Condition, RuleSpec, Silence, comparisons
from driftline.settings import ModelSettings, Window, WindowKind


def default_slide(length_ms: int, step_ms: int) -> int:
    """The smallest multiple of the step that is at least length/48 and divides the length.

    ``length_ms`` is a multiple of ``step_ms``.
    """
    slide = -(-length_ms // (48 * step_ms)) * step_ms
    while length_ms % slide:
        slide += step_ms
    return slide


def windows_of_rules(
    rules: tuple[RuleSpec, ...], settings: ModelSettings, step_ms: int
) -> tuple[set[Window], set[Window]]:
    """Windows (drift, performance) that rules name and the model does not have."""
    have = {
        WindowKind.DRIFT: {w.length_ms for w in settings.drift_windows},
        WindowKind.PERFORMANCE: {w.length_ms for w in settings.performance_windows},
    }
    more: dict[WindowKind, set[Window]] = {WindowKind.DRIFT: set(), WindowKind.PERFORMANCE: set()}
    for rule in rules:
        for c in (of_model(c, settings) for c in rule.comparisons()):
            if c.window_ms and c.window_ms not in have[c.kind] and c.window_ms % step_ms == 0:
                more[c.kind].add(Window(c.window_ms, default_slide(c.window_ms, step_ms)))
    return more[WindowKind.DRIFT], more[WindowKind.PERFORMANCE]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A rule as it is judged for one model."""

    spec: RuleSpec
    finest: Window | None
    finest_kind: WindowKind
    delay_ms: int
    windows: tuple[tuple[WindowKind, Window], ...] = ()
    """Every window that the condition or ``unless`` reads, each once."""

    @property
    def effective_delay_ms(self) -> int:
        """From the first true instant to firing: ``for``, rounded up to the instants of the finest window."""
        if self.finest is None:
            return self.spec.for_ms
        if self.spec.for_windows is not None:
            return (self.spec.for_windows - 1) * self.finest.length_ms
        return -(-self.spec.for_ms // self.finest.slide_ms) * self.finest.slide_ms

    @property
    def every_ms(self) -> int:
        """From one instant of the rule to the next."""
        if self.finest is None:
            return 0
        return self.finest.slide_ms if self.spec.for_windows is None else self.finest.length_ms

    def judged_at(self, end_ms: int) -> bool:
        """Whether the rule is evaluated at this end of its finest window."""
        return self.finest is None or end_ms % self.every_ms == 0

    def instant_from(self, time_ms: int) -> int:
        """The rule's first instant at or after a time."""
        return -(-(time_ms - self.delay_ms) // self.every_ms) * self.every_ms + self.delay_ms

    @property
    def retractable(self) -> bool:
        """Whether later labels can take its requests back."""
        reads_labels = any(kind is WindowKind.PERFORMANCE for kind, _ in self.windows)
        return self.spec.then == "retrain" and self.spec.retract_within_ms > 0 and reads_labels


def resolve(spec: RuleSpec, settings: ModelSettings) -> Resolved | None:
    """The rule for a model; None where the model has not every window that the rule reads."""
    own = {
        WindowKind.DRIFT: settings.drift_windows,
        WindowKind.PERFORMANCE: settings.performance_windows if settings.labels.enabled else (),
    }
    first = {kind: w[0].length_ms for kind, w in own.items() if w}
    when = _filled(spec.when, first, settings)
    unless = _filled(spec.unless, first, settings) if spec.unless is not None else None
    filled = replace(spec, when=when, unless=unless)
    of = {(kind, w.length_ms): w for kind, ws in own.items() for w in ws}
    if any((c.kind, c.window_ms) not in of for c in filled.comparisons()):
        return None
    read = [(c.kind, of[c.kind, c.window_ms or 0]) for c in comparisons(when)]
    if not read:
        return Resolved(filled, None, WindowKind.DRIFT, 0)
    kind, finest = min(read, key=lambda r: (r[1].slide_ms, r[1].length_ms, r[0] == WindowKind.DRIFT))
    # Instants that are further apart than ``max_gap`` by their slide alone are no gap.
    cadence = finest.slide_ms if spec.for_windows is None else finest.length_ms
    filled = replace(filled, max_gap_ms=max(spec.max_gap_ms, cadence))
    delay = settings.labels.delay_ms if kind is WindowKind.PERFORMANCE else 0
    windows = dict.fromkeys((c.kind, of[c.kind, c.window_ms or 0]) for c in filled.comparisons())
    return Resolved(filled, finest, kind, delay, tuple(windows))


def _filled(condition: Condition, first: Mapping[WindowKind, int], settings: ModelSettings) -> Condition:
    if isinstance(condition, Silence):
        return condition
    if isinstance(condition, Combination):
        parts = tuple(_filled(c, first, settings) for c in condition.conditions)
        return replace(condition, conditions=parts)
    condition = of_model(condition, settings)
    if condition.window_ms is not None:
        return condition
    return replace(condition, window_ms=first.get(condition.kind))


def of_model(comparison: Comparison, settings: ModelSettings) -> Comparison:
    """Without labels, events are counted in the windows of drift only."""
    if comparison.metric == "events" and not settings.labels.enabled:
        return replace(comparison, of_kind=WindowKind.DRIFT)
    return comparison


def revision(resolved: Resolved, settings: ModelSettings, reference: str) -> str:
    """Hash of everything that changes the rule's verdicts; ``for`` is not in it.

    ``reference`` is the sha256 of the reference's content.
    """
    spec = resolved.spec
    parts = {
        "when": asdict(spec.when), "unless": asdict(spec.unless) if spec.unless is not None else None,
        "windows": [[str(kind), w.length_ms, w.slide_ms] for kind, w in resolved.windows],
        "delay": resolved.delay_ms, "gates": dict(sorted(settings.gates.items())),
        "min_coverage": settings.labels.min_coverage, "reference": reference,
        "by_windows": spec.for_windows is not None, "no_data": spec.no_data,
    }  # fmt: skip
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
