"""The daemon: reads the clock, polls, commits, publishes, stops. It decides nothing about statistics."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from driftline import __version__
from driftline.config.model import Config
from driftline.errors import DataLoss
from driftline.metrics.histogram import Durations
from driftline.metrics.view import DaemonView, PartitionView, StreamView
from driftline.pipeline.engine import Fed
from driftline.pipeline.recent import Recent
from driftline.pipeline.shown import Shown
from driftline.pipeline.snapshot import restore, snapshot, unwritten_bytes
from driftline.pipeline.stream import StreamEngine
from driftline.pipeline.view import stream_view
from driftline.ports import Loss, Publisher, Source
from driftline.records import Blob, BlobKey, Message, RawBatch, TopicPartition
from driftline.sinks.breaker import Breaker
from driftline.sinks.dead_letters import dead_letter, place_of
from driftline.sources.offsets import RECREATED
from driftline.store.rows import Commit, PartitionRow, StreamKey
from driftline.store.sqlite import SqliteStore, StateFull

POLL_RECORDS = 20_000
REFRESH_S = 2.0
VIEW_S = 1.0
VIEW_MOST_S = 5.0
VIEW_SHARE = 0.2
"""Of the loop's time that views may take, as long as they are not older than ``VIEW_MOST_S``."""
COMMIT_LEAST_S = 1.0
COMMIT_MOST_S = 15.0
BYTES_PER_S = 2_000_000
RETRY_S = 5.0
RECENT_KEY = ("meta", "triggers")


@dataclass(slots=True)
class Runner:
    """One stream as it runs: its source, its engine and what the wall clock knows of its partitions."""

    name: str
    source: Source
    engine: StreamEngine
    quiet_since: dict[TopicPartition, tuple[int, float]] = field(default_factory=dict)
    idle: frozenset[TopicPartition] = frozenset()
    paused: dict[TopicPartition, str] = field(default_factory=dict)
    hold: str | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    dirty: bool = False
    refreshed: float = 0.0
    breaker: Breaker = field(default_factory=Breaker)
    spoiled: bool = False
    """What was read since the last commit may be of a topic made anew: it is never committed."""
    shown: Shown = field(default_factory=Shown)

    def poll(self, timeout_s: float) -> list[RawBatch]:
        """What the source has; nothing while the stream is on hold."""
        return self.source.poll(timeout_s, POLL_RECORDS)


