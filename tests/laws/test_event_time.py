"""What event time concludes is a function of the logs: no batch size and no interleaving changes a sample."""

from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.pipeline.counting import count_waiting
from driftline.pipeline.snapshot import snapshot
from driftline.pipeline.stream import Samples, StreamEngine
from driftline.records import Control, Kind, RawBatch
from driftline.settings import (
    DEFAULT_GATES,
    LabelSettings,
    Limits,
    ModelSettings,
    StreamSettings,
    Task,
    TimeSettings,
    Window,
)  # fmt: skip
from driftline.store.blobs import encode
from driftline.wiring import build_pipeline
from tests.restarts import restarted

MINUTE = 60_000
START = 1_000_000 * MINUTE
OUT_OF_ORDER, LATENESS, DELAY, HORIZON, ORPHAN, CORRECTIONS = 2, 6, 3, 70, 5, 8
WINDOWS = (Window(10 * MINUTE, 5 * MINUTE), Window(20 * MINUTE, 10 * MINUTE))
MODEL = ModelSettings(
    match="m", stream="s", task=Task.BINARY, positive="1", classes=("0", "1"),
    drift_windows=WINDOWS, performance_windows=WINDOWS, gates=dict.fromkeys(DEFAULT_GATES, 0),
    labels=LabelSettings(
        delay_ms=DELAY * MINUTE, horizon_ms=HORIZON * MINUTE, orphan_wait_ms=ORPHAN * MINUTE,
        corrections_ms=CORRECTIONS * MINUTE, min_coverage=0.0,
    ),
)  # fmt: skip
TIME = TimeSettings(
    out_of_orderness_ms=OUT_OF_ORDER * MINUTE, allowed_lateness_ms=LATENESS * MINUTE, max_future_ms=None
)

prediction = st.tuples(st.integers(0, 11), st.integers(0, 60), st.integers(0, 1))
label = st.tuples(
    st.integers(0, 11), st.integers(0, 90), st.sampled_from(["0", "1", None]), st.integers(1, 3)
)
logs = st.tuples(*[st.lists(prediction, max_size=12)] * 2, *[st.lists(label, max_size=12)] * 2)


def bytes_of(kind: Kind, row: tuple) -> bytes:
    if kind is Kind.PREDICTION:
        key, minute, answer = row
        event = {
            "prediction_id": str(key),
            "model": "m",
            "version": "1",
            "prediction": answer,
            "score": 0.25 + answer / 2,
        }
    else:
        key, minute, truth, revision = row
        event = {"prediction_id": str(key), "model": "m", "label": truth, "revision": revision}
    return json.dumps({**event, "time": START + minute * MINUTE}).encode()


def partitions_of(log: tuple) -> dict[tuple[Kind, str, int], list[bytes]]:
    """Copies of an id stay in one partition: even ids in 0, odd ones in 1."""
    out = {}
    for place, rows in enumerate(log):
        kind = Kind.PREDICTION if place < 2 else Kind.LABEL
        mine = [(row[0] // 2 * 2 + place % 2, *row[1:]) for row in rows]
        out[kind, "predictions" if place < 2 else "labels", place % 2] = [bytes_of(kind, row) for row in mine]
    return out


def fresh_engine(lines: list[bytes]) -> StreamEngine:
    """An engine that has seen nothing, and writes its samples to ``lines``."""
    stream = StreamSettings(name="s", predictions=("predictions",), labels=("labels",), time=TIME)
    pipeline = build_pipeline(stream, (MODEL,), Limits(), lambda *_: None)
    return StreamEngine(pipeline, None, Samples(lines.extend))


def run(
    log: tuple, order: list[tuple[int, int]], stops: frozenset[int] = frozenset(),
    idle: tuple[frozenset[int], ...] = (), controls: tuple[Control, ...] = (), *, eager: bool = False,
) -> tuple[list[bytes], StreamEngine]:  # fmt: skip
    """Read the partitions in the given turns of (partition, records), restarting after some; then all are idle.

    ``idle`` are the partitions that the clock took for idle in each turn; ``controls`` what another run noted.
    ``eager`` counts every row at once, where the engine lets rows of a batch wait for those of the next.
    """
    lines: list[bytes] = []
    kept: dict = {}
    engine = fresh_engine(lines)
    pipeline = engine.pipeline
    parts = list(partitions_of(log).items())
    at = [0] * len(parts)
    pipeline.watermarks = {(topic, number): -(1 << 62) for (_k, topic, number), _v in parts}
    pipeline.obey(controls)
    for turn, (which, count) in enumerate([*order, *((i, 10**6) for i in range(len(parts)))]):
        (kind, topic, number), values = parts[which]
        piece = values[at[which] : at[which] + count]
        if piece:
            n = len(piece)
            offsets = np.arange(at[which], at[which] + n)
            pipeline.feed(
                RawBatch(
                    kind, ((topic, number),), np.zeros(n, np.int32), offsets, np.full(n, -1, np.int64), piece
                )
            )
            at[which] += n
        for slot in pipeline.registry.slots if eager else ():
            count_waiting(slot)
        resting = (idle[turn] if turn < len(idle) else frozenset()) - {which}
        engine.advance(frozenset(parts[i][0][1:] for i in resting), 0)
        if turn in stops:
            engine = restarted(engine, fresh_engine(lines), kept)
            pipeline = engine.pipeline
    engine.advance(frozenset(pipeline.watermarks), 0)
    engine.advance(frozenset(pipeline.watermarks), 0, START + 200 * MINUTE)
    return sorted(lines), engine


@settings(max_examples=120, deadline=None)
@given(logs, st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=30))
def test_no_interleaving_and_no_batch_size_changes_a_sample(log: tuple, order: list[tuple[int, int]]) -> None:
    """Fault 74: late, shuffled, corrected and retracted events, read in any turns, give the same bytes."""
    expected, _ = run(log, [])
    actual, _ = run(log, order)
    assert expected == actual


@settings(max_examples=60, deadline=None)
@given(
    logs, st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=20), st.sets(st.integers(0, 24))
)
def test_a_restart_at_any_point_changes_no_sample(
    log: tuple, order: list[tuple[int, int]], stops: set[int]
) -> None:
    """Fault 1: restored from its blobs after any turns, the pipeline goes on as if nothing had happened."""
    expected, _ = run(log, order)
    actual, _ = run(log, order, frozenset(stops))
    assert expected == actual


