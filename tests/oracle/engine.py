"""The other side: driftline's own engine, fed in any way, and its results in the oracle's shapes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from driftline.aggregates.numeric import INVALID_AT, MISSING_AT
from driftline.aggregates.performance import EVENTS, HEAD, LABELLED
from driftline.config.model import Config
from driftline.config.parse import load_config
from driftline.pipeline.slots import Slot
from driftline.pipeline.snapshot import restore, snapshot
from driftline.pipeline.stream import Samples, StreamEngine
from driftline.records import Blob, BlobKey, Kind, Message, RawBatch
from driftline.store.blobs import decode, encode
from driftline.wiring import build_engine
from tests.oracle.fold import World
from tests.oracle.logs import Record
from tests.oracle.setup import Setup, milliseconds, read_setup

Turn = tuple[int, int, bool]
"""(which partition, how many of its records, whether W may move after them)"""
SampleKey = tuple[str, str, int, int, str, str | None]
"""(model, version, length, end, statistic, feature)"""


def load(path: Path) -> Config:
    """The configuration, without a look at the environment."""
    return load_config(path, {})


def setup_of(path: Path, stream: str, slots: Iterable[tuple[str, str]], *, check_future: bool) -> Setup:
    """What the oracle is told: the file's values, and the revisions of the rules."""
    engine = engine_of(load(path), stream)
    revisions = {}
    for model, version in slots:
        slot = engine.pipeline.registry.slot(model, version)
        for resolved in engine.rules.of(slot):
            revisions[resolved.spec.name, model, version] = engine.rules.book.revision(slot, resolved)
    return read_setup(path, stream, revisions, check_future=check_future)


def engine_of(config: Config, stream: str, samples: Samples | None = None) -> StreamEngine:
    """A fresh engine of one stream."""
    settings = next(s for s in config.streams if s.name == stream)
    return build_engine(config, settings, samples)


