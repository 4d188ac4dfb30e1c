"""The rules that apply where a configuration says nothing of rules.

They notify; none asks for a retraining, which is for whoever knows the model to decide. None names a window,
so that each reads its model's first, and adds no state.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from driftline.settings import ModelSettings, Task


def default_rules(models: Iterable[ModelSettings]) -> list[dict[str, Any]]:
    """As they would be written in YAML; those on performance for the models whose task has the metric."""
    models = list(models)
    classified = [m.match for m in models if m.task is not Task.REGRESSION]
    estimated = [m.match for m in models if m.task is Task.REGRESSION]
    return [
        _rule("default-feature-drift", {"metric": "psi", "feature": "*", "above": 0.25}),
        _rule("default-prediction-drift", {"metric": "prediction_psi", "above": 0.25}),
        _rule(
            "default-missing-values",
            {"metric": "missing_ratio", "feature": "*", "rise": "10 points", "versus": "reference"},
        ),
        *_performance(
            "default-f1-drop", classified, {"metric": "f1", "drop": "5 points", "confidence": 0.95}
        ),
        *_performance("default-rmse-rise", estimated, {"metric": "rmse", "rise": "20 percent"}),
        {"name": "default-silence", "when": {"no_events_for": "24h"}},
    ]


def _rule(name: str, when: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "when": when, "for": "24h"}


def _performance(name: str, matches: list[str], when: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**_rule(name, {**when, "versus": "reference"}), "models": matches}] if matches else []
