"""The join table as a log of append-only blocks: what changed goes in, the same table comes out.

Rows go into blocks by the time at which they expire, so that a block's rows die together and it is
dropped whole. What labels changed in older rows goes into blocks of changes, by key; the newest block
that speaks of a row is right. That a row expired is written nowhere: its lifetime and the last expiry
tell it. Numbers of blocks rise, and a block speaks only of rows in blocks before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftline.join.join import Join
from driftline.join.lifetime import Policy, until
from driftline.join.table import CHANGED, DEAD, FRESH, OVER, JoinTable
from driftline.ledger import WHOLE_ROWS
from driftline.records import Ints

Arrays = dict[str, NDArray]  # type: ignore[type-arg]

CHANGES = -1
"""The ledger's group of the blocks of changes."""
LEAST_SPAN_MS = 60_000
SPANS = 32
"""A model's horizon is cut in about so many spans; the rows of a block expire within one."""
CHANGE_COLUMNS = ("model", "label", "label_value", "label_ms", "revision", "flags")


@dataclass(slots=True)
class Block:
    """One block: rows (``group`` says when they expire) or changes."""

    number: int
    group: int
    expires: int
    """How many expiries there had been when it was written."""
    arrays: Arrays


def write(join: Join) -> tuple[list[Block], list[int]]:
    """The blocks to add, and the numbers of those to delete, so that the log holds the join as it is."""
    table = join.table
    gone = table.ledger.sweep()
    runs = table.ledger.due()
    changes = [run for run in runs if table.ledger.entries[run[0]].group == CHANGES]
    blocks: list[Block] = []
    for run in runs:
        if run not in changes:
            rows = _in_use(table, "home", run)
            gone += run
            table.ledger.drop(run)
            blocks += _rows(join, rows)
    unwritten = _unwritten(table)
    blocks += _rows(join, unwritten[(table.books["mark"][unwritten] & FRESH) != 0])
    changed = [unwritten[(table.books["mark"][unwritten] & CHANGED) != 0]]
    for run in changes:
        changed.append(_in_use(table, "changed", run))
        gone += run
        table.ledger.drop(run)
        table.books["changed"][changed[-1]] = 0
    blocks += _changes(join, np.unique(np.concatenate(changed)))
    table.unwritten_bytes = 0
    table.shadowed &= table.ledger.entries.keys()
    return blocks, gone


def _unwritten(table: JoinTable) -> Ints:
    """Rows in use that are not as the blocks say."""
    rows = np.flatnonzero((table.books["mark"][: table.rows] & np.uint8(FRESH | CHANGED)) != 0)
    return _alive(table, rows)


def _alive(table: JoinTable, rows: Ints) -> Ints:
    alive: Ints = rows[(table.flags[rows] & DEAD) == 0]
    return alive


def _in_use(table: JoinTable, book: str, numbers: list[int]) -> Ints:
    """Rows in use that stand in some blocks."""
    rows = np.flatnonzero(np.isin(table.books[book][: table.rows], np.array(numbers, np.int32)))
    return _alive(table, rows)


