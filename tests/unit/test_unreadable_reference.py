"""A reference that cannot be read is its version's trouble, and nobody else's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from driftline.config.parse import load_config
from driftline.errors import DataError
from driftline.metrics.view import DaemonView
from driftline.pipeline.stream import StreamEngine
from driftline.pipeline.view import stream_view
from driftline.records import Kind, RawBatch
from driftline.web.page import Asked, render
from driftline.wiring import build_engine, build_live_engine

CONFIG = """
kafka: {bootstrap_servers: localhost:9092}
streams: {s: {predictions: [p]}}
models: [{match: m, stream: s, task: regression, windows: {drift: [1h]}, labels: none, references: "{model}-{version}.json"}]
rules: []
"""


def feed(engine: StreamEngine) -> None:
    """One event each of two versions."""
    values = [
        json.dumps(
            {"prediction_id": v, "model": "m", "version": v, "time": 10**12, "prediction": 1.5}
        ).encode()
        for v in "12"
    ]
    two = np.arange(2)
    engine.pipeline.feed(
        RawBatch(Kind.PREDICTION, (("p", 0),), (two * 0).astype(np.int32), two, two - 9, values)
    )


def test_a_live_version_goes_without_and_says_why(tmp_path: Path) -> None:
    """Where one runs a replay, or reads the configuration, it is a mistake."""
    (tmp_path / "c.yaml").write_text(CONFIG)
    (tmp_path / "m-1.json").write_text("{")
    config = load_config(tmp_path / "c.yaml", {})
    (stream,) = config.streams
    with pytest.raises(DataError):
        feed(build_engine(config, stream))
    engine = build_live_engine(config, stream)
    feed(engine)
    first, second = engine.pipeline.registry.slots
    assert (first.predictions, second.predictions) == (1, 1)
    assert second.unreadable is None
    assert "m-1.json" in (first.unreadable or "")
    view = DaemonView(streams=(stream_view("s", engine, (), (), None, None),), now_ms=10**12)
    page = render(view, Asked(model="m"))
    assert 1 == page.count("cannot be read: ")
