"""One stream's pipeline: columns in, judged windows and effects out. No clock, no network, no files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from driftline.aggregates.totals import Totals
from driftline.decode import Decoder
from driftline.join.join import Join
from driftline.pipeline.applying import apply_labels, apply_staged
from driftline.pipeline.counting import count_waiting
from driftline.pipeline.intake import take_in
from driftline.pipeline.registry import Registry
from driftline.pipeline.slots import Slot
from driftline.pipeline.state import StreamState
from driftline.records import Control, Decoded, Kind, RawBatch, Reject, TopicPartition
from driftline.settings import MINUTE_MS, Limits, StreamSettings, WindowKind
from driftline.stamp.watermark import UNSET_MS, Stamps, in_future, stamp, stream_watermark
from driftline.windows.grid import ends_with_data, pane_starts

Instant = tuple[int, int, int, WindowKind, int]
"""(T, end, slot code, kind, which of the slot's windows of that kind)"""


def instant_order(instant: Instant) -> tuple[int, int, bool, int]:
    """By time, then by slot, drift first."""
    return instant[0], instant[2], instant[3] == WindowKind.PERFORMANCE, instant[4]


STAGED_MOST = 100_000
"""Rows that may wait although W has passed them: applying many at once is cheaper, and changes no result."""

EXPIRE_EVERY_MS = 10 * MINUTE_MS
"""How often the join is looked through for what is over, in event time."""


@dataclass(slots=True)
class Fed:
    """What feeding a batch returned: records that could not be used, by place and reason."""

    batch: RawBatch
    rejects: list[Reject]
    """Places in ``batch``, one a record."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A window at its instant: what it held, copied."""

    instant_ms: int
    end_ms: int
    slot: Slot
    kind: WindowKind
    place: int
    """Which of the slot's windows of that kind."""
    totals: Totals


class Pipeline(StreamState):
    """The state of one stream with its verbs: feed(batch) takes in, settle(W) lets take effect, judge reads."""

    def __init__(
        self, stream: StreamSettings, registry: Registry, limits: Limits, decoders: Mapping[Kind, Decoder]
    ) -> None:
        super().__init__(stream, registry, limits, Join(registry.segment_width))
        self._decoders = decoders
        self._floors: dict[TopicPartition, list[Control]] = defaultdict(list)

    # -- feeding -------------------------------------------------------------------------------------

    def feed(self, batch: RawBatch) -> Fed:
        """Take a batch in. Nothing is judged before ``advance``."""
        if (found := self._next_floor(batch)) is not None:
            return self._feed_around(batch, *found)
        batch = self._without_seen(batch)
        self._wake(batch)
        decoded = self._decoders[batch.kind].decode(batch)
        record_ms = batch.timestamps_ms[decoded.record]
        keep = ~in_future(decoded.time_ms, record_ms, self.stream.time.max_future_ms)
        rejects = decoded.rejects
        if not keep.all():
            rejects = [*rejects, *(Reject(int(r), "future") for r in np.unique(decoded.record[~keep]))]
        self._count_records(batch, rejects, decoded)
        take_in(self, batch, decoded, self._stamp(batch, decoded, keep), keep)
        self._move_positions(batch)
        return Fed(batch, _one_a_record(rejects))

    def _feed_around(self, batch: RawBatch, floor: Control, after: np.ndarray) -> Fed:
        before, rest = np.flatnonzero(~after), np.flatnonzero(after)
        first = self.feed(batch.take(before))
        key = (floor.topic, floor.partition)
        self.watermarks[key] = max(self.watermarks.get(key, UNSET_MS), floor.watermark_ms)
        second = self.feed(batch.take(rest))
        places = [(before[r.index], r.reason) for r in first.rejects]
        places += [(rest[r.index], r.reason) for r in second.rejects]
        return Fed(batch, [Reject(int(place), reason) for place, reason in sorted(places)])

    def _stamp(self, batch: RawBatch, decoded: Decoded, keep: np.ndarray) -> Stamps:
        """Stamps of all rows; those of quarantined ones mean nothing."""
        late_ms = self.stream.time.out_of_orderness_ms
        source = batch.source[decoded.record]
        if keep.all():
            return stamp(decoded.time_ms, source, batch.sources, self.watermarks, late_ms)
        rows = np.flatnonzero(keep)
        kept = stamp(decoded.time_ms[rows], source[rows], batch.sources, self.watermarks, late_ms)
        stamps = Stamps(np.zeros(len(keep), np.int64), np.zeros(len(keep), np.int64))
        stamps.effective_ms[rows], stamps.before_ms[rows] = kept.effective_ms, kept.before_ms
        return stamps

    def _without_seen(self, batch: RawBatch) -> RawBatch:
        """Redelivered records, known by their offset, are dropped."""
        next_ = np.array([self.positions.get(key, 0) for key in batch.sources], np.int64)
        fresh = batch.offsets >= next_[batch.source]
        if fresh.all():
            return batch
        rows = np.flatnonzero(fresh)
        self.counts["events_redelivered",] += len(fresh) - len(rows)
        return batch.take(rows)

    def _wake(self, batch: RawBatch) -> None:
        """Only a partition that was idle can be behind W: it starts at W, whoever knew that it was."""
        for index, key in enumerate(batch.sources):
            if self.watermarks.get(key, UNSET_MS) < self.watermark_ms:
                offsets = batch.offsets[batch.source == index]
                if len(offsets):
                    self.wake(key, int(offsets[0]))

    def obey(self, controls: Iterable[Control]) -> None:
        """Decide as another run did where the logs do not tell: call it before the first batch."""
        for control in controls:
            if control.kind != "idle":
                self._floors[control.topic, control.partition].append(control)

    def _next_floor(self, batch: RawBatch) -> tuple[Control, np.ndarray] | None:
        """The first decision that lies within a batch, and the records that come after it."""
        for index, key in enumerate(batch.sources):
            if floors := self._floors.get(key):
                after = (batch.source == index) & (batch.offsets >= floors[0].offset)
                if after.any():
                    return floors.pop(0), after
        return None

    def _count_records(self, batch: RawBatch, rejects: list[Reject], decoded: Decoded) -> None:
        sizes = np.bincount(batch.source, minlength=len(batch.sources)).tolist()
        for (topic, _), n in zip(batch.sources, sizes, strict=True):
            self.counts["events_consumed", topic, str(batch.kind)] += n
        self.counts["unknown_features",] += decoded.unknown_features
        for reject in rejects:
            self.counts["events_rejected", batch.sources[batch.source[reject.index]][0], reject.reason] += 1
        for (model, version), n in decoded.unmonitored.items():
            if (model, version) in self.unmonitored or len(self.unmonitored) < self.limits.models:
                self.unmonitored[model, version] += n
        if decoded.unmonitored:
            stray = np.ones(len(decoded.record), np.bool_)
            for rows in (*(p.rows for p in decoded.predictions), *(p.rows for p in decoded.labels)):
                stray[rows] = False
            where = np.bincount(batch.source[decoded.record[stray]], minlength=len(batch.sources)).tolist()
            for (topic, _), n in zip(batch.sources, where, strict=True):
                self.counts["events_unmonitored", topic] += n

    def _move_positions(self, batch: RawBatch) -> None:
        for index, key in enumerate(batch.sources):
            offsets = batch.offsets[batch.source == index] if len(batch.sources) > 1 else batch.offsets
            if len(offsets):
                self.positions[key] = max(self.positions.get(key, 0), int(offsets[-1]) + 1)
                self.watermarks.setdefault(key, self.watermark_ms)

    # -- advancing -----------------------------------------------------------------------------------

    def next_watermark(self, idle: frozenset[TopicPartition]) -> int:
        """W as it would be now."""
        return stream_watermark(self.watermarks, idle, self.watermark_ms)

    def apply(self, before_ms: int) -> None:
        """Let everything with an effective time before ``before_ms`` take effect."""
        apply_labels(self, before_ms)
        apply_staged(self, before_ms)

    def instants(self, after_ms: int, until_ms: int) -> list[Instant]:
        """(T, end, slot code, kind, place) of all windows with data judged in (after, until], in order."""
        found: list[Instant] = []
        for slot in self.registry.slots:
            if slot.waiting.due_ms <= until_ms:
                count_waiting(slot)
            late = self.late_times(slot)
            counters = {WindowKind.DRIFT: 0, WindowKind.PERFORMANCE: 0}
            for kind, panes in slot.panes():
                place = counters[kind]
                counters[kind] += 1
                delay, slide = slot.delay_ms(kind), panes.window.slide_ms
                if (after_ms - delay) // slide == (until_ms - delay) // slide:
                    continue
                starts = panes.starts()
                if late:
                    starts = np.unique(
                        np.concatenate([starts, *(pane_starts(t, panes.window) for t in late)])
                    )
                ends = ends_with_data(starts, panes.window, after_ms - delay, until_ms - delay)
                found.extend((e + delay, e, slot.code, kind, place) for e in ends.tolist())
        return sorted(found, key=instant_order)

    def judge(self, instant: Instant) -> Judged:
        """A window at its instant; staged events must have been applied up to it."""
        judged_ms, end_ms, code, kind, place = instant
        slot = self.registry.slots[code]
        panes = (slot.drift_panes if kind is WindowKind.DRIFT else slot.performance_panes)[place]
        return Judged(judged_ms, end_ms, slot, kind, place, panes.at(end_ms))

    def settle(self, watermark_ms: int) -> None:
        """W has arrived: forget what is over. What W has passed takes effect when it is read, or is much."""
        self.watermark_ms = watermark_ms
        forgets = not self.keeps_all and self.forgets()
        if forgets or self.labels.rows + self.changes.rows > STAGED_MOST:
            self.apply(watermark_ms)
        if forgets:
            self.forget()
            self.retire()
        if watermark_ms - self.join.expired_ms >= EXPIRE_EVERY_MS:
            apply_labels(self, watermark_ms)
            self.join.expire(watermark_ms)

    def catch_up(self) -> None:
        """Let all that W has passed take effect, before the state is shown or stored."""
        for slot in self.registry.slots:
            count_waiting(slot)
        self.apply(self.watermark_ms)

    def evict(self, before_ms: int) -> None:
        """Apply the join's memory cap, at a window's instant."""
        keep = self.limits.join_memory_bytes // (self.join.table.row_bytes + 8)
        self.join.evict(keep, before_ms)


def _one_a_record(rejects: list[Reject]) -> list[Reject]:
    """An Arrow record with several bad rows is one dead letter."""
    return list({r.index: r for r in reversed(rejects)}.values())[::-1]
