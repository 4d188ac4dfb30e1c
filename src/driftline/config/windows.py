"""Which models a rule concerns, which window it reads of each, and when it fires."""

from __future__ import annotations

from fnmatch import fnmatchcase

from driftline.config.models import default_slide_ms
from driftline.rules.resolve import of_model
from driftline.rules.spec import Comparison, RuleSpec, comparisons
from driftline.settings import ModelSettings, Window, WindowKind


def concerned(rule: RuleSpec, model: ModelSettings) -> bool:
    """Whether a rule may be about a model of this entry (two globs: one matches the other)."""
    return any(fnmatchcase(model.match, glob) or fnmatchcase(glob, model.match) for glob in rule.models)


def effective_delay_ms(rule: RuleSpec, model: ModelSettings, step_ms: int) -> int | None:
    """Event time from the end of the first true window to the firing; None for a rule on the wall clock.

    ``for``, rounded up to the slide of the rule's finest window, and the labels' delay where it is about
    performance. N windows that do not overlap end N − 1 lengths apart.
    """
    found = [(c, w) for c in comparisons(rule.when) if (w := window_of(c, model, step_ms)) is not None]
    if not found:
        return None
    finest = min((w for _, w in found), key=lambda w: (w.slide_ms, w.length_ms))
    performance = any(c.kind is WindowKind.PERFORMANCE for c, _ in found)
    wait_ms = -(-rule.for_ms // finest.slide_ms) * finest.slide_ms
    if rule.for_windows is not None:
        wait_ms = (rule.for_windows - 1) * finest.length_ms
    return wait_ms + (model.labels.delay_ms if performance else 0)


def window_of(comparison: Comparison, model: ModelSettings, step_ms: int) -> Window | None:
    """The window that a comparison reads: the one it names, else the model's first of that kind."""
    drift = of_model(comparison, model).kind is WindowKind.DRIFT
    own = model.drift_windows if drift else model.performance_windows
    length_ms = comparison.window_ms
    if length_ms is None:
        return own[0] if own else None
    added = Window(length_ms, default_slide_ms(length_ms, step_ms)) if length_ms % step_ms == 0 else None
    return next((w for w in own if w.length_ms == length_ms), added)
