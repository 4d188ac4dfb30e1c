"""When a partition no longer holds W, and when it does again."""

from __future__ import annotations

from driftline.app.idleness import PROOF_S, Idleness
from driftline.ports import PartitionStatus

A, B = ("t", 0), ("t", 1)


def statuses(at_end: bool = True) -> list[PartitionStatus]:
    return [PartitionStatus("t", n, 5, 5, 0, at_end) for n in (0, 1)]


def look(
    idleness: Idleness, now_s: float, *, marks: dict | None = None, at_end: bool = True, up: bool = True
):
    idleness.look(statuses(at_end), {A: 10, B: 10} if marks is None else marks, 30.0, now_s, up=up)
    return idleness.idle


def test_a_partition_is_idle_after_a_while_at_its_end():
    """Fault 60: at the high watermark, and no watermark-moving record for ``idle_after``."""
    idleness = Idleness()
    assert frozenset() == look(idleness, 0.0)
    assert frozenset() == look(idleness, 29.9)
    assert {A, B} == look(idleness, 30.0)


def test_a_record_begins_the_wait_anew():
    """Only for the partition whose watermark moved."""
    idleness = Idleness()
    look(idleness, 0.0)
    look(idleness, 20.0, marks={A: 11, B: 10})
    assert {B} == look(idleness, 40.0, marks={A: 11, B: 10})


def test_a_partition_with_lag_or_without_a_broker_is_never_idle():
    """Fault 60: a stalled one holds W."""
    idleness = Idleness()
    look(idleness, 0.0, at_end=False)
    assert frozenset() == look(idleness, 100.0, at_end=False)
    look(idleness, 101.0)
    assert frozenset() == look(idleness, 200.0, up=False)


def test_when_one_speaks_again_the_others_prove_that_they_are_quiet():
    """Fault 22: after a standstill all have records; the first one polled must not carry W past the others."""
    idleness = Idleness()
    look(idleness, 0.0)
    assert {A, B} == look(idleness, 30.0)
    idleness.doubt(31.0)
    assert frozenset() == look(idleness, 31.0, marks={A: 99, B: 10})
    assert {B} == look(idleness, 31.0 + PROOF_S, marks={A: 99, B: 10})
