"""Predictions meet labels, by model and id, in effective-time order: signed changes come out.

Every rule here is judged on effective times, never on what happens to be in memory, so that the order
in which partitions were read changes nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from driftline.join.index import first_of_each
from driftline.join.lifetime import Policy, limits, until
from driftline.join.table import DEAD, LABELLED, OVER, PREDICTED, JoinTable
from driftline.records import Bools, Codes32, Floats, Ints, Words


@dataclass(slots=True)
class Predictions:
    """Predictions to be remembered, in reading order."""

    ids: Words
    time_ms: Ints
    eff_ms: Ints
    model: Codes32
    slot: Codes32
    predicted: Codes32
    value: Floats
    """Score of the positive class, or regression's prediction."""
    segments: Codes32
    scores: list[Floats] | None = None
    """Class probabilities of each row by class code; empty where a row has none."""

    @classmethod
    def joined(cls, parts: list[Predictions]) -> Predictions:
        """All parts, one after the other."""
        columns: Any = {n: np.concatenate([getattr(p, n) for p in parts]) for n in _PREDICTION_COLUMNS}
        if all(p.scores is None for p in parts):
            return cls(**columns)
        nothing = np.zeros(0)
        return cls(**columns, scores=[s for p in parts for s in p.scores or [nothing] * len(p.ids)])

    def take(self, rows: Ints) -> Predictions:
        """Some of them."""
        columns = {name: getattr(self, name)[rows] for name in _PREDICTION_COLUMNS}
        scores = None if self.scores is None else [self.scores[i] for i in rows.tolist()]
        return Predictions(**columns, scores=scores)


_PREDICTION_COLUMNS = ("ids", "time_ms", "eff_ms", "model", "slot", "predicted", "value", "segments")


@dataclass(slots=True)
class Labels:
    """Labels in the order (eff, topic, partition, offset). ``null``: label -1 and value NaN."""

    ids: Words
    eff_ms: Ints
    model: Codes32
    label: Codes32
    value: Floats
    revision: Ints
    null: Bools


@dataclass(slots=True)
class Matches:
    """Signed changes: ``row`` is the place in its batch of the label, or of the prediction if the label came first."""

    eff_ms: Ints
    time_ms: Ints
    slot: Codes32
    sign: Ints
    truth: Codes32
    truth_value: Floats
    predicted: Codes32
    value: Floats
    segments: Codes32
    scores: list[Floats | None]
    row: Ints

    def __len__(self) -> int:
        return len(self.eff_ms)

    def take(self, rows: Ints | Bools) -> Matches:
        """The changes at the given places."""
        picked = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        columns = {name: getattr(self, name)[picked] for name in _MATCH_COLUMNS}
        return Matches(**columns, scores=[self.scores[i] for i in picked.tolist()], row=self.row[picked])


_MATCH_COLUMNS = (
    "eff_ms",
    "time_ms",
    "slot",
    "sign",
    "truth",
    "truth_value",
    "predicted",
    "value",
    "segments",
)


def concatenate(parts: list[Matches]) -> Matches:
    """All changes, in the order of the parts."""
    columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _MATCH_COLUMNS}
    scores = [score for part in parts for score in part.scores]
    return Matches(**columns, scores=scores, row=np.concatenate([p.row for p in parts]))


