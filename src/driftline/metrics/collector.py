"""The last view as metrics. What vanishes from the view vanishes from the scrape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf, isfinite

from driftline.metrics.budget import Budget, Candidate, Part
from driftline.metrics.declarations import (
    COUNTERS,
    FEATURE_STATISTICS,
    PERFORMANCE_STATISTICS,
    PREDICTION_STATISTICS,
)
from driftline.metrics.render import Families, Labels, label_name, render
from driftline.metrics.view import DaemonView, ModelView, PartitionView, RuleView, StreamView, WindowView
from driftline.records import Dimension, Evaluation

Series = tuple[str, Labels, float]


@dataclass(slots=True)
class Collector:
    """Renders views; remembers only which parts were shown, so the series budget is steady."""

    budget: Budget = field(default_factory=Budget)

    def scrape(self, view: DaemonView, *, openmetrics: bool = False) -> bytes:
        """The text of ``/metrics``."""
        return render(self.families(view), openmetrics=openmetrics)

    def families(self, view: DaemonView) -> Families:
        """All values of the view, parts within what the budget leaves them."""
        families = Families()
        _daemon(families, view)
        for stream in view.streams:
            _stream(families, stream)
        parts = _parts(view, families)
        fixed = sum(len(series) for series in families.values.values()) + _buckets(families) + 1
        self._show(families, parts, max(0, view.max_series - fixed), view.now_ms)
        return families

    def _show(self, families: Families, parts: dict[Part, list[Series]], room: int, now_ms: int) -> None:
        candidates = {part: Candidate(_score(part, series), len(series)) for part, series in parts.items()}
        kept = self.budget.choose(candidates, room, now_ms)
        for part, series in parts.items():
            for shown in series if part in kept else ():
                families.put(*shown)
        suppressed = sum(len(series) for part, series in parts.items() if part not in kept)
        families.put("metrics_series_suppressed", (), suppressed)


def _buckets(families: Families) -> int:
    return sum(len(h[0]) + 3 for series in families.histograms.values() for h in series.values())


def _score(part: Part, series: list[Series]) -> float:
    """A feature's worst PSI; classes and segments come before features."""
    if part[2] != "feature":
        return inf
    return max((value for name, _, value in series if name == "feature_psi"), default=-1.0)


def _parts(view: DaemonView, families: Families) -> dict[Part, list[Series]]:
    """Puts the model-level series, and returns those of features, classes and segments by part."""
    parts: dict[Part, list[Series]] = {}
    for stream in view.streams:
        for window in stream.windows:
            if window.exported:
                _window(families, window, parts)
    return parts


def _seconds(at_ms: int | None) -> float | None:
    return None if at_ms is None else at_ms / 1000


def _daemon(families: Families, view: DaemonView) -> None:
    put = families.put
    for labels, count in view.triggers_total.items():
        put("triggers_total", _rule_labels(*labels), count)
    put("trigger_last_timestamp_seconds", (), _seconds(view.trigger_last_ms))
    put("outbox_pending_events", (), view.outbox_pending)
    put("kafka_up", (), int(view.kafka_up))
    families.put_histogram("commit_duration_seconds", (), view.commit_seconds)
    for stage, histogram in view.batch_seconds.items():
        families.put_histogram("batch_duration_seconds", (("stage", stage),), histogram)
    put("commit_last_success_timestamp_seconds", (), _seconds(view.last_commit_ms))
    put("state_file_size_bytes", (), view.state_file_bytes)
    put("state_volume_free_bytes", (), view.state_free_bytes)
    put("config_last_reload_successful", (), int(view.config_ok))
    put("config_last_reload_success_timestamp_seconds", (), _seconds(view.config_reload_ms))
    put("build_info", (("version", view.version),), 1)


def _rule_labels(rule: str, model: str, version: str, severity: str) -> Labels:
    return (("rule", rule), ("model", model), ("version", version), ("severity", severity))


def _stream(families: Families, stream: StreamView) -> None:
    where: Labels = (("stream", stream.name),)
    families.put("join_pending_events", where, stream.join_pending)
    families.put("staged_events", where, stream.staged)
    families.put("watermark_timestamp_seconds", where, _seconds(stream.watermark_ms))
    _counters(families, stream, where)
    for partition in stream.partitions:
        _partition(families, partition)
    for model in stream.models:
        _model(families, model)
    for rule in stream.rules:
        _rule(families, rule)


def _counters(families: Families, stream: StreamView, where: Labels) -> None:
    """Counters without labels of their own are 0 from the start."""
    for metric in COUNTERS:
        own = metric.labels[1:]
        counts = stream.counters.get(metric.name, {} if own else {(): 0})
        for labels, count in counts.items():
            families.put(metric.name, (*where, *zip(own, labels, strict=True)), count)


def _partition(families: Families, view: PartitionView) -> None:
    where: Labels = (("stream", view.stream), ("topic", view.topic), ("partition", str(view.partition)))
    if view.high_watermark is not None:
        families.put("consumer_lag_messages", where, max(0, view.high_watermark - view.position))
    families.put("partition_watermark_timestamp_seconds", where, _seconds(view.watermark_ms))
    if view.paused is not None:
        families.put("partition_paused", (*where, ("reason", view.paused)), 1)


