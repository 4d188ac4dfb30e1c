"""``driftline estimate`` against a real engine with the same configuration and traffic: within 25 %."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from driftline.aggregates.panes import Panes
from driftline.cli import invoke
from driftline.config.parse import load_config
from driftline.metrics.view import DaemonView
from driftline.pipeline.needs.series import series_of
from driftline.pipeline.snapshot import snapshot
from driftline.pipeline.stream import StreamEngine
from driftline.pipeline.view import stream_view
from driftline.records import Kind, RawBatch
from driftline.reference.build import build_profile
from driftline.reference.file import dump
from driftline.reference.options import BuildOptions
from driftline.settings import DAY_MS, HOUR_MS, Task
from driftline.sizing import DAEMON_MEMORY_BYTES, Line, estimate_lines, estimate_total
from driftline.store.rows import Commit
from driftline.store.sqlite import SqliteStore
from driftline.wiring import build_engine

START_MS = 20_500 * DAY_MS
DAYS = 4
CONFIG = """
streams:
  main: {{predictions: [predictions], labels: [labels], time: {{max_future: none}}}}
models:
  - match: m
    stream: main
    references: "{{model}}-{{version}}.json"
{model}
rules:
{rules}
"""
BINARY = """
    task: binary
    positive: UP
    windows: {drift: [6h, 1d], performance: [6h]}
    labels: {delay: 1h, horizon: 12h, corrections: 1h}
"""
MULTICLASS = """
    task: multiclass
    windows: {drift: [{length: 12h, slide: 1h}], performance: [12h]}
    segments: [region]
    segment_values: {region: [nsw, vic, qld]}
    labels: {delay: 2h, horizon: 1d, corrections: 1h, sample: 0.5}
    gates: {drift: 50, averages: 50, accuracy: 50, f1: 10, precision: 10, recall: 10}
"""
REGRESSION = """
    task: regression
    windows: {drift: [1d], performance: [1d]}
    labels: {delay: 1h, horizon: 6h, corrections: 1h}
"""
RULES = {
    "binary": """
  - {name: f1, when: {metric: f1, window: 6h, below: 0.9}, then: retrain}
  - {name: drift, when: {metric: psi, window: 12h, feature: "*", above: 0.2}}
""",
    "multiclass": '  - {name: c, when: {metric: f1, class: "*", below: 0.9}}\n',
    "regression": "  - {name: rmse, when: {metric: rmse, rise: 10 percent, versus: reference}}\n",
}
CASES = {"binary": (BINARY, 5000), "multiclass": (MULTICLASS, 2000), "regression": (REGRESSION, 300)}
CLASSES = {"binary": ("UP", "DOWN"), "multiclass": ("a", "b", "c", "d")}


def rows(task: str, count: int, seed: int) -> Iterator[dict]:
    """What a model of a task sees, answers, and should have answered."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 6)).round(6)
    for i in range(count):
        row = {f"f{k}": features[i, k] for k in range(6)} | {"day": f"d{i % 7}"}
        if task == "regression":
            truth = float(features[i].sum())
            yield {"features": row, "prediction": truth + rng.normal(0, 0.2), "label": truth, "score": None}
            continue
        names = CLASSES[task]
        truth = names[int(rng.integers(len(names)))]
        answer = truth if rng.random() < 0.85 else names[int(rng.integers(len(names)))]
        score = float(np.clip(rng.beta(4, 2) if truth == "UP" else rng.beta(2, 4), 0, 1))
        yield {
            "features": row,
            "prediction": answer,
            "label": truth,
            "score": score if task == "binary" else None,
        }


def write_reference(folder: Path, task: str, a_day: int) -> None:
    """A week of the same traffic, built as a user would."""
    names = [f"f{k}" for k in range(6)]
    score = ["score"] if task == "binary" else []
    lines = [",".join(["ts", *names, "day", "prediction", "label", *score])]
    for i, r in enumerate(rows(task, 7 * a_day, 1)):
        own = [r["score"]] if score else []
        at = START_MS - 7 * DAY_MS + i * DAY_MS // a_day
        lines.append(",".join(map(str, [at, *r["features"].values(), r["prediction"], r["label"], *own])))
    (folder / "data.csv").write_text("\n".join(lines), encoding="utf-8")
    options = BuildOptions(
        model="m", version="1", features=(*names, "day"), categorical=("day",), time="ts", task=Task(task),
        prediction="prediction", label="label", score=score[0] if score else None,
        positive="UP" if task == "binary" else None,
    )  # fmt: skip
    (folder / "m-1.json").write_bytes(dump(build_profile(folder / "data.csv", options)))


