"""Plain SVG: a statistic over time with its interval and threshold, and two histograms side by side.

Every chart is an image with a title and a description; colours come from the style sheet by class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import isfinite

from driftline.metrics.view import SharesView
from driftline.web.page.markup import Markup, join, tag
from driftline.web.page.words import share

WIDTH, HEIGHT, EDGE = 320.0, 96.0, 4.0


def _points(xs: Sequence[float], ys: Sequence[float]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))


def _stretches(values: Sequence[float]) -> Iterator[list[int]]:
    """Places of neighbouring numbers: what is unknown is a gap, never a line."""
    for known, group in groupby(range(len(values)), key=lambda k: isfinite(values[k])):
        if known:
            yield list(group)


def line(
    title: str, description: str, values: Sequence[float], low: Sequence[float] = (), high: Sequence[float] = (),
    threshold: float | None = None, reference: float | None = None, span: Sequence[float] = (), height: float = HEIGHT,
) -> Markup:  # fmt: skip
    """A statistic over its ends, oldest left. ``span``: what the scale covers at least."""
    marks = [v for v in (threshold, reference) if v is not None and isfinite(v)]
    known = [v for v in (*values, *low, *high, *marks, *span) if isfinite(v)]
    bottom, top = (min(known), max(known)) if known else (0.0, 1.0)
    room = (top - bottom) or abs(top) or 1.0
    bottom, top = bottom - room * 0.08, top + room * 0.08

    def x(k: int) -> float:
        return EDGE + k * (WIDTH - 2 * EDGE) / max(1, len(values) - 1)

    def y(value: float) -> float:
        return height - EDGE - (value - bottom) / (top - bottom) * (height - 2 * EDGE)

    parts = []
    for places in _stretches([a + b for a, b in zip(low, high, strict=True)]):
        xs, around = [x(k) for k in places], [y(low[k]) for k in places]
        back = [y(high[k]) for k in reversed(places)]
        parts.append(f'<polygon class="band" points="{_points([*xs, *reversed(xs)], [*around, *back])}"/>')
    for mark, kind in ((reference, "reference-line"), (threshold, "threshold")):
        if mark is not None and isfinite(mark):
            parts.append(f'<path class="{kind}" d="M0 {y(mark):.1f}H{WIDTH:.0f}"/>')
    for places in _stretches(values):
        points = _points([x(k) for k in places], [y(values[k]) for k in places])
        parts.append(f'<polyline class="line" points="{points}"/>')
        if places[-1] == len(values) - 1:
            parts.append(f'<path class="dot" d="M{x(places[-1]):.1f} {y(values[-1]):.1f}h0"/>')
    return _image("chart", title, description, parts, height)


def _image(class_: str, title: str, description: str, parts: list[str], height: float) -> Markup:
    return tag(
        "svg", tag("title", title), tag("desc", description), Markup("".join(parts)), class_=class_, role="img",
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}", preserveAspectRatio="none",
    )  # fmt: skip


def histograms(shares: SharesView, title: str, height: float = 72.0) -> Markup:
    """The reference's bar and the window's, side by side in each bin."""
    top = max((*shares.reference, *shares.current), default=0.0) or 1.0
    step = WIDTH / max(1, len(shares.bins))
    width = step * 0.4
    parts = []
    for k, (bin_, then, now) in enumerate(zip(shares.bins, shares.reference, shares.current, strict=True)):
        left = k * step + step * 0.08
        parts.append(
            tag(
                "g", tag("title", f"{bin_}: reference {share(then)}, now {share(now)}"),
                _bar("then", left, width, then / top, height), _bar("now", left + width + step * 0.04, width, now / top, height),
            )
        )  # fmt: skip
    parts.append(Markup(f'<path class="axis" d="M0 {height - 0.5}H{WIDTH:.0f}"/>'))
    return _image("bars", title, most_changed(shares), [join(parts)], height)


def _bar(class_: str, left: float, width: float, part: float, height: float) -> Markup:
    tall = max(part * (height - 4), 1.0 if part > 0 else 0.0)
    return Markup(
        f'<rect class="{class_}" x="{left:.1f}" y="{height - tall:.1f}" width="{width:.1f}" height="{tall:.1f}"/>'
    )


def most_changed(shares: SharesView) -> str:
    """The bin whose share moved most, in words."""
    if not shares.bins or not shares.current_n:
        return "No values in the window."
    k = max(range(len(shares.bins)), key=lambda k: abs(shares.current[k] - shares.reference[k]))
    if abs(shares.current[k] - shares.reference[k]) < 0.005:
        return "no share moved"
    then, now = share(shares.reference[k]), share(shares.current[k])
    return f"{shares.bins[k]} went from {then} to {now}"
