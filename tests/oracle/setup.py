"""The part of a configuration that the oracle reads, as plain values: durations are milliseconds.

The oracle shares no code with the program that it judges: it reads the YAML and the reference files itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
GATES = {"drift": 500, "accuracy": 200, "precision": 30, "recall": 100, "f1": 100}


def milliseconds(text: str) -> int:
    """``10m`` as 600 000."""
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    return int(digits) * UNITS[text[len(digits) :]]


@dataclass(frozen=True)
class Model:
    """One entry under ``models``; each names one binary model."""

    name: str
    windows: Mapping[str, list[tuple[int, int]]]
    """By kind, ``drift`` or ``performance``: (length, slide)."""
    positive: str
    delay: int
    horizon: int
    orphan_wait: int
    corrections: int
    min_coverage: float
    gates: Mapping[str, int]
    references: Mapping[str, Any]
    """By version: the reference file's content."""


@dataclass(frozen=True)
class Rule:
    """A rule with one comparison (``above`` or ``below``) of a statistic whose window is named."""

    name: str
    models: list[str]
    metric: str
    kind: str
    length: int
    feature: str | None
    op: str
    threshold: float
    for_ms: int
    for_windows: int | None
    retrain: bool
    keep_firing_for: int
    cooldown: int
    no_data: str
    max_gap: int
    active_for: int
    retract_within: int
    """0: its requests are never taken back."""

    def delay(self, model: Model) -> int:
        """From an end to its instant."""
        return model.delay if self.kind == "performance" else 0

    def slide(self, model: Model) -> int:
        """Of its window."""
        return dict(model.windows[self.kind])[self.length]

    def every(self, model: Model) -> int:
        """From one instant to the next."""
        return self.length if self.for_windows else self.slide(model)


@dataclass(frozen=True)
class Setup:
    """One stream."""

    stream: str
    kinds: Mapping[str, str]
    """Topic to kind."""
    out_of_orderness: int
    allowed_lateness: int
    max_future: int | None
    models: Mapping[str, Model]
    rules: list[Rule]
    revisions: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    """(rule, model, version): §9 says what the hash covers and not how, so the program's own is taken."""


def read_setup(
    path: Path, stream: str, revisions: Mapping[tuple[str, str, str], str], *, check_future: bool
) -> Setup:
    """A stream of a configuration file. Every value that is read must stand in the file."""
    raw = yaml.safe_load(path.read_text())
    own = raw["streams"][stream]
    kinds = {topic: kind for kind in ("predictions", "labels", "features") for topic in own.get(kind, [])}
    time = own["time"]
    models = [_model(m, path.parent) for m in raw["models"] if m["stream"] == stream]
    future = milliseconds(time["max_future"]) if check_future else None
    return Setup(
        stream, kinds, milliseconds(time["out_of_orderness"]), milliseconds(time["allowed_lateness"]), future,
        {m.name: m for m in models}, [_rule(r) for r in raw.get("rules", [])], revisions,
    )  # fmt: skip


def _model(raw: dict[str, Any], folder: Path) -> Model:
    windows = {
        kind: [(milliseconds(w["length"]), milliseconds(w["slide"])) for w in raw["windows"][kind]]
        for kind in ("drift", "performance")
    }
    found = sorted(folder.glob(f"references/{raw['match']}-*.json"))
    references = {p.stem.removeprefix(f"{raw['match']}-"): json.loads(p.read_text()) for p in found}
    labels = raw["labels"]
    waits = [milliseconds(labels[name]) for name in ("delay", "horizon", "orphan_wait", "corrections")]
    gates = {**GATES, **raw["gates"]}
    return Model(
        raw["match"], windows, raw["positive"], *waits, labels["min_coverage"], gates, references
    )  # fmt: skip


def _rule(raw: dict[str, Any]) -> Rule:
    when, how_long = raw["when"], raw.get("for", "0s")
    op = "above" if "above" in when else "below"
    windows = int(how_long.split()[0]) if how_long.endswith("windows") else None
    models = raw.get("models", "*")
    drift = when["metric"] in ("psi_deciles", "missing_ratio")
    retracts = raw.get("then") == "retrain" and raw.get("retract", True) and not drift
    return Rule(
        raw["name"], [models] if isinstance(models, str) else models, when["metric"],
        "drift" if drift else "performance", milliseconds(when["window"]), when.get("feature"), op, when[op],
        milliseconds(how_long) if windows is None else 0, windows, raw.get("then") == "retrain",
        milliseconds(raw.get("keep_firing_for", "0s")), milliseconds(raw.get("cooldown", "0s")),
        raw.get("no_data", "hold"), milliseconds(raw.get("max_gap", "12h")),
        milliseconds(raw.get("active_for", "7d")),
        milliseconds(raw.get("retract_within", "24h")) if retracts else 0,
    )  # fmt: skip


def concerns(rule: Rule, model: str) -> bool:
    """Whether a rule is about a model."""
    return any(fnmatchcase(model, glob) for glob in rule.models)
