"""The ledger decides what is dropped, merged and written anew, by numbers alone."""

import numpy as np

from driftline.ledger import FAN, SPARE_ROWS, Ledger


def test_a_block_is_dropped_when_its_last_row_is_through():
    """Not before; and its number is never used again."""
    ledger = Ledger()
    number = ledger.add(3)
    ledger.release(np.array([number, number], np.int32))
    assert [] == ledger.sweep()
    ledger.release(np.array([number], np.int32))
    assert [number] == ledger.sweep()
    assert number < ledger.add(1)


def test_small_blocks_of_one_group_are_merged():
    """Eight of about one size; those of another group, and large ones, stay."""
    ledger = Ledger()
    large = ledger.add(100_000, 1)
    small = [ledger.add(10 + i % 5, 1) for i in range(FAN)]
    others = [ledger.add(10, 2) for _ in range(FAN - 1)]
    assert [small] == ledger.due()
    ledger.drop(small)
    assert {large, *others} == ledger.entries.keys()
    assert [] == ledger.due()


def test_the_emptiest_block_is_written_anew_once_most_rows_are_out_of_use():
    """So the log is at most about twice its rows."""
    ledger = Ledger()
    full, thin = ledger.add(50_000), ledger.add(50_000)
    ledger.free(thin, 49_000)
    assert [] == ledger.due()
    ledger.free(full, 30_000)
    assert [[thin]] == ledger.due()


def test_little_waste_is_left_alone():
    """A rewrite for a few rows would cost more than they do."""
    ledger = Ledger()
    number = ledger.add(SPARE_ROWS)
    ledger.free(number, SPARE_ROWS - 1)
    assert [] == ledger.due()


def test_a_forced_block_is_rewritten_once():
    """Whatever its size; one that is not there is none."""
    ledger = Ledger()
    number = ledger.add(100_000)
    ledger.force([number, number + 1])
    assert [[number]] == ledger.due()
    ledger.drop([number])
    assert [] == ledger.due()
