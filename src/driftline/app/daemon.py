"""The loop: read, judge, commit, publish, show; reload and stop when asked to."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

from driftline.app.committing import blobs, controls, partitions, seen
from driftline.app.outbox import Effect, Outbox
from driftline.app.reloading import Reloading
from driftline.app.runner import Runner
from driftline.app.showing import STARTING, Pace, daemon_view
from driftline.config.model import Config
from driftline.errors import DriftlineError
from driftline.metrics.histogram import Durations
from driftline.metrics.view import DaemonView
from driftline.pipeline.engine import Fed
from driftline.pipeline.recent import Recent
from driftline.pipeline.snapshot import restore, unwritten_bytes
from driftline.pipeline.stream import StreamEngine
from driftline.pipeline.view import committed
from driftline.ports import Loss, Publisher
from driftline.records import Blob, Message, TopicPartition
from driftline.settings import StreamSettings
from driftline.sinks.dead_letters import dead_letter, place_of
from driftline.store.rows import Commit, Stored, StreamKey
from driftline.store.sqlite import SqliteStore, StateFull

COMMIT_LEAST_S = 1.0
COMMIT_MOST_S = 15.0
BYTES_PER_S = 2_000_000
RECENT_KEY = ("meta", "triggers")

Build = Callable[[Config, StreamSettings], StreamEngine]


class Daemon:
    """New wires, run runs, stop is bounded."""

    def __init__(
        self, config: Config, runners: list[Runner], store: SqliteStore, publisher: Publisher, log: Any,
        wall: Callable[[], float] = time.time, load: Callable[[], Config] | None = None, build: Build | None = None,
    ) -> None:  # fmt: skip
        self.config = config
        self.runners = runners
        self.store = store
        self.log = log
        self.wall = wall
        self.build = build
        self.stopping = False
        self.opened = False
        """All sources have begun, whether or not Kafka was found."""
        self.view = DaemonView(now_ms=self.wall_ms(), reasons=(STARTING,))
        self.effects = Outbox(publisher)
        self.recent = Recent()
        self.reloading = Reloading(load, self.wall_ms())
        self.last_commit = time.monotonic()
        self.last_commit_ms = 0
        self.commit_seconds = Durations()
        self.batch_seconds = {stage: Durations() for stage in ("feed", "advance")}
        self.trouble = ""
        self.owed: dict[StreamKey, Blob | None] = {}
        self.owed_controls: list[tuple[str, int, str, dict[str, Any]]] = []
        self._pace = Pace()

    @property
    def publisher(self) -> Publisher:
        """Who sends the effects."""
        return self.effects.publisher

    @property
    def queue(self) -> list[Effect]:
        """Effects that are not committed yet."""
        return self.effects.queue

    @property
    def outbox(self) -> dict[int, Effect]:
        """Effects that are committed, and not known to be delivered."""
        return self.effects.rows

    def wall_ms(self) -> int:
        """The wall clock."""
        return int(self.wall() * 1000)

    # -- start ---------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Bring every stream to where the last commit left it, and show that; then look for Kafka, and seek."""
        stored = self.store.load()
        for runner in self.runners:
            runner.engine = _restored(runner.engine, runner.name, stored)
            runner.committed = committed(runner.engine)
            runner.told = runner.consumed()
        self.recent.restore(stored.blobs.get("", {}).get(RECENT_KEY))
        for row in stored.outbox:
            if place := place_of(row.message):
                for runner in (r for r in self.runners if r.name == row.stream):
                    runner.breaker.written({row.message.id: place})
        self.effects.restore(stored.outbox)
        self.refresh_view(force=True)  # Kafka may be long in coming, once a stream
        for runner in self.runners:
            if self.stopping:
                return
            runner.open(stored.partitions)
            self.refresh_view()
        self.opened = True
        self._pace = Pace()  # the next view is due at once

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
        if self.reloading.take():
            self.reload()
        self.refresh_view()

    def _turn(self, runner: Runner, timeout_s: float) -> None:
        if losses := runner.look(time.monotonic(), self.log):
            self._lost(runner, losses)
        if runner.hold or self.trouble:  # what cannot be committed is not read either: memory stays bounded
            runner.unheard()
            time.sleep(timeout_s)  # where reading waits for records
            return
        started = time.perf_counter()
        fed = runner.read(timeout_s, time.monotonic())
        for each in fed:
            self._dead_letters(runner, each)
        fed_at = time.perf_counter()
        if fed:
            self.batch_seconds["feed"].observe(fed_at - started)
        complete = not runner.missing()
        if complete:  # without all topics W would mean nothing
            self._advance(runner, fed_at)
        self._decided(runner, runner.silence(self.wall_ms(), complete=complete))
        runner.balance(self.config.limits, time.monotonic(), self.log)

    def _dead_letters(self, runner: Runner, fed: Fed) -> None:
        topic, limit = self.config.kafka.topics.dead_letters, self.config.limits.message_bytes
        letters = [dead_letter(fed.batch, reject, topic, limit) for reject in fed.rejects]
        self.effects.queue += [(runner.name, letter) for letter in letters]
        runner.breaker.written(dict(zip((x.id for x in letters), _places(fed), strict=True)))

    def _advance(self, runner: Runner, fed_at: float) -> None:
        pipeline, wall_ms = runner.engine.pipeline, self.wall_ms()
        before_ms = pipeline.watermark_ms
        messages = runner.engine.advance(runner.idle, wall_ms)
        if pipeline.watermark_ms > before_ms:
            runner.dirty = True
            self.batch_seconds["advance"].observe(time.perf_counter() - fed_at)
        self._decided(runner, messages)

    def _decided(self, runner: Runner, messages: list[Message]) -> None:
        for message in messages:
            self._note(message)
        self.effects.queue += [(runner.name, m) for m in messages]

    def _note(self, message: Message) -> None:
        event = self.recent.note(message)
        self.log.info(
            "effect", type=event["type"], subject=event["subject"], rule=event["data"]["episode"]["rule"],
            judged=event["time"], id=message.id,
        )  # fmt: skip

    def _lost(self, runner: Runner, losses: list[Loss]) -> None:
        runner.lose(losses, self.config.kafka.on_data_loss, self.log)
        if runner.spoiled:
            self.effects.drop(runner.name)

    # -- commit --------------------------------------------------------------------------------------

    def _commit_if_due(self) -> None:
        effects = bool(self.effects.queue) and not self.trouble
        age_s = time.monotonic() - self.last_commit
        dirty_bytes = sum(unwritten_bytes(r.engine.pipeline) for r in self.runners if r.dirty)
        wait_s = min(COMMIT_MOST_S, max(COMMIT_LEAST_S, dirty_bytes / BYTES_PER_S))
        if effects or (age_s >= wait_s and (self.effects.sent or any(r.dirty for r in self.runners))):
            self.commit()

    def commit(self) -> None:
        """Everything in one transaction; the effects are sent after it."""
        start = time.monotonic()
        for runner in self.runners:
            if runner.dirty and not runner.hold and (losses := runner.source.verify()):
                self._lost(runner, losses)
        commit = self._changes()
        try:
            result = self.store.commit(commit)
        except StateFull as error:
            self._cannot_commit(commit, str(error))
            return
        self.trouble = ""
        self.last_commit, self.last_commit_ms = time.monotonic(), commit.now_ms
        self.commit_seconds.observe(self.last_commit - start)
        self.effects.committed(result.seqs, commit.now_ms)
        for runner in self.runners:
            if not runner.spoiled:
                runner.committed = committed(runner.engine)
                runner.source.report(dict(runner.engine.pipeline.positions))
                runner.tell(self.last_commit - start, self.log)

    def _changes(self) -> Commit:
        commit = Commit(blobs=self.owed, controls=self.owed_controls, now_ms=self.wall_ms())
        self.owed, self.owed_controls = {}, []
        for runner in self.runners:
            if runner.spoiled:
                continue
            runner.engine.pipeline.catch_up()
            commit.controls += controls(runner, commit.now_ms)
            if runner.dirty or any(name == runner.name for name, _ in self.effects.queue):
                commit.blobs |= {(runner.name, t, k): b for (t, k), b in blobs(runner).items()}
                commit.partitions += partitions(runner)
                runner.dirty = False
        if self.recent.dirty:
            commit.blobs["", *RECENT_KEY] = self.recent.blob()
        commit.blobs["", "meta", "models"] = Blob(1, {"seen": seen(self.runners)})
        commit.outbox, commit.sent = self.effects.queue, self.effects.sent
        return commit

    def _cannot_commit(self, commit: Commit, why: str) -> None:
        """Nothing was written: what changed stays due, and is tried again after a while."""
        if not self.trouble:
            self.log.error("commit failed, will be tried again", why=why)
        self.trouble = f"the state cannot be written: {why}"
        self.last_commit = time.monotonic()
        self.owed, self.owed_controls = dict(commit.blobs), commit.controls
        for runner in self.runners:
            runner.dirty = True

    def _delivered(self) -> None:
        for delivery in self.effects.delivered(time.monotonic()):
            if delivery.error is None:
                for runner in self.runners:
                    runner.breaker.delivered(delivery.id)
            else:
                self.log.warning("not delivered, will be sent again", id=delivery.id, error=delivery.error)

    # -- reload --------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Take the configuration anew, between two commits; a bad one changes nothing."""
        new, problems = self.reloading.read(self.config)
        if new is not None:
            problems = self._take_on(new)
        for problem in problems:
            self.log.error("configuration not reloaded", problem=problem)
        if not problems:
            self.log.info("configuration reloaded")
        self.reloading.answer(problems, self.wall_ms())
        self.refresh_view(force=True)

    def _take_on(self, new: Config) -> list[str]:
        """Go on with other engines, as a restart would: what the state file has fits any configuration."""
        if self.build is None:
            return ["this daemon cannot make its engines anew; restart it"]
        self.commit()
        if self.trouble or any(r.spoiled for r in self.runners):
            return [self.trouble or "a stream is on hold for a topic made anew; resolve that first"]
        stored = self.store.load()
        try:
            engines = {s.name: _restored(self.build(new, s), s.name, stored) for s in new.streams}
        except DriftlineError as error:
            return [str(error)]
        # A reload is the moment to say that a reference cannot be read: all streams go on as they are.
        if bad := [s.unreadable for e in engines.values() for s in e.pipeline.registry.slots if s.unreadable]:
            return bad
        for runner in self.runners:
            engine = engines[runner.name]
            if engine.rules is not None and runner.engine.rules is not None:
                engine.rules.follow(runner.engine.rules)
            runner.engine = engine
            runner.committed = committed(runner.engine)
            runner.dirty = True
            self.owed_controls.append((runner.name, self.wall_ms(), "reload", {"path": new.source}))
        self.config = new
        return []

    # -- view and end --------------------------------------------------------------------------------

    def refresh_view(self, *, force: bool = False) -> None:
        """Compute what is shown, at most once a second; more rarely where that takes long."""
        now = time.monotonic()
        if force or self._pace.due(now):
            before, self.view = self.view.reasons, daemon_view(self)
            if self.view.reasons != before:
                self._tell_readiness()
            self._pace.made(now, time.monotonic())

    def _tell_readiness(self) -> None:
        if self.view.ready:
            self.log.info("ready")
        else:
            self.log.warning("not ready", reasons=list(self.view.reasons))

    def stop(self) -> None:
        """The last commit, and what the outbox can still send within the grace period."""
        self.commit()
        left = self.publisher.flush(self.config.shutdown_grace_ms / 1000)
        self._delivered()
        if self.effects.sent:
            self.commit()
        if left:
            self.log.warning("outbox kept for the next start", messages=left)
        for runner in self.runners:
            runner.source.close()
        self.store.close()

    def on_signal(self, number: int, _frame: object) -> None:
        """SIGHUP reloads. The first of the others stops in order, the second at once."""
        if number == signal.SIGHUP:
            self.reloading.ask()
            return
        if self.stopping:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.stopping = True


def _restored(engine: StreamEngine, stream: str, stored: Stored) -> StreamEngine:
    """A fresh engine, brought to where the stream's last commit left it."""
    blobs = stored.blobs.get(stream, {})
    restore(engine.pipeline, blobs)
    if engine.rules is not None:
        engine.rules.restore(blobs)
    return engine


def _places(fed: Fed) -> list[TopicPartition]:
    """Where each reject stood."""
    return [fed.batch.sources[fed.batch.source[reject.index]] for reject in fed.rejects]