def batch(kind: Kind, first: int, events: list[dict]) -> RawBatch:
    """Records of one partition, as a source reads them."""
    n = len(events)
    times = np.array([e["time"] for e in events], np.int64)
    topic = "predictions" if kind is Kind.PREDICTION else "labels"
    values = [json.dumps(e).encode() for e in events]
    return RawBatch(kind, ((topic, 0),), np.zeros(n, np.int32), first + np.arange(n), times, values)


def run(engine: StreamEngine, store: SqliteStore, task: str, a_day: int) -> None:
    """Days of traffic, each label half an hour after its prediction, a commit every three hours."""
    events, apart = list(rows(task, DAYS * a_day, 2)), DAY_MS // a_day
    step = max(1, a_day // 8)
    regions = ("nsw", "vic", "qld")
    for first in range(0, len(events), step):
        predictions, labels = [], []
        for i, e in enumerate(events[first : first + step], first):
            at = START_MS + i * apart
            seen = {k: e[k] for k in ("features", "prediction", "score") if e[k] is not None}
            name = {"prediction_id": f"p{i}", "model": "m"}
            more = {"segments": {"region": regions[i % 3]}, "latency_ms": 5 + i % 90}
            predictions.append({**name, "version": "1", "time": at, **seen, **more})
            labels.append({**name, "label": e["label"], "time": at + HOUR_MS // 2})
        engine.pipeline.feed(batch(Kind.PREDICTION, first, predictions))
        engine.pipeline.feed(batch(Kind.LABEL, first, labels))
        engine.advance(frozenset(), predictions[-1]["time"])
        blobs = snapshot(engine.pipeline)
        if engine.rules is not None:
            blobs["rule_state", "rules"] = engine.rules.snapshot()
        store.commit(Commit(blobs={("main", *key): blob for key, blob in blobs.items()}))


def size_of(panes: Panes) -> int:
    """Memory of a window's panes with all their objects."""
    total = 0
    for pane in panes.panes.values():
        arrays = (pane.counts, pane.sums, pane.low, pane.high)
        total += sys.getsizeof(pane) + sum(sys.getsizeof(a) for a in arrays) + sys.getsizeof(pane.unseen)
        total += (
            sum(sys.getsizeof(u) for u in pane.unseen) + sys.getsizeof(1) + 100
        )  # its start, and its place
    empty = panes._empty
    return total + sum(a.nbytes for a in (panes._counts, panes._sums, empty.counts, empty.sums))


def size_of_index(engine: StreamEngine) -> int:
    """Memory of the index of where the data lies."""
    total = 0
    for spans in engine.pipeline.registry.slots[0].data.buckets.values():
        total += sys.getsizeof(spans)
        total += sum(
            sys.getsizeof(k) + sys.getsizeof(s) + sum(map(sys.getsizeof, s)) for k, s in spans.items()
        )
    return total


@pytest.fixture(scope="module", params=sorted(CASES))
def both(request, tmp_path_factory) -> tuple[Line, dict[str, int], dict[str, int]]:
    """The estimate, and what the engine really has, by the same names."""
    folder, task = tmp_path_factory.mktemp(request.param), request.param
    model, a_day = CASES[task]
    (folder / "c.yaml").write_text(CONFIG.format(model=model, rules=RULES[task]), encoding="utf-8")
    write_reference(folder, task, a_day)
    config = load_config(folder / "c.yaml", {})
    line = estimate_lines(config)[0]
    engine = build_engine(config, config.streams[0])
    before = series_of(view(engine))
    store = SqliteStore.open(folder / "state.db")
    empty = (folder / "state.db").stat().st_size
    run(engine, store, task, a_day)
    store.close()
    slot, table = engine.pipeline.registry.slots[0], engine.pipeline.join.table
    real = {
        "series": series_of(view(engine)) - before,
        "panes": sum(size_of(panes) for _, panes in slot.panes()),
        "index": size_of_index(engine),
        "join": table.live * table.row_bytes,
        "disk": (folder / "state.db").stat().st_size - empty,
    }
    each = line.each
    estimated = {
        "series": each.series, "panes": each.pane_bytes, "index": each.index_bytes,
        "join": each.join_rows * each.row_bytes, "disk": each.disk_bytes,
    }  # fmt: skip
    return line, estimated, real


def view(engine: StreamEngine) -> DaemonView:
    """What the daemon would show of the engine."""
    rules = engine.rules.views() if engine.rules is not None else ()
    triggers = dict(engine.rules.triggers) if engine.rules is not None else {}
    return DaemonView(streams=(stream_view("main", engine, (), rules, None, None),), triggers_total=triggers)


@pytest.mark.parametrize("what", ["series", "panes", "index", "join", "disk"])
def test_the_estimate_is_near_the_real_figure(both, what):
    """Within a quarter, part by part: windows full, labels coming, committed as the daemon does."""
    _, estimated, real = both
    assert estimated[what] == pytest.approx(real[what], rel=0.25)


def test_the_traffic_and_the_features_are_the_references(both):
    """Where nothing else is said."""
    line, _, _ = both
    assert any(line.a_day == pytest.approx(a_day, rel=0.01) for _, a_day in CASES.values())
    assert (line.times, line.assumed, line.features) == (1, False, 7)


GLOB = """
streams: {main: {predictions: [p], labels: [l]}}
models:
  - {match: "fraud-*", stream: main, task: regression, windows: {drift: [24h], performance: [24h]}}
rules: []
"""


@pytest.fixture
def fleet(tmp_path):
    """A configuration of many models without references."""
    (tmp_path / "c.yaml").write_text(GLOB, encoding="utf-8")
    return tmp_path / "c.yaml"


def test_many_models_need_as_much_more(fleet):
    """Each version the same; the join of a stream is one table, whose columns double when they are full."""
    config = load_config(fleet, {})
    one, many = (estimate_lines(config, models=n, versions=v, a_day=1000) for n, v in ((1, 1), (300, 2)))
    assert one[0].each == many[0].each
    alone, fleet_wide = (estimate_total(lines, config.streams) for lines in (one, many))
    assert fleet_wide.series - alone.series == 599 * one[0].each.series
    joined = 600 * one[0].each.join_rows * one[0].each.row_bytes
    panes = 600 * (one[0].each.pane_bytes + one[0].each.index_bytes)
    memory = fleet_wide.memory_bytes - DAEMON_MEMORY_BYTES - panes
    assert joined <= memory <= 3 * joined


def test_more_traffic_means_more_waiting_labels_and_no_more_series(fleet):
    """Series and panes depend on layouts, the join on the rate."""
    config = load_config(fleet, {})
    some, more = (estimate_lines(config, a_day=a_day)[0].each for a_day in (50_000, 500_000))
    assert (some.series, some.pane_bytes) == (more.series, more.pane_bytes)
    assert more.join_rows == pytest.approx(10 * some.join_rows, rel=0.001)


def test_the_command_says_what_is_assumed_and_what_is_too_much(fleet, capsys):
    """Traffic that nobody told, features that nobody described, budgets that will not do."""
    more = "limits: {join_memory: 1MiB}\nmetrics: {max_series: 1000}\n"
    fleet.write_text(GLOB + more, encoding="utf-8")
    assert invoke(["estimate", "--config", str(fleet), "--models", "50", "--versions", "2"]) == 0
    out = capsys.readouterr().out
    assert "50 × 2" in out
    assert "10,000 ?" in out
    assert "give --predictions-per-day" in out
    assert "no reference was found" in out
    assert "more than limits.join_memory" in out
    assert "metrics.max_series, 1,000" in out


def test_ids_of_models_without_labels_are_not_said_to_wait_for_any(fleet, capsys):
    """They are kept to tell copies, for as long as events may be late."""
    text = (
        GLOB.split("\nmodels:", maxsplit=1)[0]
        + "\nmodels: [{match: m, stream: main, task: regression, labels: none}]\n"
    )
    fleet.write_text(text + "limits: {join_memory: 1MiB}\n", encoding="utf-8")
    assert invoke(["estimate", "--config", str(fleet), "--predictions-per-day", "1000000"]) == 0
    out = capsys.readouterr().out
    assert "Stream main will keep ids, to tell copies, in " in out
    assert "more than limits.join_memory: raise it, or shorten time.allowed_lateness." in out
    assert "wait for labels" not in out
