"""``/api/v1/status``: health of the daemon and of each stream."""

from __future__ import annotations

from typing import Any

from driftline.instants import rfc3339
from driftline.metrics.declarations import COUNTERS
from driftline.metrics.view import DaemonView, PartitionView, StreamView
from driftline.web.api.query import Query


def instant(at_ms: int | None) -> str | None:
    """RFC 3339, or null."""
    return None if at_ms is None else rfc3339(at_ms)


def status(view: DaemonView, _query: Query) -> dict[str, Any]:
    """Health of the daemon and of each stream."""
    return {
        "version": view.version,
        "time": rfc3339(view.now_ms),
        "ready": view.ready,
        "reasons": list(view.reasons),
        "kafka_up": view.kafka_up,
        "last_commit": instant(view.last_commit_ms),
        "last_trigger": instant(view.trigger_last_ms),
        "outbox_pending": view.outbox_pending,
        "state_file_bytes": view.state_file_bytes,
        "config": {"ok": view.config_ok, "read": instant(view.config_reload_ms)},
        "triggers_total": [
            {"rule": rule, "model": model, "version": version, "severity": severity, "total": count}
            for (rule, model, version, severity), count in sorted(view.triggers_total.items())
        ],
        "streams": [_stream(stream) for stream in view.streams],
    }


def _stream(stream: StreamView) -> dict[str, Any]:
    return {
        "name": stream.name,
        "watermark": instant(stream.watermark_ms),
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
        "watermark": instant(view.watermark_ms),
        "paused": view.paused,
    }
