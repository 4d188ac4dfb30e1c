"""The view of a daemon that has read Elec2 up to some day: the real engine, without Kafka."""

from __future__ import annotations

import importlib.resources
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from driftline.cli import invoke
from driftline.config.model import Config
from driftline.config.parse import load_config
from driftline.demo import elec2
from driftline.instants import parse_instant
from driftline.metrics.view import DaemonView, PartitionView
from driftline.pipeline.recent import Recent
from driftline.pipeline.shown import Shown
from driftline.pipeline.stream import StreamEngine
from driftline.pipeline.view import stream_view
from driftline.records import Kind, RawBatch
from driftline.wiring import build_engine

KINDS = {"predictions": Kind.PREDICTION, "labels": Kind.LABEL}


def configuration(folder: Path) -> Config:
    """The demo's own configuration and reference."""
    (folder / "references").mkdir(exist_ok=True)
    elec2.write_reference_data(folder / "reference.csv")
    features = ",".join(elec2.FEATURES)
    output = folder / "references" / "elec2-1.json"
    command = (
        f"reference build {folder / 'reference.csv'} --model elec2 --version 1 --output {output} --features"
        f" {features} --categorical day --prediction prediction --score score --label label --positive UP"
    )
    assert invoke(command.split()) == 0
    text = importlib.resources.files("driftline.demo").joinpath("config.yaml").read_text()
    path = folder / "config.yaml"
    path.write_text(text.replace("${bootstrap_servers}", "localhost:9092").replace("${port}", "9464"))
    return load_config(path, {})


def fed(folder: Path, until: str) -> tuple[StreamEngine, Recent]:
    """An engine that has read everything up to an instant, and the events that it published."""
    config = configuration(folder)
    engine, recent = build_engine(config, config.streams[0]), Recent()
    until_ms, offsets = parse_instant(until), dict.fromkeys(KINDS, 0)
    waiting: dict[str, list[bytes]] = {topic: [] for topic in KINDS}

    def advance() -> None:
        for topic, values in waiting.items():
            count = len(values)
            places = np.arange(offsets[topic], offsets[topic] + count)
            batch = RawBatch(
                KINDS[topic],
                ((topic, 0),),
                np.zeros(count, np.int32),
                places,
                np.full(count, -1),
                list(values),
            )
            engine.pipeline.feed(batch)
            offsets[topic] += count
            values.clear()
        for message in engine.advance(frozenset(), 0):
            recent.note(message)

    for number, (topic, _id, value) in enumerate(elec2.events()):
        waiting[topic].append(value)
        if topic == "predictions" and _time_ms(value) > until_ms:
            break
        if number % 2000 == 1999:
            advance()
    advance()
    return engine, recent


def _time_ms(value: bytes) -> int:
    text = value.split(b'"time":"', 1)[1].split(b'"', 1)[0].decode()
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def view(folder: Path, until: str, shown: Shown | None = None) -> DaemonView:
    """What the daemon would show."""
    engine, recent = fed(folder, until)
    return shown_by(engine, recent, shown)


def shown_by(engine: StreamEngine, recent: Recent, shown: Shown | None = None) -> DaemonView:
    """The view of an engine."""
    pipeline = engine.pipeline
    partitions = tuple(
        PartitionView(
            stream="main", topic=topic, partition=p, kind=str(KINDS[topic]), position=pipeline.positions[topic, p],
            high_watermark=pipeline.positions[topic, p], watermark_ms=mark,
        )
        for (topic, p), mark in pipeline.watermarks.items()
    )  # fmt: skip
    assert engine.rules is not None
    stream = stream_view("main", engine, partitions, engine.rules.views(), ("7d", "28d"), None, shown)
    now_ms = pipeline.watermark_ms + 60_000
    return DaemonView(
        streams=(replace(stream, unmonitored=[("shadow-model", "3", 12)]),), now_ms=now_ms,
        triggers_total=dict(engine.rules.triggers), triggers=recent.views(), last_commit_ms=now_ms - 700,
        trigger_last_ms=max(engine.rules.trigger_last_ms.values(), default=None), state_file_bytes=2_400_000,
        state_free_bytes=40 << 30, kafka_up=True, config_reload_ms=now_ms - 3_600_000, ready=True, version="0.1.0",
    )  # fmt: skip


def fleet(view: DaemonView, count: int) -> DaemonView:
    """As many models as asked for, all with Elec2's numbers; only the first has its rules true."""
    stream, stories = view.streams[0], []
    for number in range(1, count):
        name = f"model-{number:03d}"
        stories.append(
            (
                [replace(m, model=name) for m in stream.models],
                [replace(w, model=name) for w in stream.windows],
                [
                    replace(r, model=name, state="inactive", active_since_ms=None, fires_at_ms=None, fired_at_ms=None)
                    for r in stream.rules
                ],
            )
        )  # fmt: skip
    many = replace(
        stream,
        models=[*stream.models, *(m for models, _, _ in stories for m in models)],
        windows=[*stream.windows, *(w for _, windows, _ in stories for w in windows)],
        rules=[*stream.rules, *(r for _, _, rules in stories for r in rules)],
    )
    return replace(view, streams=(many,))
