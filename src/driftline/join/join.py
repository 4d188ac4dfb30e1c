"""Predictions meet labels, by model and id, in effective-time order: signed changes come out.

Every rule here is judged on effective times, never on what happens to be in memory, so that the order
in which partitions were read changes nothing.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from driftline.join.early import Early
from driftline.join.events import Labels, Matches, Predictions, concatenate
from driftline.join.index import first_of_each
from driftline.join.lifetime import Policy, limits, until
from driftline.join.table import DEAD, LABELLED, OVER, PREDICTED, JoinTable
from driftline.records import Bools, Codes32, Floats, Ints, Words


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
        self.early = Early()
        """The labels that wait for their prediction: each has its row in the table, marked as labelled."""

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
            return fresh, self._nothing()
        return fresh, parts[0] if len(parts) == 1 else concatenate(parts)

    def _put_distinct(self, new: Predictions, todo: Ints) -> tuple[Ints, Matches]:
        """Predictions with ids of their own: the places of those that are no duplicates, and changes.

        An id that comes again after its horizon is a new prediction, whether or not a label of the old one
        was read. Labels of the old one that are still under way then find the new one: ids are not meant
        to be used twice.
        """
        t = self.table
        rows = t.find(new.ids[todo])
        at = np.flatnonzero(rows >= 0)
        old = rows[at]
        predicted = (t.flags[old] & (PREDICTED | DEAD)) == PREDICTED
        until_ms, homes = self._until(old), t.books["home"][old]
        horizon_ms = self._limit("horizon_ms", t.model[old])
        expired = predicted & (new.eff_ms[todo[at]] > t.time_ms[old] + horizon_ms)
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
            return self._nothing()
        return self._replay(rows[orphan])

    def _replay(self, rows: Ints) -> Matches:
        """The labels that came before their predictions, as if they had been read after them."""
        t = self.table
        waited = self.early.take(t.read(rows))
        t.label[rows], t.label_value[rows], t.label_ms[rows], t.revision[rows] = -1, np.nan, -1, 0
        t.flags[rows] &= ~np.uint8(LABELLED)
        return self.label(waited)

    def _nothing(self) -> Matches:
        none = np.zeros(0, np.int64)
        return self._changes(none, 1, none, np.zeros((0, 3), np.int64))

    def _changes(self, rows: Ints, sign: int, eff_ms: Ints, where: Ints) -> Matches:
        """The cells that rows with a label that is not null hold."""
        t = self.table
        real = (t.label[rows] >= 0) | ~np.isnan(t.label_value[rows])
        rows, eff_ms, where = rows[real], eff_ms[real], where[real]
        scores: list[Floats | None] = (
            [t.scores.get(r) for r in rows.tolist()] if t.scores else [None] * len(rows)
        )
        return Matches(
            eff_ms, t.time_ms[rows], t.slot[rows], np.full(len(rows), sign, np.int64), t.label[rows],
            t.label_value[rows], t.predicted[rows], t.value[rows], t.segments[rows], scores, where,
        )  # fmt: skip

    def label(self, new: Labels) -> Matches:
        """Apply labels in their order; several of one id one after another."""
        parts = []
        todo = np.arange(len(new.ids))
        while len(todo):
            first = first_of_each(new.ids[todo])
            parts.append(self._label_distinct(new, todo[first]))
            todo = todo[~first]
        if not parts:
            return self._nothing()
        return parts[0] if len(parts) == 1 else concatenate(parts)

    def _label_distinct(self, new: Labels, todo: Ints) -> Matches:
        """Labels with ids of their own: those of a prediction are applied, the others wait for theirs."""
        t = self.table
        rows = self._rows_at(new, todo)
        waits = (t.flags[rows] & PREDICTED) == 0
        self._wait(new, todo[waits], rows[waits])
        rows, todo = rows[~waits], todo[~waits]
        eff, labelled = new.eff_ms[todo], (t.flags[rows] & LABELLED) != 0
        early = ~labelled & (t.eff_ms[rows] - eff > self._limit("orphan_wait_ms", new.model[todo]))
        self.counts["orphan"] += int(early.sum())
        newer = (new.revision[todo] > t.revision[rows]) | (
            (new.revision[todo] == t.revision[rows]) & new.null[todo] & ~self._is_null(rows)
        )
        in_time = eff - t.label_ms[rows] <= self._limit("corrections_ms", new.model[todo])
        correction = labelled & newer & in_time
        self.counts["late_correction"] += int((labelled & newer & ~in_time).sum())
        take = (~labelled & ~early) | correction
        when = np.maximum(eff, t.eff_ms[rows])
        undo = self._changes(rows[correction], -1, when[correction], new.where[todo[correction]])
        self._write(new, todo[take], rows[take], first=~labelled[take])
        done = self._changes(rows[take], 1, when[take], new.where[todo[take]])
        return concatenate([undo, done])

    def _rows_at(self, new: Labels, todo: Ints) -> Ints:
        """The rows of labels, made where there is none that a label of that time can reach.

        A prediction is over by the times of the events, and not by whether it was dropped already.
        """
        t = self.table
        rows = t.find(new.ids[todo])
        at = np.flatnonzero(rows >= 0)
        old = rows[at]
        past = new.eff_ms[todo[at]] > t.time_ms[old] + self._limit("horizon_ms", t.model[old])
        past &= (t.flags[old] & (PREDICTED | DEAD)) == PREDICTED
        if past.any():
            past[past] = new.eff_ms[todo[at[past]]] > self._until(old[past])
            self._finish(old[past])
        t.revive(old[(t.flags[old] & DEAD) != 0])
        unknown = rows < 0
        rows[unknown] = t.append(new.ids[todo[unknown]])
        return rows

    def _wait(self, new: Labels, todo: Ints, rows: Ints) -> None:
        """Labels before their prediction: all that may still count are kept, since which is the first is not known."""
        if not len(todo):
            return
        wait_ms = self._limit("orphan_wait_ms", new.model[todo])
        self.counts["orphan"] += self.early.note(new, todo, new.eff_ms[todo] - wait_ms)
        self._write(new, todo, rows, first=np.ones(len(todo), np.bool_))

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
        self.counts["expired"] += self._awaiting(rows[_unlabelled(flags)])
        self.counts["orphan"] += self.early.drop(self.table.keys[rows[(flags & PREDICTED) == 0]])
        self.table.kill(rows)

    def evict(self, keep: int, before_ms: int) -> None:
        """Bound the memory: of the rows with an effective time before ``before_ms``, keep the newest ``keep``.

        What was read ahead is not counted, and what is over neither, so that every run drops the same.
        """
        t = self.table
        if t.live <= keep:
            return
        rows = t.select(lambda t: np.where(t.flags & PREDICTED, t.eff_ms, t.label_ms) < before_ms)
        rows = rows[self._until(rows) >= before_ms]
        if len(rows) <= keep:
            return
        age = np.where(t.flags[rows] & PREDICTED, t.eff_ms[rows], t.label_ms[rows])
        oldest = rows[np.lexsort((t.keys[rows, 1], t.keys[rows, 0], age))[: len(rows) - keep]]
        self.counts["evicted"] += len(oldest)
        self.early.drop(t.keys[oldest[(t.flags[oldest] & PREDICTED) == 0]])
        self._leave_no_trace(oldest)
        t.kill(oldest)
        t.compact()

    def _leave_no_trace(self, rows: Ints) -> None:
        """No lifetime tells that these rows are gone, so the blocks that hold them are written anew."""
        t = self.table
        t.ledger.force(np.unique(t.books["home"][rows]).tolist())
        if (t.books["mark"][rows] & OVER).any():
            t.ledger.force(t.shadowed)

    def waits(self, ids: Words) -> Bools:
        """Whether labels of these ids wait for their prediction."""
        rows = self.table.find(ids)
        state = self.table.flags[rows] & (PREDICTED | LABELLED | DEAD)
        waiting: Bools = (rows >= 0) & (state == LABELLED)
        return waiting

    def pending(self) -> int:
        """Predictions that wait for their label."""
        return self._awaiting(self.table.select(lambda t: _unlabelled(t.flags)))

    def _awaiting(self, rows: Ints) -> int:
        """How many of these predictions are of models that have labels."""
        if all(policy.labelled for policy in self.policies):
            return len(rows)
        labelled = np.array([policy.labelled for policy in self.policies], np.bool_)
        return int(labelled[self.table.model[rows]].sum())


def _unlabelled(flags: NDArray[np.uint8]) -> Bools:
    """Predictions without a label."""
    found: Bools = (flags & (PREDICTED | LABELLED)) == PREDICTED
    return found
