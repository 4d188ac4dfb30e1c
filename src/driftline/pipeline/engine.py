"""One stream's pipeline: columns in, judged windows and effects out. No clock, no network, no files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from driftline.aggregates.drift import Prepared
from driftline.aggregates.performance import Changes
from driftline.aggregates.totals import Totals
from driftline.decode import Decoder
from driftline.join.join import Join, Labels, Matches, Policy, Predictions
from driftline.join.sampling import sampled
from driftline.pipeline.slots import ModelState, Registry, Slot
from driftline.records import (
    Coded,
    Decoded,
    Ints,
    Kind,
    LabelPart,
    PredictionPart,
    RawBatch,
    Reject,
    TopicPartition,
)  # fmt: skip
from driftline.settings import Limits, StreamSettings, Task, WindowKind
from driftline.stamp.staging import Columns, Staging
from driftline.stamp.watermark import UNSET_MS, Stamps, in_future, stamp, stream_watermark
from driftline.windows.grid import ends_with_data, pane_starts


@dataclass(slots=True)
class Fed:
    """What feeding a batch returned: records that could not be used, by place and reason."""

    batch: RawBatch
    rejects: list[Reject]
    """Places in ``batch``, one a record."""


@dataclass(slots=True)
class LateRows:
    """Late predictions or features that wait, as a part of their own."""

    slot: Slot
    part: PredictionPart
    time_ms: Ints
    eff_ms: Ints
    counted: np.ndarray
    """Rows whose prediction takes part in the join."""


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


class Pipeline:
    """feed(batch), advance(idle): the state of one stream and what follows from its events."""

    def __init__(
        self, stream: StreamSettings, registry: Registry, limits: Limits, decoders: Mapping[Kind, Decoder]
    ) -> None:
        self.stream = stream
        self.registry = registry
        self.limits = limits
        self._decoders = decoders
        self.watermarks: dict[TopicPartition, int] = {}
        self.positions: dict[TopicPartition, int] = {}
        self.watermark_ms = UNSET_MS
        self.join = Join(registry.segment_width)
        self.labels = Staging(("topic", "partition", "offset"))
        self.changes = Staging(("slot",))
        self.late: list[LateRows] = []
        self.places = Staging(("slot",))
        """Where the late rows stand in the logs."""
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.unmonitored: Counter[tuple[str, str]] = Counter()
        self._expired_ms = UNSET_MS
        self._score_width = registry.score_width(limits)

    # -- feeding -------------------------------------------------------------------------------------

    def feed(self, batch: RawBatch) -> Fed:
        """Take a batch in. Nothing is judged before ``advance``."""
        batch = self._without_seen(batch)
        decoded = self._decoders[batch.kind].decode(batch)
        keep = ~in_future(
            decoded.time_ms, batch.timestamps_ms[decoded.record], self.stream.time.max_future_ms
        )
        rejects = decoded.rejects
        if not keep.all():
            rejects = [*rejects, *(Reject(int(r), "future") for r in np.unique(decoded.record[~keep]))]
        self._count_records(batch, rejects, decoded)
        rows = np.flatnonzero(keep)
        source = batch.source[decoded.record]
        stamps = Stamps(np.zeros(len(keep), np.int64), np.zeros(len(keep), np.int64))
        kept = stamp(
            decoded.time_ms[rows],
            source[rows],
            batch.sources,
            self.watermarks,
            self.stream.time.out_of_orderness_ms,
        )
        stamps.effective_ms[rows], stamps.before_ms[rows] = kept.effective_ms, kept.before_ms
        for part in decoded.predictions:
            self._feed_predictions(batch, decoded, part, stamps, keep)
        for labels in decoded.labels:
            self._feed_labels(batch, decoded, labels, stamps, keep)
        self._move_positions(batch)
        return Fed(batch, _one_a_record(rejects))

    def _without_seen(self, batch: RawBatch) -> RawBatch:
        """Redelivered records, known by their offset, are dropped."""
        next_ = np.array([self.positions.get(key, 0) for key in batch.sources], np.int64)
        fresh = batch.offsets >= next_[batch.source]
        if fresh.all():
            return batch
        rows = np.flatnonzero(fresh)
        self.counts["events_redelivered",] += len(fresh) - len(rows)
        headers = None if batch.headers is None else [batch.headers[i] for i in rows.tolist()]
        return RawBatch(
            batch.kind, batch.sources, batch.source[rows], batch.offsets[rows], batch.timestamps_ms[rows],
            [batch.values[i] for i in rows.tolist()], headers,
        )  # fmt: skip

    def _count_records(self, batch: RawBatch, rejects: list[Reject], decoded: Decoded) -> None:
        topics = Counter(batch.sources[s][0] for s in batch.source.tolist())
        for topic, n in topics.items():
            self.counts["events_consumed", topic, str(batch.kind)] += n
        for reject in rejects:
            self.counts["events_rejected", batch.sources[batch.source[reject.index]][0], reject.reason] += 1
        for (model, version), n in decoded.unmonitored.items():
            if (model, version) in self.unmonitored or len(self.unmonitored) < self.limits.models:
                self.unmonitored[model, version] += n
        if decoded.unmonitored and topics:
            self.counts["events_unmonitored", next(iter(topics))] += sum(decoded.unmonitored.values())

    def _move_positions(self, batch: RawBatch) -> None:
        for index, key in enumerate(batch.sources):
            offsets = batch.offsets[batch.source == index]
            if len(offsets):
                self.positions[key] = max(self.positions.get(key, 0), int(offsets.max()) + 1)
                self.watermarks.setdefault(key, self.watermark_ms)

    def _feed_predictions(
        self, batch: RawBatch, decoded: Decoded, part: PredictionPart, stamps: Stamps, keep: np.ndarray
    ) -> None:
        slot = self.registry.slot(part.model, part.version)
        if slot is None:
            return
        times, effective = decoded.time_ms[part.rows], stamps.effective_ms[part.rows]
        before = stamps.before_ms[part.rows]
        usable = keep[part.rows]
        dropped = usable & (times < before - self.stream.time.allowed_lateness_ms)
        accepted = usable & ~dropped
        self.counts["events_late", "dropped"] += int(dropped.sum())
        is_prediction = decoded.kind is Kind.PREDICTION
        counted = np.zeros(len(times), np.bool_)
        if is_prediction:
            accepted, counted = self._remember(slot, part, decoded.ids[part.rows], times, effective, accepted)
        late = accepted & (times < before)
        now = accepted & ~late
        if accepted.any():
            rows = np.flatnonzero(accepted)
            slot.seen(int(times[rows].min()), int(times[rows].max()))
            slot.predictions += len(rows) if is_prediction else 0
            slot.measure_latency(part.latency_ms[rows])
        on_time = np.flatnonzero(now)
        self._index_on_time(slot, batch, decoded, part.rows[on_time])
        prepared = slot.drift.prepare(part)
        self._count_drift(slot, prepared, on_time, times)
        self._count_events(slot, part, np.flatnonzero(now & counted), times)
        if late.any():
            self.counts["events_late", "staged"] += int(late.sum())
            rows = np.flatnonzero(late)
            self._stage_late(slot, part, rows, times, effective, counted)
            places = self._places(batch, decoded, part.rows[rows], effective[rows])
            self.places.add({**places, "slot": np.full(len(rows), slot.code, np.int32)})

    def _remember(
        self,
        slot: Slot,
        part: PredictionPart,
        ids: np.ndarray,
        times: Ints,
        effective: Ints,
        accepted: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Enter predictions into the join; returns which are accepted (no duplicates), which take part."""
        labels = slot.settings.labels
        taking = accepted & sampled(ids, labels.sample) if labels.enabled else accepted
        rows = np.flatnonzero(taking)
        if not len(rows):
            return accepted, taking
        self.learn_policies()
        regression = slot.settings.task is Task.REGRESSION
        codes, grown = slot.model.class_codes(part.predicted)
        if grown:
            self._grow(slot.model)
        new = Predictions(
            ids[rows], times[rows], effective[rows], slot.model.code, slot.code, codes[rows],
            (part.value if regression else part.score)[rows],
            slot.segment_codes(part.segments, len(times), self.registry.segment_width)[rows],
            self._scores(slot.model, part, rows),
        )  # fmt: skip
        fresh, matches = self.join.put(new)
        self._stage_changes(matches, None)
        duplicates = rows[~fresh]
        accepted, taking = accepted.copy(), taking.copy()
        accepted[duplicates] = taking[duplicates] = False
        return accepted, taking if labels.enabled else np.zeros_like(taking)

    def _scores(self, model: ModelState, part: PredictionPart, rows: Ints) -> np.ndarray | None:
        if part.scores is None or model.settings.task is not Task.MULTICLASS:
            return None
        for name in part.score_classes:
            if name not in model.classes and len(model.classes) < model.class_limit:
                model.classes.append(name)
                self._grow(model)
        scores = np.full((len(rows), len(model.classes)), np.nan)
        for place, name in enumerate(part.score_classes):
            if name in model.classes:
                scores[:, model.classes.index(name)] = part.scores[place][rows]
        return scores

    def _grow(self, model: ModelState) -> None:
        for slot in self.registry.slots:
            if slot.model is model:
                slot.grow()

    def learn_policies(self) -> None:
        """How long each model waits for labels, for models met since the last call."""
        for model in self.registry.by_code[len(self.join.policies) :]:
            labels = model.settings.labels
            policy = Policy(labels.horizon_ms, labels.orphan_wait_ms, labels.corrections_ms)
            if not labels.enabled:
                policy = Policy(self.stream.time.allowed_lateness_ms, 0, 0)
            self.join.policies.append(policy)

    @staticmethod
    def _places(batch: RawBatch, decoded: Decoded, rows: Ints, effective: Ints) -> Columns:
        """Where rows stand in the logs."""
        records = decoded.record[rows]
        source = batch.source[records]
        topics = np.array([topic for topic, _ in batch.sources], dtype=np.str_)
        partitions = np.array([partition for _, partition in batch.sources], np.int32)
        return {
            "eff_ms": effective, "kind": np.full(len(rows), str(decoded.kind)), "topic": topics[source],
            "partition": partitions[source], "offset": batch.offsets[records], "time_ms": decoded.time_ms[rows],
        }  # fmt: skip

    @staticmethod
    def _index_on_time(slot: Slot, batch: RawBatch, decoded: Decoded, rows: Ints) -> None:
        records, times = decoded.record[rows], decoded.time_ms[rows]
        source, offsets = batch.source[records], batch.offsets[records]
        for index in np.unique(source).tolist():
            mine = source == index
            topic, partition = batch.sources[index]
            slot.data.add(str(decoded.kind), topic, partition, times[mine], offsets[mine], times[mine])

    @staticmethod
    def _index_places(slot: Slot, places: Columns) -> None:
        for kind in np.unique(places["kind"]).tolist():
            for topic in np.unique(places["topic"]).tolist():
                mine = (places["kind"] == kind) & (places["topic"] == topic)
                for partition in np.unique(places["partition"][mine]).tolist():
                    rows = mine & (places["partition"] == partition)
                    times = places["time_ms"][rows]
                    slot.data.add(kind, topic, partition, times, places["offset"][rows], times)

    def _count_drift(self, slot: Slot, prepared: PredictionPart | Prepared, rows: Ints, times: Ints) -> None:
        if not len(rows):
            return
        for panes in slot.drift_panes:
            starts = pane_starts(times[rows], panes.window)
            for start in np.unique(starts).tolist():
                panes.add(start, slot.drift.totals(prepared, rows[starts == start]))

    def _count_events(self, slot: Slot, part: PredictionPart, rows: Ints, times: Ints) -> None:
        if not len(rows) or not slot.performance_panes:
            return
        segments = slot.segment_codes(part.segments, len(times), len(slot.segments))
        for panes in slot.performance_panes:
            starts = pane_starts(times[rows], panes.window)
            for start in np.unique(starts).tolist():
                mine = rows[starts == start]
                panes.add(start, slot.performance.predictions(np.ones(len(mine), np.int64), segments[mine]))

    def _stage_late(
        self, slot: Slot, part: PredictionPart, rows: Ints, times: Ints, effective: Ints, counted: np.ndarray
    ) -> None:
        self.late.append(LateRows(slot, take_rows(part, rows), times[rows], effective[rows], counted[rows]))

    def _feed_labels(
        self, batch: RawBatch, decoded: Decoded, part: LabelPart, stamps: Stamps, keep: np.ndarray
    ) -> None:
        model = self.registry.model(part.model)
        if model is None:
            return
        self.learn_policies()
        mine = np.flatnonzero(keep[part.rows])
        if not model.settings.labels.enabled or not len(mine):
            return
        rows = part.rows[mine]
        ids = decoded.ids[rows]
        if model.settings.labels.sample < 1:
            chosen = sampled(ids, model.settings.labels.sample)
            mine, rows, ids = mine[chosen], rows[chosen], ids[chosen]
        codes, grown = model.class_codes(part.label)
        if grown:
            self._grow(model)
        records = decoded.record[rows]
        source = batch.source[records]
        topics = np.array([t for t, _ in batch.sources], dtype=np.str_)
        partitions = np.array([p for _, p in batch.sources], np.int32)
        self.labels.add(
            {
                "eff_ms": stamps.effective_ms[rows], "topic": topics[source], "partition": partitions[source],
                "offset": batch.offsets[records], "ids": ids, "time_ms": decoded.time_ms[rows],
                "model": np.full(len(rows), model.code, np.int32), "label": codes[mine],
                "value": part.value[mine], "revision": part.revision[mine],
            }
        )  # fmt: skip

    # -- advancing -----------------------------------------------------------------------------------

    def next_watermark(self, idle: frozenset[TopicPartition]) -> int:
        """W as it would be now."""
        return stream_watermark(self.watermarks, idle, self.watermark_ms)

    def staged_rows(self) -> int:
        """Rows that wait for W."""
        return self.labels.rows + sum(len(rows.eff_ms) for rows in self.late)

    def apply_labels(self, before_ms: int) -> None:
        """Join all labels with an effective time before ``before_ms``; their changes are staged."""
        due = self.labels.take(before_ms)
        if due is None:
            return
        codes = np.unique(due["topic"])
        labels = Labels(
            due["ids"], due["eff_ms"], due["model"], due["label"], due["value"], due["revision"],
            (due["label"] < 0) & np.isnan(due["value"]), np.searchsorted(codes, due["topic"]).astype(np.int32),
            due["offset"], due["time_ms"],
        )  # fmt: skip
        self._stage_changes(self.join.label(labels), due)

    def _stage_changes(self, matches: Matches, labels: Columns | None) -> None:
        if not len(matches):
            return
        row = np.maximum(matches.row, 0)
        scores = np.full((len(matches), self._score_width), np.nan)
        for place, vector in enumerate(matches.scores):
            if vector is not None:
                scores[place, : len(vector)] = vector
        count = len(matches)
        self.changes.add(
            {
                "eff_ms": matches.eff_ms, "time_ms": matches.time_ms, "slot": matches.slot, "sign": matches.sign,
                "truth": matches.truth, "truth_value": matches.truth_value, "predicted": matches.predicted,
                "value": matches.value, "segments": matches.segments,
                "scores": scores,
                "label_topic": labels["topic"][row] if labels is not None else np.full(count, "", np.str_),
                "label_partition": labels["partition"][row] if labels is not None else np.full(count, -1, np.int32),
                "label_offset": labels["offset"][row] if labels is not None else np.full(count, -1, np.int64),
                "label_time_ms": labels["time_ms"][row] if labels is not None else np.full(count, -1, np.int64),
            }
        )  # fmt: skip

    def apply_staged(self, before_ms: int) -> None:
        """Let late events and changes with an effective time before ``before_ms`` take effect."""
        self._apply_late(before_ms)
        self._apply_places(before_ms)
        due = self.changes.take(before_ms)
        if due is None:
            return
        for code in np.unique(due["slot"]).tolist():
            rows = np.flatnonzero(due["slot"] == code)
            self._apply_changes(self.registry.slots[code], {n: c[rows] for n, c in due.items()})

    def _apply_late(self, before_ms: int) -> None:
        kept = []
        for waiting in self.late:
            due = waiting.eff_ms < before_ms
            rows = np.flatnonzero(due)
            if len(rows):
                part = waiting.part
                self._count_drift(waiting.slot, waiting.slot.drift.prepare(part), rows, waiting.time_ms)
                counted = np.flatnonzero(due & waiting.counted)
                self._count_events(waiting.slot, part, counted, waiting.time_ms)
            if not due.all():
                rest = np.flatnonzero(~due)
                part = take_rows(waiting.part, rest)
                kept.append(
                    LateRows(
                        waiting.slot, part, waiting.time_ms[rest], waiting.eff_ms[rest], waiting.counted[rest]
                    )
                )
        self.late = kept

    def _apply_places(self, before_ms: int) -> None:
        due = self.places.take(before_ms)
        if due is None:
            return
        for code in np.unique(due["slot"]).tolist():
            mine = {name: column[due["slot"] == code] for name, column in due.items()}
            self._index_places(self.registry.slots[code], mine)

    def _apply_changes(self, slot: Slot, due: Columns) -> None:
        regression = slot.settings.task is Task.REGRESSION
        count = len(due["eff_ms"])
        nothing = np.full(count, np.nan)
        width = len(slot.segments)
        changes = Changes(
            sign=due["sign"], truth=due["truth"], predicted=due["predicted"],
            score=nothing if regression else due["value"],
            scores=due["scores"][:, : len(slot.model.classes)] if due["scores"].shape[1] else None,
            truth_value=due["truth_value"], predicted_value=due["value"] if regression else nothing,
            segments=due["segments"][:, :width],
        )  # fmt: skip
        lost = np.zeros(count, np.bool_)
        for panes in slot.performance_panes:
            starts = pane_starts(due["time_ms"], panes.window)
            for start in np.unique(starts).tolist():
                rows = np.flatnonzero(starts == start)
                if not panes.add(start, slot.performance.totals(changes, rows)):
                    lost[rows] = True
        self.counts["labels_beyond_window",] += int(lost.sum())
        self._index_labels(slot, due)

    def _index_labels(self, slot: Slot, due: Columns) -> None:
        known = np.flatnonzero((due["label_offset"] >= 0) & (due["sign"] > 0))
        delay_s = np.maximum(due["label_time_ms"][known] - due["time_ms"][known], 0) / 1000
        slot.delay_sum_ms += int(delay_s.sum() * 1000)
        slot.delays[:] += np.bincount(delay_bucket(delay_s), minlength=len(slot.delays))
        keys = {
            (t, p)
            for t, p in zip(
                due["label_topic"][known].tolist(), due["label_partition"][known].tolist(), strict=True
            )
        }
        for topic, partition in sorted(keys):
            rows = known[(due["label_topic"][known] == topic) & (due["label_partition"][known] == partition)]
            slot.data.add(
                "label",
                topic,
                partition,
                due["time_ms"][rows],
                due["label_offset"][rows],
                due["label_time_ms"][rows],
            )

    def instants(self, after_ms: int, until_ms: int) -> list[tuple[int, int, int, WindowKind, int]]:
        """(T, end, slot code, kind, place) of all windows with data judged in (after, until], in order."""
        found: list[tuple[int, int, int, WindowKind, int]] = []
        for slot in self.registry.slots:
            late = [rows.time_ms for rows in self.late if rows.slot is slot]
            counters = {WindowKind.DRIFT: 0, WindowKind.PERFORMANCE: 0}
            for kind, panes in slot.panes():
                place = counters[kind]
                counters[kind] += 1
                starts = panes.starts()
                if late:
                    starts = np.unique(
                        np.concatenate([starts, *(pane_starts(t, panes.window) for t in late)])
                    )
                delay = slot.delay_ms(kind)
                ends = ends_with_data(starts, panes.window, after_ms - delay, until_ms - delay)
                found.extend((e + delay, e, slot.code, kind, place) for e in ends.tolist())
        return sorted(found, key=lambda f: (f[0], f[2], f[3] == WindowKind.PERFORMANCE, f[4]))

    def judge(self, instant: tuple[int, int, int, WindowKind, int]) -> Judged:
        """A window at its instant; staged events must have been applied up to it."""
        judged_ms, end_ms, code, kind, place = instant
        slot = self.registry.slots[code]
        panes = (slot.drift_panes if kind is WindowKind.DRIFT else slot.performance_panes)[place]
        return Judged(judged_ms, end_ms, slot, kind, place, panes.at(end_ms))

    def settle(self, watermark_ms: int, keep_panes: bool = False) -> None:
        """W has arrived: let everything before it take effect, and forget what is over."""
        self.apply_staged(watermark_ms)
        self.watermark_ms = watermark_ms
        if not keep_panes:
            self.forget()
        step_ms = max(self.stream.time.step_ms, 60_000)
        if watermark_ms - self._expired_ms >= step_ms:
            self._expired_ms = watermark_ms
            self.join.expire(watermark_ms)

    def evict(self, before_ms: int) -> None:
        """Apply the join's memory cap, at a window's instant."""
        keep = self.limits.join_memory_bytes // (self.join.table.row_bytes + 8)
        self.join.evict(keep, before_ms)

    def forget(self) -> None:
        """Drop the panes that nothing can read any more."""
        for slot in self.registry.slots:
            delay = slot.settings.labels.delay_ms
            longest = 0
            for _kind, panes in slot.panes():
                length, slide = panes.window.length_ms, panes.window.slide_ms
                # Twice the length: a rule versus the previous window reads the one before.
                panes.drop_before(self.watermark_ms - 2 * length - slide - delay)
                longest = max(longest, 2 * length + slide + delay)
            slot.data.drop_before(self.watermark_ms - longest)

    def wake(self, key: TopicPartition) -> None:
        """A partition that was idle, or is new, starts at W."""
        self.watermarks[key] = max(self.watermarks.get(key, UNSET_MS), self.watermark_ms)


def _one_a_record(rejects: list[Reject]) -> list[Reject]:
    """An Arrow record with several bad rows is one dead letter."""
    return list({r.index: r for r in reversed(rejects)}.values())[::-1]


DELAY_BOUNDS_S = np.array(
    [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 172800, 259200, 432000,
     604800, 1209600, 1814400, 2592000, 5184000, 7776000], dtype=np.float64,
)  # fmt: skip


def delay_bucket(delay_s: np.ndarray) -> Ints:
    """Bucket of each label delay; the last one is open."""
    return np.searchsorted(DELAY_BOUNDS_S, delay_s, side="left")


def take_rows(part: PredictionPart, rows: Ints) -> PredictionPart:
    """The part with some of its rows."""

    def cut(column: Coded) -> Coded:
        return replace(column, codes=column.codes[rows])

    return replace(
        part, rows=part.rows[rows], numeric=part.numeric[:, rows],
        categorical=tuple(cut(c) for c in part.categorical), predicted=cut(part.predicted),
        value=part.value[rows], score=part.score[rows],
        scores=None if part.scores is None else part.scores[:, rows],
        latency_ms=part.latency_ms[rows], segments=tuple(cut(c) for c in part.segments),
    )  # fmt: skip
