"""The series that are always shown: of the daemon, its streams, partitions, models and rules."""

from __future__ import annotations

import numpy as np

from driftline.metrics.declarations import COUNTERS
from driftline.metrics.labels import free, text_of
from driftline.metrics.render import Families
from driftline.metrics.view import (
    DaemonView,
    ModelView,
    PartitionView,
    RuleInfo,
    RuleLabels,
    RuleView,
    StreamView,
    WindowView,
)
from driftline.records import Evaluation


def write(families: Families, view: DaemonView) -> None:
    """All of them but the samples of windows."""
    _daemon(families, view)
    for stream in view.streams:
        _stream(families, stream)


def _seconds(at_ms: int | None) -> float | None:
    return None if at_ms is None else at_ms / 1000


def _daemon(families: Families, view: DaemonView) -> None:
    put = families.put
    for labels, count in view.triggers_total.items():
        put("triggers_total", _rule_labels(labels), count)
    put("outbox_pending_events", "", view.outbox_pending)
    put("outbox_oldest_timestamp_seconds", "", _seconds(view.outbox_oldest_ms))
    put("ready", "", int(view.ready))
    put("kafka_up", "", int(view.kafka_up))
    families.put_histogram("commit_duration_seconds", "", view.commit_seconds)
    for stage, histogram in view.batch_seconds.items():
        families.put_histogram("batch_duration_seconds", text_of((("stage", stage),)), histogram)
    put("commit_failing", "", int(view.commit_failing))
    put("view_timestamp_seconds", "", _seconds(view.now_ms or None))
    put("commit_last_success_timestamp_seconds", "", _seconds(view.last_commit_ms))
    put("state_file_size_bytes", "", view.state_file_bytes)
    put("state_volume_free_bytes", "", view.state_free_bytes)
    put("config_last_reload_successful", "", int(view.config_ok))
    put("config_last_reload_success_timestamp_seconds", "", _seconds(view.config_reload_ms))
    put("build_info", text_of((("version", view.version),)), 1)


def _rule_labels(labels: RuleLabels) -> str:
    return text_of(zip(("rule", "model", "version", "severity"), labels, strict=True))


def _stream(families: Families, stream: StreamView) -> None:
    where = text_of((("stream", stream.name),))
    families.put("join_pending_events", where, stream.join_pending)
    families.put("staged_events", where, stream.staged)
    families.put("watermark_timestamp_seconds", where, _seconds(stream.watermark_ms))
    families.put("stream_on_hold", where, int(stream.hold is not None))
    _counters(families, stream)
    for partition in stream.partitions:
        _partition(families, partition)
    for model in stream.models:
        _model(families, model)
    for rule in stream.rules:
        _rule(families, rule)
    for info in stream.rule_infos:
        families.put("rule_info", _info_labels(info), 1)
    for labels, last_ms in stream.trigger_last_ms.items():
        families.put("trigger_last_timestamp_seconds", _rule_labels(labels), last_ms / 1000)
    for window in stream.windows:
        if window.exported:
            _window(families, window)


def _info_labels(info: RuleInfo) -> str:
    names = ("rule", "model", "version", "severity", "action", "statistic", "window")
    return text_of((name, getattr(info, name)) for name in names)


def _counters(families: Families, stream: StreamView) -> None:
    """Counters without labels of their own are 0 from the start."""
    for metric in COUNTERS:
        own = metric.labels[1:]
        counts = stream.counters.get(metric.name, {} if own else {(): 0})
        for labels, count in counts.items():
            where = text_of((("stream", stream.name), *zip(own, labels, strict=True)))
            families.put(metric.name, where, count)


def _partition(families: Families, view: PartitionView) -> None:
    where = text_of((("stream", view.stream), ("topic", view.topic), ("partition", str(view.partition))))
    if view.high_watermark is not None:
        families.put("consumer_lag_messages", where, max(0, view.high_watermark - view.position))
    families.put("partition_watermark_timestamp_seconds", where, _seconds(view.watermark_ms))
    if view.paused is not None:
        families.put("partition_paused", f"{where},{text_of((('reason', view.paused),))}", 1)


def _model(families: Families, view: ModelView) -> None:
    where = text_of((("model", view.model), ("version", view.version)))
    families.put("model_predictions_total", where, view.predictions_total)
    families.put("model_last_event_timestamp_seconds", where, _seconds(view.last_event_ms))
    tags = text_of(free(view.tags, "tag_"))
    families.put("model_info", f"{where},{tags}" if tags else where, 1)
    if view.reference_id:
        families.put("reference_info", f"{where},{text_of((('id', view.reference_id),))}", 1)
    families.put_histogram("prediction_latency_seconds", where, view.latency_histogram)
    families.put_histogram("label_delay_seconds", where, view.label_delay_histogram)


def _rule(families: Families, view: RuleView) -> None:
    head = text_of((("rule", view.rule), ("model", view.model), ("version", view.version)))
    own = free(view.instance, taken=("rule", "model", "version", "severity"))
    tail = f",{text_of(own)}" if own else ""
    graded = f"{head},{text_of((('severity', view.severity),))}{tail}"
    families.put("rule_pending", graded, int(view.state == "pending"))
    families.put("rule_firing", graded, int(view.state == "firing"))
    families.put("rule_value", head + tail, view.value)
    families.put("rule_threshold", head + tail, view.threshold)
    families.put("rule_insufficient", head + tail, int(view.insufficient))
    families.put("rule_last_judged_timestamp_seconds", head + tail, _seconds(view.last_judged_ms))


def _window(families: Families, view: WindowView) -> None:
    labels = (("model", view.model), ("version", view.version), ("window", view.window), ("kind", view.kind))
    kind = text_of(labels)
    families.put("window_events", kind, view.events)
    if view.kind == "performance":
        families.put("window_labelled_events", kind, view.labelled)
    families.put("window_end_timestamp_seconds", kind, _seconds(view.end_ms))
    for evaluation in view.evaluations:
        if evaluation.statistic == "psi":
            families.put("worst_feature_psi", text_of(labels[:3]), _largest(evaluation))


def _largest(evaluation: Evaluation) -> float | None:
    """The largest value that is known."""
    values = evaluation.value[-1][evaluation.sufficient[-1] & np.isfinite(evaluation.value[-1])]
    return float(values.max()) if len(values) else None
