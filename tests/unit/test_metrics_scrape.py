"""What Prometheus sees is a promise: names, labels, escaping, and absence instead of zero."""

import re
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from driftline.metrics.budget import Budget, Candidate
from driftline.metrics.collector import Collector
from driftline.metrics.declarations import METRICS
from driftline.metrics.histogram import Durations
from driftline.metrics.view import (
    DaemonView,
    ModelView,
    PartitionView,
    RuleInfo,
    RuleView,
    StreamView,
    WindowView,
)
from driftline.records import Dimension, Evaluation

HOSTILE = 'a"b\\c\nd\u2028{},é\x00'


def evaluation(statistic, dimensions, values, *, low=None, high=None, sufficient=None):
    k = len(dimensions)
    row = lambda x: None if x is None else np.array([x], dtype=float)  # noqa: E731
    known = np.array([[True] * k if sufficient is None else sufficient])
    return Evaluation(
        statistic, tuple(dimensions), row(values), np.full((1, k), 600), known, row(low), row(high)
    )


def sample_view(model="elec2", max_series=20_000):
    f1 = [
        Dimension(average="binary"),
        Dimension(class_="UP"),
        Dimension(segment=("region", "nsw"), average="binary"),
    ]
    windows = [
        WindowView(
            model=model, version="1", window="1d", kind="drift", end_ms=86_400_000, events=600,
            evaluations=[
                evaluation("psi", [Dimension(feature="price"), Dimension(feature="day")], [0.25, np.nan]),
                evaluation("ks", [Dimension(feature="price")], [0.5], sufficient=[False]),
                evaluation("class_ratio", [Dimension(output="class", class_="UP")], [0.75]),
                evaluation("prediction_psi", [Dimension(output="score")], [0.125]),
            ],
        ),
        WindowView(
            model=model, version="1", window="1d", kind="performance", end_ms=86_400_000, events=600, labelled=500,
            evaluations=[evaluation("f1", f1, [0.5, 0.6, 0.7], low=[0.4, 0.5, 0.6], high=[0.6, 0.7, np.nan])],
        ),
    ]  # fmt: skip
    partition = PartitionView(
        stream="main",
        topic="p",
        partition=0,
        position=90,
        high_watermark=100,
        watermark_ms=1500,
        paused="skew",
    )
    return DaemonView(
        streams=(
            StreamView(
                name="main", watermark_ms=1500, staged=3, join_pending=4, partitions=[partition],
                counters={"events_consumed_total": {("p", "prediction"): 90}, "undeclared_total": {(): 1}},
                windows=windows,
                rules=[RuleView(rule="r", model=model, version="1", instance={"feature": "price"},
                                severity="critical", state="firing", value=0.25, threshold=0.2)],
                models=[ModelView(model=model, version="1", tags={"team-x": "pricing"}, predictions_total=600,
                                  reference_id="abc", latency_histogram=((0.1, 0.5), (1, 2, 3), 1.5))],
            ),
        ),
        triggers_total={("r", model, "1", "critical"): 0}, kafka_up=True, max_series=max_series, version="1.0",
    )  # fmt: skip


