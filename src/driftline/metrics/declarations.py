"""Every metric, declared once: name, type, help, labels. A changed name here is a changed promise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PREFIX = "driftline_"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family. ``name`` is what a scrape shows, without the prefix."""

    name: str
    type: str
    """``gauge``, ``counter``, ``histogram`` or ``info``."""
    help: str
    labels: tuple[str, ...] = ()
    more_labels: bool = False
    """Whether its series have further labels that depend on the data (tags, a rule's instance)."""
    prefix: str = PREFIX

    @property
    def full_name(self) -> str:
        """The name as a scrape shows it."""
        return self.prefix + self.name

    @property
    def unit(self) -> str:
        """The base unit that the name ends in, or nothing."""
        stem = self.name.removesuffix("_total")
        return next((u for u in ("seconds", "bytes", "ratio") if stem.endswith(f"_{u}")), "")


_MODEL = ("model", "version")
_WINDOW = (*_MODEL, "window")
_RULE = ("rule", *_MODEL)

FEATURE_STATISTICS = {
    "psi": ("feature_psi", "Population stability index of a feature against the reference"),
    "ks": ("feature_ks_statistic", "Kolmogorov-Smirnov distance of a feature to the reference"),
    "ks_pvalue": ("feature_ks_pvalue", "p-value of the Kolmogorov-Smirnov distance"),
    "wasserstein": (
        "feature_wasserstein_normalized",
        "Wasserstein distance of a feature to the reference, in reference standard deviations",
    ),
    "js_distance": ("feature_js_distance", "Jensen-Shannon distance (base 2) of a feature to the reference"),
    "missing_ratio": ("feature_missing_ratio", "Share of events without the feature"),
    "unseen_ratio": ("feature_unseen_ratio", "Share of values that the reference does not have"),
    "invalid_ratio": ("feature_invalid_ratio", "Share of present values of an unusable type"),
    "out_of_range_ratio": ("feature_out_of_range_ratio", "Share of values outside the reference's range"),
}
PREDICTION_STATISTICS = {
    "prediction_psi": ("prediction_psi", "Population stability index of the model's output"),
    "prediction_js_distance": ("prediction_js_distance", "Jensen-Shannon distance of the model's output"),
}
PERFORMANCE_STATISTICS = {
    "accuracy": ("accuracy", "Accuracy"),
    "precision": ("precision", "Precision"),
    "recall": ("recall", "Recall"),
    "f1": ("f1", "F1"),
    "auc": ("auc", "Area under the ROC curve"),
    "log_loss": ("log_loss", "Log loss"),
    "mae": ("mean_absolute_error", "Mean absolute error"),
    "rmse": ("root_mean_squared_error", "Root mean squared error"),
}
PARTS = {"": ("average",), "class_": ("class",), "segment_": ("segment", "value", "average")}
"""Performance of the whole and of its parts: families of their own, with these labels."""


def _performance() -> Iterable[Metric]:
    for part, labels in PARTS.items():
        of = f" of one {part[:-1]}" if part else ""
        for name, text in PERFORMANCE_STATISTICS.values():
            stem, where = f"performance_{part}{name}", (*_WINDOW, *labels)
            yield Metric(stem, "gauge", f"{text}{of} in the newest mature window", where)
            yield Metric(
                f"{stem}_lower_bound", "gauge", f"Lower end of the 95 % interval of {name}{of}", where
            )
            yield Metric(
                f"{stem}_upper_bound", "gauge", f"Upper end of the 95 % interval of {name}{of}", where
            )


