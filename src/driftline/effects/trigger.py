"""Trigger and alert events: structured CloudEvents 1.0 with the evidence, the same bytes in every run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from driftline.instants import rfc3339
from driftline.records import Message

REQUESTED = "io.driftline.retraining.requested.v1"
REQUEST_RESOLVED = "io.driftline.retraining.resolved.v1"
RETRACTED = "io.driftline.retraining.retracted.v1"
ALERT_FIRED = "io.driftline.alert.fired.v1"
ALERT_RESOLVED = "io.driftline.alert.resolved.v1"
SCHEMA = "https://driftline.io/schemas/trigger.v1.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Everything that an event says, as plain values; times are epoch milliseconds."""

    type: str
    stream: str
    model: str
    version: str
    tags: dict[str, str]
    rule: str
    identity: str
    revision: str
    instance: dict[str, str]
    severity: str
    episode_start_ms: int
    fired_ms: int
    number: int
    time_ms: int
    reason: str
    reasons: list[dict[str, Any]]
    window: dict[str, Any] | None
    violations: list[dict[str, Any]]
    drifted_features: list[dict[str, Any]]
    reference: dict[str, Any] | None
    data_range: list[dict[str, Any]]
    cooldown_until_ms: int | None = None
    expires_at_ms: int | None = None
    backfilled: bool = False
    repeat: int = 1
    """Which ask of its episode it is, or belongs to."""
    retraction: dict[str, Any] | None = None
    """``was`` and ``is``: the violations at firing, as they were judged and with the labels known now."""
    parameters: dict[str, str] = field(default_factory=dict)


def event_id(o: Occasion) -> str:
    """sha256 of the canonical JSON [1, rule, revision, instance, episode start, transition, n].

    The instance holds the model and version too, so that two versions never share an id.
    """
    instance = {"model": o.model, "version": o.version, **o.instance}
    parts = [1, o.identity, o.revision, instance, o.episode_start_ms, o.type, o.repeat]
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def build_event(o: Occasion, topic: str) -> Message:
    """The message to publish, keyed by the model."""
    identity = event_id(o)
    attributes = {
        "specversion": "1.0", "id": identity, "source": f"/driftline/{o.stream}", "type": o.type,
        "subject": f"{o.model}/{o.version}", "time": rfc3339(o.time_ms), "datacontenttype": "application/json",
        "dataschema": SCHEMA,
    }  # fmt: skip
    value = json.dumps({**attributes, "data": _data(o, identity)}, ensure_ascii=False, allow_nan=False)
    headers = [(f"ce_{k}", v.encode()) for k, v in attributes.items()]
    headers.append(("content-type", b"application/cloudevents+json; charset=UTF-8"))
    return Message(topic, o.model.encode(), value.encode(), tuple(headers), identity)


def _data(o: Occasion, identity: str) -> dict[str, Any]:
    retraction = {} if o.retraction is None else {"retraction": o.retraction}
    return {
        "idempotency_key": identity,
        "severity": o.severity,
        "backfilled": o.backfilled,
        "reason": o.reason,
        "model": {"name": o.model, "version": o.version, "tags": o.tags},
        "episode": {
            "rule": o.rule, "revision": o.revision, "instance": o.instance, "start": rfc3339(o.episode_start_ms),
            "fired": rfc3339(o.fired_ms), "number": o.number,
        },
        "reasons": o.reasons,
        "window": o.window,
        "violations": o.violations,
        "drifted_features": o.drifted_features,
        "reference": o.reference,
        "data_range": [_range(r) for r in o.data_range],
        "cooldown_until": None if o.cooldown_until_ms is None else rfc3339(o.cooldown_until_ms),
        "expires_at": None if o.expires_at_ms is None else rfc3339(o.expires_at_ms),
        "links": {},
        "parameters": {"model": o.model, "version": o.version, "reason": o.reason},
        **retraction,
    }  # fmt: skip


def _range(span: dict[str, Any]) -> dict[str, Any]:
    shown = {k: v for k, v in span.items() if not k.endswith("_ms")}
    return {
        **shown, "first_time": rfc3339(span["first_ms"]), "last_time": rfc3339(span["last_ms"]),
        "retained": span.get("retained", True),
    }  # fmt: skip


def number(value: float) -> float | None:
    """A number for JSON, which has no infinities: null where it is none."""
    return value if isfinite(value) else None
