"""Alert rules say what a person needs, ask for what there is, and are explained."""

import re
from pathlib import Path

import pytest
import yaml

from driftline.metrics.declarations import METRICS
from tests.prometheus.boards import metrics

ROOT = Path(__file__).parents[2]
GROUPS = yaml.safe_load((ROOT / "deploy/prometheus/driftline-alerts.yaml").read_text(encoding="utf-8"))[
    "groups"
]
RULES = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RUNBOOK = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
EACH = pytest.mark.parametrize("name", ALERTS)
OF_RULES = {"DriftlineRetrainingRequested", "DriftlineRuleFiring"}
"""Their severity and action are the rule's own."""


@EACH
def test_an_alert_says_what_it_is(name):
    """Severity, action, summary, description, and a section of the runbook."""
    alert = ALERTS[name]
    assert {"summary", "description", "runbook_url"} == alert["annotations"].keys()
    assert f"https://driftline.io/docs/runbook.md#{name.lower()}" == alert["annotations"]["runbook_url"]
    assert f"\n## {name}\n" in RUNBOOK
    if name not in OF_RULES:
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert alert["labels"]["action"] in ("page", "ticket", "notify")


def test_the_runbook_has_no_other_section():
    """What has no alert is not there."""
    assert list(ALERTS) == re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)


@EACH
def test_only_the_monitors_own_health_pages(name):
    """What wakes anybody is in the monitor's group; a model's alert does not."""
    monitor = {
        rule.get("alert")
        for group in GROUPS
        if group["name"] == "driftline-monitor"
        for rule in group["rules"]
    }
    assert name in monitor or "page" != ALERTS[name].get("labels", {}).get("action")


@pytest.mark.parametrize("name", sorted(OF_RULES))
def test_a_rules_alert_waits_no_second_time(name):
    """driftline has waited in event time."""
    assert "for" not in ALERTS[name]
    assert "driftline:rule_firing" in ALERTS[name]["expr"]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.get("alert") or r.get("record"))
def test_an_expression_names_declared_metrics(rule):
    """And keeps no label that tells replicas apart."""
    declared = {metric.full_name for metric in METRICS} | {"driftline_rule_firing"}
    assert set() == metrics(rule["expr"].replace("driftline:rule_firing", "")) - declared
    assert not re.search(r"by \([^)]*\b(instance|pod)\b", rule["expr"])


def _expectations():
    """(alert, whether it fires) of every expectation in promtool's files."""
    for path in sorted((ROOT / "tests/prometheus").glob("*.yaml")):
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for expected in test.get("alert_rule_test", ()):
                yield expected["alertname"], bool(expected.get("exp_alerts"))
            for expected in test.get("promql_expr_test", ()):
                for name in re.findall(r'alertname="(\w+)"', expected["expr"]):
                    yield name, bool(expected.get("exp_samples"))


@EACH
def test_an_alert_is_tested_to_fire_and_not_to_fire(name):
    """By promtool, which tests/prometheus runs."""
    assert {True, False} == {fires for alert, fires in _expectations() if alert == name}


@EACH
def test_what_to_watch_lists_an_alert_under_what_it_does(name):
    """The page for operators has every alert, in the table of its action."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8").partition("## What to watch")[2]
    tables = text.partition("\n## ")[0].split("\n| ")
    heads = {"page": "pages", "ticket": "can wait for the morning", "notify": "goes to the model's team"}
    action = ALERTS[name].get("labels", {}).get("action", "notify")
    under, found = "", ""
    for row in tables:
        under = next((head for head in heads.values() if row.startswith(head)), under)
        found = under if f"[{name}](" in row else found
    assert found == heads[action]
