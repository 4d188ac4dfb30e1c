"""All statistics of 100 models with 100 features each at one window end, and the memory of their panes."""

from __future__ import annotations

import time

import numpy as np
import psutil

from driftline.aggregates.drift import DriftLayout
from driftline.aggregates.panes import Panes
from driftline.records import Coded, PredictionPart, Schema
from driftline.reference.bins import bins_id, numeric_profile
from driftline.reference.profile import Profile
from driftline.settings import DAY_MS, DEFAULT_GATES, Task, Window
from driftline.statistics.drift import evaluate_drift

MODELS, FEATURES, ROWS = 100, 100, 1000


def profile() -> Profile:
    """100 normal features."""
    rng = np.random.default_rng(1)
    columns = tuple(numeric_profile(f"f{i}", rng.normal(size=20_000)) for i in range(FEATURES))
    return Profile(
        model="m", version="1", task=Task.BINARY, positive="1", id="", sha256="", bins_id=bins_id(columns, ()), rows=20_000,
        numeric=columns, categorical=(),
    )  # fmt: skip


def part(profile_: Profile) -> PredictionPart:
    """1,000 predictions."""
    rng = np.random.default_rng(2)
    nothing = np.full(ROWS, np.nan)
    schema = Schema(Task.BINARY, numeric=tuple(f.name for f in profile_.numeric))
    return PredictionPart(
        "m", "1", schema, np.arange(ROWS), rng.normal(size=(FEATURES, ROWS)), (), Coded(np.zeros(ROWS, np.int32), ("1",)),
        nothing, rng.random(ROWS), None, (), nothing, (),
    )  # fmt: skip


def main() -> None:
    """Time one evaluation of each model; hold a full day of panes for each."""
    reference = profile()
    layout = DriftLayout.of(reference, Task.BINARY, ("0", "1"))
    before = psutil.Process().memory_info().rss
    window = Window(DAY_MS, DAY_MS // 48)
    totals = layout.totals(layout.prepare(part(reference)))
    held = []
    for _ in range(MODELS):
        panes = Panes(window, layout.empty())
        for number in range(48):
            panes.add(number * window.slide_ms, totals)
        held.append(panes)
    memory = (psutil.Process().memory_info().rss - before) / 2**20
    windows = [p.at(DAY_MS) for p in held]
    counts = [(w.counts[None], w.sums[None], [w.unseen]) for w in windows]
    evaluate_drift(layout, *counts[0], DAY_MS, DEFAULT_GATES)
    start = time.process_time()
    for c, s, u in counts:
        evaluate_drift(layout, c, s, u, DAY_MS, DEFAULT_GATES)
    spent = time.process_time() - start
    print(f"{MODELS} models x {FEATURES} features: all drift statistics in {spent:.2f} s of CPU (aim 0.5)")
    print(f"a 24 h window of 48 panes each: {memory:.0f} MiB (aim 700)")


if __name__ == "__main__":
    main()
