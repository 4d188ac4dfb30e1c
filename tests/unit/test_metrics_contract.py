"""The names that others build on: what the design promises is declared, with its type, in base units."""

import os
import re
from pathlib import Path

import pytest

from driftline.metrics.declarations import METRICS
from driftline.web.process import process_values

BOUNDED = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "auc",
    "log_loss",
    "mean_absolute_error",
    "root_mean_squared_error",
)
PROMISED = {
    "gauge": (
        "feature_psi feature_ks_statistic feature_ks_pvalue feature_wasserstein_normalized feature_js_distance "
        "feature_missing_ratio feature_unseen_ratio feature_invalid_ratio feature_out_of_range_ratio prediction_psi "
        "prediction_js_distance prediction_class_ratio label_coverage_ratio window_events window_labelled_events "
        "window_end_timestamp_seconds rule_pending rule_firing rule_value rule_threshold rule_insufficient "
        "rule_last_judged_timestamp_seconds model_last_event_timestamp_seconds trigger_last_timestamp_seconds "
        "outbox_pending_events join_pending_events staged_events consumer_lag_messages watermark_timestamp_seconds "
        "partition_watermark_timestamp_seconds partition_paused kafka_up commit_last_success_timestamp_seconds "
        "state_file_size_bytes state_volume_free_bytes config_last_reload_successful "
        "config_last_reload_success_timestamp_seconds metrics_series_suppressed"
    ),
    "counter": (
        "model_predictions_total triggers_total events_consumed_total events_rejected_total events_unmonitored_total "
        "events_late_total events_duplicate_total labels_beyond_window_total join_expired_events_total "
        "join_evicted_events_total events_redelivered_total events_lost_total unknown_features_total"
    ),
    "histogram": "label_delay_seconds prediction_latency_seconds commit_duration_seconds batch_duration_seconds",
    "info": "model_info reference_info build_info",
}  # fmt: skip


@pytest.mark.parametrize("kind", PROMISED)
def test_what_is_promised_is_declared(kind):
    """Each under its name and type."""
    declared = {m.full_name for m in METRICS if m.type == kind}
    assert set() == {f"driftline_{name}" for name in PROMISED[kind].split()} - declared


@pytest.mark.parametrize("part", ["", "class_", "segment_"])
def test_performance_has_its_interval(part):
    """Each with both bounds, of the whole and of its parts."""
    names = [
        f"driftline_performance_{part}{n}{b}" for n in BOUNDED for b in ("", "_lower_bound", "_upper_bound")
    ]
    assert set() == set(names) - {m.full_name for m in METRICS if m.type == "gauge"}


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_a_declaration_keeps_the_rules_of_naming(metric):
    """Counters end in _total and nothing else does; base units; a help of one sentence, its full stop added."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.full_name)
    assert (metric.type == "counter") == metric.name.endswith("_total")
    assert (metric.type == "info") == metric.name.endswith("_info")
    assert not re.search(r"(_ms|_millis|_minutes|_hours|_percent|_kb|_mb)($|_)", metric.name)
    assert re.fullmatch(r"\S.*[^\s.]", metric.help)


def test_the_process_tells_of_itself():
    """Linux: memory and descriptors are plausible, and each value has its declaration."""
    values = process_values()
    assert {m.name for m in METRICS if m.prefix == "process_"} == values.keys()
    assert values["resident_memory_bytes"] > 1_000_000
    assert 3 <= values["open_fds"] <= values["max_fds"]
    assert values["start_time_seconds"] > 1_600_000_000
    assert values["cpu_seconds_total"] <= 2 + sum(os.times()[:2])


def test_without_proc_the_process_tells_nothing(tmp_path):
    """Other systems than Linux."""
    assert {} == process_values(tmp_path)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="NO /proc")
def test_a_value_that_is_hidden_takes_no_other_with_it(tmp_path):
    """A service that may see its own process only has no /proc/stat: all but the start are there."""
    (tmp_path / "self").symlink_to("/proc/self")
    assert {*process_values()} - {"start_time_seconds"} == {*process_values(tmp_path)}