class Join:
    """The join of one stream. ``policies[model]`` tells how long to wait; ``counts`` what was not used."""

    def __init__(self, segments: int, table: JoinTable | None = None) -> None:
        self.table = table or JoinTable(segments)
        self.policies: list[Policy] = []
        self.counts: Counter[str] = Counter()
        self.expired_ms = -(1 << 62)
        """W when rows were dropped last, how often that was, and the policies then."""
        self.expires = 0
        self.expired_policies: list[Policy] = []
        self.waiting: list[Ints] = []
        """Places of the last labels that wait for their prediction, a later one in place of an earlier one."""

    def _limit(self, name: str, model: Ints | Codes32) -> Ints:
        return limits(self.policies, name, model)

    def put(self, new: Predictions) -> tuple[Bools, Matches]:
        """Remember predictions, in offset order a partition.

        Returns which are distinct (the others are duplicates), and the changes of labels that came first.
        """
        fresh = np.zeros(len(new.ids), np.bool_)
        parts = []
        todo = np.arange(len(new.ids))
        while len(todo):
            first = first_of_each(new.ids[todo])
            taken, matches = self._put_distinct(new, todo[first])
            fresh[taken] = True
            parts.append(matches)
            todo = todo[~first]
        if not parts:
            return fresh, self._changes(
                np.zeros(0, np.int64), 1, np.zeros(0, np.int64), np.zeros(0, np.int64)
            )
        return fresh, parts[0] if len(parts) == 1 else concatenate(parts)

    def _put_distinct(self, new: Predictions, todo: Ints) -> tuple[Ints, Matches]:
        """Predictions with ids of their own: the places of those that are no duplicates, and changes.

        An id that comes again after its horizon is a new prediction. Labels of the old one that are
        still under way then find the new one: ids are not meant to be used twice.
        """
        t = self.table
        rows = t.find(new.ids[todo])
        at = np.flatnonzero(rows >= 0)
        old = rows[at]
        predicted = (t.flags[old] & (PREDICTED | DEAD)) == PREDICTED
        until_ms, homes = self._until(old), t.books["home"][old]
        expired = predicted & (new.eff_ms[todo[at]] > until_ms)
        twice = at[predicted & ~expired]
        self._count_conflicts(new, todo[twice], rows[twice])
        self.counts["duplicate"] += len(twice)
        self._finish(old[expired])
        t.revive(old[(t.flags[old] & DEAD) != 0])
        fresh = np.ones(len(todo), np.bool_)
        fresh[twice] = False
        unknown = rows < 0
        rows[unknown] = t.append(new.ids[todo[unknown]])
        matches = self._fill(new, todo[fresh], rows[fresh])
        # The log tells a dead row by its lifetime, so a block whose row now lives shorter is written anew.
        t.ledger.force(homes[self._until(old) < until_ms].tolist())
        return todo[fresh], matches

    def _count_conflicts(self, new: Predictions, places: Ints, rows: Ints) -> None:
        t = self.table
        same_value = (t.value[rows] == new.value[places]) | (
            np.isnan(t.value[rows]) & np.isnan(new.value[places])
        )
        same = (
            (t.time_ms[rows] == new.time_ms[places])
            & (t.predicted[rows] == new.predicted[places])
            & same_value
        )
        self.counts["conflict"] += int((~same).sum())

    def _fill(self, new: Predictions, places: Ints, rows: Ints) -> Matches:
        t = self.table
        orphan = (t.flags[rows] & LABELLED) != 0
        t.rewrite(rows)
        t.time_ms[rows] = new.time_ms[places]
        t.eff_ms[rows] = new.eff_ms[places]
        t.model[rows], t.slot[rows] = new.model[places], new.slot[places]
        t.predicted[rows], t.value[rows] = new.predicted[places], new.value[places]
        t.segments[rows] = new.segments[places]
        t.flags[rows] |= PREDICTED
        if new.scores is not None:
            scored = zip(rows.tolist(), (new.scores[i] for i in places.tolist()), strict=True)
            t.scores.update((row, vector) for row, vector in scored if len(vector))
        if not orphan.any():
            return self._changes(rows[:0], 1, t.eff_ms[:0], rows[:0])
        wait_ms = self._limit("orphan_wait_ms", new.model[places])
        late = orphan & (new.eff_ms[places] - t.label_ms[rows] > wait_ms)
        self._forget_labels(rows[late])
        found = orphan & ~late & (t.flags[rows] & LABELLED != 0)
        matched = rows[found]
        return self._changes(matched, 1, t.eff_ms[matched], places[found])

    def _forget_labels(self, rows: Ints) -> None:
        t = self.table
        self.counts["orphan"] += len(rows)
        t.label[rows], t.label_value[rows], t.label_ms[rows], t.revision[rows] = -1, np.nan, -1, 0
        t.flags[rows] &= ~np.uint8(LABELLED)
        t.touch(rows)

    def _changes(self, rows: Ints, sign: int, eff_ms: Ints, place: Ints) -> Matches:
        """The cells that rows with a label that is not null hold."""
        t = self.table
        real = (t.label[rows] >= 0) | ~np.isnan(t.label_value[rows])
        rows, eff_ms, place = rows[real], eff_ms[real], place[real]
        scores: list[Floats | None] = (
            [t.scores.get(r) for r in rows.tolist()] if t.scores else [None] * len(rows)
        )
        return Matches(
            eff_ms, t.time_ms[rows], t.slot[rows], np.full(len(rows), sign, np.int64), t.label[rows],
            t.label_value[rows], t.predicted[rows], t.value[rows], t.segments[rows], scores, place,
        )  # fmt: skip

    def label(self, new: Labels) -> Matches:
        """Apply labels in their order; several of one id one after another."""
        parts = []
        self.waiting = []
        todo = np.arange(len(new.ids))
        while len(todo):
            first = first_of_each(new.ids[todo])
            parts.append(self._label_distinct(new, todo[first]))
            todo = todo[~first]
        if not parts:
            return self._changes(np.zeros(0, np.int64), 1, np.zeros(0, np.int64), np.zeros(0, np.int64))
        return parts[0] if len(parts) == 1 else concatenate(parts)

    def _label_distinct(self, new: Labels, todo: Ints) -> Matches:
        t = self.table
        rows = t.find(new.ids[todo])
        dead = np.zeros(len(rows), np.bool_)
        dead[rows >= 0] = (t.flags[rows[rows >= 0]] & DEAD) != 0
        t.revive(rows[dead])
        unknown = rows < 0
        rows[unknown] = t.append(new.ids[todo[unknown]])
        flags, eff = t.flags[rows], new.eff_ms[todo]
        predicted, labelled = (flags & PREDICTED) != 0, (flags & LABELLED) != 0
        orphan = ~predicted
        stale = orphan & labelled & (eff - t.label_ms[rows] > self._limit("orphan_wait_ms", new.model[todo]))
        self._forget_labels(rows[stale])
        labelled &= ~stale
        fits = orphan | labelled | self._first_fits(rows, eff, predicted)
        self.counts["unmatched"] += int((~fits).sum())
        newer = (new.revision[todo] > t.revision[rows]) | (
            (new.revision[todo] == t.revision[rows]) & new.null[todo] & ~self._is_null(rows)
        )
        in_time = orphan | (eff - t.label_ms[rows] <= self._limit("corrections_ms", new.model[todo]))
        correction = labelled & newer & in_time
        self.counts["late_correction"] += int((labelled & newer & ~in_time).sum())
        take = (fits & ~labelled) | correction
        count_now = predicted & take
        when = np.maximum(eff, t.eff_ms[rows])
        undo = self._changes(
            rows[correction & predicted], -1, when[correction & predicted], todo[correction & predicted]
        )
        self._write(new, todo[take], rows[take], first=~labelled[take])
        self.waiting.append(todo[take & orphan])
        done = self._changes(rows[count_now], 1, when[count_now], todo[count_now])
        return concatenate([undo, done])

    def _first_fits(self, rows: Ints, eff: Ints, predicted: Bools) -> Bools:
        """A first label comes within the horizon, and, before its prediction, within the orphans' wait."""
        t = self.table
        model = np.where(predicted, t.model[rows], 0)
        in_horizon: Bools = eff - t.time_ms[rows] <= self._limit("horizon_ms", model)
        in_wait: Bools = t.eff_ms[rows] - eff <= self._limit("orphan_wait_ms", model)
        return in_horizon & in_wait

    def _is_null(self, rows: Ints) -> Bools:
        t = self.table
        null: Bools = (t.label[rows] < 0) & np.isnan(t.label_value[rows])
        return null

    def _write(self, new: Labels, places: Ints, rows: Ints, first: Bools) -> None:
        t = self.table
        t.label[rows], t.label_value[rows] = new.label[places], new.value[places]
        t.revision[rows] = new.revision[places]
        t.label_ms[rows[first]] = new.eff_ms[places[first]]
        t.model[rows] = new.model[places]
        t.flags[rows] |= LABELLED
        t.touch(rows)

    def _until(self, rows: Ints) -> Ints:
        """Last effective time at which a row still takes part."""
        return until(self.table, rows, self.policies)

    def expire(self, watermark_ms: int) -> None:
        """Drop what no record can reach any more, now that W is ``watermark_ms``."""
        if not self.policies:
            return
        self.expires, self.expired_ms, self.expired_policies = (
            self.expires + 1,
            watermark_ms,
            [*self.policies],
        )
        rows = self.table.select(lambda t: np.ones(t.rows, np.bool_))
        self._finish(rows[self._until(rows) < watermark_ms])
        if self.table.dead * 4 > self.table.rows:
            self.table.compact()

    def _finish(self, rows: Ints) -> None:
        flags = self.table.flags[rows]
        self.counts["expired"] += int(((flags & (PREDICTED | LABELLED)) == PREDICTED).sum())
        self.counts["orphan"] += int(((flags & PREDICTED) == 0).sum())
        self.table.kill(rows)

    def evict(self, keep: int, before_ms: int) -> None:
        """Bound the memory: drop the oldest rows with an effective time before ``before_ms``."""
        t = self.table
        surplus = t.live - keep
        if surplus <= 0:
            return
        rows = t.select(lambda t: np.where(t.flags & PREDICTED, t.eff_ms, t.label_ms) < before_ms)
        age = np.where(t.flags[rows] & PREDICTED, t.eff_ms[rows], t.label_ms[rows])
        oldest = rows[np.lexsort((t.keys[rows, 1], t.keys[rows, 0], age))[:surplus]]
        self.counts["evicted"] += len(oldest)
        self._leave_no_trace(oldest)
        t.kill(oldest)
        t.compact()

    def _leave_no_trace(self, rows: Ints) -> None:
        """No lifetime tells that these rows are gone, so the blocks that hold them are written anew."""
        t = self.table
        t.ledger.force(np.unique(t.books["home"][rows]).tolist())
        if (t.books["mark"][rows] & OVER).any():
            t.ledger.force(t.shadowed)

    def pending(self) -> int:
        """Predictions that wait for their label."""
        return len(self.table.select(lambda t: (t.flags & (PREDICTED | LABELLED)) == PREDICTED))
