"""Write kubernetes/monitoring/prometheus-rule.yaml: the alert rules of Prometheus, as the operator wants them.

Usage: python deploy/kubernetes/generate_prometheus_rule.py
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
RULES = HERE.parent / "prometheus" / "driftline-alerts.yaml"
TARGET = HERE / "monitoring" / "prometheus-rule.yaml"
_HEAD = """\
# Made from deploy/prometheus/driftline-alerts.yaml by generate_prometheus_rule.py: change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: driftline
  labels: {app.kubernetes.io/name: driftline}
spec:
"""


def document() -> str:
    """The rules below ``spec``, their comments included."""
    lines = RULES.read_text(encoding="utf-8").splitlines()
    return _HEAD + "".join(f"  {line}\n" if line else "\n" for line in lines)


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
