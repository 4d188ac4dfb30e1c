"""A model drifts: a real Prometheus fires, a real Alertmanager tells the right people, every dashboard has data."""

import math

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from tests.prometheus.boards import BOARDS, filled, queries
from tests.prometheus.programs import program, told
from tests.prometheus.world import World, end, until

pytestmark = pytest.mark.prometheus

VALUES = {
    "model": "credit", "version": "1", "measure": "f1", "drift_window": "1h", "performance_window": "1h",
    "team": ".*", "__rate_interval": "1m", "__range": "10m", "__interval": "5s",
}  # fmt: skip
EMPTY_WHILE_ALL_IS_WELL = {"Paused partitions"}
"""Panels of a fault that this world does not have."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Six good hours, seen by Prometheus, then six bad ones."""
    for name in ("prometheus", "alertmanager"):
        program(name)
    world = World(tmp_path_factory.mktemp("world"))
    try:
        world.open()
        world.send(range(6), bad=False)
        until(lambda: world.query('driftline_rule_firing{rule="f1-low"} == 0'), "the good hours")
        world.send(range(6, 12), bad=True)
        until(lambda: world.query('driftline:rule_firing{rule="f1-low"} == 1'), "the bad hours")
        yield world
    finally:
        world.close()


def test_the_metrics_please_promtool(world):
    """Its linter has nothing to say of a running daemon's metrics."""
    assert "" == told("promtool", "check", "metrics", text=world.metrics())


def test_openmetrics_is_what_prometheus_reads(world):
    """The strict parser too."""
    text = world.metrics("application/openmetrics-text; version=1.0.0")
    families = {family.name for family in parse_openmetrics(text)}
    assert {"driftline_model", "driftline_feature_psi", "driftline_label_delay_seconds"} <= families


def test_the_owners_are_told_once_and_nobody_is_woken(world):
    """By action and team, with the shipped rules and routes."""
    until(lambda: world.receiver.alerts("pricing-retraining"), "the request for a retraining")
    until(lambda: world.receiver.alerts("pricing-notices"), "the notice")
    (asked,) = world.receiver.alerts("pricing-retraining")
    expected = {
        "alertname": "DriftlineRetrainingRequested", "rule": "f1-low", "model": "credit", "version": "1",
        "severity": "critical", "action": "retrain", "team": "pricing",
    }  # fmt: skip
    assert expected == {name: asked.get(name) for name in expected}
    notices = [a for a in world.receiver.alerts("pricing-notices") if a["alertname"] == "DriftlineRuleFiring"]
    assert "income" in {notice["feature"] for notice in notices}
    assert [] == world.receiver.alerts("monitoring-on-call")


def numbers(world, query):
    """what a query gives now, or gave within the last minute; NaN is no number."""
    now = [float(series["value"][1]) for series in world.query(query)]
    then = [float(value) for series in world.query_range(query) for _at, value in series["values"]]
    return [number for number in now + then if not math.isnan(number)]


@pytest.mark.parametrize("board", BOARDS)
def test_every_query_of_a_dashboard_has_data(world, board):
    """Each is understood by Prometheus and answers; panels of faults may be empty, and are listed by name."""
    asked = [(name, filled(query, VALUES)) for name, query in queries(BOARDS[board])]
    for name, query in asked:
        if name in EMPTY_WHILE_ALL_IS_WELL:
            assert [] == numbers(world, query)
        else:
            until(lambda query=query: numbers(world, query), f"{name}: {query}", 10)


def test_a_binary_model_is_shown_by_its_positive_class(world):
    """One line a version, although the macro average is exported too."""
    (name, query), *_ = [q for q in queries(BOARDS["model"]) if q[0] == "$measure of version $version"]
    (shown,) = world.query(filled(query, VALUES))
    (binary,) = world.query('driftline_performance_f1{average="binary",window="1h"}')
    (macro,) = world.query('driftline_performance_f1{average="macro",window="1h"}')
    assert binary["value"][1] == shown["value"][1] != macro["value"][1], name


def test_every_alert_rule_can_be_evaluated(world):
    """No many-to-many match and no other error on real series."""
    groups = world.rules()
    assert 4 == len(groups)
    assert {"ok"} == {rule["health"] for group in groups for rule in group["rules"]}


def evaluations(world):
    """How often the rule's recording was made within the last five minutes."""
    (found,) = world.query('count_over_time(driftline:rule_firing{rule="f1-low"}[5m])')
    return int(found["value"][1])


def test_a_daemon_that_is_away_resolves_nothing(world):
    """The alert on the rule stays while the daemon is not scraped."""
    end(world.daemon)
    until(lambda: world.query('up{job="driftline"} == 0'), "the daemon's end")
    until(lambda: not world.query("driftline_rule_firing"), "the end of its series")
    before = evaluations(world)
    until(lambda: evaluations(world) >= before + 3, "three more evaluations")
    assert world.query('ALERTS{alertname="DriftlineRetrainingRequested",alertstate="firing"}')
    resolved = [body for _path, body in world.receiver.told if body["status"] == "resolved"]
    assert [] == [b for b in resolved if b["commonLabels"].get("rule") == "f1-low"]
