"""Which statistics a model's task has, and which of them have an interval."""

from __future__ import annotations

from driftline.rules.catalogue import STATISTICS
from driftline.rules.spec import Comparison
from driftline.settings import Task, WindowKind

_REGRESSION = frozenset(("mae", "rmse", "r2", "mape", "bias"))
_OF_ONE_SCORE = frozenset(("auc", "ece"))
_ANY = frozenset(("events", "labelled", "label_coverage"))
_ALL = frozenset(Task)
_CLASSES = frozenset((Task.BINARY, Task.MULTICLASS))


def tasks_of(metric: str) -> frozenset[Task]:
    """The tasks that have a statistic."""
    if metric in _REGRESSION:
        return frozenset((Task.REGRESSION,))
    if metric in _OF_ONE_SCORE:
        return frozenset((Task.BINARY,))
    if metric == "class_ratio":
        return _CLASSES
    if STATISTICS[metric].kind is WindowKind.DRIFT or metric in _ANY:
        return _ALL
    return _CLASSES


def has_interval(comparison: Comparison, task: Task) -> bool:
    """Whether the statistic of a task has limits that ``confidence`` can use.

    The losses of a multiclass model have none: their spread is not kept.
    """
    losses = comparison.metric in ("log_loss", "brier")
    return STATISTICS[comparison.metric].bounded and not (losses and task is Task.MULTICLASS)
