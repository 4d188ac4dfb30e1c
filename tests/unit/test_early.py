"""Labels before their prediction in the state file: what a commit writes, what is read back, what goes."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftline.join.early import Block, Early
from driftline.join.events import Labels

WAIT_MS = 100


def labels(ids: list[int], eff_ms: int) -> Labels:
    """One label each of some ids, at an instant."""
    n = len(ids)
    keys = np.array([[i, 1] for i in ids], np.uint64).reshape(-1, 2)
    zeros = np.zeros(n, np.int64)
    return Labels(
        keys, zeros + eff_ms, zeros.astype(np.int32), np.array(ids, np.int32) % 2, np.full(n, 0.5), zeros + 1,
        np.zeros(n, np.bool_), np.stack([zeros, zeros + eff_ms, zeros], axis=1),
    )  # fmt: skip


def note(early: Early, ids: list[int], eff_ms: int) -> int:
    """Labels of some ids begin to wait."""
    new = labels(ids, eff_ms)
    return early.note(new, np.arange(len(ids)), new.eff_ms - WAIT_MS)


def drop(early: Early, ids: list[int]) -> int:
    """Nothing waits for some ids any more."""
    return early.drop(np.array([[i, 1] for i in ids], np.uint64).reshape(-1, 2))


class File:
    """The blocks that commits leave."""

    def __init__(self) -> None:
        self.blocks: dict[int, Block] = {}

    def commit(self, early: Early) -> int:
        """Write what changed; returns how many labels were written."""
        blocks, gone = early.write()
        for number in gone:
            del self.blocks[number]
        self.blocks |= {block[0]: block for block in blocks}
        return sum(len(columns["ids"]) for _, columns in blocks)

    def start(self, waiting: set[int]) -> Early:
        """What a new process reads; the join's table tells which ids wait."""
        early = Early()
        early.read(self.blocks.values(), lambda ids: np.isin(ids[:, 0], np.array([*waiting], np.uint64)))
        return early


def test_a_commit_writes_what_is_new_however_much_waits() -> None:
    """Fifty thousand labels wait: ten more cost ten, and none costs nothing."""
    early, file = Early(), File()
    note(early, list(range(50_000)), 1)
    assert [50_000, 0] == [file.commit(early), file.commit(early)]
    note(early, list(range(50_000, 50_010)), 2)
    assert 10 == file.commit(early)


def test_what_nobody_waits_for_leaves_the_file() -> None:
    """A block is dropped with its last label, and written anew when most of it is gone."""
    early, file = Early(), File()
    note(early, list(range(20_000)), 1)
    file.commit(early)
    drop(early, list(range(15_000)))
    file.commit(early)
    assert 5_000 == sum(len(columns["ids"]) for _, columns in file.blocks.values())
    drop(early, list(range(15_000, 20_000)))
    file.commit(early)
    assert {} == file.blocks


def test_many_small_commits_leave_few_blocks() -> None:
    """Small blocks are merged."""
    early, file = Early(), File()
    for number in range(300):
        note(early, [number], number)
        file.commit(early)
    assert len(file.blocks) < 25


def test_a_block_from_before_there_were_several_is_written_anew() -> None:
    """Number 0 is no block of the log: what it held is in the next commit."""
    early, file = Early(), File()
    note(early, [1, 2], 1)
    file.commit(early)
    (block,) = file.blocks.values()
    file.blocks = {0: (0, block[1])}
    again = file.start({1, 2})
    assert early.labels() == again.labels()
    assert 2 == file.commit(again)


@given(st.integers(0, 10_000))
def test_what_is_read_back_is_what_waited(seed: int) -> None:
    """Any turns of labels, predictions that come, waits that end, commits and restarts: as with no restart at all."""
    rng = random.Random(seed)
    plain, early, file = Early(), Early(), File()
    counted = [0, 0]
    for now in range(0, 4000, 25):
        some = rng.sample(range(12), rng.randint(1, 5))
        for place, each in enumerate((plain, early)):
            counted[place] += note(each, some, now)
        if rng.random() < 0.5:
            gone = rng.sample(range(12), rng.randint(1, 4))
            assert drop(plain, gone) == drop(early, gone)
        if rng.random() < 0.4:
            file.commit(early)
            if rng.random() < 0.5:
                early = file.start({a for a, _ in plain.labels()})
    assert plain.labels() == early.labels()
    assert counted[0] == counted[1] > 0