class Daemon:
    """New wires, run runs, stop is bounded."""

    def __init__(
        self, config: Config, runners: list[Runner], store: SqliteStore, publisher: Publisher,
        log: Any, wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.config = config
        self.runners = runners
        self.store = store
        self.publisher = publisher
        self.log = log
        self.wall = wall
        self.stopping = False
        self.view = DaemonView(reasons=("the state is being restored",))
        self.queue: list[tuple[str, Message]] = []
        self.outbox: dict[int, tuple[str, Message]] = {}
        self.sent: list[int] = []
        self.recent = Recent()
        self.failed: list[int] = []
        self.retried = 0.0
        self.in_flight: dict[str, int] = {}
        self.last_commit = time.monotonic()
        self.last_commit_ms = 0
        self.commit_seconds = Durations()
        self.batch_seconds = {stage: Durations() for stage in ("feed", "advance")}
        self.trouble = ""
        self.owed: dict[StreamKey, Blob | None] = {}
        self.started_ms = self._wall_ms()
        self._view_at = 0.0
        self._view_took_s = 0.0

    # -- start ---------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Bring every stream to where the last commit left it, and seek."""
        stored = self.store.load()
        for runner in self.runners:
            restore(runner.engine.pipeline, stored.blobs.get(runner.name, {}))
            if runner.engine.rules is not None:
                runner.engine.rules.restore(stored.blobs.get(runner.name, {}))
            ids = {row.topic: row.topic_id for row in stored.partitions if row.stream == runner.name}
            runner.source.open(dict(runner.engine.pipeline.positions), ids)
        self.recent.restore(stored.blobs.get("", {}).get(RECENT_KEY))
        for row in stored.outbox:
            self.outbox[row.seq] = (row.stream, row.message)
            if place := place_of(row.message):
                for runner in (r for r in self.runners if r.name == row.stream):
                    runner.breaker.written({row.message.id: place})
        self._publish(list(self.outbox.items()))

    # -- the loop ------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run until told to stop; then commit and flush within the grace period."""
        self.restore()
        self.refresh_view(force=True)
        while not self.stopping:
            self.tick()
        self.stop()

    def tick(self, timeout_s: float = 0.2) -> None:
        """One turn: read, judge, commit, publish."""
        share = timeout_s / max(1, len(self.runners))
        for runner in self.runners:
            self._turn(runner, share)
        self._commit_if_due()
        self._delivered()
        self.refresh_view()

    def _turn(self, runner: Runner, timeout_s: float) -> None:
        self._refresh_source(runner)
        if runner.hold or self.trouble:
            return  # what cannot be committed is not read either: memory stays bounded
        batches = runner.poll(timeout_s)
        started = time.perf_counter()
        pipeline = runner.engine.pipeline
        for key in {k for b in batches for k in b.sources} & runner.idle:
            pipeline.wake(key, pipeline.positions.get(key, 0))
        for batch in batches:
            fed = pipeline.feed(batch)
            letters = [
                dead_letter(fed.batch, r, self.config.kafka.topics.dead_letters, self.config.limits.message_bytes)
                for r in fed.rejects
            ]  # fmt: skip
            self.queue += [(runner.name, letter) for letter in letters]
            runner.breaker.written(dict(zip((x.id for x in letters), _places(fed), strict=True)))
        runner.dirty |= bool(batches)
        fed_at = time.perf_counter()
        if batches:
            self.batch_seconds["feed"].observe(fed_at - started)
        self._mark_idle(runner)
        if self._missing(runner):
            return  # without all topics W would mean nothing
        wall_ms = self._wall_ms()
        before_ms = pipeline.watermark_ms
        messages = runner.engine.advance(runner.idle, wall_ms)
        if pipeline.watermark_ms > before_ms:
            runner.dirty = True
            self.batch_seconds["advance"].observe(time.perf_counter() - fed_at)
        if runner.engine.rules is not None:
            messages += runner.engine.rules.silence(wall_ms)
        for message in messages:
            self._note(message)
        self.queue += [(runner.name, m) for m in messages]
        self._balance(runner)

    @staticmethod
    def _missing(runner: Runner) -> list[str]:
        """Topics of the stream that are not there yet."""
        there = {status.topic for status in runner.source.partitions()}
        return sorted(runner.kinds.keys() - there)

    def _note(self, message: Message) -> None:
        headers = {name: value.decode() for name, value in message.headers}
        self.recent.note(message)
        self.log.info(
            "effect",
            type=headers["ce_type"],
            subject=headers["ce_subject"],
            judged=headers["ce_time"],
            id=message.id,
        )

    def _wall_ms(self) -> int:
        return int(self.wall() * 1000)

    def _refresh_source(self, runner: Runner) -> None:
        now = time.monotonic()
        if now - runner.refreshed < REFRESH_S:
            return
        runner.refreshed = now
        for key in runner.source.refresh():
            if runner.engine.pipeline.watermark_ms > -(1 << 61):
                runner.engine.pipeline.wake(key, 0)
            self.log.info("partition found", stream=runner.name, topic=key[0], partition=key[1])
        for text in runner.source.warnings():
            self.log.warning(text, stream=runner.name)
        losses = runner.source.verify()
        if losses:
            self._lost(runner, losses)

    def _lost(self, runner: Runner, losses: list[Loss]) -> None:
        why = "; ".join(f"{x.topic}[{x.partition}]: {x.why}" for x in losses)
        policy = self.config.kafka.on_data_loss
        if policy == "exit":
            raise DataLoss(f"Kafka no longer has what stream {runner.name} needs: {why}")
        if policy == "skip":
            self._skip(runner, losses)
            return
        if runner.hold is None:
            self.log.error("stream on hold", stream=runner.name, why=why)
        runner.hold = why
        if any(loss.why == RECREATED for loss in losses):
            runner.spoiled = True
            self.queue = [(name, message) for name, message in self.queue if name != runner.name]

    def _skip(self, runner: Runner, losses: list[Loss]) -> None:
        """Count what was lost, and read on from what is there."""
        pipeline = runner.engine.pipeline
        for key, position in runner.source.skip(losses).items():
            lost = max(0, position - pipeline.positions.get(key, position))
            pipeline.positions[key] = position
            pipeline.counts["events_lost", key[0]] += lost
            self.log.error("records skipped", stream=runner.name, topic=key[0], partition=key[1], lost=lost)
        runner.dirty = True

    def _mark_idle(self, runner: Runner) -> None:
        """Idle: at the end, and no record for ``idle_after`` of wall time."""
        now = time.monotonic()
        idle = set()
        wait_s = runner.engine.pipeline.stream.time.idle_after_ms / 1000
        for status in runner.source.partitions():
            key = (status.topic, status.partition)
            mark = runner.engine.pipeline.watermarks.setdefault(key, -(1 << 62))
            known, since = runner.quiet_since.get(key, (None, now))
            if known != mark or not status.at_end:
                runner.quiet_since[key] = (mark, now)
            elif now - since >= wait_s and runner.source.up:
                idle.add(key)
        runner.idle = frozenset(idle)

    def _balance(self, runner: Runner) -> None:
        """Pause what is far ahead of W or has too many dead letters; resume what has neither any more."""
        tripped = dict.fromkeys(runner.breaker.step(time.monotonic()), "dead_letters")
        wanted = tripped | dict.fromkeys(self._skewed(runner), "skew")
        pause, resume = wanted.keys() - runner.paused.keys(), runner.paused.keys() - wanted.keys()
        for key in pause:
            self.log.warning("partition paused", topic=key[0], partition=key[1], reason=wanted[key])
        if pause:
            runner.source.pause(pause)
        if resume:
            runner.source.resume(resume)
        runner.paused = wanted

    @staticmethod
    def _skewed(runner: Runner) -> set[TopicPartition]:
        """Partitions far ahead of W; one that is paused for it stays so down to half the distance."""
        pipeline = runner.engine.pipeline
        w, skew = pipeline.watermark_ms, pipeline.stream.time.max_skew_ms
        marks = pipeline.watermarks
        floor = min((m for k, m in marks.items() if k not in runner.idle), default=w)
        base = max(w, floor)
        if base < -(1 << 61):
            return set()
        held = {k for k, reason in runner.paused.items() if reason == "skew"}
        return {k for k, m in marks.items() if m - base > (skew // 2 if k in held else skew)}

    # -- commit --------------------------------------------------------------------------------------

    def _commit_if_due(self) -> None:
        effects = bool(self.queue) and not self.trouble
        age_s = time.monotonic() - self.last_commit
        dirty_bytes = sum(unwritten_bytes(r.engine.pipeline) for r in self.runners if r.dirty)
        wait_s = min(COMMIT_MOST_S, max(COMMIT_LEAST_S, dirty_bytes / BYTES_PER_S))
        if effects or (age_s >= wait_s and (self.sent or any(r.dirty for r in self.runners))):
            self.commit()

    def commit(self) -> None:
        """Everything in one transaction; the effects are sent after it."""
        start = time.monotonic()
        for runner in self.runners:
            if runner.dirty and not runner.hold and (losses := runner.source.verify()):
                self._lost(runner, losses)
        commit = Commit(blobs=self.owed)
        self.owed = {}
        for runner in self.runners:
            if runner.spoiled:
                continue
            runner.engine.pipeline.catch_up()
            if runner.dirty or any(name == runner.name for name, _ in self.queue):
                commit.blobs |= {(runner.name, t, k): b for (t, k), b in self._blobs(runner).items()}
                commit.partitions += self._rows(runner)
                runner.dirty = False
        if self.recent.dirty:
            commit.blobs["", *RECENT_KEY] = self.recent.blob()
        commit.blobs["", "meta", "models"] = Blob(1, {"seen": self._seen()})
        commit.outbox, commit.sent = self.queue, self.sent
        commit.now_ms = self._wall_ms()
        try:
            result = self.store.commit(commit)
        except StateFull as error:
            self._cannot_commit(commit, str(error))
            return
        self.trouble = ""
        fresh = list(zip(result.seqs, self.queue, strict=True))
        for seq in self.sent:
            self.outbox.pop(seq, None)
        self.outbox.update(fresh)
        self.queue, self.sent = [], []
        self.last_commit, self.last_commit_ms = time.monotonic(), self._wall_ms()
        self.commit_seconds.observe(self.last_commit - start)
        self._publish(fresh)
        for runner in self.runners:
            if not runner.spoiled:
                runner.source.report(dict(runner.engine.pipeline.positions))

    def _cannot_commit(self, commit: Commit, why: str) -> None:
        """Nothing was written: what changed stays due, and is tried again after a while."""
        if not self.trouble:
            self.log.error("commit failed, will be tried again", why=why)
        self.trouble = f"the state cannot be written: {why}"
        self.last_commit = time.monotonic()
        for stream, table, key in commit.blobs:
            self.owed[stream, table, key] = commit.blobs[stream, table, key]
        for runner in self.runners:
            runner.dirty = True

    def _blobs(self, runner: Runner) -> dict[BlobKey, Blob | None]:
        blobs = snapshot(runner.engine.pipeline)
        if runner.engine.rules is not None:
            blobs["rule_state", "rules"] = runner.engine.rules.snapshot()
        return blobs

    def _rows(self, runner: Runner) -> list[PartitionRow]:
        pipeline = runner.engine.pipeline
        ids = runner.source.topic_ids()
        return [
            PartitionRow(runner.name, t, p, offset, pipeline.watermarks.get((t, p), 0), ids.get(t, ""))
            for (t, p), offset in pipeline.positions.items()
        ]

    def _seen(self) -> list[dict[str, Any]]:
        seen: list[tuple[str, str, bool, int]] = []
        for pipeline in (r.engine.pipeline for r in self.runners):
            seen += [(s.model.name, s.version, True, s.predictions) for s in pipeline.registry.slots]
            seen += [(model, version, False, n) for (model, version), n in pipeline.unmonitored.items()]
        return [dict(zip(("model", "version", "monitored", "events"), row, strict=True)) for row in seen]

    # -- effects -------------------------------------------------------------------------------------

    def _publish(self, rows: list[tuple[int, tuple[str, Message]]]) -> None:
        if not rows:
            return
        for seq, (_stream, message) in rows:
            self.in_flight[message.id] = seq
        self.publisher.publish([message for _seq, (_stream, message) in rows])

    def _delivered(self) -> None:
        now = time.monotonic()
        if self.failed and now - self.retried >= RETRY_S:
            again, self.failed, self.retried = self.failed, [], now
            self._publish([(seq, self.outbox[seq]) for seq in again if seq in self.outbox])
        for delivery in self.publisher.poll():
            seq = self.in_flight.pop(delivery.id, None)
            if seq is None:
                continue
            if delivery.error is None:
                self.sent.append(seq)
                for runner in self.runners:
                    runner.breaker.delivered(delivery.id)
            else:
                self.log.warning("not delivered, will be sent again", id=delivery.id, error=delivery.error)
                self.failed.append(seq)

    # -- view and end --------------------------------------------------------------------------------

    def refresh_view(self, *, force: bool = False) -> None:
        """Compute what is shown, at most once a second; more rarely where that takes long."""
        now = time.monotonic()
        wait_s = min(VIEW_MOST_S, max(VIEW_S, self._view_took_s / VIEW_SHARE))
        if not force and now - self._view_at < wait_s:
            return
        self._view_at = now
        self.view = self._make_view()
        self._view_took_s = time.monotonic() - now

    def _make_view(self) -> DaemonView:
        for runner in self.runners:
            runner.engine.pipeline.catch_up()
        path = Path(self.config.state_path)
        reasons: list[str] = []
        if self.trouble:
            reasons.append(self.trouble)
        reasons += [f"stream {r.name} is on hold: {r.hold}" for r in self.runners if r.hold]
        reasons += [f"stream {r.name} waits for topic {t}" for r in self.runners for t in self._missing(r)]
        up = all(r.source.up for r in self.runners)
        if not up:
            reasons.append("Kafka cannot be reached")
        return DaemonView(
            streams=tuple(self._stream_view(r) for r in self.runners),
            now_ms=self._wall_ms(),
            outbox_pending=len(self.outbox) + len(self.queue),
            triggers_total=_merged(r.engine.rules.triggers for r in self.runners if r.engine.rules),
            trigger_last_ms=max(
                (t for r in self.runners if r.engine.rules for t in r.engine.rules.trigger_last_ms.values()),
                default=None,
            ),
            state_file_bytes=self.store.size_bytes(),
            state_free_bytes=shutil.disk_usage(path.parent).free,
            commit_seconds=self.commit_seconds.histogram(),
            batch_seconds={stage: d.histogram() for stage, d in self.batch_seconds.items()},
            last_commit_ms=self.last_commit_ms or None,
            kafka_up=up,
            config_reload_ms=self.started_ms,
            max_series=self.config.metrics.max_series,
            ready=not reasons,
            reasons=tuple(reasons),
            version=__version__,
            triggers=self.recent.views(),
        )

    def _stream_view(self, runner: Runner) -> StreamView:
        pipeline = runner.engine.pipeline
        kinds = runner.kinds
        partitions = tuple(
            PartitionView(
                stream=runner.name, topic=s.topic, partition=s.partition, kind=kinds.get(s.topic, ""),
                position=s.position, high_watermark=s.high_watermark,
                watermark_ms=_known(pipeline.watermarks.get((s.topic, s.partition))),
                paused=runner.paused.get((s.topic, s.partition)),
            )
            for s in runner.source.partitions()
        )  # fmt: skip
        rules = runner.engine.rules.views() if runner.engine.rules else ()
        view = stream_view(
            runner.name, runner.engine, partitions, rules, self.config.metrics.windows, runner.hold,
            runner.shown,
        )  # fmt: skip
        told: dict[str, Mapping[tuple[str, ...], int]] = {
            "group_commit_failures_total": {(): runner.source.report_failures}
        }
        return replace(view, counters={**view.counters, **told})

    def stop(self) -> None:
        """The last commit, and what the outbox can still send within the grace period."""
        self.commit()
        left = self.publisher.flush(self.config.shutdown_grace_ms / 1000)
        self._delivered()
        if self.sent:
            self.commit()
        if left:
            self.log.warning("outbox kept for the next start", messages=left)
        for runner in self.runners:
            runner.source.close()
        self.store.close()

    def on_signal(self, number: int, _frame: object) -> None:
        """The first signal stops in order, the second at once."""
        if self.stopping:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.stopping = True


def _places(fed: Fed) -> list[TopicPartition]:
    """Where each reject stood."""
    return [fed.batch.sources[fed.batch.source[reject.index]] for reject in fed.rejects]


def _known(watermark_ms: int | None) -> int | None:
    return watermark_ms if watermark_ms is not None and watermark_ms > -(1 << 61) else None


def _merged(parts: Iterable[Mapping[Any, int]]) -> dict[Any, int]:
    return {key: n for part in parts for key, n in part.items()}
