"""What an ML engineer asks first, answered in words: what changed, since when, how sure, does it matter."""

from __future__ import annotations

from math import isfinite

from driftline.metrics.view import RuleView
from driftline.web.page.charts import most_changed
from driftline.web.page.markup import Markup, facts, join, name, tag
from driftline.web.page.readings import Reading
from driftline.web.page.standing import LESS_IS_BETTER, Standing, State
from driftline.web.page.words import count, duration, instant, number, share, statistic


def answers(s: Standing) -> Markup:
    """The four answers about one version."""
    return facts(
        (
            ("What changed", _changed(s)),
            ("Since when", _since(s)),
            ("How sure", _sure(s)),
            ("Does it matter", _matters(s)),
        ),
        "answers",
    )


def worst(s: Standing) -> RuleView | None:
    """The rule that says most about it: firing, else pending."""
    return next((r for r in s.rules if r.state in ("firing", "pending")), None)


def _changed(s: Standing) -> Markup:
    said = [_performance(s), _drift(s)]
    if s.state is State.SILENT:
        said.insert(0, join(("No events since ", instant(s.model.last_event_ms), ".")))
    return join(tag("p", part) for part in said if part is not None)


def _performance(s: Standing) -> Markup | None:
    h = s.headline
    if h is None:
        return Markup("No labels are joined.") if not s.model.labelled else None
    what = statistic(h.statistic)
    if not h.known:
        return join(f"{what} over {h.window}: too little data ({count(h.n)} labelled).")
    then = s.model.reference_metrics.get(h.statistic)
    now = tag("strong", number(h.value))
    before = f" {number(then)} when validated, now " if then is not None else " is "
    return join((what, before, now, f", over {h.window}."))


def _drift(s: Standing) -> Markup | None:
    if s.model.reference_id is None:
        return Markup("No reference, so nothing to compare features with.")
    known = [r for r in s.drifted if r.known]
    if not known:
        return Markup("Too few events yet to compare features with the reference.") if s.drifted else None
    r = known[0]
    shares = s.shares(r.dimension.feature or "")
    moved = f" ({most_changed(shares)})" if shares and shares.current_n else ""
    return join(
        ("Largest drift ", name(r.dimension.feature), ", PSI ", tag("strong", number(r.value)), moved, ".")
    )


def _since(s: Standing) -> Markup:
    rule = worst(s)
    if rule is None:
        judged = max((r.last_judged_ms for r in s.rules if r.last_judged_ms is not None), default=None)
        if not s.rules:
            return tag("p", "No rule watches it.")
        return join(
            (
                tag("p", "No rule is pending or firing."),
                tag("p", "Last judged ", instant(judged), class_="quiet"),
            )
        )
    return join(tag("p", part) for part in timing(s, rule))


def timing(s: Standing, rule: RuleView) -> list[Markup]:
    """``pending since … fires at …``, in event time."""
    now_ms = s.stream.watermark_ms
    ago = f" ({duration(now_ms - rule.active_since_ms)})" if now_ms and rule.active_since_ms else ""
    if rule.condition.startswith("no events"):
        ago = ""
    if rule.state == "firing":
        said = [
            join(("True since ", instant(rule.active_since_ms), ago, ".")),
            join(("Fired ", instant(rule.fired_at_ms), ".")),
        ]
    else:
        said = [
            join(("Pending since ", instant(rule.active_since_ms), ago, ".")),
            join(("Fires at ", instant(rule.fires_at_ms), " if it holds.")),
        ]
    if s.stream.hold is not None:
        said.append(Markup("Not judged now: the stream is on hold."))
    return said


def _sure(s: Standing) -> Markup:
    rule, h = worst(s), s.headline
    said: list[object] = []
    if h is not None and h.known:
        said.append(_interval(h))
        if rule is not None and rule is h.rule:
            said.append(_against(h, rule))
    if rule is not None and rule is not getattr(h, "rule", None) and rule.metric and rule.value is not None:
        of = join((" of ", name(rule.of))) if rule.of else ""
        said.append(
            join((statistic(rule.metric), of, f" {number(rule.value)} against {number(rule.threshold)}."))
        )
    said.append(_data(s))
    return join(tag("p", part) for part in said if part)


def _interval(h: Reading) -> str:
    if isfinite(h.low) and isfinite(h.high):
        return f"95 % interval {number(h.low)} to {number(h.high)}."
    return f"No interval for {statistic(h.statistic)}."


def _against(h: Reading, rule: RuleView) -> str | None:
    limit = rule.threshold
    if limit is None or not isfinite(limit) or not isfinite(h.low):
        return None
    less = h.statistic in LESS_IS_BETTER
    whole = h.low > limit if less else h.high < limit
    side = "above" if less else "below"
    if whole:
        return f"All of it is {side} the threshold {number(limit)}."
    return f"It reaches across the threshold {number(limit)}."


def _data(s: Standing) -> str | None:
    window = s.performance
    if window is not None and window.events:
        return f"{count(window.labelled)} of {count(window.events)} predictions labelled ({share(window.labelled / window.events)})."
    if s.drift is not None:
        return f"{count(s.drift.events)} events in the window of {s.drift.window}."
    return None


def _matters(s: Standing) -> Markup:
    rule = worst(s)
    if rule is None:
        watching = len({r.rule for r in s.rules})
        if not watching:
            return tag("p", "Unknown: no rule says what would matter.")
        return tag("p", f"Not by its rules: {watching} watching, none true.")
    does = "asks for a retraining" if rule.then == "retrain" else "notifies"
    said = [join((tag("strong", rule.severity or "warning"), ": rule ", name(rule.rule), f" {does}."))]
    said.append(join((name(rule.condition), f", for {rule.for_text}." if rule.for_text else ".")))
    more = len([r for r in s.rules if r.state in ("firing", "pending")]) - 1
    if more:
        said.append(Markup(f"{more} more pending or firing."))
    return join(tag("p", part) for part in said)
