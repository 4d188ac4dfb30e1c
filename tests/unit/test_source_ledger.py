"""What is known of partitions, without a client: starts, losses, pauses, growth."""

from __future__ import annotations

from collections.abc import Mapping

from driftline.ports import Loss
from driftline.sources.ledger import Ledger
from driftline.sources.picture import Picture
from driftline.sources.starts import starts
from driftline.sources.unreadable import TRIES, Failures, next_readable

A, B, C = ("t", 0), ("t", 1), ("t", 2)
NEW = {A: (10, 20), B: (0, 5), C: (0, 0)}


def _picture(
    watermarks: Mapping[tuple[str, int], tuple[int, int]], asked_at: Mapping[tuple[str, int], int] | None = None,
    topics: frozenset[str] = frozenset({"t"}), ids: Mapping[str, str] | None = None,
) -> Picture:  # fmt: skip
    return Picture(1, watermarks, topics, frozenset(watermarks), ids or {}, asked_at or {})


def _never(_keys: object, _at_ms: int) -> dict[tuple[str, int], int]:
    raise AssertionError("nobody asked for a time")


def test_the_states_offset_goes_before_any_configured_start() -> None:
    """A partition with a stored offset never starts anew."""
    assert {A: 12, B: 0, C: 0} == starts("earliest", NEW, {A: 12}, set(), _never)
    assert {A: 12, B: 5, C: 0} == starts("latest", NEW, {A: 12}, set(), _never)


def test_what_appeared_while_running_is_read_from_its_first_record() -> None:
    """Even where others start at the end; one there at first but not askable then is no newcomer (Fault 28)."""
    assert {A: 20, B: 0, C: 0} == starts("latest", NEW, {}, {B, C}, _never)


def test_a_start_in_time_waits_until_it_could_be_asked() -> None:
    """No record at or after the instant: the end. Not asked: left out for a later look."""
    found = starts(1_000, NEW, {}, {C}, lambda _keys, _at: {A: -1})
    assert {A: 20, C: 0} == found


def test_records_that_were_fetched_before_they_were_deleted_are_no_loss() -> None:
    """The look began before they were read; by now reading stands behind them."""
    ledger = Ledger(["t"], positions={A: 30})
    assert [] == ledger.compare(_picture({A: (25, 40)}, {A: 10}))
    assert ["offset 10 is below the oldest record, 25"] == [
        loss.why for loss in Ledger(["t"], positions={A: 10}).compare(_picture({A: (25, 40)}, {A: 10}))
    ]


def test_another_id_loses_the_whole_topic_whatever_its_offsets() -> None:
    """An id learned for the first time loses nothing (Fault 25)."""
    ledger = Ledger(["t"])
    ledger.open({A: 3, B: 1}, {"t": "one"})
    assert [] == ledger.compare(_picture({A: (0, 9)}, ids={"t": "one"}))
    losses = ledger.compare(_picture({A: (0, 9)}, ids={"t": "two"}))
    assert [("t", 0, 3), ("t", 1, 1)] == [(x.topic, x.partition, x.stored) for x in losses]
    fresh = Ledger(["t"])
    fresh.open({A: 3}, {"t": ""})
    assert [] == fresh.compare(_picture({A: (0, 9)}, ids={"t": "two"}))


def test_a_topic_is_gone_when_two_looks_in_a_row_miss_it() -> None:
    """One look may have met a broker that had just started (Fault 26)."""
    ledger = Ledger(["t"], positions={A: 3})
    missing, there = _picture({}, topics=frozenset()), _picture({A: (0, 3)})
    for look, expected in ((missing, 0), (there, 0), (missing, 0), (missing, 1)):
        ledger.compare(look)
        assert expected == len(ledger.absent())


def test_a_loss_stays_until_it_is_given_up() -> None:
    """The first reason is kept; a lost partition is neither read nor resumed (Fault 24)."""
    ledger = Ledger(["t"], positions={A: 3, B: 0})
    first, second = Loss("t", 0, 3, 9, 9, "first"), Loss("t", 0, 3, 9, 9, "second")
    assert [A] == ledger.lose([first, second])
    assert [first] == list(ledger.lost.values())
    assert [] == ledger.pause([A])
    assert [] == ledger.resume([A])
    assert [A] == ledger.give_up({A: 9}, {"t": "new"})
    assert ({A: 9, B: 0}, {"t": "new"}) == (ledger.positions, ledger.ids)
    assert ledger.reads(A)


def test_a_paused_partition_that_was_lost_stays_paused_after_it_was_skipped() -> None:
    """Skipping gives records up, not the pause."""
    ledger = Ledger(["t"], positions={A: 3})
    assert [A] == ledger.pause([A])
    assert [] == ledger.lose([Loss("t", 0, 3, 9, 9, "why")])
    assert [] == ledger.give_up({A: 9}, {})
    assert [A] == ledger.resume([A])


def test_growth_is_told_only_of_topics_that_are_read_already() -> None:
    """Not at the start, when everything is new (Fault 28)."""
    ledger = Ledger(["t"])
    assert [] == ledger.grown([A, B])
    ledger.positions.update({A: 0, B: 0})
    (told,) = ledger.grown([C])
    assert "topic t has more partitions than before" in told


def test_a_batch_counts_as_unreadable_after_some_failures_in_a_row() -> None:
    """One success starts the count anew (Fault 30)."""
    failures = Failures()
    assert [False] * (TRIES - 1) == [failures.failed(A) for _ in range(TRIES - 1)]
    failures.passed([A])
    assert [False] * (TRIES - 1) + [True] == [failures.failed(A) for _ in range(TRIES)]


def test_the_first_readable_offset_is_found_exactly_with_few_questions() -> None:
    """Wherever the damaged batch ends, up to the end of the partition (Fault 30)."""
    for end in (1, 2, 3, 50, 1000):
        for first_good in range(1, end + 1):
            asked: list[int] = []

            def readable(offset: int, good: int = first_good, asked: list[int] = asked) -> bool:
                asked.append(offset)
                return offset >= good

            assert first_good == next_readable(0, end, readable)
            assert len(asked) <= 2 * end.bit_length()
            assert end not in asked
