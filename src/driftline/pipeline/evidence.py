"""What a trigger shows: the window, the values, the drifted features and where the fresh data lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from driftline.effects.trigger import REQUEST_RESOLVED, REQUESTED, RETRACTED, Occasion, number
from driftline.instants import rfc3339
from driftline.pipeline.reasons import condition_text, reason
from driftline.pipeline.shown import whole
from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import evaluate
from driftline.rules.resolve import Resolved
from driftline.rules.verdict import Violation
from driftline.settings import WindowKind, duration_text

if TYPE_CHECKING:
    from driftline.pipeline.instances import Instance

DRIFTED_SHOWN = 10


def occasion(
    type_: str, stream: str, slot: Slot, resolved: Resolved, instance: Instance,
    reasons: list[dict[str, Any]], now_ms: int, ending: str | None,
) -> Occasion:  # fmt: skip
    """Everything that an event says."""
    spec, episode = resolved.spec, instance.episode
    # A retraction is about the data that the request was about; its drift windows may be gone by now.
    back = type_ == RETRACTED
    window, data_range = _window(slot, resolved, episode["fired_ms"] if back else now_ms)
    features = episode.get("drifted_features", []) if back else drifted(slot, now_ms)
    violations = [violation(v) for v in instance.violations]
    start_ms = episode["start_ms"] or now_ms
    text = reason(slot, resolved, instance, start_ms, ending)
    cools = spec.cooldown_ms and type_ in (REQUESTED, REQUEST_RESOLVED)
    cooldown = now_ms + spec.cooldown_ms if cools else None
    return Occasion(
        type=type_, stream=stream, model=slot.model.name, version=slot.version, tags=dict(slot.settings.tags),
        rule=instance.name, identity=spec.identity, revision=instance.revision, instance=dict(instance.binding),
        severity=spec.severity, episode_start_ms=start_ms, fired_ms=episode["fired_ms"] or now_ms,
        number=episode["number"], time_ms=now_ms, reason=text,
        reasons=reasons, window=window, violations=violations,
        drifted_features=features, reference=_reference(slot), data_range=data_range,
        cooldown_until_ms=cooldown, repeat=max(1, episode.get("asks", 1)),
    )  # fmt: skip


def reason_of(resolved: Resolved, name: str, episode: dict[str, Any]) -> dict[str, Any]:
    """One of an event's ``reasons``."""
    start = episode.get("start_ms")
    return {
        "rule": name, "condition": episode.get("condition") or condition_text(resolved),
        "for": episode.get("for", resolved.spec.for_text),
        "episode_start": None if start is None else rfc3339(start),
    }  # fmt: skip


def violation(v: Violation) -> dict[str, Any]:
    """A violation as it is published: the rule's own one-sided bounds, null without a confidence."""
    d = v.dimension
    shown: dict[str, Any] = {
        "metric": v.metric, "window": duration_text(v.window_ms or 0), "feature": d.feature,
        "value": number(v.value), "low": number(v.low), "high": number(v.high), "threshold": number(v.threshold),
    }  # fmt: skip
    more = {"class": d.class_, "output": d.output, "average": d.average}
    more["segment"] = dict([d.segment]) if d.segment else None  # type: ignore[assignment]
    return {**shown, **{k: x for k, x in more.items() if x is not None}}


def _window(
    slot: Slot, resolved: Resolved, now_ms: int
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    if resolved.finest is None:
        return None, []
    kind, length_ms, slide = resolved.finest_kind, resolved.finest.length_ms, resolved.finest.slide_ms
    end_ms = (now_ms - slot.delay_ms(kind)) // slide * slide
    panes = slot.drift_panes if kind is WindowKind.DRIFT else slot.performance_panes
    found = next((p for p in panes if p.window.length_ms == length_ms), None)
    if found is None:
        return None, []
    only = frozenset(("events", "labelled"))
    evaluations = evaluate(slot, kind, length_ms, found.peek(end_ms), only)
    events = whole(evaluations, "events")
    labelled = whole(evaluations, "labelled") if kind is WindowKind.PERFORMANCE else None
    window = {
        "name": duration_text(length_ms), "start": rfc3339(end_ms - length_ms), "end": rfc3339(end_ms),
        "events": events, "labelled": labelled,
        "coverage": labelled / events if labelled is not None and events else None,
    }  # fmt: skip
    return window, slot.data.within(end_ms - length_ms, end_ms)


def drifted(slot: Slot, now_ms: int) -> list[dict[str, Any]]:
    """The features with the largest PSI in the first drift window that has one, worst first."""
    if slot.profile is None or not slot.drift_panes:
        return []
    panes = slot.drift_panes[0]
    end_ms = now_ms // panes.window.slide_ms * panes.window.slide_ms
    totals, only = panes.peek(end_ms), frozenset(("psi",))
    evaluations = evaluate(
        slot, WindowKind.DRIFT, panes.window.length_ms, totals, only, slot.counted(panes, end_ms)
    )
    if not evaluations:
        return []
    psi = evaluations[0]
    values = np.where(psi.sufficient[0], psi.value[0], np.nan)
    order = np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable")[:DRIFTED_SHOWN]
    return [
        {"feature": psi.dimensions[i].feature, "metric": "psi", "value": float(values[i])}
        for i in order.tolist()
        if values[i] > 0 and np.isfinite(values[i])
    ]


def _reference(slot: Slot) -> dict[str, Any] | None:
    profile = slot.profile
    if profile is None:
        return None
    return {"id": profile.id, "sha256": profile.sha256, "lineage": dict(profile.lineage)}