def _model(families: Families, view: ModelView) -> None:
    where: Labels = (("model", view.model), ("version", view.version))
    families.put("model_predictions_total", where, view.predictions_total)
    families.put("model_last_event_timestamp_seconds", where, _seconds(view.last_event_ms))
    families.put("model_info", (*where, *_named(view.tags, "tag_")), 1)
    if view.reference_id:
        families.put("reference_info", (*where, ("id", view.reference_id)), 1)
    families.put_histogram("prediction_latency_seconds", where, view.latency_histogram)
    families.put_histogram("label_delay_seconds", where, view.label_delay_histogram)


def _named(texts: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Labels of a free mapping; of names that become equal, the first stays."""
    names: dict[str, str] = {}
    for name, text in dict(texts).items():  # type: ignore[call-overload]
        names.setdefault(prefix + label_name(str(name)), str(text))
    return iter(names.items())


def _rule(families: Families, view: RuleView) -> None:
    taken = {"rule", "model", "version", "severity"}
    of = tuple((k, v) for k, v in _named(view.instance) if k not in taken)
    where: Labels = (("rule", view.rule), ("model", view.model), ("version", view.version), *of)
    graded: Labels = (*where[:3], ("severity", view.severity), *of)
    families.put("rule_pending", graded, int(view.state == "pending"))
    families.put("rule_firing", graded, int(view.state == "firing"))
    families.put("rule_value", where, view.value)
    families.put("rule_threshold", where, view.threshold)
    families.put("rule_insufficient", where, int(view.insufficient))
    families.put("rule_last_judged_timestamp_seconds", where, _seconds(view.last_judged_ms))


def _window(families: Families, view: WindowView, parts: dict[Part, list[Series]]) -> None:
    where: Labels = (("model", view.model), ("version", view.version), ("window", view.window))
    kind: Labels = (*where, ("kind", view.kind))
    families.put("window_events", kind, view.events)
    if view.kind == "performance":
        families.put("window_labelled_events", kind, view.labelled)
    families.put("window_end_timestamp_seconds", kind, _seconds(view.end_ms))
    for evaluation in view.evaluations:
        for part, name, labels, value in _evaluation(evaluation, where):
            if part is None:
                families.put(name, labels, value)
            else:
                parts.setdefault((view.model, view.version, *part), []).append((name, labels, value))


Placed = tuple[tuple[str, str] | None, str, Labels, float]


def _evaluation(evaluation: Evaluation, where: Labels) -> Iterator[Placed]:
    """Where each sufficient number of a statistic is shown, with its bounds."""
    numbers = evaluation.value[-1].tolist()
    known = evaluation.sufficient[-1].tolist()
    for k, dimension in enumerate(evaluation.dimensions):
        placed = _place(evaluation.statistic, dimension) if known[k] and isfinite(numbers[k]) else None
        if placed is None:
            continue
        part, name, own = placed
        labels = (*where, *own)
        yield part, name, labels, numbers[k]
        if name.startswith("performance_"):
            yield from _bounds(evaluation, k, part, name, labels)


def _bounds(
    evaluation: Evaluation, k: int, part: tuple[str, str] | None, name: str, labels: Labels
) -> Iterator[Placed]:
    for suffix, bounds in (("_lower_bound", evaluation.low), ("_upper_bound", evaluation.high)):
        if bounds is not None and isfinite(bound := float(bounds[-1, k])):
            yield part, name + suffix, labels, bound


def _place(statistic: str, at: Dimension) -> tuple[tuple[str, str] | None, str, Labels] | None:
    """(part or None for the model as a whole, metric, its own labels), or None: not shown."""
    if statistic in FEATURE_STATISTICS:
        if at.feature is None or at.segment or at.class_:
            return None
        return ("feature", at.feature), FEATURE_STATISTICS[statistic][0], (("feature", at.feature),)
    if statistic in PERFORMANCE_STATISTICS:
        return _performance(PERFORMANCE_STATISTICS[statistic][0], at)
    if at.segment is not None:
        return None
    if statistic in PREDICTION_STATISTICS:
        return None, PREDICTION_STATISTICS[statistic][0], (("output", at.output or ""),)
    if statistic == "class_ratio" and at.class_ is not None:
        return ("class", at.class_), "prediction_class_ratio", (("class", at.class_),)
    if statistic == "label_coverage":
        return None, "label_coverage_ratio", ()
    return None


def _performance(name: str, at: Dimension) -> tuple[tuple[str, str] | None, str, Labels] | None:
    average: Labels = (("average", at.average),) if at.average else ()
    if at.segment is not None:
        if at.class_ is not None:
            return None
        segment, value = at.segment
        return (
            ("segment", f"{segment}={value}"),
            f"performance_segment_{name}",
            (("segment", segment), ("value", value), *average),
        )
    if at.class_ is not None:
        return ("class", at.class_), f"performance_class_{name}", (("class", at.class_),)
    return None, f"performance_{name}", average
