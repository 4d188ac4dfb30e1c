"""The view as JSON: what ``/api/v1`` answers, and its OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from driftline.instants import rfc3339
from driftline.metrics.declarations import COUNTERS
from driftline.metrics.view import DaemonView, ModelView, PartitionView, RuleView, StreamView, WindowView
from driftline.records import SampleState
from driftline.statistics.lines import SampleLine, sample_rows

Query = Mapping[str, str]


def _instant(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)


def status(view: DaemonView, _query: Query) -> dict[str, Any]:
    """Health of the daemon and of each stream."""
    return {
        "version": view.version,
        "time": rfc3339(view.now_ms),
        "ready": view.ready,
        "reasons": list(view.reasons),
        "kafka_up": view.kafka_up,
        "last_commit": _instant(view.last_commit_ms),
        "last_trigger": _instant(view.trigger_last_ms),
        "outbox_pending": view.outbox_pending,
        "state_file_bytes": view.state_file_bytes,
        "config": {"ok": view.config_ok, "read": _instant(view.config_reload_ms)},
        "streams": [_stream(stream) for stream in view.streams],
    }


def _stream(stream: StreamView) -> dict[str, Any]:
    return {
        "name": stream.name,
        "watermark": _instant(stream.watermark_ms),
        "hold": stream.hold,
        "staged": stream.staged,
        "join_pending": stream.join_pending,
        "counters": _counters(stream),
        "partitions": [_partition(partition) for partition in stream.partitions],
        "unmonitored": [
            {"model": model, "version": version, "events": count}
            for model, version, count in stream.unmonitored
        ],
    }


def _counters(stream: StreamView) -> list[dict[str, Any]]:
    return [
        {"name": metric.name, "labels": dict(zip(metric.labels[1:], labels, strict=True)), "value": count}
        for metric in COUNTERS
        for labels, count in stream.counters.get(metric.name, {}).items()
    ]


def _partition(view: PartitionView) -> dict[str, Any]:
    return {
        "topic": view.topic,
        "partition": view.partition,
        "kind": view.kind,
        "position": view.position,
        "high_watermark": view.high_watermark,
        "watermark": _instant(view.watermark_ms),
        "paused": view.paused,
    }


def _asked(view: ModelView | WindowView | RuleView, query: Query) -> bool:
    return query.get("model", view.model) == view.model and query.get("version", view.version) == view.version


def models(view: DaemonView, query: Query) -> list[dict[str, Any]]:
    """The monitored models; ``model`` and ``version`` select."""
    return [
        {
            "stream": stream.name,
            "model": model.model,
            "version": model.version,
            "tags": dict(model.tags),
            "predictions": model.predictions_total,
            "last_event": _instant(model.last_event_ms),
            "reference": model.reference_id,
        }
        for stream in view.streams
        for model in stream.models
        if _asked(model, query)
    ]


def samples(view: DaemonView, query: Query) -> list[SampleLine]:
    """The newest samples; ``model``, ``version``, ``window``, ``statistic`` and ``feature`` select."""
    return [
        row
        for stream in view.streams
        for window in stream.windows
        if _asked(window, query) and query.get("window", window.window) == window.window
        for row in window_samples(window)
        if query.get("statistic", row.statistic) == row.statistic
        and query.get("feature", row.feature) == row.feature
    ]


def window_samples(window: WindowView) -> list[SampleLine]:
    """The samples of a window; an open one's are provisional."""
    word = SampleState.PROVISIONAL if window.judged_ms is None else SampleState.OK
    return list(
        sample_rows(
            window.model,
            window.version,
            window.window,
            window.end_ms,
            window.judged_ms,
            window.evaluations,
            -1,
            word,
        )
    )


def rules(view: DaemonView, query: Query) -> list[dict[str, Any]]:
    """The rules' instances; ``model``, ``version`` and ``state`` select."""
    return [
        {
            "rule": rule.rule,
            "model": rule.model,
            "version": rule.version,
            "instance": dict(rule.instance),
            "severity": rule.severity,
            "state": rule.state,
            "active_since": _instant(rule.active_since_ms),
            "fired": _instant(rule.fired_at_ms),
            "value": rule.value,
            "threshold": rule.threshold,
            "insufficient": rule.insufficient,
            "unjudged": stream.hold is not None,
            "last_judged": _instant(rule.last_judged_ms),
        }
        for stream in view.streams
        for rule in stream.rules
        if _asked(rule, query) and query.get("state", rule.state) == rule.state
    ]


def triggers(view: DaemonView, query: Query) -> list[dict[str, Any]]:
    """How often each retrain rule has triggered."""
    return [
        {
            "rule": labels[0],
            "model": labels[1],
            "version": labels[2],
            "severity": labels[3],
            "total": count,
        }
        for labels, count in view.triggers_total.items()
        if query.get("model", labels[1]) == labels[1] and query.get("version", labels[2]) == labels[2]
    ]


ENDPOINTS = {"status": status, "models": models, "samples": samples, "rules": rules, "triggers": triggers}
"""What is under ``/api/v1/``."""

_SELECTS = {
    "status": (),
    "models": ("model", "version"),
    "samples": ("model", "version", "window", "statistic", "feature"),
    "rules": ("model", "version", "state"),
    "triggers": ("model", "version"),
}


def openapi(version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these endpoints."""
    paths = {f"/api/v1/{name}": {"get": _operation(name)} for name in ENDPOINTS}
    return {"openapi": "3.1.0", "info": {"title": "driftline", "version": version or "0"}, "paths": paths}


def _operation(name: str) -> dict[str, Any]:
    schema = {"type": "object"} if name == "status" else {"type": "array", "items": {"type": "object"}}
    parameters = [{"name": p, "in": "query", "schema": {"type": "string"}} for p in _SELECTS[name]]
    summary = (ENDPOINTS[name].__doc__ or "").splitlines()[0].replace("``", "")
    answer = {"description": "From the last view", "content": {"application/json": {"schema": schema}}}
    return {"operationId": name, "summary": summary, "parameters": parameters, "responses": {"200": answer}}
