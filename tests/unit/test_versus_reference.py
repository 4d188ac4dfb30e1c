"""``versus: reference``: the value that each statistic has there, and how sure of it the reference is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from driftline.pipeline.baseline import reference_value
from driftline.pipeline.registry import Registry
from driftline.pipeline.slots import Slot
from driftline.records import Dimension
from driftline.reference.build import build_profile
from driftline.reference.file import dump, parse
from driftline.reference.options import BuildOptions
from driftline.rules.catalogue import STATISTICS
from driftline.rules.spec import Comparison
from driftline.settings import Limits, ModelSettings, Task, Window

WINDOW = (Window(3_600_000, 600_000),)


def slot_of(tmp_path: Path, lines: list[str], task: Task, **more: object) -> Slot:
    """A (model, version) with a reference of these lines."""
    (tmp_path / "r.csv").write_text("\n".join(lines))
    positive = "1" if task is Task.BINARY else None
    options = BuildOptions(
        model="m", version="1", features=("a", "k"), numeric=("a",), categorical=("k",), prediction="prediction",
        label="label", positive=positive, task=task, **more,
    )  # fmt: skip
    profile = parse(dump(build_profile(tmp_path / "r.csv", options)), "r.json")
    model = ModelSettings(
        match="m", stream="s", task=task, positive=positive, drift_windows=WINDOW, performance_windows=WINDOW
    )
    found = Registry((model,), Limits(), lambda _s, _m, _v: profile).slot("m", "1")
    assert found is not None
    return found


@pytest.fixture
def binary(tmp_path: Path) -> Slot:
    """100 rows: a is missing in 10, k has one category, 80 are predicted 1, 60 of them rightly."""
    rows = ["a,k,prediction,score,label"]
    for i in range(100):
        predicted, label = int(i < 80), int(i < 60 or i >= 95)
        rows.append(f"{'' if i % 10 == 0 else i},x,{predicted},{0.9 if predicted else 0.2},{label}")
    return slot_of(tmp_path, rows, Task.BINARY, score="score")


@pytest.fixture
def regression(tmp_path: Path) -> Slot:
    """Predictions one above, or three below, labels of 10 and 20."""
    rows = ["a,k,prediction,label"]
    rows += [f"{i},x,{(11, 17)[i % 2]},{(10, 20)[i % 2]}" for i in range(100)]
    return slot_of(tmp_path, rows, Task.REGRESSION)


def value(slot: Slot, metric: str, **where: str) -> float | None:
    """The reference's value."""
    comparison = Comparison(metric=metric, op="drop", threshold=(1.0,), versus="reference")
    found = reference_value(slot, comparison, Dimension(**where))
    return None if found is None else found.value


@pytest.mark.parametrize(
    ("metric", "where", "expected"),
    [
        ("accuracy", {}, 75 / 100),
        ("precision", {"average": "binary"}, 60 / 80),
        ("recall", {"average": "binary"}, 60 / 65),
        ("recall", {"class_": "0"}, 15 / 35),
        ("f1", {"average": "binary"}, 120 / 145),
        ("log_loss", {}, -(60 * np.log(0.9) + 20 * np.log(0.1) + 15 * np.log(0.8) + 5 * np.log(0.2)) / 100),
        ("brier", {}, (60 * 0.01 + 20 * 0.81 + 15 * 0.04 + 5 * 0.64) / 100),
        ("ece", {}, (80 * 0.9 - 60 + 5 - 20 * 0.2) / 100),
        ("auc", {}, (60 * 15 + (60 * 20 + 5 * 15) / 2) / (65 * 35)),
        ("missing_ratio", {"feature": "a"}, 0.1),
        ("invalid_ratio", {"feature": "a"}, 0.0),
        ("unseen_ratio", {"feature": "k"}, 0.0),
        ("out_of_range_ratio", {"feature": "a"}, 0.0),
        ("mean", {"feature": "a"}, sum(i for i in range(100) if i % 10) / 90),
        ("class_ratio", {"output": "class", "class_": "1"}, 0.8),
        ("class_ratio", {"output": "class", "class_": "never"}, 0.0),
        ("mean", {"feature": "k"}, None),
        ("auc", {"segment": ("region", "x")}, None),
    ],
)
def test_a_classifier(binary: Slot, metric: str, where: dict[str, str], expected: float | None) -> None:
    """As sklearn computes it of the reference's rows; None where the reference does not tell."""
    found = value(binary, metric, **where)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-9))


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("mae", 2.0), ("rmse", 5**0.5), ("bias", -1.0), ("r2", 1 - 5 / 25), ("mape", (0.1 + 0.15) / 2)],
)
def test_a_regression(regression: Slot, metric: str, expected: float) -> None:
    """From the reference's stored sums."""
    assert value(regression, metric) == pytest.approx(expected, abs=1e-9)


def test_every_statistic_that_a_reference_has_has_a_value(binary: Slot, regression: Slot) -> None:
    """What the catalogue promises and no row here tells is a mistake in one of the two."""
    told = {}
    for name, s in STATISTICS.items():
        if s.in_reference and not s.distance:
            wheres = [{}, {"average": "binary"}, {"feature": "a"}, {"output": "class", "class_": "1"}]
            values = [value(slot, name, **w) for slot in (binary, regression) for w in wheres]
            told[name] = any(v is not None for v in values)
    assert dict.fromkeys(told, True) == told


@pytest.mark.parametrize(
    ("metric", "where"),
    [
        ("accuracy", {}),
        ("f1", {"average": "binary"}),
        ("ece", {}),
        ("missing_ratio", {"feature": "a"}),
        ("class_ratio", {"output": "class", "class_": "1"}),
    ],
)
def test_a_small_reference_is_less_sure(binary: Slot, metric: str, where: dict[str, str]) -> None:
    """The reference's own interval is around its value, and enters the rule's bound."""
    comparison = Comparison(metric=metric, op="drop", threshold=(1.0,), versus="reference")
    found = reference_value(binary, comparison, Dimension(**where))
    assert found is not None
    middle, low, high = found.at(0.95)
    assert low < middle < high
    assert high - low > 0.05


def test_without_a_reference_there_is_no_value(binary: Slot) -> None:
    """The rule has too little data to judge."""
    assert value(replace(binary, profile=None), "accuracy") is None
