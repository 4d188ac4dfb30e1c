"""Whatever valid configuration follows another, a state file is no obstacle, and nothing impossible is shown."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from driftline.metrics.collector import Collector
from driftline.metrics.view import DaemonView
from driftline.pipeline.snapshot import restore, snapshot
from driftline.pipeline.stream import Samples, StreamEngine
from driftline.pipeline.view import stream_view
from driftline.store.blobs import decode, encode
from driftline.web.page import Asked, render
from driftline.wiring import build_engine
from tests.faults.any_settings import any_config, write_references
from tests.faults.small_stream import PARTS, START, feed, make_log, turns

LOG = make_log(3, minutes=240)
TURNS, RUN = 60, 10
SHARES = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "balanced_accuracy",
    "label_coverage",
    "auc",
    "missing_ratio",
    "invalid_ratio",
    "unseen_ratio",
    "class_ratio",
)


def possible(lines: Iterable[bytes]) -> None:
    """Counts are no less than 0, shares are shares, and limits are around their value."""
    for sample in map(json.loads, lines):
        value, low, high = sample["value"], sample["low"], sample["high"]
        assert sample["n"] >= 0, sample
        if value is not None and sample["statistic"] in SHARES:
            assert 0 <= value <= 1, sample
        if None not in (value, low, high):
            assert low - 1e-9 <= value <= high + 1e-9, sample


def commit(engine: StreamEngine, file: dict[Any, bytes]) -> None:
    """Write what changed."""
    assert engine.rules is not None
    for key, blob in {**snapshot(engine.pipeline), ("rule_state", "rules"): engine.rules.snapshot()}.items():
        if blob is None:
            file.pop(key, None)
        else:
            file[key] = encode(blob)


def start(folder: Path, rng: random.Random, file: dict[Any, bytes]) -> StreamEngine:
    """An engine of another configuration that goes on where the file ends."""
    config = any_config(rng, folder)
    engine = build_engine(config, config.streams[0], Samples(possible))
    assert engine.rules is not None
    if file:
        blobs = {key: decode(raw) for key, raw in file.items()}
        restore(engine.pipeline, blobs)
        engine.rules.restore(blobs)
    else:
        engine.pipeline.watermarks = {(topic, number): -(1 << 62) for _kind, topic, number in PARTS}
    return engine


def show(engine: StreamEngine) -> None:
    """All that is shown of it."""
    assert engine.rules is not None
    stream = stream_view("s", engine, (), engine.rules.views(), None, None)
    view = DaemonView(streams=(stream,), now_ms=START)
    assert b"driftline_build_info" in Collector().scrape(view)
    assert all("<html" in render(view, asked) for asked in (Asked(), *(Asked(model=m) for m in "bmr")))


@pytest.mark.parametrize("seed", range(12))
def test_any_configuration_goes_on_from_any_other(tmp_path: Path, seed: int) -> None:
    """Six runs of the same log, each by another configuration."""
    write_references(tmp_path)
    rng, file = random.Random(seed), {}
    engine = start(tmp_path, rng, file)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number, turn in enumerate(turns(seed, TURNS, 30)):
            if number and number % RUN == 0:
                commit(engine, file)
                engine = start(tmp_path, rng, file)
            feed(engine, LOG, *turn)
            if number % RUN == RUN // 2:
                show(engine)