GOLDEN = """\
driftline_feature_psi{model="elec2",version="1",window="1d",feature="price"} 0.25
driftline_worst_feature_psi{model="elec2",version="1",window="1d"} 0.25
driftline_prediction_psi{model="elec2",version="1",window="1d",output="score"} 0.125
driftline_prediction_class_ratio{model="elec2",version="1",window="1d",class="UP"} 0.75
driftline_performance_f1{model="elec2",version="1",window="1d",average="binary"} 0.5
driftline_performance_f1_lower_bound{model="elec2",version="1",window="1d",average="binary"} 0.4
driftline_performance_f1_upper_bound{model="elec2",version="1",window="1d",average="binary"} 0.6
driftline_performance_class_f1{model="elec2",version="1",window="1d",class="UP"} 0.6
driftline_performance_class_f1_lower_bound{model="elec2",version="1",window="1d",class="UP"} 0.5
driftline_performance_class_f1_upper_bound{model="elec2",version="1",window="1d",class="UP"} 0.7
driftline_performance_segment_f1{model="elec2",version="1",window="1d",segment="region",value="nsw",average="binary"} 0.7
driftline_performance_segment_f1_lower_bound{model="elec2",version="1",window="1d",segment="region",value="nsw",average="binary"} 0.6
driftline_prediction_latency_seconds_bucket{model="elec2",version="1",le="0.1"} 1
driftline_prediction_latency_seconds_bucket{model="elec2",version="1",le="0.5"} 2
driftline_prediction_latency_seconds_bucket{model="elec2",version="1",le="+Inf"} 3
driftline_prediction_latency_seconds_sum{model="elec2",version="1"} 1.5
driftline_prediction_latency_seconds_count{model="elec2",version="1"} 3
driftline_model_predictions_total{model="elec2",version="1"} 600
driftline_window_events{model="elec2",version="1",window="1d",kind="drift"} 600
driftline_window_events{model="elec2",version="1",window="1d",kind="performance"} 600
driftline_window_labelled_events{model="elec2",version="1",window="1d",kind="performance"} 500
driftline_window_end_timestamp_seconds{model="elec2",version="1",window="1d",kind="drift"} 86400
driftline_window_end_timestamp_seconds{model="elec2",version="1",window="1d",kind="performance"} 86400
driftline_model_info{model="elec2",version="1",tag_team_x="pricing"} 1
driftline_reference_info{model="elec2",version="1",id="abc"} 1
driftline_rule_pending{rule="r",model="elec2",version="1",severity="critical",feature="price"} 0
driftline_rule_firing{rule="r",model="elec2",version="1",severity="critical",feature="price"} 1
driftline_rule_value{rule="r",model="elec2",version="1",feature="price"} 0.25
driftline_rule_threshold{rule="r",model="elec2",version="1",feature="price"} 0.2
driftline_rule_insufficient{rule="r",model="elec2",version="1",feature="price"} 0
driftline_triggers_total{rule="r",model="elec2",version="1",severity="critical"} 0
driftline_outbox_pending_events 0
driftline_events_consumed_total{stream="main",topic="p",kind="prediction"} 90
driftline_group_commit_failures_total{stream="main"} 0
driftline_events_duplicate_total{stream="main"} 0
driftline_events_redelivered_total{stream="main"} 0
driftline_unknown_features_total{stream="main"} 0
driftline_predictions_conflicting_total{stream="main"} 0
driftline_labels_orphaned_total{stream="main"} 0
driftline_labels_beyond_window_total{stream="main"} 0
driftline_join_expired_events_total{stream="main"} 0
driftline_join_evicted_events_total{stream="main"} 0
driftline_join_pending_events{stream="main"} 4
driftline_staged_events{stream="main"} 3
driftline_consumer_lag_messages{stream="main",topic="p",partition="0"} 10
driftline_watermark_timestamp_seconds{stream="main"} 1.5
driftline_partition_watermark_timestamp_seconds{stream="main",topic="p",partition="0"} 1.5
driftline_partition_paused{stream="main",topic="p",partition="0",reason="skew"} 1
driftline_stream_on_hold{stream="main"} 0
driftline_ready 0
driftline_kafka_up 1
driftline_commit_failing 0
driftline_config_last_reload_successful 1
driftline_metrics_series_suppressed 0
driftline_build_info{version="1.0"} 1
"""


def test_the_scrape_of_a_sample_view():
    """Golden. NaN and insufficient values have no series: no PSI of day, no KS, no upper bound of nsw."""
    text = Collector().scrape(sample_view()).decode()
    assert GOLDEN == re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)


def test_every_family_has_help_and_type():
    """Prometheus's own parser reads it, and finds each family's type."""
    families = list(parse_text(Collector().scrape(sample_view()).decode()))
    assert all(family.documentation and family.type != "unknown" for family in families)


def test_openmetrics_is_valid_too():
    """The strict parser accepts it, ``# EOF`` and info families included."""
    text = Collector().scrape(sample_view(), openmetrics=True).decode()
    families = {family.name: family for family in parse_openmetrics(text)}
    assert "counter" == families["driftline_model_predictions"].type
    assert "info" == families["driftline_model"].type


@pytest.mark.parametrize("parse", [parse_text, parse_openmetrics])
def test_hostile_names_come_back_as_they_were(parse):
    """Fault 37: quotes, backslashes, line ends and NUL are escaped, and the rest of the scrape stays valid."""
    text = Collector().scrape(sample_view(HOSTILE), openmetrics=parse is parse_openmetrics).decode()
    found = {s.labels["model"] for family in parse(text) for s in family.samples if "model" in s.labels}
    assert {HOSTILE} == found


def test_lone_surrogates_do_not_break_the_scrape():
    """Fault 37."""
    assert b'model="?"' in Collector().scrape(sample_view("\ud800"))


def test_names_are_declared_once():
    """No two families of one name."""
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)


def test_features_are_suppressed_beyond_the_budget_and_counted():
    """Fault 46: the model's own series stay."""
    text = Collector().scrape(sample_view(max_series=10)).decode()
    assert "driftline_feature_psi{" not in text
    assert "performance_f1{" in text
    assert 'driftline_worst_feature_psi{model="elec2",version="1",window="1d"} 0.25' in text
    assert "driftline_metrics_series_suppressed 7" in text


def features(**scores):
    return {("m", "1", "feature", name): Candidate(score, 1) for name, score in scores.items()}


def names(parts):
    return {part[3] for part in parts}


def test_all_are_kept_when_there_is_room():
    """The budget changes nothing below it."""
    assert {"a", "b"} == names(Budget().choose(features(a=1, b=2), 2, 0))


