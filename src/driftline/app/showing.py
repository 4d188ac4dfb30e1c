"""The daemon as it is shown: one view of all streams at one moment."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftline import __version__
from driftline.app.runner import Runner
from driftline.metrics.view import DaemonView, PartitionView, StreamView
from driftline.pipeline.view import stream_view
from driftline.stamp.watermark import UNSET_MS

if TYPE_CHECKING:
    from driftline.app.daemon import Daemon

STARTING = "starting: the state is restored, and Kafka looked for"
VIEW_S = 1.0
VIEW_MOST_S = 5.0
VIEW_SHARE = 0.2
"""Of the loop's time that views may take, as long as they are not older than ``VIEW_MOST_S``."""


@dataclass(slots=True)
class Pace:
    """When the next view is due: every second, more rarely where it takes long."""

    _at_s: float = 0.0
    _took_s: float = 0.0

    def due(self, now_s: float) -> bool:
        """Whether a view should be made now."""
        return now_s - self._at_s >= min(VIEW_MOST_S, max(VIEW_S, self._took_s / VIEW_SHARE))

    def made(self, start_s: float, end_s: float) -> None:
        """One was made."""
        self._at_s, self._took_s = start_s, end_s - start_s


def daemon_view(daemon: Daemon) -> DaemonView:
    """Everything that is shown, made anew. Counters are those of the last commit: they never go back."""
    for runner in daemon.runners:
        runner.engine.pipeline.catch_up()
    why = reasons(daemon)
    rules = [r.engine.rules for r in daemon.runners if r.engine.rules]
    return DaemonView(
        streams=tuple(_stream(daemon, r) for r in daemon.runners),
        now_ms=daemon.wall_ms(),
        outbox_pending=daemon.effects.pending,
        outbox_oldest_ms=daemon.effects.oldest_ms,
        triggers_total=_merged(_triggers(r) for r in daemon.runners),
        trigger_last_ms=max((t for r in rules for t in r.trigger_last_ms.values()), default=None),
        state_file_bytes=daemon.store.size_bytes(),
        state_free_bytes=shutil.disk_usage(Path(daemon.config.state_path).parent).free,
        commit_seconds=daemon.commit_seconds.histogram(),
        batch_seconds={stage: d.histogram() for stage, d in daemon.batch_seconds.items()},
        last_commit_ms=daemon.last_commit_ms or None,
        kafka_up=all(r.source.up for r in daemon.runners),
        config_ok=daemon.reloading.ok,
        config_reload_ms=daemon.reloading.read_ms,
        max_series=daemon.config.metrics.max_series,
        ready=not why,
        commit_failing=bool(daemon.trouble),
        reasons=tuple(why),
        version=__version__,
        triggers=daemon.recent.views(),
    )


def reasons(daemon: Daemon) -> list[str]:
    """Why the daemon cannot do its job."""
    if not daemon.opened:  # nobody knows yet whether Kafka is there
        return [STARTING]
    found = [daemon.trouble] if daemon.trouble else []
    found += [f"stream {r.name} is on hold: {r.hold}" for r in daemon.runners if r.hold]
    found += [
        f"stream {r.name} waits for topic {t}" for r in daemon.runners if r.source.up for t in r.missing()
    ]
    if not all(r.source.up for r in daemon.runners):
        found.append("Kafka cannot be reached")
    return found


def _stream(daemon: Daemon, runner: Runner) -> StreamView:
    partitions = _partitions(runner)
    rules = runner.engine.rules.views() if runner.engine.rules else ()
    view = stream_view(
        runner.name, runner.engine, partitions, rules, daemon.config.metrics.windows, runner.hold, runner.shown,
        runner.committed,
    )  # fmt: skip
    told: dict[str, Mapping[tuple[str, ...], int]] = {
        "group_commit_failures_total": {(): runner.source.report_failures}
    }
    return replace(view, counters={**view.counters, **told})


def _partitions(runner: Runner) -> tuple[PartitionView, ...]:
    """Those that the source has found, and those of the state that it has not."""
    pipeline = runner.engine.pipeline
    found = {(s.topic, s.partition): (s.position, s.high_watermark) for s in runner.source.partitions()}
    restored = {key: (at, None) for key, at in pipeline.positions.items() if key not in found}
    return tuple(
        PartitionView(
            stream=runner.name, topic=key[0], partition=key[1], kind=runner.kinds.get(key[0], ""), position=position,
            high_watermark=high, watermark_ms=_known(pipeline.watermarks.get(key)), paused=runner.paused.get(key),
        )
        for key, (position, high) in (found | restored).items()
    )  # fmt: skip


def _known(watermark_ms: int | None) -> int | None:
    return watermark_ms if watermark_ms is not None and watermark_ms > UNSET_MS else None


def _triggers(runner: Runner) -> Mapping[Any, int]:
    """Requests by (rule, model, version, severity), of versions that are shown."""
    gone, rules = runner.engine.pipeline.registry.retired, runner.engine.rules
    return {key: n for key, n in rules.triggers.items() if key[1:3] not in gone} if rules else {}


def _merged(parts: Iterable[Mapping[Any, int]]) -> dict[Any, int]:
    return {key: n for part in parts for key, n in part.items()}
