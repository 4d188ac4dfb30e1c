"""Random valid configurations of the small stream, with references and rules: what users may change between runs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from driftline.config.model import Config
from driftline.config.parse import load_config
from driftline.errors import ConfigError
from driftline.reference.bins import bins_id, categorical_profile, numeric_profile
from driftline.reference.file import dump, with_id
from driftline.reference.profile import Profile
from driftline.settings import DEFAULT_GATES, Task

TASKS = {"b": Task.BINARY, "m": Task.MULTICLASS, "r": Task.REGRESSION}
FEATURES = {"A": ("x", "c"), "B": ("y", "x"), "C": ()}
OFTEN = 0.8

LABELS: tuple[Any, ...] = (
    {"delay": "3m", "horizon": "45m", "orphan_wait": "5m", "corrections": "8m", "min_coverage": 0.0},
    {"delay": "3m", "horizon": "45m", "orphan_wait": "5m", "corrections": "8m", "min_coverage": 0.0},
    {"delay": "5m", "horizon": "2h", "min_coverage": 0.2},
    {"delay": "3m", "horizon": "45m", "sample": 0.5},
    "none",
)
DRIFT: tuple[Any, ...] = (
    [],
    ["10m"],
    ["10m", "20m"],
    [{"length": "20m", "slide": "10m"}],
    [{"length": "10m", "slide": "5m"}],
)
PERFORMANCE: tuple[Any, ...] = (["10m", "20m"], [{"length": "10m", "slide": "5m"}], ["30m"])
SEGMENTS: tuple[dict[str, list[str]], ...] = (
    {},
    {"region": ["eu", "us"]},
    {"region": ["us"]},
    {"region": ["eu", "us", "xx"], "c": ["a", "b"]},
    {"c": ["b", "a"]},
)
MEASURED = {
    "b": ("accuracy", "f1", "precision", "auc", "log_loss", "ece", "label_coverage", "mcc"),
    "m": ("accuracy", "f1", "balanced_accuracy", "log_loss", "brier"),
    "r": ("mae", "rmse", "bias", "r2"),
}
DRIFTED = ("psi", "ks", "mean", "missing_ratio", "prediction_psi", "class_ratio", "events")


def write_references(folder: Path) -> None:
    """Three of each version: other features, other classes, another mean of the labels."""
    random_ = np.random.default_rng(5)
    for kind, names in FEATURES.items():
        (folder / kind).mkdir()
        numeric = [numeric_profile(n, random_.normal(3, 2, 400)) for n in names if n != "c"]
        categorical = [categorical_profile("c", {"a": 3, "b": 2})] if "c" in names else []
        for model, task in TASKS.items():
            classes = {"b": "01", "m": "uvw" if kind == "A" else "uvwxyz", "r": ""}[model]
            more: dict[str, Any] = {"label_mean": float(len(names)) if task is Task.REGRESSION else None}
            if classes:
                confusion = (np.eye(len(classes), dtype=int) * 50 + 3).tolist()
                more["performance"] = {
                    "n": int(np.sum(confusion)),
                    "classes": list(classes),
                    "confusion": confusion,
                }
                more["predicted"] = categorical_profile("prediction", dict.fromkeys(classes, 10))
            profile = Profile(
                model=model, version="1", task=task, positive="1" if task is Task.BINARY else None, id="", sha256="",
                rows=400, bins_id=bins_id(numeric, categorical, more["label_mean"]), numeric=tuple(numeric),
                categorical=tuple(categorical), **more,
            )  # fmt: skip
            for version in "12":
                (folder / kind / f"{model}-{version}.json").write_bytes(dump(with_id(profile)))


def any_config(rng: random.Random, folder: Path) -> Config:
    """A valid configuration, tried until one is."""
    while True:
        (folder / "config.yaml").write_text(yaml.safe_dump(_document(rng)))
        try:
            return load_config(folder / "config.yaml", {})
        except ConfigError:
            continue


def _document(rng: random.Random) -> dict[str, Any]:
    here = [m for m in TASKS if rng.random() < OFTEN] or ["b"]
    models = [_model(rng, m) for m in here]
    rng.shuffle(models)
    time = {
        "step": rng.choice(["1m", "5m"]),
        "out_of_orderness": "2m",
        "allowed_lateness": rng.choice(["6m", "20m"]),
    }
    return {
        "kafka": {"bootstrap_servers": "localhost:1"},
        "streams": {"s": {"predictions": ["predictions"], "labels": ["labels"], "time": {**time, "max_skew": "100d"}}},
        "models": models,
        "limits": {"classes": rng.choice([2, 4, 100]), "versions_per_model": rng.choice([1, 5])},
        "rules": [_rule(rng, f"{rng.randrange(8)}-{i}", rng.choice(here)) for i in range(rng.randrange(5))],
    }  # fmt: skip


def _model(rng: random.Random, name: str) -> dict[str, Any]:
    task = TASKS[name] if rng.random() < 0.95 else rng.choice(list(Task))
    segments = rng.choice(SEGMENTS)
    entry: dict[str, Any] = {
        "match": rng.choice([name, f"{name}*"]), "stream": "s", "task": str(task), "labels": rng.choice(LABELS),
        "windows": {"drift": rng.choice(DRIFT), "performance": rng.choice(PERFORMANCE)},
        "gates": dict.fromkeys(DEFAULT_GATES, rng.choice([1, 5])),
        "segments": [*segments], "segment_values": segments,
    }  # fmt: skip
    if task is Task.BINARY:
        entry["positive"] = rng.choice("1110")
        if rng.random() < 0.3:
            entry["classes"] = ["0", "1"]
    if rng.random() < OFTEN:
        entry["references"] = rng.choice("ABC") + "/{model}-{version}.json"
    return entry


def _rule(rng: random.Random, name: str, model: str) -> dict[str, Any]:
    metric = rng.choice(rng.choice([MEASURED[model], DRIFTED]))
    when: dict[str, Any] = {"metric": metric, "window": rng.choice(["10m", "20m", "30m"])}
    if metric in ("psi", "ks", "mean", "missing_ratio"):
        when["feature"] = rng.choice(["*", "x", "y"])
    elif metric == "class_ratio":
        when["class"] = "*"
    elif metric == "accuracy" and rng.random() < 0.3:
        when["segment"] = {"region": rng.choice(["*", "eu"])}
    if rng.random() < 0.7:
        when[rng.choice(["above", "below"])] = rng.choice([0.1, 0.5, 0.8, 2])
    else:
        when[rng.choice(["drop", "rise"])] = rng.choice(["5 percent", "20 percent"])
        when["versus"] = rng.choice(["reference", "previous window", "version 1"])
    rule = {"name": name, "models": model, "when": when, "then": rng.choice(["retrain", "notify"])}
    maybe = {
        "for": rng.choice(["10m", "20m", "2 windows"]), "cooldown": rng.choice(["10m", "1h"]), "keep_firing_for": "10m",
        "no_data": rng.choice(["hold", "reset", "fire"]), "max_gap": "30m",
        "unless": {"metric": "missing_ratio", "feature": "*", "above": 0.2},
    }  # fmt: skip
    return rule | {key: value for key, value in maybe.items() if rng.random() < 0.3}
