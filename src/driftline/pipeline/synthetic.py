"""Made-up traffic of one (model, version), drawn from its reference: for sizes, never for statistics."""

from __future__ import annotations

import numpy as np

from driftline.aggregates.performance import Changes
from driftline.aggregates.scores import multiclass_losses
from driftline.pipeline.slots import Slot
from driftline.records import MISSING, Coded, Floats, Ints, PredictionPart
from driftline.reference.profile import CategoricalProfile, NumericProfile
from driftline.settings import Task

Random = np.random.Generator
_RIGHT = 0.9
"""Share of right answers where the reference does not say."""
_LATENCY_MS, _SPREAD = 20.0, 1.0


def numbers(profile: NumericProfile | None, rows: int, random: Random) -> Floats:
    """Values by the reference's bins and missing values; NaN without a profile."""
    if profile is None or profile.n == 0:
        return np.full(rows, np.nan)
    bins = random.choice(len(profile.counts), rows, p=profile.counts / profile.counts.sum())
    values = profile.means[bins]
    return np.where(random.random(rows) < profile.missing / (profile.n + profile.missing), np.nan, values)


def categories(profile: CategoricalProfile, rows: int, random: Random) -> Coded:
    """Categories by the reference's counts and missing values."""
    total = int(profile.counts.sum())
    if total == 0:
        return Coded(np.full(rows, MISSING, np.int32), ())
    codes = random.choice(len(profile.counts), rows, p=profile.counts / total).astype(np.int32)
    gone = random.random(rows) < profile.missing / (total + profile.missing)
    return Coded(np.where(gone, MISSING, codes).astype(np.int32), profile.categories)


def classes(slot: Slot, rows: int, random: Random) -> tuple[Ints, Ints]:
    """(true, predicted) class codes by the reference's confusion."""
    names = slot.model.classes
    if not names:
        return np.full(rows, MISSING), np.full(rows, MISSING)
    held = slot.profile.performance if slot.profile else {}
    if "confusion" in held and set(held["classes"]) <= set(names):
        cells = np.asarray(held["confusion"], np.float64)
        both = random.choice(cells.size, rows, p=(cells / cells.sum()).ravel())
        code = np.array([names.index(name) for name in held["classes"]])
        return code[both // len(cells)], code[both % len(cells)]
    truth = random.integers(0, len(names), rows)
    return truth, np.where(random.random(rows) < _RIGHT, truth, random.integers(0, len(names), rows))


def predictions(slot: Slot, predicted: Ints, random: Random) -> PredictionPart:
    """As many predictions as there are classes given, with features, output, segments and latency."""
    rows, profile = len(predicted), slot.profile
    numeric = [numbers(p, rows, random) for p in (profile.numeric if profile else ())]
    return PredictionPart(
        model=slot.model.name, version=slot.version, schema=slot.schema, rows=np.arange(rows),
        numeric=np.array(numeric).reshape(len(numeric), rows),
        categorical=tuple(categories(p, rows, random) for p in (profile.categorical if profile else ())),
        predicted=Coded(predicted.astype(np.int32), tuple(slot.model.classes)),
        value=numbers(profile.value if profile else None, rows, random),
        score=scores(slot, rows, random), scores=None, score_classes=(),
        latency_ms=random.lognormal(np.log(_LATENCY_MS), _SPREAD, rows),
        segments=tuple(Coded(random.integers(0, len(v), rows).astype(np.int32), v) for _, v in slot.segments),
    )  # fmt: skip


def scores(slot: Slot, rows: int, random: Random) -> Floats:
    """Probabilities by the reference; for a binary model without one, of every size."""
    if slot.settings.task is not Task.BINARY:
        return np.full(rows, np.nan)
    if slot.profile is None:
        return random.random(rows)
    return numbers(slot.profile.score, rows, random)


def labelled(slot: Slot, part: PredictionPart, truth: Ints, random: Random) -> Changes:
    """All of them with their labels."""
    rows = len(truth)
    codes = [c.codes for c in part.segments]
    return Changes(
        sign=np.ones(rows, np.int64), truth=truth.astype(np.int32), predicted=part.predicted.codes,
        score=part.score, losses=_losses(slot, truth, random),
        truth_value=part.value * (1 + random.normal(0, 1 - _RIGHT, rows)), predicted_value=part.value,
        segments=np.array(codes, np.int32).reshape(len(codes), rows).T,
    )  # fmt: skip


def _losses(slot: Slot, truth: Ints, random: Random) -> Ints | None:
    """What probabilities of all classes lose, where the reference was built with them."""
    metrics = slot.profile.performance.get("metrics", {}) if slot.profile else {}
    if slot.settings.task is not Task.MULTICLASS or "log_loss" not in metrics:
        return None
    raw = random.random((len(truth), len(slot.model.classes)))
    return multiclass_losses(raw / raw.sum(axis=1, keepdims=True), truth.astype(np.int32))
