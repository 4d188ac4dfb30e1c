"""What is shipped for Prometheus and Alertmanager, judged by their own tools."""

from pathlib import Path

import pytest

from tests.prometheus.programs import told

pytestmark = pytest.mark.prometheus

ROOT = Path(__file__).parents[2]
ROUTES = {
    "action=page severity=critical": "monitoring-on-call",
    "action=ticket severity=warning": "monitoring-tickets",
    "action=retrain team=pricing severity=critical": "pricing-retraining",
    "action=retrain severity=critical": "models-retraining",
    "action=notify team=pricing": "pricing-notices",
    "action=notify team=other": "models-notices",
    "severity=critical": "monitoring-tickets",
}


def test_the_alert_rules_are_valid():
    """promtool check rules."""
    assert "SUCCESS" in told("promtool", "check", "rules", ROOT / "deploy/prometheus/driftline-alerts.yaml")


@pytest.mark.parametrize("name", ["rules", "health", "days"])
def test_the_alerts_fire_and_do_not_fire_as_expected(name):
    """promtool test rules."""
    assert "SUCCESS" in told("promtool", "test", "rules", ROOT / f"tests/prometheus/{name}.yaml")


def test_the_configurations_are_valid():
    """promtool and amtool check-config."""
    assert "SUCCESS" in told("promtool", "check", "config", "--syntax-only", ROOT / "deploy/prometheus.yaml")
    assert "SUCCESS" in told("amtool", "check-config", ROOT / "deploy/alertmanager.yaml")


@pytest.mark.parametrize("labels", ROUTES)
def test_an_alert_reaches_whom_it_is_for(labels):
    """By action and team; only what says page reaches the one on call, whatever its severity."""
    said = told(
        "amtool",
        "config",
        "routes",
        "test",
        f"--config.file={ROOT / 'deploy/alertmanager.yaml'}",
        *labels.split(),
    )
    assert ROUTES[labels] == said.strip()
