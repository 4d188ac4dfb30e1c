"""What an event says in words: which value of whom, beyond what, since when."""

from __future__ import annotations

from math import isfinite, isnan
from typing import TYPE_CHECKING

from driftline.instants import rfc3339
from driftline.pipeline.slots import Slot
from driftline.rules.resolve import Resolved
from driftline.rules.spec import Comparison, Silence, comparisons, hours_text
from driftline.rules.verdict import Violation
from driftline.settings import duration_text

if TYPE_CHECKING:
    from driftline.pipeline.instances import Instance

FEATURES_SAID = 3
"""So many features a reason names; ``violations`` has all."""


def condition_text(resolved: Resolved) -> str:
    """The condition in words."""
    when = resolved.spec.when
    if isinstance(when, Silence):
        return f"no events for {hours_text(when.no_events_for_ms)}"
    how = getattr(when, "how", "all")
    joint = " and " if how == "all" else " or "
    return joint.join(c.text(duration_text(c.window_ms or 0)) for c in comparisons(when))


def reason(slot: Slot, resolved: Resolved, instance: Instance, start_ms: int, ending: str | None) -> str:
    """One sentence; ``ending`` (resolved, retracted, …) comes before it."""
    since = rfc3339(start_ms)
    who = f"{slot.model.name}/{slot.version}"
    if not instance.violations:
        text = f"{who}{_without_values(resolved, instance, ending)} since {since}"
    else:
        over = ending in ("resolved", "retracted")
        says = _says_of_several if _of_several(instance.violations) else _says
        text = says(who, resolved, instance.violations, since, over=over)
    return f"{ending}: {text}" if ending else text


def _without_values(resolved: Resolved, instance: Instance, ending: str | None) -> str:
    """The condition; and, where it was judged without any event (``no_data``), what that is taken for."""
    condition = instance.episode.get("condition") or condition_text(resolved)
    if (
        isinstance(resolved.spec.when, Silence)
        or not instance.insufficient
        or ending not in (None, "resolved")
    ):
        return f": {condition}"
    return f" has no events, which counts as {'the end of ' if ending else ''}{condition}"


def _of_several(violations: tuple[Violation, ...]) -> bool:
    """Whether it is one statistic of several features, as with ``at_least``."""
    about = {(v.metric, v.window_ms, v.dimension.feature is None) for v in violations}
    return len(violations) > 1 and len(about) == 1 and violations[0].dimension.feature is not None


def _says_of_several(
    who: str, resolved: Resolved, violations: tuple[Violation, ...], since: str, *, over: bool
) -> str:
    """The furthest beyond its threshold comes first."""
    furthest = sorted(violations, key=lambda v: -abs(v.value - v.threshold) if v.value == v.value else 0.0)
    first, more = furthest[0], len(furthest) - FEATURES_SAID
    told = ", ".join(f"{_value(v)} for {v.dimension.feature}" for v in furthest[:FEATURES_SAID])
    rest = f" and {more} more" if more > 0 else ""
    over_text = duration_text(first.window_ms or 0)
    return f"{first.metric} of {who} over {over_text} is {told}{rest}, {_how(resolved, first, over=over)} since {since}"


def _how(resolved: Resolved, v: Violation, *, over: bool) -> str:
    comparison = next((c for c in comparisons(resolved.spec.when) if c.metric == v.metric), None)
    return f"no longer {_beyond(comparison, v)} as it was" if over else _beyond(comparison, v)


def _says(who: str, resolved: Resolved, violations: tuple[Violation, ...], since: str, *, over: bool) -> str:
    v = violations[0]
    d = v.dimension
    parts = [p for p in (d.feature, d.class_, "=".join(d.segment) if d.segment else None, d.output) if p]
    of = f" of {' '.join(parts)}" if parts else ""
    span = f" ({v.low:.3g} to {v.high:.3g})" if v.low == v.low and v.high == v.high else ""
    how = f"{'which counts as ' if isnan(v.value) else ''}{_how(resolved, v, over=over)}"
    return f"{v.metric}{of} of {who} over {duration_text(v.window_ms or 0)} is {_value(v)}{span}, {how} since {since}"


def _value(v: Violation) -> str:
    return f"unknown for want of data (n = {v.n})" if isnan(v.value) else value_text(v)


def value_text(v: Violation) -> str:
    """With as many digits as it takes to tell it from its threshold, at least three."""
    if v.value != v.value:
        return "unknown"
    texts = (f"{v.value:.{digits}g}" for digits in range(3, 17))
    return next(
        (text for text in texts if float(text) != v.threshold or v.value == v.threshold), repr(v.value)
    )


def _beyond(comparison: Comparison | None, v: Violation) -> str:
    if comparison is None:
        return f"beyond {v.threshold:.3g}"
    if comparison.op in ("drop", "rise"):
        unit = "%" if comparison.unit == "percent" else " points"
        size = comparison.limit(v.dimension.feature)[0]
        other = f" ({v.other:.3g})" if isfinite(v.other) else ""
        return f"a {comparison.op} of more than {size:g}{unit} versus {comparison.versus}{other}"
    limit = " to ".join(f"{t:g}" for t in comparison.limit(v.dimension.feature))
    return f"{comparison.op} {limit}"
