"""Rules: which are pending or firing, since when, and when they fire, in event time."""

from __future__ import annotations

from math import isfinite

from driftline.metrics.view import RuleView
from driftline.web.page.answers import timing
from driftline.web.page.markup import Markup, join, name, table, tag
from driftline.web.page.standing import Standing
from driftline.web.page.words import instant, number, plural, statistic

ACTIVE_SHOWN = 20
_HEADS = ("Rule", "State", "Condition", "Value", "Threshold", "When")


def of_model(s: Standing, level: int, *, whole: bool) -> Markup:
    """The rules of one version: those that are true, and the others on its own page."""
    active = [r for r in s.rules if r.state in ("firing", "pending")]
    shown = s.rules if whole else active
    quiet = len(s.rules) - len(active)
    if not s.rules:
        return tag("p", "No rule watches this version.", class_="quiet")
    if not shown:
        return tag("p", f"{plural(quiet, 'rule')} watching, none pending or firing.", class_="quiet")
    rows = [_row(s, r) for r in shown[: None if whole else ACTIVE_SHOWN]]
    more = len(shown) - len(rows)
    note = f"{more} more are pending or firing. " if more > 0 else ""
    note += f"{plural(quiet, 'rule')} more watching, not true." if quiet and not whole else ""
    title = tag(f"h{level}", "Rules")
    heads = table(f"Rules of {s.model.model} version {s.model.version}", _HEADS, rows)
    return tag("section", title, heads, tag("p", note, class_="quiet") if note else "", class_="rules")


def _row(s: Standing, r: RuleView) -> tuple[object, ...]:
    of = join((name(", ".join(f"{k} {v}" for k, v in r.instance.items())),)) if r.instance else ""
    state = tag("span", r.state, class_=f"badge {r.state}")
    condition = join((name(r.condition), f" for {r.for_text}" if r.for_text else ""))
    return (
        join((name(r.rule), tag("span", of, class_="sub") if of else "", tag("span", _does(r), class_="sub"))),
        state, condition, _value(r), number(r.threshold), _when(s, r),
    )  # fmt: skip


def _does(r: RuleView) -> str:
    return f"{r.severity}, {'asks for a retraining' if r.then == 'retrain' else 'notifies'}"


def _value(r: RuleView) -> object:
    if r.insufficient:
        return tag("span", "too little data", class_="quiet")
    if r.value is None or not isfinite(r.value):
        return "–"
    bounded = all(x is not None and isfinite(x) for x in (r.low, r.high))
    bound = f" ({number(r.low)} to {number(r.high)})" if bounded else ""
    judged = tag("span", "judged ", instant(r.last_judged_ms), class_="sub")
    of = join((" of ", name(r.of))) if r.of else ""
    return join((statistic(r.metric or ""), of, f" {number(r.value)}{bound}", judged))


def _when(s: Standing, r: RuleView) -> Markup:
    if r.state not in ("firing", "pending"):
        return tag("span", "not true", class_="quiet")
    return join(tag("span", part, class_="part") for part in timing(s, r))
