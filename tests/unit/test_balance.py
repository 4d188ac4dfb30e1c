"""Which partitions must wait: those far ahead of W, and the ones that fill the memory."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import structlog

from driftline.app import Runner
from driftline.records import Kind
from driftline.settings import HOUR_MS, Limits, StreamSettings
from driftline.testing.source import FakeSource

A, B, C = ("t", 0), ("t", 1), ("t", 2)
LIMITS = replace(Limits(), staged_events=100, join_memory_bytes=1000)


def runner(marks: dict, *, w: int = 0, staged: int = 0, joined: int = 0) -> Runner:
    pipeline = SimpleNamespace(
        stream=StreamSettings(name="s"), watermarks=marks, watermark_ms=w, staged_rows=lambda: staged,
        join=SimpleNamespace(table=SimpleNamespace(nbytes=joined)),
    )  # fmt: skip
    return Runner("s", FakeSource({"t": Kind.PREDICTION}, 3), SimpleNamespace(pipeline=pipeline))  # type: ignore[arg-type]


def paused(r: Runner) -> dict:
    r.balance(LIMITS, 0.0, structlog.get_logger())
    return r.paused


def test_far_ahead_is_paused_and_resumed_at_half_the_distance():
    """§4.7: without hysteresis a pause would throw the prefetch away again and again."""
    r = runner({A: 0, B: HOUR_MS + 1, C: HOUR_MS})
    assert {B: "skew"} == paused(r)
    r.engine.pipeline.watermarks[A] = HOUR_MS // 2
    assert {B: "skew"} == paused(r)
    r.engine.pipeline.watermarks[A] = HOUR_MS // 2 + 1
    assert {} == paused(r)


def test_too_many_staged_events_pause_all_but_the_last_partition():
    """Fault 73: memory is bounded, and only the last one lets W pass what waits."""
    assert {B: "memory", C: "memory"} == paused(runner({A: 1, B: 2, C: 3}, w=1, staged=101))
    assert {} == paused(runner({A: 1, B: 2, C: 3}, w=1, staged=100))


def test_a_full_join_pauses_down_to_half_of_the_limit():
    """Fault 16: memory stays under the configured bound."""
    r = runner({A: 1, B: 2}, w=1, joined=1001)
    assert {B: "memory"} == paused(r)
    r.engine.pipeline.join.table.nbytes = 501
    assert {B: "memory"} == paused(r)
    r.engine.pipeline.join.table.nbytes = 500
    assert {} == paused(r)
