"""Streams whose times do not fit together, or that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from driftline.config.messages import Place
from driftline.config.model import Config
from driftline.settings import SECOND_MS, StreamSettings, TimeSettings, duration_text

_SOON_MS = 5 * SECOND_MS


def stream_doubts(config: Config) -> Iterator[tuple[Place, str]]:
    """Doubts about each stream, the formats, and the topics of the daemon's own."""
    for name in config.notes.formats:
        if name not in {stream.format for stream in config.streams}:
            yield ("formats", name), f"no stream reads by it; write format: {name} in one"
    topics = config.kafka.topics
    if len({topics.triggers, topics.dead_letters, topics.feedback}) < 3:
        yield (
            ("kafka", "topics"),
            "two of them are one topic; subscribers of one would get the other's events",
        )
    for stream in config.streams:
        place: Place = ("streams", stream.name)
        yield from _time_doubts(stream.time, (*place, "time"))
        yield from _reader_doubts(config, stream, place)


def _reader_doubts(config: Config, stream: StreamSettings, place: Place) -> Iterator[tuple[Place, str]]:
    mine = [m for m in config.models if m.stream == stream.name]
    if not mine:
        yield place, "no model is on this stream, so its events are read and ignored"
    elif stream.labels and not any(m.labels.enabled for m in mine):
        yield (*place, "labels"), "every model of this stream has labels: none, so these are read and ignored"


def _time_doubts(time: TimeSettings, place: Place) -> Iterator[tuple[Place, str]]:
    step, behind = duration_text(time.step_ms), duration_text(time.out_of_orderness_ms)
    if time.allowed_lateness_ms < time.out_of_orderness_ms:
        yield (
            (*place, "allowed_lateness"),
            (
                f"{duration_text(time.allowed_lateness_ms)} is less than out_of_orderness, {behind}: events that are "
                f"a little later than usual are dropped; write {behind} or more"
            ),
        )
    if time.max_skew_ms < time.step_ms:
        yield (
            (*place, "max_skew"),
            (
                f"{duration_text(time.max_skew_ms)} is less than the step, {step}: partitions are paused all the time; "
                f"write {step} or more"
            ),
        )
    if time.max_future_ms is not None and time.max_future_ms < SECOND_MS:
        yield (
            (*place, "max_future"),
            f"{duration_text(time.max_future_ms)} dead-letters events of any clock that is a little fast; write 5m",
        )
    if time.idle_after_ms < _SOON_MS:
        yield (
            (*place, "idle_after"),
            f"after {duration_text(time.idle_after_ms)} a slow producer counts as idle and its events as late; write 30s",
        )
