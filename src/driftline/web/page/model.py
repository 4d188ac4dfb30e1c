"""One (model, version) as a card: the four answers, the pictures, rules, labels, quality, reference."""

from __future__ import annotations

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
    pairs.append(("Data quality", _quality(s)))
    pairs.append(("Reference", _reference(s)))
    return facts(pairs, "facts data")


def _quality(s: Standing) -> Markup:
    """The worst shares of missing, invalid, unseen and out-of-range values, with their features."""
    found = []
    for measure, word in (
        ("missing_ratio", "missing"),
        ("invalid_ratio", "invalid"),
        ("unseen_ratio", "unseen"),
        ("out_of_range_ratio", "out of range"),
    ):
        worst = _worst(s.drift, measure)
        if worst is not None:
            found.append(join((share(worst[0]), f" {word} in ", name(worst[1]))))
    if s.drift is None or s.model.reference_id is None:
        return Markup("not measured without a reference")
    return join(found, ", ") if found else Markup("no missing, invalid, unseen or out-of-range values")


def _worst(window: WindowView | None, measure: str) -> tuple[float, str] | None:
    for evaluation in window.evaluations if window else ():
        if evaluation.statistic == measure:
            pairs = [
                (float(v), d.feature or "")
                for v, d, enough in zip(evaluation.value[-1], evaluation.dimensions, evaluation.sufficient[-1], strict=True)
                if enough and v > 0
            ]  # fmt: skip
            return max(pairs, default=None)
    return None


def _reference(s: Standing) -> Markup:
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
