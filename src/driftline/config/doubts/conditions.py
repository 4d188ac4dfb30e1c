"""Comparisons that nothing can make true, or that are true of a good model."""

from __future__ import annotations

from collections.abc import Iterator

from driftline.config.doubts.names import unknown_name
from driftline.config.doubts.references import Found
from driftline.rules.catalogue import STATISTICS, Better
from driftline.rules.resolve import of_model
from driftline.rules.spec import Comparison
from driftline.rules.tasks import has_interval, tasks_of
from driftline.settings import ModelSettings, Task, WindowKind

_GLOB = set("*?[")
_NEVER_NEGATIVE = frozenset(
    ("psi", "psi_deciles", "wasserstein", "chi2", "prediction_psi", "log_loss", "brier", "mae", "rmse", "mape",
     "std", "events", "labelled", "throughput", "latency_p50", "latency_p95", "latency_p99")
)  # fmt: skip


def condition_doubts(comparison: Comparison) -> Iterator[str]:
    """Doubts about a comparison whatever its model is."""
    impossible = list(_range(comparison))
    yield from impossible
    metric, better = comparison.metric, STATISTICS[comparison.metric].better
    if impossible:
        return
    if comparison.op == "above" and better is Better.HIGHER:
        yield f"{metric} is better the higher it is, and this is true while it is above; write below"
    if comparison.op == "below" and better is Better.LOWER:
        yield f"{metric} is better the lower it is, and this is true while it is below; write above"
    names = (comparison.feature, comparison.class_, comparison.segment and comparison.segment[1])
    wanted = comparison.at_least
    if wanted is not None and wanted > 1 and not any(n and set(n) & _GLOB for n in names):
        yield f'at_least: {wanted} can never be reached by one; write a glob, as feature: "*"'


def _range(comparison: Comparison) -> Iterator[str]:
    """Numbers that the statistic never reaches, or is always beyond."""
    metric, limits = comparison.metric, comparison.threshold
    share = STATISTICS[metric].share
    lowest = 0.0 if share or metric in _NEVER_NEGATIVE else -1.0 if metric == "mcc" else None
    highest = 1.0 if share or metric in ("mcc", "r2") else None
    if comparison.op in ("drop", "rise"):
        if comparison.unit == "points" and limits[0] >= 100:
            yield f"{metric} is in 0…1, so it never changes by {limits[0]:g} points"
        return
    outside = [
        limit
        for limit in (*limits, *(value for _, value in comparison.per_feature))
        if (highest is not None and limit > highest) or (lowest is not None and limit < lowest)
    ]
    for limit in outside:
        known = (
            f"{lowest:g}…{highest:g}"
            if None not in (lowest, highest)
            else f"≤ {highest:g}"
            if highest
            else "≥ 0"
        )
        near = f"; write {limit / 100:g}" if share and 1 < limit <= 100 else ""
        yield f"{metric} is {'in ' if '…' in known else ''}{known}, so {limit:g} is never reached{near}"
    if comparison.op == "above" and limits[0] == highest:
        yield f"{metric} is never above {limits[0]:g}"
    if comparison.op == "below" and limits[0] == lowest:
        yield f"{metric} is never below {limits[0]:g}"


def never_judged(comparison: Comparison, model: ModelSettings, found: Found) -> str | None:
    """Why a comparison has no value of a model, ever; None where it may."""
    metric, task = comparison.metric, model.task
    if task not in tasks_of(metric):
        return f"a {task} model has none"
    if of_model(comparison, model).kind is WindowKind.PERFORMANCE and not model.labels.enabled:
        return "it has labels: none"
    compared = (
        STATISTICS[metric].of_feature or STATISTICS[metric].distance or comparison.versus == "reference"
    )
    if compared and model.references is None:
        return "it has no references; write where they are"
    if comparison.average == "binary" and task is not Task.BINARY:
        return f"a {task} model has no average: binary; write macro, micro or weighted"
    if comparison.confidence is not None and not has_interval(comparison, task):
        return f"with confidence it needs an interval, which {metric} has not; leave confidence out"
    return unknown_name(comparison, model, found)
