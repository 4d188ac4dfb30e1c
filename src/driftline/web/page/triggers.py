"""The newest events with their evidence: reason, window, drifted features, where the fresh data lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from driftline.instants import parse_instant
from driftline.metrics.view import TriggerView
from driftline.web.page.markup import Markup, facts, join, link, name, tag
from driftline.web.page.words import count, instant, number, share

SHOWN = 8
_WORDS = {
    "retraining.requested": "retraining requested", "retraining.resolved": "request resolved",
    "retraining.retracted": "request retracted", "alert.fired": "alert", "alert.resolved": "alert resolved",
}  # fmt: skip


def recent(triggers: Sequence[TriggerView], shown: int = SHOWN) -> Markup:
    """A list, newest first."""
    if not triggers:
        return tag("p", "None has been published yet.", class_="quiet")
    items = [_item(t) for t in triggers[:shown]]
    more = len(triggers) - len(items)
    api = tag("a", "the API", href="/api/v1/triggers")
    note = tag("p", f"{more} older ones: ", api, ".", class_="quiet") if more > 0 else ""
    return join((tag("ol", *items, class_="triggers"), note))


def _item(t: TriggerView) -> Markup:
    kind = "firing" if t.type in ("retraining.requested", "alert.fired") else "ok"
    head = tag(
        "p", instant(t.time_ms), " ", tag("span", _WORDS.get(t.type, t.type), class_=f"badge {kind}"), " ",
        link(join((name(t.model), " version ", name(t.version))), model=t.model, version=t.version), class_="when",
    )  # fmt: skip
    return tag("li", head, tag("p", name(t.reason), class_="reason"), facts(_evidence(t), "facts evidence"))


def _evidence(t: TriggerView) -> list[tuple[object, object]]:
    data = t.data
    pairs: list[tuple[object, object]] = [("Rule", join((name(t.rule), f", {t.severity}")))]
    if data.get("window"):
        pairs.append(("Window", _window(data["window"])))
    if data.get("drifted_features"):
        top = data["drifted_features"][:3]
        pairs.append(
            ("Drifted (PSI)", join((join((name(d["feature"]), " ", number(d["value"]))) for d in top), ", "))
        )
    if data.get("data_range"):
        pairs.append(("Fresh data", _ranges(data["data_range"])))
    if data.get("backfilled"):
        pairs.append(("Note", "judged long after its time, from a backlog"))
    return pairs


def _window(window: Mapping[str, Any]) -> Markup:
    labelled = f", {share(window['coverage'])} labelled" if window.get("coverage") is not None else ""
    events = count(window.get("events") or 0)
    return join(
        (f"{window['name']} to ", instant(parse_instant(window["end"])), f", {events} events{labelled}")
    )


def _ranges(ranges: Sequence[Mapping[str, Any]]) -> Markup:
    shown = [
        join((name(r["topic"]), f"[{r['partition']}] {r['first_offset']}–{r['last_offset']}"))
        for r in ranges[:2]
    ]
    more = f" and {len(ranges) - 2} more" if len(ranges) > 2 else ""
    return join((join(shown, ", "), more))
