"""A model is of one stream, whatever entries of others would match it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from driftline.config.parse import load_config
from driftline.pipeline.stream import StreamEngine
from driftline.records import Kind, RawBatch
from driftline.wiring import build_engine

CONFIG = """
kafka: {bootstrap_servers: localhost:9092}
streams:
  main: {predictions: [p]}
  edge: {predictions: [q]}
models:
  - {match: "fraud-*", stream: main, task: regression, windows: {drift: [1h]}, labels: none}
  - {match: fraud-eu, stream: edge, task: regression, windows: {drift: [2h]}, labels: none, segments: [shop], segment_values: {shop: [a]}}
rules: [{name: few, when: {metric: events, window: 30m, below: 10}}]
"""


def engine(folder: Path, stream: str) -> StreamEngine:
    """The engine of one of the streams."""
    (folder / "c.yaml").write_text(CONFIG)
    config = load_config(folder / "c.yaml", {})
    return build_engine(config, next(s for s in config.streams if s.name == stream))


def seen(engine: StreamEngine, topic: str) -> list[tuple[str, str]]:
    """The (model, version)s that are monitored after events of two models."""
    values = [
        json.dumps(
            {"prediction_id": m, "model": m, "version": "1", "time": 10**12, "prediction": 1.5}
        ).encode()
        for m in ("fraud-us", "fraud-eu", "other")
    ]
    three = np.arange(3)
    engine.pipeline.feed(
        RawBatch(Kind.PREDICTION, ((topic, 0),), (three * 0).astype(np.int32), three, three - 9, values)
    )
    return [slot.key for slot in engine.pipeline.registry.slots]


def test_the_most_specific_entry_decides_of_which_stream_a_model_is(tmp_path: Path) -> None:
    """Elsewhere its events are those of no entry: counted, and ignored."""
    main, edge = engine(tmp_path, "main"), engine(tmp_path, "edge")
    assert [("fraud-us", "1")] == seen(main, "p")
    assert [("fraud-eu", "1")] == seen(edge, "q")
    assert {("fraud-eu", "1"): 1, ("other", "1"): 1} == dict(main.pipeline.unmonitored)
    assert {("fraud-us", "1"): 1, ("other", "1"): 1} == dict(edge.pipeline.unmonitored)
    assert [0, 1] == [e.pipeline.registry.segment_width for e in (main, edge)]
    windows = [[p.window.name for p in e.pipeline.registry.slots[0].drift_panes] for e in (main, edge)]
    assert [["1h", "30m"], ["2h", "30m"]] == windows
