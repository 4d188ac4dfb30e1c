"""The two pictures of a version: its performance over time, and its most drifted features beside the reference."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from driftline.metrics.view import SharesView
from driftline.web.page.charts import histograms, line, most_changed
from driftline.web.page.markup import Markup, join, link, name, tag
from driftline.web.page.readings import Reading
from driftline.web.page.standing import Standing
from driftline.web.page.words import count, day, instant, number, statistic

ON_CARD = 3
"""Features that a card shows."""
_PSI_SPAN = (0.0, 0.25)
"""So that a change that means nothing does not look like one."""


def _figure(level: int, title: object, *content: object) -> Markup:
    return tag("section", tag(f"h{level}", title), *content, class_="figure")


def performance(s: Standing, level: int) -> Markup:
    """The headline statistic with its interval, over time."""
    h = s.headline
    if h is None:
        why = "Labels are not joined for this model." if not s.model.labelled else "No window is mature yet."
        return _figure(level, "Performance", tag("p", why, class_="quiet"))
    title = f"{called(h)} over {h.window}"
    if not h.known:
        little = tag("p", f"Too little data: {count(h.n)} labelled.", class_="quiet")
        return _figure(level, title, little, chart(s, h))
    bounds = isfinite(h.low) and isfinite(h.high)
    interval = tag("span", f"95 %: {number(h.low)} to {number(h.high)}", class_="interval") if bounds else ""
    big = tag("p", tag("span", number(h.value), class_="big"), " ", interval)
    end = tag("p", "Window to ", instant(h.end_ms), f", {count(h.n)} {_counted(h)}", class_="quiet")
    return _figure(level, title, big, chart(s, h), end)


def called(h: Reading) -> str:
    """The statistic's name, with its average where that is not plain."""
    average = h.dimension.average
    return statistic(h.statistic) + (f" ({average})" if average not in (None, "binary") else "")


def _counted(h: Reading) -> str:
    return (
        "labels of the positive class"
        if h.statistic in ("f1", "recall") and h.dimension.average == "binary"
        else "labelled"
    )


def chart(s: Standing, h: Reading, height: float = 96.0) -> Markup:
    """The statistic over the ends still held, with what its lines mean."""
    points = h.series
    if sum(map(isfinite, points.values)) < 2:
        return tag("p", "No history yet.", class_="quiet")
    limit = h.rule.threshold if h.rule is not None and h.rule.threshold is not None else None
    limit = limit if limit is not None and isfinite(limit) else None
    then = s.model.reference_metrics.get(h.statistic) if h.kind == "performance" else None
    known = [v for v in points.values if isfinite(v)]
    said = f"{len(known)} window ends, from {number(known[0])} to {number(known[-1])}, lowest {number(min(known))}, highest {number(max(known))}"
    said += f"; threshold {number(limit)}" if limit is not None else ""
    drawn = line(
        f"{called(h)} of {s.model.model} version {s.model.version} over time", said, points.values, points.low,
        points.high, limit, then, height=height,
    )  # fmt: skip
    legend = [tag("span", f"threshold {number(limit)}", class_="key threshold")] if limit is not None else []
    legend += [tag("span", f"validated {number(then)}", class_="key reference")] if then is not None else []
    legend += [tag("span", "95 % interval", class_="key interval")] if points.low else []
    between = f", {number(min(known))} to {number(max(known))}"
    span = tag("p", day(points.ends_ms[0]), " – ", day(points.ends_ms[-1]), between, class_="span")
    return join((drawn, tag("div", span, tag("p", *legend, class_="legend"), class_="under")))


def drift(s: Standing, level: int, *, whole: bool) -> Markup:
    """The most drifted features; ``whole``: all of them, over time too, and what the model answers."""
    window = s.drift
    if s.model.reference_id is None:
        return _figure(level, "Drift", tag("p", "No reference, so no drift is measured.", class_="quiet"))
    what = "Answers" if s.without_features else "Most drifted features"
    title = f"{what}, over {window.window}" if window else "Drift"
    known = [r for r in s.drifted if r.known]
    if s.without_features and not whole:
        return _figure(level, "Drift", tag("p", "The reference has no features.", class_="quiet"))
    if window is None or not (known or s.without_features):
        few = f"Too few events: {count(window.events)}." if window else "No events yet."
        return _figure(level, title, tag("p", few, class_="quiet"))
    shown = known if whole else known[:ON_CARD]
    items = [_feature(s, r, whole=whole) for r in shown if not whole or s.shares(r.dimension.feature or "")]
    items += [_output(s, o.name) for o in window.shares if o.output] if whole else []
    rest = len(known) - len(items)
    note = (
        tag(
            "p",
            link(f"All {len(known)} features", model=s.model.model, version=s.model.version),
            class_="quiet",
        )
        if rest > 0 and not whole
        else ""
    )
    key = tag(
        "p",
        tag("span", "reference", class_="key then"),
        tag("span", "now", class_="key now"),
        class_="legend",
    )
    still = ", still open" if window.judged_ms is None else ""
    end = tag(
        "p", "Window to ", instant(window.end_ms), f"{still}, {count(window.events)} events", class_="quiet"
    )
    under = tag("div", note, key, class_="under")
    return _figure(level, title, tag("ul", *items, class_="features"), under, end)


def _feature(s: Standing, r: Reading, *, whole: bool) -> Markup:
    feature = r.dimension.feature or ""
    value = tag("span", "PSI ", tag("strong", number(r.value)), class_="value")
    over_time = _over_time(s, r) if whole else ""
    return _spread(
        s.shares(feature), f"{feature}: shares in the reference and now", name(feature), value, over_time
    )


def _over_time(s: Standing, r: Reading) -> Markup:
    """Since when it drifts."""
    if sum(map(isfinite, r.series.values)) < 2:
        return Markup("")
    known = [v for v in r.series.values if isfinite(v)]
    said = f"from {number(known[0])} to {number(known[-1])}, highest {number(max(known))}"
    title = f"PSI of {r.dimension.feature} of {s.model.model} over time"
    between = f"PSI {number(min(known))} to {number(max(known))} since "
    under = tag("p", between, day(r.series.ends_ms[0]), class_="quiet")
    return tag(
        "div", line(title, said, r.series.values, span=_PSI_SPAN, height=40), under, class_="over-time"
    )


def _spread(
    shares: SharesView | None, title: str, called: Markup, value: object, more: object = ""
) -> Markup:
    head = tag("p", called, value, class_="feature")
    if shares is None:
        return tag("li", head)
    ends, moved = tag("p", _ends(shares.bins), class_="bins"), tag("p", most_changed(shares), class_="quiet")
    return tag("li", head, histograms(shares, title), ends, moved, more)


def _ends(bins: Sequence[str]) -> Markup:
    return (
        join((tag("span", name(bins[0])), tag("span", name(bins[-1]))))
        if len(bins) > 1
        else tag("span", name(bins[0]))
    )


def _output(s: Standing, output: str) -> Markup:
    shares, called = s.shares(output, output=True), join(("predicted ", name(output)))
    return _spread(shares, f"predicted {output}: shares in the reference and now", called, "")
