"""`driftline replay --samples` gives the golden numbers of other libraries on all 27 Elec2 windows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from driftline.cli import invoke
from driftline.demo import elec2

GOLDEN = json.loads((Path(__file__).parent / "data" / "elec2.json").read_text())
FIRST = datetime(1996, 11, 12, tzinfo=UTC)
CONFIG = """
streams:
  main:
    predictions: [predictions]
    labels: [labels]
    time: {step: 30m, out_of_orderness: 30m}
models:
  - match: elec2
    stream: main
    task: binary
    positive: UP
    windows: {drift: [{length: 28d, slide: 1d}], performance: [{length: 28d, slide: 1d}]}
    references: "{model}-{version}.json"
    labels: {delay: 25h}
rules: []
"""

Key = tuple[str, str | None, str | None, str | None]


def write_inputs(folder: Path) -> None:
    """The reference, the configuration and the events."""
    elec2.write_reference_data(folder / "reference.csv")
    features = ",".join(elec2.FEATURES)
    command = (
        f"reference build {folder / 'reference.csv'} --model elec2 --version 1 --output {folder / 'elec2-1.json'}"
        f" --features {features} --categorical day --prediction prediction --score score --label label --positive UP"
    )
    assert invoke(command.split()) == 0
    (folder / "config.yaml").write_text(CONFIG)
    with (
        (folder / "predictions.jsonl").open("wb") as predictions,
        (folder / "labels.jsonl").open("wb") as labels,
    ):
        for topic, _key, value in elec2.events():
            (predictions if topic == "predictions" else labels).write(value + b"\n")


def replay(folder: Path, name: str, *more: str) -> list[dict]:
    """The samples of a replay."""
    out = folder / name
    command = [
        "replay", "--config", str(folder / "config.yaml"), "--predictions", str(folder / "predictions.jsonl"),
        "--labels", str(folder / "labels.jsonl"), "--samples", str(out), "--until", "1998-12-15T00:00:00Z", *more,
    ]  # fmt: skip
    assert invoke(command) == 0
    return [json.loads(line) for line in out.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs of the replay."""
    path = tmp_path_factory.mktemp("elec2")
    write_inputs(path)
    return path


@pytest.fixture(scope="module")
def samples(folder: Path) -> dict[str, dict[Key, dict]]:
    """end -> (statistic, feature, average, output) -> sample; classes aside."""
    found: dict[str, dict[Key, dict]] = {}
    for line in replay(folder, "samples.jsonl"):
        if "class" not in line:
            key = (line["statistic"], line["feature"], line.get("average"), line.get("output"))
            found.setdefault(line["end"], {})[key] = line
    return found


def at(samples: dict[str, dict[Key, dict]], window: int) -> dict[Key, dict]:
    """The samples of a golden window."""
    end = FIRST + timedelta(days=28 * (window + 1))
    return samples[end.strftime("%Y-%m-%dT%H:%M:%SZ")]


@pytest.mark.parametrize("window", range(27))
def test_drift_equals_feature_engine_and_scipy(samples: dict, window: int) -> None:
    """psi_deciles is feature_engine's, scipy's KS lies within ks and ks_high, chi2 is scipy's."""
    mine = at(samples, window)
    for feature, theirs in GOLDEN["core"]["windows"][str(window)].items():
        if feature == "day":
            assert mine["chi2", "day", None, None]["value"] == pytest.approx(theirs["chi2"], abs=1e-9)
            continue
        low, high = (mine[name, feature, None, None]["value"] for name in ("ks", "ks_high"))
        assert low - 1e-12 <= theirs["ks"] <= high + 1e-12
        psi = GOLDEN["feature_engine"]["windows"][str(window)][feature]["equal_frequency"]["psi"]
        assert mine["psi_deciles", feature, None, None]["value"] == pytest.approx(psi, abs=1e-9)
        assert mine["psi_deciles", feature, None, None]["n"] == theirs["n"]


@pytest.mark.parametrize("window", range(27))
def test_performance_equals_sklearn(samples: dict, window: int) -> None:
    """Everything from the confusion, log loss and Brier to 1e-9; AUC within 0.003."""
    mine, theirs = at(samples, window), GOLDEN["perf"]["performance"][str(window)]
    for name in ("accuracy", "balanced_accuracy", "mcc", "log_loss", "brier"):
        assert mine[name, None, None, None]["value"] == pytest.approx(theirs[name], abs=1e-9)
    for average in ("binary", "micro", "macro", "weighted"):
        for name in ("precision", "recall", "f1"):
            sample = mine[name, None, average, None]
            assert sample["value"] in (None, pytest.approx(theirs[average][name], abs=1e-9))
            assert sample["value"] is not None or sample["n"] < 100
    assert mine["auc", None, None, None]["value"] == pytest.approx(theirs["roc_auc"], abs=3e-3)
    assert mine["labelled", None, None, None]["value"] == theirs["n"]


def test_a_second_replay_gives_the_same_bytes(folder: Path, samples: dict) -> None:
    """Nothing in a replay depends on when or how often it runs."""
    assert samples
    replay(folder, "again.jsonl")
    assert (folder / "samples.jsonl").read_bytes() == (folder / "again.jsonl").read_bytes()


def test_final_follows_each_judged_performance_line(folder: Path) -> None:
    """With every label there, the final value of a window equals the judged one here."""
    lines = replay(folder, "final.jsonl", "--final", "--from", "1998-11-01T00:00:00Z")
    final = [i for i, line in enumerate(lines) if line["state"] == "final"]
    assert final
    for place in final:
        judged, last = lines[place - 1], lines[place]
        assert {**judged, "state": "final"} == last
