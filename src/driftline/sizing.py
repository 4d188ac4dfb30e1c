"""What a whole configuration will need: each entry's versions, the join of each stream, and the daemon itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from driftline.config.doubts.references import Found, find
from driftline.config.doubts.traffic import events_a_day
from driftline.config.model import Config
from driftline.pipeline.needs import Needs, needs
from driftline.pipeline.needs.asked import Asked
from driftline.pipeline.registry import with_windows
from driftline.records import REJECT_REASONS
from driftline.reference.profile import Profile
from driftline.rules.resolve import windows_of_rules
from driftline.settings import ModelSettings, StreamSettings
from driftline.store.sizes import stored_bytes

UNKNOWN_A_DAY = 10_000.0
"""Predictions a day of a version where neither the reference nor the command says."""
DAEMON_SERIES = 45
"""Of the daemon itself, measured; each stream, topic and partition adds some."""
DAEMON_MEMORY_BYTES = 160 << 20
"""Of the process: 108 MiB measured with nothing read, and room for Kafka's buffers and a batch."""
DAEMON_DISK_BYTES = 4 << 20
"""The write-ahead log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry under ``models``, with how often its needs are needed."""

    match: str
    models: int
    versions: int
    a_day: float
    assumed: bool
    """Whether nothing says what the traffic is."""
    features: int | None
    """None: no reference was found."""
    stream: str
    each: Needs

    @property
    def times(self) -> int:
        """Versions of all its models."""
        return self.models * self.versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What the whole daemon needs."""

    series: int
    memory_bytes: int
    disk_bytes: int


def estimate_lines(
    config: Config, *, models: int | None = None, versions: int | None = None,
    a_day: float | None = None, partitions: int = 1,
) -> list[Line]:  # fmt: skip
    """The needs of each entry; the arguments stand in for what the references would say."""
    return [_line(config, m, find(m), models, versions, a_day, partitions) for m in config.models]


def _line(
    config: Config, model: ModelSettings, found: Found, models: int | None, versions: int | None,
    a_day: float | None, partitions: int,
) -> Line:  # fmt: skip
    names = {p.model for p in found.profiles}
    is_glob = bool(set(model.match) & set("*?["))
    count = (models or max(1, len(names))) if is_glob else 1
    each = versions or max(1, round(len(found.profiles) / max(1, len(names))))
    profile = max(found.profiles, key=_width, default=None)
    rates = [rate for p in found.profiles if (rate := events_a_day(p)) is not None]
    rate = a_day or max(rates, default=UNKNOWN_A_DAY)
    stream = next(s for s in config.streams if s.name == model.stream)
    asked = Asked(
        stream=stream, settings=with_windows(model, *windows_of_rules(config.rules, model, stream.time.step_ms)),
        model=profile.model if profile else model.match, version=profile.version if profile else "1",
        profile=profile, a_day=rate, partitions=partitions, rules=config.rules, limits=config.limits,
        exported=config.metrics.windows,
    )  # fmt: skip
    return Line(
        match=model.match, models=count, versions=each, a_day=rate, assumed=a_day is None and not rates,
        features=None if profile is None else len(profile.numeric) + len(profile.categorical),
        stream=model.stream, each=needs(asked, partial(stored_bytes, model.stream)),
    )  # fmt: skip


def _width(profile: Profile) -> int:
    return sum(len(c.edges) for c in profile.numeric) + sum(len(c.categories) for c in profile.categorical)


def estimate_total(lines: list[Line], streams: Iterable[StreamSettings], partitions: int = 1) -> Total:
    """The daemon itself, all versions, and the join of each stream."""
    memory = sum(line.times * (line.each.pane_bytes + line.each.index_bytes) for line in lines)
    own = DAEMON_SERIES + sum(_stream_series(s, partitions) for s in streams)
    return Total(
        series=own + sum(line.times * line.each.series for line in lines),
        memory_bytes=DAEMON_MEMORY_BYTES + memory + sum(join_bytes(lines).values()),
        disk_bytes=DAEMON_DISK_BYTES + sum(line.times * line.each.disk_bytes for line in lines),
    )


def _stream_series(stream: StreamSettings, partitions: int) -> int:
    """Counters by topic and reason; lag, watermark and pause of each partition."""
    topics = len(stream.predictions) + len(stream.labels) + len(stream.features)
    return topics * (len(REJECT_REASONS) + 2 + 3 * partitions) + 10


def join_bytes(lines: list[Line]) -> dict[str, int]:
    """Memory of each stream's join. Its columns double when they are full, and so does its index."""
    rows: dict[str, int] = {}
    wide: dict[str, int] = {}
    for line in lines:
        rows[line.stream] = rows.get(line.stream, 0) + line.times * line.each.join_rows
        wide[line.stream] = max(wide.get(line.stream, 0), line.each.row_bytes)
    return {name: _doubled(n) * wide[name] + _index_bytes(n) for name, n in rows.items()}


def _doubled(rows: int) -> int:
    return max(1024, 1 << max(0, rows - 1).bit_length())


def _index_bytes(rows: int) -> int:
    return 4 * max(1024, 1 << (rows * 2 * 5 // 3).bit_length())