def _spans(join: Join, rows: Ints) -> Ints:
    """When rows expire, in milliseconds, rounded up to a span of their model's horizon."""
    span = np.array([_span_ms(p.horizon_ms) for p in join.policies], np.int64)[join.table.model[rows]]
    ends: Ints = (until(join.table, rows, join.policies) // span + 1) * span
    return ends


def _span_ms(horizon_ms: int) -> int:
    return LEAST_SPAN_MS << max(0, (horizon_ms // SPANS // LEAST_SPAN_MS).bit_length() - 1)


def _rows(join: Join, rows: Ints) -> list[Block]:
    """Blocks of rows as they are now; they are in no other block from now on."""
    table = join.table
    blocks = []
    groups = _spans(join, rows)
    for group in np.unique(groups).tolist():
        mine = rows[groups == group]
        for start in range(0, len(mine), WHOLE_ROWS):
            piece = mine[start : start + WHOLE_ROWS]
            arrays = table.read(piece)
            arrays["over"] = np.flatnonzero(table.books["mark"][piece] & OVER)
            number = table.ledger.add(len(piece), group)
            table.ledger.release(table.books["changed"][piece])
            table.books["home"][piece], table.books["changed"][piece] = number, 0
            table.books["mark"][piece] &= OVER
            blocks.append(Block(number, group, join.expires, arrays))
    return blocks


def _changes(join: Join, rows: Ints) -> list[Block]:
    """Blocks of what labels made of rows."""
    table = join.table
    table.ledger.release(table.books["changed"][rows])
    blocks = []
    for start in range(0, len(rows), WHOLE_ROWS):
        piece = rows[start : start + WHOLE_ROWS]
        arrays: Arrays = {name: table.columns[name][piece] for name in CHANGE_COLUMNS}
        arrays["keys"] = table.keys[piece]
        number = table.ledger.add(len(piece), CHANGES)
        table.books["changed"][piece] = number
        table.books["mark"][piece] &= OVER
        blocks.append(Block(number, CHANGES, join.expires, arrays))
    return blocks


def read(join: Join, blocks: Sequence[Block], policies: Sequence[Policy]) -> None:
    """Bring an empty join to what the blocks hold.

    ``join.expires`` and ``join.expired_ms`` are those of the last commit; ``policies`` are those of the
    last expiry, by model code. Rows of model -1, or predicted ones of slot -2, have left the
    configuration: they are dropped, and the blocks that hold them are written anew.
    """
    table = join.table
    ordered = sorted(blocks, key=lambda b: b.number)
    rows = [b for b in ordered if b.group != CHANGES]
    table.reserve(sum(len(b.arrays["keys"]) for b in rows))
    for block in rows:
        table.load(block.arrays, block.number)
    expires = np.repeat([b.expires for b in rows], [len(b.arrays["keys"]) for b in rows]).astype(np.int64)
    dead = np.zeros(table.rows, np.bool_)
    _mark_over(table, rows)
    dead[_outdated(table)] = True
    table.flags[: table.rows][dead] |= DEAD
    table.reindex()
    for block in ordered:
        if block.group == CHANGES:
            _apply(table, block, expires)
    gone = (table.model[: table.rows] < 0) | (table.slot[: table.rows] < -1)
    table.ledger.forced.update(np.unique(table.books["home"][: table.rows][gone & ~dead]).tolist())
    dead |= gone
    alive = np.flatnonzero(~dead & (expires < join.expires))
    dead[alive[until(table, alive, policies) < join.expired_ms]] = True
    table.flags[: table.rows][dead] |= DEAD
    _take_stock(table, ordered)
    if dead.any():
        table.compact()


def _mark_over(table: JoinTable, blocks: Sequence[Block]) -> None:
    start = 0
    for block in blocks:
        table.books["mark"][start + block.arrays["over"].astype(np.int64)] = OVER
        start += len(block.arrays["keys"])


def _outdated(table: JoinTable) -> Ints:
    """Rows whose key stands in a newer block too."""
    mark, keys = table.books["mark"][: table.rows], table.keys[: table.rows]
    over = np.unique(keys[(mark & OVER) != 0, 1])
    if not len(over):
        return over.astype(np.int64)
    suspects = np.flatnonzero(np.isin(keys[:, 1], over))
    home = table.books["home"][suspects]
    order = np.lexsort((home, keys[suspects, 1], keys[suspects, 0]))
    ordered = keys[suspects[order]]
    old: Ints = suspects[order[:-1][(ordered[1:] == ordered[:-1]).all(axis=1)]]
    table.shadowed.update(np.unique(table.books["home"][old]).tolist())
    return old


def _apply(table: JoinTable, block: Block, expires: Ints) -> None:
    """Let a block of changes speak of the rows in blocks before it."""
    rows = table.find(block.arrays["keys"])
    mine = np.flatnonzero(rows >= 0)
    mine = mine[table.books["home"][rows[mine]] < block.number]
    for name in CHANGE_COLUMNS:
        table.columns[name][rows[mine]] = block.arrays[name][mine]
    table.books["changed"][rows[mine]] = block.number
    expires[rows[mine]] = block.expires


def _take_stock(table: JoinTable, blocks: Sequence[Block]) -> None:
    """Count what is in use of each block."""
    alive = (table.flags[: table.rows] & DEAD) == 0
    live: dict[int, int] = {}
    for book in ("home", "changed"):
        numbers, counts = np.unique(table.books[book][: table.rows][alive], return_counts=True)
        live |= dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    for block in blocks:
        table.ledger.know(block.number, block.group, len(block.arrays["keys"]), live.get(block.number, 0))
    table.dead = table.rows - int(alive.sum())