_QUALITY = (
    *(Metric(n, "gauge", h, (*_WINDOW, "feature")) for n, h in FEATURE_STATISTICS.values()),
    Metric(
        "worst_feature_psi",
        "gauge",
        "Largest PSI of a feature, of those too that metrics.max_series leaves out",
        _WINDOW,
    ),
    *(Metric(n, "gauge", h, (*_WINDOW, "output")) for n, h in PREDICTION_STATISTICS.values()),
    Metric("prediction_class_ratio", "gauge", "Share of predictions of a class", (*_WINDOW, "class")),
    *_performance(),
    Metric("label_coverage_ratio", "gauge", "Share of predictions that have their label", _WINDOW),
    Metric("label_delay_seconds", "histogram", "Time from prediction to label", _MODEL),
    Metric("prediction_latency_seconds", "histogram", "Latency that the model reported", _MODEL),
    Metric("model_predictions_total", "counter", "Distinct accepted predictions", _MODEL),
    Metric("window_events", "gauge", "Events in the window", (*_WINDOW, "kind")),
    Metric("window_labelled_events", "gauge", "Labelled events in the window", (*_WINDOW, "kind")),
    Metric("window_end_timestamp_seconds", "gauge", "End of the window", (*_WINDOW, "kind")),
    Metric("model_last_event_timestamp_seconds", "gauge", "Event time of the model's newest event", _MODEL),
    Metric("model_info", "info", "A monitored model, with its tags", _MODEL, more_labels=True),
    Metric("reference_info", "info", "The reference that a version is compared with", (*_MODEL, "id")),
)
_RULES = (
    Metric(
        "rule_pending",
        "gauge",
        "1 while the condition holds, not yet long enough",
        (*_RULE, "severity"),
        True,
    ),
    Metric("rule_firing", "gauge", "1 while the rule fires", (*_RULE, "severity"), True),
    Metric("rule_value", "gauge", "Value that the rule judged last", _RULE, True),
    Metric("rule_threshold", "gauge", "Threshold that the value is compared with", _RULE, True),
    Metric(
        "rule_insufficient", "gauge", "1 where the last instant had too little data to judge", _RULE, True
    ),
    Metric("rule_last_judged_timestamp_seconds", "gauge", "Last instant that the rule judged", _RULE, True),
    Metric(
        "rule_info",
        "info",
        "A rule that is judged for a version, whether it was or not: what it reads and what it does",
        (*_RULE, "severity", "action", "statistic", "window"),
    ),
    Metric("triggers_total", "counter", "Requests for a retraining", (*_RULE, "severity")),
    Metric(
        "trigger_last_timestamp_seconds",
        "gauge",
        "Instant of a rule's newest request for a retraining",
        (*_RULE, "severity"),
    ),
    Metric("outbox_pending_events", "gauge", "Events that wait to be published"),
    Metric(
        "outbox_oldest_timestamp_seconds", "gauge", "Since when the oldest of them waits; absent without any"
    ),
)
_PARTITION = ("stream", "topic", "partition")
_TRAFFIC = (
    Metric("events_consumed_total", "counter", "Records read", ("stream", "topic", "kind")),
    Metric(
        "events_rejected_total", "counter", "Records that could not be used", ("stream", "topic", "reason")
    ),
    Metric(
        "events_unmonitored_total",
        "counter",
        "Events of models that no entry matches, or that are over a limit",
        ("stream", "topic"),
    ),
    Metric(
        "group_commit_failures_total",
        "counter",
        "Offsets for lag tools that could not be committed",
        ("stream",),
    ),
    Metric("events_late_total", "counter", "Events behind the watermark", ("stream", "outcome")),
    Metric("events_duplicate_total", "counter", "Second copies of a prediction", ("stream",)),
    Metric("events_redelivered_total", "counter", "Records that Kafka gave a second time", ("stream",)),
    Metric(
        "events_lost_total", "counter", "Records that Kafka lost before they were read", ("stream", "topic")
    ),
    Metric("unknown_features_total", "counter", "Values of features that no reference names", ("stream",)),
    Metric(
        "predictions_conflicting_total",
        "counter",
        "Second copies that say something else than the first",
        ("stream",),
    ),
    Metric(
        "labels_orphaned_total",
        "counter",
        "Labels whose prediction never came, or not in time for them",
        ("stream",),
    ),
    Metric(
        "labels_beyond_window_total",
        "counter",
        "Labels that came when a window that they are in had been judged for the last time",
        ("stream",),
    ),
    Metric(
        "join_expired_events_total",
        "counter",
        "Predictions whose label never came, of models that have labels",
        ("stream",),
    ),
    Metric(
        "join_evicted_events_total",
        "counter",
        "Predictions (ids, of models without labels) let go for limits.join_memory",
        ("stream",),
    ),
    Metric(
        "join_pending_events",
        "gauge",
        "Predictions that wait for their label, of models that have labels",
        ("stream",),
    ),
    Metric("staged_events", "gauge", "Events that wait for the watermark", ("stream",)),
    Metric("consumer_lag_messages", "gauge", "Records not read yet", _PARTITION),
    Metric(
        "watermark_timestamp_seconds", "gauge", "Event time up to which the stream is complete", ("stream",)
    ),
    Metric(
        "partition_watermark_timestamp_seconds",
        "gauge",
        "Event time up to which a partition is complete",
        _PARTITION,
    ),
    Metric("partition_paused", "gauge", "1 while a partition is paused, and why", (*_PARTITION, "reason")),
    Metric(
        "stream_on_hold", "gauge", "1 while a stream waits, because Kafka lost what it needs", ("stream",)
    ),
)
_DAEMON = (
    Metric("ready", "gauge", "1 while nothing stands in its way; /-/ready says what does"),
    Metric("kafka_up", "gauge", "1 while a broker is reachable"),
    Metric("commit_duration_seconds", "histogram", "Time of a commit"),
    Metric("batch_duration_seconds", "histogram", "Time of a stage for one batch", ("stage",)),
    Metric(
        "commit_failing", "gauge", "1 while the state cannot be written, so that nothing is read or published"
    ),
    Metric(
        "view_timestamp_seconds",
        "gauge",
        "When the loop last showed how things stand: it hangs if this stands still",
    ),
    Metric("commit_last_success_timestamp_seconds", "gauge", "Time of the newest commit"),
    Metric("state_file_size_bytes", "gauge", "Size of the state file"),
    Metric("state_volume_free_bytes", "gauge", "Free space on the state file's volume"),
    Metric("config_last_reload_successful", "gauge", "1 if the configuration was last read without errors"),
    Metric(
        "config_last_reload_success_timestamp_seconds",
        "gauge",
        "When the configuration was last read without errors",
    ),
    Metric("metrics_series_suppressed", "gauge", "Series left out for metrics.max_series"),
    Metric("build_info", "info", "The version of the program", ("version",)),
)

_PROCESS = (
    Metric("cpu_seconds_total", "counter", "CPU time of the process", prefix="process_"),
    Metric("resident_memory_bytes", "gauge", "Memory of the process that is resident", prefix="process_"),
    Metric("start_time_seconds", "gauge", "When the process started", prefix="process_"),
    Metric("open_fds", "gauge", "Open file descriptors of the process", prefix="process_"),
    Metric("max_fds", "gauge", "File descriptors that the process may open", prefix="process_"),
)
"""What every process shows, under the names that every dashboard knows; where ``/proc`` is."""

METRICS: tuple[Metric, ...] = (*_QUALITY, *_RULES, *_TRAFFIC, *_DAEMON, *_PROCESS)
"""All metrics, in the order in which they are shown."""

COUNTERS: tuple[Metric, ...] = tuple(m for m in _TRAFFIC if m.type == "counter")
"""Those that a stream's ``counters`` fill."""
