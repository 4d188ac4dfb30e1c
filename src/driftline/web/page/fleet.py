"""All models: a sentence, how many stand how, the worst as cards, the others as rows by state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import isfinite

from driftline.web.page.charts import line
from driftline.web.page.markup import Markup, join, link, name, table, tag
from driftline.web.page.model import badge, card
from driftline.web.page.readings import Reading
from driftline.web.page.standing import Standing, State
from driftline.web.page.words import instant, number, plural, share, statistic

CARDS = 6
"""Cards at most, of what needs attention."""
ALL_AS_CARDS = 3
"""With so few model versions, the others are cards too."""
_ATTENTION = (State.FIRING, State.PENDING, State.SILENT, State.HELD)
_TITLES = {
    State.FIRING: "Firing", State.PENDING: "Pending", State.SILENT: "Silent", State.HELD: "On hold",
    State.INSUFFICIENT: "Too little data", State.NO_REFERENCE: "No reference", State.OK: "OK",
}  # fmt: skip
_MEANING = {
    State.FIRING: "a rule fires",
    State.PENDING: "a condition holds, and its duration has not passed",
    State.SILENT: "no events for as long as the shortest window",
    State.HELD: "the stream does not read on, nothing is judged",
    State.INSUFFICIENT: "too few events or labels to say anything",
    State.NO_REFERENCE: "performance and traffic only, no drift",
    State.OK: "measured, and no rule is true",
}


def headline(found: Sequence[Standing]) -> str:
    """The page in one sentence."""
    firing = sum(s.state is State.FIRING for s in found)
    others = sum(s.state in _ATTENTION for s in found) - firing
    if not found:
        return "No events of a monitored model yet"
    if not firing and not others:
        return f"Nothing is pending or firing on {plural(len(found), 'model version')}"
    said = (
        [plural(firing, "model version") + (" is" if firing == 1 else " are") + " firing"] if firing else []
    )
    if others:
        said.append(
            f"{plural(others, 'needs', 'need') if firing else plural(others, 'model version needs', 'model versions need')} attention"
        )
    return ", ".join(said)


def tallies(found: Sequence[Standing]) -> Markup:
    """How many stand how, each a link to its group."""
    counts = Counter(s.state for s in found)
    items = [
        tag("li", tag("a", tag("strong", counts[state]), " ", badge(state), href=f"#{_anchor(state)}"))
        for state in State
        if counts[state]
    ]
    return tag("ul", *items, class_="tallies") if len(found) > 1 else Markup("")


def _anchor(state: State) -> str:
    return "state-" + state.replace(" ", "-")


def groups(found: Sequence[Standing], *, attention: bool) -> Markup:
    """A section for each state, worst first: those that need attention, or the others."""
    cards = (
        {s.key for s in found}
        if len(found) <= ALL_AS_CARDS
        else {s.key for s in [s for s in found if s.state in _ATTENTION][:CARDS]}
    )
    return join(
        _group(state, [s for s in found if s.state is state], cards)
        for state in State
        if (state in _ATTENTION) is attention
    )


def _group(state: State, mine: Sequence[Standing], cards: set[tuple[str, str]]) -> Markup:
    if not mine:
        return Markup("")
    title = tag(
        "h2",
        _TITLES[state],
        tag("span", f"{len(mine)}: {_MEANING[state]}", class_="aside"),
        id=_anchor(state),
    )
    shown = [card(s) for s in mine if s.key in cards]
    rest = sorted((s for s in mine if s.key not in cards), key=_drift_first)
    rows = [_row(s) for s in rest]
    listed = table(f"{_TITLES[state]}, largest drift first", _HEADS, rows) if rows else ""
    return tag("section", title, *shown, listed, class_="group", aria_labelledby=_anchor(state))


_HEADS = ("Model", "Performance", "Trend", "Largest drift (PSI)", "Labelled", "Last event")


def _drift_first(s: Standing) -> tuple[float, str, str]:
    """In steps of 0.1, so that the order is steady."""
    known = [r.value for r in s.drifted if r.known]
    return (-round(max(known, default=-1.0), 1), *s.key)


def _row(s: Standing) -> tuple[object, ...]:
    of = join(
        (
            link(name(s.model.model), model=s.model.model, version=s.model.version),
            tag("span", "version ", name(s.model.version), class_="sub"),
        )
    )
    window = s.performance
    labelled = share(window.labelled / window.events) if window and window.events else "–"
    return of, _value(s.headline), _trend(s), _drift(s), labelled, instant(s.model.last_event_ms)


def _value(h: Reading | None) -> object:
    if h is None:
        return "–"
    what = f"{statistic(h.statistic)} {h.window}"
    if not h.known:
        return join((tag("span", "too little data", class_="quiet"), tag("span", what, class_="sub")))
    between = f" ({number(h.low)} to {number(h.high)})" if isfinite(h.low) and isfinite(h.high) else ""
    return join((tag("strong", number(h.value)), between, tag("span", what, class_="sub")))


def _trend(s: Standing) -> object:
    h = s.headline
    if h is None or sum(map(isfinite, h.series.values)) < 2:
        return "–"
    known = [v for v in h.series.values if isfinite(v)]
    said = f"from {number(known[0])} to {number(known[-1])}"
    limit = h.rule.threshold if h.rule is not None else None
    return tag(
        "span",
        line(
            f"{statistic(h.statistic)} of {s.model.model} over time",
            said,
            h.series.values,
            threshold=limit,
            height=64,
        ),
        class_="trend",
    )


def _drift(s: Standing) -> object:
    known = [r for r in s.drifted if r.known]
    if not known:
        return tag(
            "span", "no reference" if s.model.reference_id is None else "too little data", class_="quiet"
        )
    return join((tag("strong", number(known[0].value)), " ", name(known[0].dimension.feature)))
