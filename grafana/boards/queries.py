"""PromQL over declared metrics only: a name that no declaration has is an error here, not an empty panel."""

from __future__ import annotations

from driftline.metrics.declarations import METRICS, Metric

DECLARED = {metric.name: metric for metric in METRICS}
UNITS = {"seconds": "s", "bytes": "bytes", "ratio": "percentunit"}
REPLICAS = "instance, pod"
"""What tells one replica, or one life of a pod, from another; nothing here is about one of them."""


def declared(name: str) -> Metric:
    """A metric's declaration; KeyError where there is none."""
    return DECLARED[name]


def of(name: str, labels: str = "", suffix: str = "") -> str:
    """A selector: ``driftline_feature_psi{model="$model"}``."""
    metric = declared(name)
    return f"{metric.full_name}{suffix}{{{labels}}}" if labels else f"{metric.full_name}{suffix}"


def process(name: str) -> str:
    """A value of driftline's own processes: every program has metrics of these names."""
    return f"({of(name)} and on (job, instance) {of('build_info')})"


def unit(name: str) -> str:
    """Grafana's name of the metric's base unit."""
    return UNITS.get(declared(name).unit, "none")


def rate(selector: str, by: str) -> str:
    """Events a second."""
    return f"sum by ({by}) (rate({selector}[$__rate_interval]))"


def quantile(share: float, name: str, labels: str, by: str) -> str:
    """A quantile of a histogram in the last few scrapes."""
    grouped = ", ".join(x for x in ("le", by) if x)
    buckets = f"sum by ({grouped}) (rate({of(name, labels, '_bucket')}[$__rate_interval]))"
    return f"histogram_quantile({share}, {buckets})"


def main_average(metric: str, labels: str, how: str, by: str) -> str:
    """The average that a task is known by: of a binary model that of its positive class, of others macro."""
    kinds = ('average=~"binary|"', 'average="macro"')  # a measure without averages has no such label
    found = [f"{how} by ({by}) ({metric}{{{','.join(filter(None, (labels, kind)))}}})" for kind in kinds]
    return f"({' or '.join(found)})"


def thresholds(statistic: str, labels: str, by: str) -> str:
    """What the rules on a statistic compare it with."""
    of_statistic = of("rule_info", ",".join(filter(None, (f'statistic="{statistic}"', labels))))
    rules = f"max by (rule, model, version) ({of_statistic})"
    return f"max by ({by}) ({of('rule_threshold', labels)} * on (rule, model, version) group_left () {rules})"