def test_a_part_enters_in_the_upper_half_and_leaves_beyond_the_room():
    """Sticky: ranks k to 2k keep what they hold; an hour passes before the last one goes."""
    budget = Budget()
    assert {"a", "b", "c", "d"} == names(budget.choose(features(a=5, b=4, c=3, d=2, e=1), 4, 0))
    assert {"a", "b", "c", "d"} == names(budget.choose(features(a=2, b=1, c=5, d=4, e=0), 4, 1))
    hour = 3_600_001
    assert {"b", "d", "e", "c"} == names(budget.choose(features(a=0, b=1, c=2, d=5, e=6), 4, hour))


def test_an_hour_protects_what_fell_out():
    """A part beyond the room stays until its hour is over, while it fits; then its place is another's."""
    budget = Budget()
    budget.choose(features(a=5, b=4, c=3), 2, 0)
    assert {"a", "c"} == names(budget.choose(features(a=1, b=2, c=3), 2, 1))
    assert {"c", "b"} == names(budget.choose(features(a=1, b=2, c=3), 2, 3_600_001))


def test_guests_keep_their_place_but_have_no_hour():
    """The lower half of the room: a guest stays while it is within the room, and gives way at once."""
    budget = Budget()
    assert {"a", "b", "c", "d"} == names(budget.choose(features(a=9, b=8, c=3, d=2, e=1), 4, 0))
    assert {"a", "b", "c", "d"} == names(budget.choose(features(a=9, b=8, c=5, d=3, e=1), 4, 1))
    assert {"a", "b", "e", "c"} == names(budget.choose(features(a=8, b=7, c=3, d=2, e=9), 4, 2))


def test_all_of_the_room_is_used():
    """One series too many takes one away, not half of them."""
    many = features(**{f"f{k:03}": k for k in range(101)})
    assert 100 == len(Budget().choose(many, 100, 0))


def families_of(view, **more):
    return {f.name: f for f in parse_text(Collector().scrape(view, **more).decode())}


def test_a_scrape_after_the_version_is_gone_has_nothing_of_it():
    """No stale series, though label texts are kept between scrapes; what stays is the same text as before."""
    collector, first = Collector(), sample_view()
    text = collector.scrape(first)
    assert text == collector.scrape(first)
    assert b"elec2" not in collector.scrape(replace(first, streams=(), triggers_total={}))
    assert text == collector.scrape(first)


def test_kept_texts_follow_the_dimensions():
    """A second scrape with another feature in the same column has its own name."""
    collector = Collector()
    for name in ("price", "volume"):
        window = WindowView(
            model="m", version="1", window="1d", kind="drift", end_ms=0,
            evaluations=[evaluation("psi", [Dimension(feature=name)], [0.5])],
        )  # fmt: skip
        text = collector.scrape(DaemonView(streams=(StreamView(name="s", windows=[window]),)))
        assert (
            f'driftline_feature_psi{{model="m",version="1",window="1d",feature="{name}"}} 0.5\n'.encode()
            in text
        )


def test_rules_are_known_before_they_are_judged():
    """rule_info has a rule's action; the newest request has its rule's labels."""
    info = RuleInfo(
        rule="r", model="m", version="1", severity="warning", action="retrain", statistic="f1", window="1d"
    )
    stream = StreamView(
        name="s", hold="gone", rule_infos=[info], trigger_last_ms={("r", "m", "1", "warning"): 1500}
    )
    found = families_of(DaemonView(streams=(stream,)), process={"resident_memory_bytes": 4096})
    (sample,) = found["driftline_rule_info"].samples
    assert ("retrain", "f1", "1d") == tuple(sample.labels[k] for k in ("action", "statistic", "window"))
    assert 1.5 == found["driftline_trigger_last_timestamp_seconds"].samples[0].value
    assert 1 == found["driftline_stream_on_hold"].samples[0].value
    assert 4096 == found["process_resident_memory_bytes"].samples[0].value


@pytest.mark.parametrize("unit", ["seconds", "bytes", "ratio"])
def test_openmetrics_says_the_unit(unit):
    """Of each family whose name ends in it."""
    view = replace(sample_view(), state_file_bytes=1)
    view.streams[0].windows[1].evaluations.append(evaluation("label_coverage", [Dimension()], [0.5]))
    families = list(parse_openmetrics(Collector().scrape(view, openmetrics=True).decode()))
    assert {f.name for f in families if f.name.endswith(f"_{unit}")} == {
        f.name for f in families if f.unit == unit
    }
    assert any(f.unit == unit for f in families)


def test_durations_are_cumulative():
    """Bounds are inclusive; what is longer than all counts in +Inf."""
    durations = Durations()
    for seconds in (0.001, 0.002, 99):
        durations.observe(seconds)
    bounds, counts, sum_s = durations.histogram()
    assert (1, 2, 3) == (counts[0], counts[1], counts[-1])
    assert len(bounds) + 1 == len(counts)
    assert 99.003 == pytest.approx(sum_s)