@settings(max_examples=120, deadline=None)
@given(
    logs, st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), min_size=4, max_size=20),
    st.lists(st.frozensets(st.integers(0, 3)), max_size=20),
)  # fmt: skip
def test_what_the_clock_decided_can_be_obeyed(
    log: tuple, order: list[tuple[int, int]], idle: list[frozenset[int]]
) -> None:
    """Faults 60, 75: a second reading with the first one's control records gives the same samples."""
    expected, engine = run(log, order, idle=tuple(idle))
    actual, _ = run(log, [], controls=tuple(engine.pipeline.controls))
    assert expected == actual


def watermarked(rows: list[tuple]) -> list[tuple[tuple, int, int]]:
    """(row, minute, effective minute), and the watermark before it decides what is dropped."""
    mark, out = -(10**9), []
    for row in rows:
        out.append((row, mark, max(row[1], mark)))
        mark = max(mark, row[1] - OUT_OF_ORDER)
    return out


def oracle(log: tuple) -> dict[tuple[int, int], tuple[int, int, int]]:
    """(length, end) -> (events, labelled, right), by dictionaries, one event at a time."""
    first: dict[int, tuple[int, int, int]] = {}
    for place in (0, 1):
        for row, mark, eff in watermarked(log[place]):
            key = row[0] // 2 * 2 + place
            if row[1] >= mark - LATENESS and key not in first:
                first[key] = (row[1], eff, row[2])
    labels = []
    for place in (2, 3):
        for offset, (row, _mark, eff) in enumerate(watermarked(log[place])):
            labels.append((eff, place, offset, row[0] // 2 * 2 + place % 2, row[2], row[3]))
    labels.sort(key=lambda x: x[:3])
    out = {}
    for window in WINDOWS:
        length, slide = window.length_ms // MINUTE, window.slide_ms // MINUTE
        for end in range(0, 120, slide):
            absolute = START // MINUTE
            aligned = (absolute + end) // slide * slide - absolute
            out[length, aligned] = count(first, labels, aligned - length, aligned, aligned + DELAY)
    return out


def count(first: dict, labels: list, start: int, end: int, judged: int) -> tuple[int, int, int]:
    held: dict[int, tuple[str | None, int, int]] = {}
    for eff, _place, _offset, key, truth, revision in labels:
        if eff >= judged or key not in first:
            continue
        time, known, _answer = first[key]
        if key not in held:
            if eff - time <= HORIZON and known - eff <= ORPHAN:
                held[key] = (truth, revision, eff)
            continue
        old, old_revision, since = held[key]
        newer = revision > old_revision or (revision == old_revision and truth is None and old is not None)
        if newer and eff - since <= CORRECTIONS:
            held[key] = (truth, revision, since)
    inside = {k: v for k, v in first.items() if start <= v[0] < end and v[1] < judged}
    labelled = {k: held[k][0] for k in inside if k in held and held[k][0] is not None}
    right = sum(truth == str(first[k][2]) for k, truth in labelled.items())
    return len(inside), len(labelled), right


@settings(max_examples=120, deadline=None)
@given(logs)
def test_every_judged_window_equals_a_plain_fold(log: tuple) -> None:
    """Events, labelled and accuracy of each judged window are those of an obvious loop over the logs."""
    lines, _ = run(log, [])
    expected = oracle(log)
    actual: dict[tuple[int, int], dict[str, float]] = defaultdict(dict)
    for line in map(json.loads, lines):
        if line["statistic"] in {"events", "labelled", "accuracy"}:
            end = np.datetime64(line["end"][:-1], "m").astype(int) - START // MINUTE
            actual[int(line["window"][:-1]), int(end)][line["statistic"]] = line["value"]
    for key, (events, labelled, right) in expected.items():
        if events:
            assert (events, labelled) == (actual[key]["events"], actual[key]["labelled"])
            assert (right / labelled if labelled else None) == actual[key].get("accuracy")
        else:
            assert key not in actual


@settings(max_examples=120, deadline=None)
@given(logs, st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=30))
def test_rows_that_wait_to_be_counted_change_neither_a_sample_nor_the_state(
    log: tuple, order: list[tuple[int, int]]
) -> None:
    """Counting the rows of many batches together gives the bytes that counting each batch gives."""
    expected, at_once = run(log, order, eager=True)
    actual, together = run(log, order)
    assert expected == actual
    states = [
        {key: None if blob is None else encode(blob) for key, blob in snapshot(engine.pipeline).items()}
        for engine in (at_once, together)
    ]
    assert states[0] == states[1]
