"""One (model, version) as a card: the four answers, the pictures, rules, labels, quality, reference."""

from __future__ import annotations

from math import isfinite

from driftline.metrics.view import WindowView
from driftline.web.page import figures, measures, rules
from driftline.web.page.answers import answers
from driftline.web.page.markup import Markup, facts, join, link, name, tag
from driftline.web.page.standing import Standing, State
from driftline.web.page.words import count, instant, plural, share


def badge(state: State | str) -> Markup:
    """A state as a word with a mark; colour says nothing that the word does not."""
    return tag("span", state, class_="badge " + str(state).replace(" ", "-"))


def card(s: Standing, level: int = 3, *, whole: bool = False) -> Markup:
    """The card; ``whole`` shows every feature, measure and rule."""
    title = tag(
        f"h{level}", link(name(s.model.model), model=s.model.model), " ", tag("span", "version ", name(s.model.version), class_="version"),
    )  # fmt: skip
    tags = [
        tag("span", link(name(f"{k}: {v}"), tag=f"{k}: {v}"), class_="tag") for k, v in s.model.tags.items()
    ]
    head = tag("header", title, badge(s.state), *tags)
    shown = (figures.performance(s, level + 1), figures.drift(s, level + 1, whole=whole))
    pictures = tag("div", *shown, class_="figures whole" if whole else "figures")
    more = [measures.measures(s), measures.features(s)] if whole else []
    watched = rules.of_model(s, level + 1, whole=whole)
    return tag(
        "article",
        head,
        answers(s),
        pictures,
        watched,
        *more,
        _data(s),
        class_="card " + s.state.replace(" ", "-"),
    )


def _data(s: Standing) -> Markup:
    """Labels, quality and where the reference is from."""
    window, pairs = s.performance, [("Predictions", Markup(count(s.model.predictions_total)))]
    pairs.append(("Last event", instant(s.model.last_event_ms)))
    if window is not None and window.events:
        least = s.model.min_coverage
        needed = f", needs {share(least)}" if least else ""
        pairs.append(
            ("Labels", Markup(f"{share(window.labelled / window.events)} over {window.window}{needed}"))
        )
    elif not s.model.labelled:
        pairs.append(("Labels", Markup("none expected")))
    if s.model.classes_over is not None:
        most = f"more than limits.classes, {s.model.classes_over}: the rest counts as other"
        pairs.append(("Classes", Markup(most)))
    pairs.append(("Data quality", _quality(s)))
    pairs.append(("Reference", _reference(s)))
    return facts(pairs, "facts data")


_QUALITY = (
    ("missing_ratio", "missing"), ("invalid_ratio", "invalid"), ("unseen_ratio", "unseen"), ("out_of_range_ratio", "out of range"),
)  # fmt: skip


def _quality(s: Standing) -> Markup:
    """The worst shares of missing, invalid, unseen and out-of-range values, with their features."""
    if s.drift is None or s.model.reference_id is None:
        return Markup("not measured without a reference")
    if s.without_features:
        return Markup("the reference has no features")
    shares = [(word, _known(s.drift, measure)) for measure, word in _QUALITY]
    if not any(known for _word, known in shares):
        return Markup("too little data")
    worst = [(word, *max(known)) for word, known in shares if known and max(known)[0] > 0]
    said = [join((share(value), f" {word} in ", name(feature))) for word, value, feature in worst]
    return join(said, ", ") if said else Markup("no missing, invalid, unseen or out-of-range values")


def _known(window: WindowView, measure: str) -> list[tuple[float, str]]:
    """The value of each feature that has enough data."""
    return [
        (float(value), dimension.feature or "")
        for evaluation in window.evaluations
        if evaluation.statistic == measure
        for value, dimension, enough in zip(
            evaluation.value[-1], evaluation.dimensions, evaluation.sufficient[-1], strict=True
        )
        if enough and isfinite(value)
    ]


def _reference(s: Standing) -> Markup:
    if s.model.reference_problem is not None:
        return join(("cannot be read: ", name(s.model.reference_problem)))
    if s.model.reference_id is None:
        return Markup("none")
    rows = plural(s.model.reference_rows or 0, "row")
    lineage = [
        join((f"{k} ", name(_short(str(v)))))
        for k, v in s.model.lineage.items()
        if isinstance(v, str | int | float)
    ][:4]
    return join((rows, tag("code", s.model.reference_id[:12]), *lineage), ", ")


def _short(value: str) -> str:
    """A hash by its beginning."""
    return value[:12] if len(value) >= 32 and set(value) <= _HEXADECIMAL else value


_HEXADECIMAL = frozenset("0123456789abcdef")
