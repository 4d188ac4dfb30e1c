"""The log of blocks gives back the state that wrote it, wherever a commit or a crash falls."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline import ledger
from driftline.join import log as join_log
from driftline.pipeline.engine import Pipeline
from driftline.pipeline.snapshot import restore, snapshot
from driftline.pipeline.stream import StreamEngine
from driftline.settings import Task
from driftline.store.blobs import decode, encode
from tests.faults.small_stream import LOG, MODELS, feed, finish, fresh_engine, make_log, model, turns


@pytest.fixture(autouse=True)
def busy(monkeypatch):
    """Merge and rewrite blocks all the time."""
    monkeypatch.setattr(ledger, "FAN", 3)
    monkeypatch.setattr(ledger, "SPARE_ROWS", 3)
    monkeypatch.setattr(ledger, "SMALL_ROWS", 20)
    monkeypatch.setattr(join_log, "WHOLE_ROWS", 12)


class File:
    """The state file's blocks, as bytes."""

    def __init__(self) -> None:
        self.blocks: dict = {}

    def commit(self, engine: StreamEngine) -> None:
        for key, blob in snapshot(engine.pipeline).items():
            if blob is None:
                self.blocks.pop(key, None)
            else:
                self.blocks[key] = encode(blob)

    def start(self, lines: list[bytes], models=MODELS, **others: Any) -> StreamEngine:
        engine = fresh_engine(lines, models, **others)
        if self.blocks:
            restore(engine.pipeline, {key: decode(raw) for key, raw in self.blocks.items()})
        return engine


def contents(pipeline: Pipeline) -> dict:
    """All that the future depends on, in an order that does not depend on how it came about."""
    table = pipeline.join.table
    rows = np.flatnonzero((table.flags[: table.rows] & 4) == 0)
    rows = rows[np.lexsort((table.keys[rows, 0], table.keys[rows, 1]))]
    joined = {n: repr(c[rows].tolist()) for n, c in table.columns.items()}
    scores = [None if (v := table.scores.get(r)) is None else repr(v.tolist()) for r in rows.tolist()]
    data = {s.key: {k: dict(v) for k, v in s.data.buckets.items() if v} for s in pipeline.registry.slots}
    return {
        "keys": table.keys[rows].tolist(), "rows": joined, "scores": scores, "counts": +pipeline.counts,
        "join": +pipeline.join.counts, "data": data,
        "early": sorted(map(repr, pipeline.join.early.labels().items())),
        "staged": [sorted(_rows(s)) for s in (pipeline.labels, pipeline.changes, pipeline.places)],
        "late": sorted(
            (*r.slot.key, t, e, c)
            for r in pipeline.late
            for t, e, c in zip(r.time_ms.tolist(), r.eff_ms.tolist(), r.counted.tolist(), strict=True)
        ),
        "slots": {
            s.key: (s.first_ms, s.last_ms, s.predictions, s.delays.tolist(), s.delay_sum_ms)
            for s in pipeline.registry.slots
        },
    }  # fmt: skip


