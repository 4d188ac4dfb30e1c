"""One stream as it runs: what it reads, which of its partitions are idle, and which must wait."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from driftline.app.idleness import Idleness
from driftline.errors import DataLoss
from driftline.instants import rfc3339
from driftline.pipeline.engine import Fed
from driftline.pipeline.shown import Shown
from driftline.pipeline.stream import StreamEngine
from driftline.pipeline.view import Committed
from driftline.ports import Loss, Source
from driftline.records import Control, Message, RawBatch, TopicPartition
from driftline.settings import Limits
from driftline.sinks.breaker import Breaker
from driftline.sources.offsets import RECREATED
from driftline.stamp.watermark import UNSET_MS
from driftline.store.rows import PartitionRow

POLL_RECORDS = 20_000
REFRESH_S = 2.0


@dataclass(slots=True)
class Runner:
    """A stream: its source, its engine and what the wall clock knows of its partitions."""

    name: str
    source: Source
    engine: StreamEngine
    kinds: dict[str, str] = field(default_factory=dict)
    idleness: Idleness = field(default_factory=Idleness)
    paused: dict[TopicPartition, str] = field(default_factory=dict)
    hold: str | None = None
    dirty: bool = False
    unreadable: set[tuple[str, str]] = field(default_factory=set)
    """Versions of which the log has said that their reference cannot be read."""
    pooled: set[str] = field(default_factory=set)
    """Models of which the log has said that their further classes count as one."""
    told: int = 0
    """Records that the last line of the log knew of."""
    refreshed: float = 0.0
    breaker: Breaker = field(default_factory=Breaker)
    spoiled: bool = False
    """What was read since the last commit may be of a topic made anew: it is never committed."""
    shown: Shown = field(default_factory=Shown)
    committed: Committed = field(default_factory=Committed)
    """What counters stood at when they were committed last."""

    @property
    def idle(self) -> frozenset[TopicPartition]:
        """Partitions that no longer hold W."""
        return self.idleness.idle

    def missing(self) -> list[str]:
        """Topics of the stream that are not there yet."""
        there = {status.topic for status in self.source.partitions()}
        return sorted(self.kinds.keys() - there)

    def open(self, stored: Iterable[PartitionRow]) -> None:
        """Let the source begin where the last commit left it."""
        rows = [row for row in stored if row.stream == self.name]
        positions = {(row.topic, row.partition): row.next_offset for row in rows}
        ids = {row.topic: row.topic_id for row in rows}
        self.source.open(positions | dict(self.engine.pipeline.positions), ids)

    def read(self, timeout_s: float, now_s: float) -> list[Fed]:
        """Feed what the source has."""
        batches: list[RawBatch] = self.source.poll(timeout_s, POLL_RECORDS)
        pipeline = self.engine.pipeline
        if any(key in self.idle for batch in batches for key in batch.sources):
            self.idleness.doubt(now_s)
        fed = [pipeline.feed(batch) for batch in batches]
        self.dirty |= bool(batches)
        self.idleness.look(
            self.source.partitions(), pipeline.watermarks, pipeline.stream.time.idle_after_ms / 1000, now_s,
            up=self.source.up,
        )  # fmt: skip
        return fed

    def silence(self, wall_ms: int, *, complete: bool) -> list[Message]:
        """What rules on silence say. A stream that cannot be read, or not of all its topics, is not silent."""
        if self.source.up and complete:
            return self.engine.rules.silence(wall_ms) if self.engine.rules else []
        self.unheard()
        return []

    def unheard(self) -> None:
        """Nothing can be heard of what may be there."""
        if self.engine.rules is not None:
            self.engine.rules.unheard()

    def consumed(self) -> int:
        """Records so far."""
        return sum(n for key, n in self.engine.pipeline.counts.items() if key[0] == "events_consumed")

    def tell(self, commit_s: float, log: Any) -> None:
        """The one line of a tick: what was read and committed since the last one; none where nothing was."""
        counts, total = self.engine.pipeline.counts, self.consumed()
        if total == self.told:
            return
        records, self.told = total - self.told, total
        statuses, watermark_ms = self.source.partitions(), self.engine.pipeline.watermark_ms
        log.info(
            "tick",
            stream=self.name,
            records=records,
            watermark=rfc3339(watermark_ms) if watermark_ms > UNSET_MS else None,
            lag=sum(max(0, s.high_watermark - s.position) for s in statuses if s.high_watermark is not None),
            staged=self.engine.pipeline.staged_rows(),
            pending=self.engine.pipeline.join.pending(),
            remembered=self.engine.pipeline.join.table.live,
            rejected=sum(n for key, n in counts.items() if key[0] == "events_rejected"),
            late=counts["events_late", "dropped"],
            paused=len(self.paused),
            commit_ms=round(commit_s * 1000),
        )

    def look(self, now_s: float, log: Any) -> list[Loss]:
        """Ask from time to time for new partitions, and for what Kafka no longer has."""
        if now_s - self.refreshed < REFRESH_S:
            return []
        self.refreshed, pipeline = now_s, self.engine.pipeline
        for key in self.source.refresh():
            if pipeline.watermark_ms > UNSET_MS:
                pipeline.wake(key, pipeline.positions.get(key, 0))
            log.info("partition found", stream=self.name, topic=key[0], partition=key[1])
        self._tell_versions(log)
        for text in self.source.warnings():
            log.warning(text, stream=self.name)
        return self.source.verify()

    def _tell_versions(self, log: Any) -> None:
        """Say once of each model and version what is over a limit, or cannot be read."""
        registry = self.engine.pipeline.registry
        refused, registry.refused = registry.refused, []
        for model, version, why in refused:
            log.warning("not monitored", stream=self.name, model=model, version=version, why=why)
        for slot in registry.slots:
            if slot.unreadable is not None and slot.key not in self.unreadable:
                self.unreadable.add(slot.key)
                about = {"model": slot.model.name, "version": slot.version, "why": slot.unreadable}
                log.error("no drift for want of a readable reference", stream=self.name, **about)
        for state in registry.by_code:
            if state.over and state.name not in self.pooled:
                self.pooled.add(state.name)
                why = f"limits.classes ({state.class_limit}) is reached"
                log.warning("further classes count as other", stream=self.name, model=state.name, why=why)

    def lose(self, losses: list[Loss], policy: str, log: Any) -> None:
        """Hold, skip, or raise DataLoss (``exit``), as ``kafka.on_data_loss`` says."""
        why = "; ".join(f"{x.topic}[{x.partition}]: {x.why}" for x in losses)
        if policy == "exit":
            raise DataLoss(f"Kafka no longer has what stream {self.name} needs: {why}")
        if policy == "skip":
            self._skip(losses, log)
            return
        if self.hold is None:
            log.error("stream on hold", stream=self.name, why=why)
        self.hold = why
        self.spoiled |= any(loss.why == RECREATED for loss in losses)

    def _skip(self, losses: list[Loss], log: Any) -> None:
        """Count what was lost, and read on from what is there."""
        pipeline = self.engine.pipeline
        for key, position in self.source.skip(losses).items():
            lost = max(0, position - pipeline.positions.get(key, position))
            pipeline.positions[key] = position
            pipeline.counts["events_lost", key[0]] += lost
            mark = pipeline.watermarks.get(key, UNSET_MS)
            pipeline.controls.append(Control("exclusion", *key, position, mark))
            log.error("records skipped", stream=self.name, topic=key[0], partition=key[1], lost=lost)
        self.dirty = True

    def balance(self, limits: Limits, now_s: float, log: Any) -> None:
        """Pause what is far ahead, what fills the memory, and what has too many dead letters; resume the others."""
        wanted = dict.fromkeys(self.breaker.step(now_s), "dead_letters")
        wanted |= dict.fromkeys(self._crowding(limits), "memory") | dict.fromkeys(self._skewed(), "skew")
        pause, resume = wanted.keys() - self.paused.keys(), self.paused.keys() - wanted.keys()
        for key in pause:
            # One that is far ahead waits for the others, which costs nothing; the rest is for a person to know.
            tell = log.info if wanted[key] == "skew" else log.warning
            tell("partition paused", topic=key[0], partition=key[1], reason=wanted[key])
        if pause:
            self.source.pause(pause)
        if resume:
            self.source.resume(resume)
        self.paused = wanted

    def _base_ms(self) -> int:
        """Where the last partition stands that is not idle."""
        pipeline = self.engine.pipeline
        marks = (m for k, m in pipeline.watermarks.items() if k not in self.idle)
        return max(pipeline.watermark_ms, min(marks, default=pipeline.watermark_ms))

    def _held(self, reason: str) -> set[TopicPartition]:
        return {key for key, why in self.paused.items() if why == reason}

    def _skewed(self) -> Collection[TopicPartition]:
        """Partitions far ahead of W; one that is paused for it stays so down to half the distance."""
        pipeline, base_ms = self.engine.pipeline, self._base_ms()
        if base_ms <= UNSET_MS:
            return ()
        skew_ms, held = pipeline.stream.time.max_skew_ms, self._held("skew")
        return {
            key
            for key, mark in pipeline.watermarks.items()
            if mark - base_ms > (skew_ms // 2 if key in held else skew_ms)
        }

    def _crowding(self, limits: Limits) -> Collection[TopicPartition]:
        """Where too much waits: all partitions but the last ones, down to half of the limit.

        The last ones go on, since only they let W pass what waits. A pause changes no result.
        """
        pipeline, held = self.engine.pipeline, self._held("memory")
        share = 0.5 if held else 1.0
        crowded = pipeline.staged_rows() > share * limits.staged_events or (
            pipeline.join.table.nbytes > share * limits.join_memory_bytes
        )
        if not crowded:
            return ()
        base_ms = self._base_ms()
        return {key for key, mark in pipeline.watermarks.items() if key not in self.idle and mark > base_ms}