@dataclass
class Run:
    """A stream's engine in this process, that can be killed at any moment and goes on from its last bytes."""

    config: Config
    stream: str
    kinds: Mapping[str, str]
    lines: list[bytes] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    kept: dict[BlobKey, bytes] = field(default_factory=dict)
    """The state file: what the last commit wrote."""
    engine: StreamEngine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = engine_of(self.config, self.stream, Samples(self.lines.extend))

    def feed(self, records: list[Record]) -> None:
        """A batch: records of one kind, each partition in offset order."""
        sources = tuple(dict.fromkeys((r.topic, r.partition) for r in records))
        places = [sources.index((r.topic, r.partition)) for r in records]
        kind = Kind(self.kinds[records[0].topic].removesuffix("s").replace("feature", "features"))
        self.engine.pipeline.feed(
            RawBatch(
                kind, sources, np.array(places, np.int32), np.array([r.offset for r in records], np.int64),
                np.array([r.timestamp for r in records], np.int64), [r.value for r in records],
            )
        )  # fmt: skip

    def know(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Partitions that hold W back until something was read of them."""
        for key in partitions:
            self.engine.pipeline.watermarks.setdefault(key, -(1 << 62))

    def advance(self, *, closed_at: int | None = None) -> None:
        """Judge what W has passed; ``closed_at``: the input is over."""
        everything = frozenset(self.engine.pipeline.watermarks)
        if closed_at is None:
            self.messages += self.engine.advance(frozenset(), 0)
            return
        self.messages += self.engine.advance(everything, 0)
        self.messages += self.engine.advance(everything, 0, closed_at)

    def commit(self) -> None:
        """Write what changed."""
        blobs: dict[BlobKey, Blob | None] = dict(snapshot(self.engine.pipeline))
        blobs["rule_state", "rules"] = self.engine.rules.snapshot()
        for key, blob in blobs.items():
            if blob is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = encode(blob)

    def restart(self) -> None:
        """A new process: all that was not committed is gone."""
        self.engine = engine_of(self.config, self.stream, Samples(self.lines.extend))
        restore_engine(self.engine, {key: decode(raw) for key, raw in self.kept.items()})

    def positions(self) -> Mapping[tuple[str, int], int]:
        """Next offsets."""
        return self.engine.pipeline.positions


def restore_engine(engine: StreamEngine, blobs: dict[BlobKey, Blob]) -> None:
    """Bring a fresh engine to where the blobs were written."""
    restore(engine.pipeline, blobs)
    engine.rules.restore(blobs)


def ids(messages: Iterable[Message]) -> set[str]:
    """The ids of triggers."""
    return {json.loads(m.value or b"")["id"] for m in messages}


# -- samples -------------------------------------------------------------------------------------------

_WANTED = frozenset(
    ("events", "labelled", "label_coverage", "accuracy", "precision", "recall", "f1", "psi_deciles", "missing_ratio")
)  # fmt: skip


def engine_samples(setup: Setup, lines: Iterable[bytes]) -> dict[SampleKey, tuple[float | None, int, int]]:
    """Sample lines that the oracle has too, as (value, n, instant)."""
    found = {}
    for line in map(json.loads, set(lines)):
        length = milliseconds(line["window"])
        model = setup.models[line["model"]]
        traffic = line["statistic"] == "events" and length not in dict(model.windows["performance"])
        other = line.get("class") or line.get("segment") or line.get("average", "binary") != "binary"
        if line["statistic"] not in _WANTED or traffic or other:
            continue
        key = (line["model"], line["version"], length, _ms(line["end"]), line["statistic"], line["feature"])
        value = (line["value"], line["n"], _ms(line["judged"]))
        assert found.setdefault(key, value) == value, f"{key} was judged twice"
    return found


def oracle_samples(world: World) -> dict[SampleKey, tuple[float | None, int, int]]:
    """The oracle's, in the same shape."""
    return {
        (*j.slot, j.length, j.end, statistic, feature): (sample.value, sample.n, j.instant)
        for j in world.judged
        for (statistic, feature), sample in j.samples.items()
    }


def differences(
    expected: Mapping[SampleKey, tuple[float | None, int, int]],
    actual: Mapping[SampleKey, tuple[float | None, int, int]],
) -> list[tuple[Any, ...]]:
    """Where they differ. Everything is compared exactly but PSI, whose logarithms may round in the last place."""
    out = []
    for key in sorted(expected.keys() | actual.keys(), key=str):
        a, b = expected.get(key), actual.get(key)
        psi = key[4] == "psi_deciles" and a and b and a[0] is not None and b[0] is not None
        if psi and a and b and a[1:] == b[1:] and abs((a[0] or 0) - (b[0] or 0)) <= 1e-12 * (1 + (a[0] or 0)):
            continue
        if a != b:
            out.append((key, a, b))
    return out


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


# -- panes ---------------------------------------------------------------------------------------------


def engine_panes(engine: StreamEngine) -> dict[tuple[tuple[str, str], str, int, int], Counter[Any]]:
    """Every pane that the engine holds, as the oracle counts; those with nothing in them left out."""
    engine.pipeline.catch_up()
    panes = {}
    for slot in engine.pipeline.registry.slots:
        for kind, held in slot.panes():
            for start, totals in held.panes.items():
                read = _drift_pane if str(kind) == "drift" else _performance_pane
                panes[slot.key, str(kind), held.window.length_ms, start] = read(slot, totals.counts)
    return {key: pane for key, pane in panes.items() if pane.total()}


def _drift_pane(slot: Slot, counts: np.ndarray) -> Counter[Any]:
    pane: Counter[Any] = Counter(events=int(counts[slot.drift.events_at]))
    layout = slot.drift.numeric
    for place, name in enumerate(slot.drift.numeric_features):
        start, bins = int(layout.starts[place]), int(layout.bins[place])
        pane.update({(name, b): int(counts[start + b]) for b in range(bins)})
        pane[name, "missing"] = int(counts[layout.extra(MISSING_AT)[place]])
        pane[name, "invalid"] = int(counts[layout.extra(INVALID_AT)[place]])
    return +pane


def _performance_pane(slot: Slot, counts: np.ndarray) -> Counter[Any]:
    layout = slot.performance
    pane: Counter[Any] = Counter(events=int(counts[EVENTS]), labelled=int(counts[LABELLED]))
    cells = counts[HEAD : HEAD + layout.cells].reshape(layout.capacity, layout.capacity)
    for t, truth in enumerate(layout.classes):
        pane.update({(truth, said): int(cells[t, p]) for p, said in enumerate(layout.classes)})
    return +pane


def fresh_panes(
    panes: Mapping[tuple[tuple[str, str], str, int, int], Counter[Any]], watermark: int
) -> dict[tuple[tuple[str, str], str, int, int], Counter[Any]]:
    """The panes that some window still to be judged can read: older ones may be forgotten."""
    return {k: +pane for k, pane in panes.items() if k[3] >= watermark - k[2] and (+pane)}