def _rows(staging) -> list[str]:
    return [
        repr([c[i].tolist() for c in columns.values()])
        for _number, columns in staging._chunks
        for i in range(len(columns["eff_ms"]))
    ]


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([2, 9, 40]), st.integers(1, 9))
def test_what_is_read_back_is_what_was_written(seed: int, most: int, every: int) -> None:
    """Committed and read back after any turns, state, counters and samples are those of one undisturbed run."""
    order = turns(seed, 40, most)
    plain_lines: list[bytes] = []
    plain = fresh_engine(plain_lines)
    lines: list[bytes] = []
    file = File()
    engine = file.start(lines)
    rng = random.Random(seed)
    for turn in order:
        feed(plain, LOG, *turn)
        feed(engine, LOG, *turn)
        if rng.randrange(every) == 0:
            file.commit(engine)
            if rng.random() < 0.5:
                engine = file.start(lines)
            assert contents(plain.pipeline) == contents(engine.pipeline)
    finish(plain, LOG)
    finish(engine, LOG)
    assert plain_lines == lines


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([2, 9, 40]), st.integers(1, 9))
def test_a_crash_at_any_point_changes_no_sample(seed: int, most: int, every: int) -> None:
    """Fault 1, 2: what came after the last commit is read again, in other batches, and gives the same samples."""
    log = make_log(seed, 60)
    models = tuple(replace(m, classes=tuple("uvwxyz")) if m.match == "m" else m for m in MODELS)
    expected: list[bytes] = []
    finish(fresh_engine(expected, models), log)
    lines: list[bytes] = []
    kept = 0
    file = File()
    engine = file.start(lines, models)
    rng = random.Random(seed)
    for turn in turns(seed, 40, most):
        feed(engine, log, *turn)
        chance = rng.randrange(every * 2)
        if chance == 0:
            file.commit(engine)
            kept = len(lines)
        elif chance == 1:
            del lines[kept:]
            engine = file.start(lines, models)
    finish(engine, log)
    assert sorted(expected) == sorted(lines)


def test_commits_leave_few_blocks_and_drop_what_is_over() -> None:
    """The file does not grow with the commits, and at the end of all lifetimes no row is left in it."""
    lines: list[bytes] = []
    file, engine = File(), fresh_engine(lines)
    most = 0
    for turn in turns(3, 400, 3):
        feed(engine, LOG, *turn)
        file.commit(engine)
        most = max(most, sum(table in {"join_block", "staged"} for table, _key in file.blocks))
    assert most < 200
    finish(engine, LOG)
    file.commit(engine)
    assert [] == [key for key in file.blocks if key[0] in {"join_block", "staged"}]


def test_a_model_that_leaves_and_comes_back_finds_nothing_of_its_rows() -> None:
    """What left the configuration is gone with the next commit, whatever blocks it was in; the others stay."""
    file, engine = File(), fresh_engine([])
    for turn in turns(5, 60, 9):
        feed(engine, LOG, *turn)
        file.commit(engine)
    before = contents(engine.pipeline)
    without = file.start([], MODELS[1:])
    file.commit(without)
    back = file.start([])
    gone = {m.code for m in back.pipeline.registry.by_code if m.name == "b"}
    table = back.pipeline.join.table
    assert 0 == sum(code in gone for code in table.model[: table.rows].tolist())
    kept = table.keys[: table.rows].tolist()
    assert [] == [k for k in kept if k not in before["keys"]]
    assert 0 < len(kept) < len(before["keys"])


def test_codes_of_an_earlier_run_are_read_by_name() -> None:
    """Models may change their places in the configuration: a restart gives each its own rows."""
    order = turns(6, 80, 9)
    plain_lines: list[bytes] = []
    plain = fresh_engine(plain_lines)
    for turn in order:
        feed(plain, LOG, *turn)
    lines: list[bytes] = []
    file, engine = File(), fresh_engine(lines)
    for number, turn in enumerate(order):
        feed(engine, LOG, *turn)
        if number % 20 == 19:
            file.commit(engine)
            engine = file.start(
                lines, MODELS if number % 40 == 39 else (model("a", Task.BINARY), *MODELS[::-1])
            )
    finish(plain, LOG)
    finish(engine, LOG)
    assert sorted(plain_lines) == sorted(lines)


def test_evicted_rows_do_not_come_back() -> None:
    """The memory cap leaves no trace of what it dropped."""
    file, engine = File(), fresh_engine([])
    for number, turn in enumerate(turns(8, 120, 5)):
        feed(engine, LOG, *turn)
        if number % 3 == 0:
            engine.pipeline.join.evict(20, engine.pipeline.watermark_ms)
        file.commit(engine)
        assert contents(engine.pipeline) == contents(file.start([]).pipeline)
