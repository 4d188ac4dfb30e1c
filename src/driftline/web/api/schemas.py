"""JSON Schemas of what the API answers."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
MAYBE_INSTANT: Schema = {"type": ["string", "null"], "format": "date-time"}
MAYBE_NUMBER: Schema = {"type": ["number", "null"]}
MAYBE_COUNT: Schema = {"type": ["integer", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
NAMES: Schema = {"type": "object", "additionalProperties": TEXT}


def _object(about: str, **properties: Schema) -> Schema:
    """All properties are always there."""
    return {"type": "object", "description": about, "properties": properties, "required": list(properties), "additionalProperties": False}  # fmt: skip


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


_PARTITION = _object(
    "One input partition", topic=TEXT, partition=COUNT, kind=TEXT, position=COUNT, high_watermark=MAYBE_COUNT,
    watermark=MAYBE_INSTANT, paused=MAYBE_TEXT,
)  # fmt: skip
_STREAM = _object(
    "One stream; hold says why it does not read on", name=TEXT, watermark=MAYBE_INSTANT, hold=MAYBE_TEXT, staged=COUNT,
    join_pending=COUNT, counters=_list(_object("A counter", name=TEXT, labels=NAMES, value=COUNT)), partitions=_list(_PARTITION),
    unmonitored=_list(_object("A model that no entry matches", model=TEXT, version=TEXT, events=COUNT)),
)  # fmt: skip
STATUS = _object(
    "Health of the daemon", version=TEXT, time=INSTANT, ready=FLAG, reasons=TEXTS, kafka_up=FLAG,
    last_commit=MAYBE_INSTANT, last_trigger=MAYBE_INSTANT, outbox_pending=COUNT, state_file_bytes=MAYBE_COUNT,
    config=_object("Whether the last reload succeeded", ok=FLAG, read=MAYBE_INSTANT),
    triggers_total=_list(_object("How often a rule has asked", rule=TEXT, model=TEXT, version=TEXT, severity=TEXT, total=COUNT)),
    streams=_list(_STREAM),
)  # fmt: skip
MODEL = _object(
    "A monitored version", stream=TEXT, model=TEXT, version=TEXT, task=MAYBE_TEXT, tags=NAMES, predictions=COUNT,
    last_event=MAYBE_INSTANT, reference=MAYBE_TEXT,
    validated={"type": "object", "additionalProperties": {"type": "number"}, "description": "The reference's own metrics"},
    windows=TEXTS,
)  # fmt: skip
SAMPLE: Schema = {
    "type": "object",
    "description": "One value of one statistic; a value with too little data is null and insufficient",
    "properties": {
        "statistic": TEXT, "model": TEXT, "version": TEXT, "feature": MAYBE_TEXT, "class": TEXT, "segment": NAMES,
        "output": {"enum": ["class", "score", "value"]}, "average": {"enum": ["binary", "macro", "micro", "weighted"]},
        "window": TEXT, "end": INSTANT, "judged": MAYBE_INSTANT, "value": MAYBE_NUMBER, "n": COUNT,
        "low": MAYBE_NUMBER, "high": MAYBE_NUMBER, "state": {"enum": ["ok", "insufficient", "provisional", "final"]},
    },
    "required": ["statistic", "model", "version", "feature", "window", "end", "judged", "value", "n", "low", "high", "state"],
    "additionalProperties": False,
}  # fmt: skip
RULE = {
    **_object(
        "An instance of a rule", rule=TEXT, model=TEXT, version=TEXT, instance=NAMES, severity=TEXT,
        then={"enum": ["retrain", "notify"]}, condition=TEXT, **{"for": MAYBE_TEXT},
        state={"enum": ["inactive", "pending", "firing"]}, active_since=MAYBE_INSTANT, fires_at=MAYBE_INSTANT,
        fired=MAYBE_INSTANT, metric=MAYBE_TEXT, window=MAYBE_TEXT, of=MAYBE_TEXT, value=MAYBE_NUMBER, low=MAYBE_NUMBER,
        high=MAYBE_NUMBER, threshold=MAYBE_NUMBER, insufficient=FLAG, unjudged=FLAG, last_judged=MAYBE_INSTANT,
    )
}  # fmt: skip
TRIGGER = _object(
    "A published event; data is that of the event, lists cut at 20", id=TEXT, type=TEXT, time=INSTANT, stream=TEXT,
    model=TEXT, version=TEXT, rule=TEXT, severity=TEXT, reason=TEXT, data={"type": "object"},
)  # fmt: skip
