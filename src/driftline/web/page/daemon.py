"""Health of the daemon: streams, watermarks, lag, holds, unusable events by reason, unmonitored models."""

from __future__ import annotations

from driftline.metrics.view import DaemonView, PartitionView, StreamView
from driftline.web.page.markup import Markup, facts, join, name, table, tag
from driftline.web.page.words import count, duration, instant, plural, size

PARTITIONS_SHOWN = 24
UNMONITORED_SHOWN = 20


def health(view: DaemonView) -> Markup:
    """Everything that says whether the numbers above can be believed."""
    return join(
        (
            _facts(view),
            table("Streams", _STREAM_HEADS, [_stream(view, s) for s in view.streams], "No stream yet."),
            _partitions(view),
            _unusable(view),
            _unmonitored(view),
        )
    )


def _facts(view: DaemonView) -> Markup:
    kafka = tag(
        "span", "reached" if view.kafka_up else "not reached", class_="good" if view.kafka_up else "bad"
    )
    config = "in force" if view.config_ok else tag("span", "the last reload failed", class_="bad")
    return facts(
        (
            ("Kafka", kafka),
            ("Last commit", instant(view.last_commit_ms)),
            ("To publish", plural(view.outbox_pending, "event")),
            ("State", f"{size(view.state_file_bytes)}, {size(view.state_free_bytes)} free"),
            ("Configuration", join((config, ", read ", instant(view.config_reload_ms)))),
        ),
        "facts",
    )


_STREAM_HEADS = ("Stream", "State", "Event time", "Behind", "Lag", "Waiting")


def lag(stream: StreamView) -> int:
    """Messages that are not read yet."""
    return sum(max(0, (p.high_watermark or p.position) - p.position) for p in stream.partitions)


def _stream(view: DaemonView, s: StreamView) -> tuple[object, ...]:
    word = "on hold" if s.hold else "reading" if view.kafka_up else "waits for Kafka"
    state = tag("span", word, class_="badge ok" if word == "reading" else "badge on-hold")
    behind = duration(view.now_ms - s.watermark_ms) if s.watermark_ms is not None else "–"
    waiting = f"{plural(s.staged, 'staged event')}, {count(s.join_pending)} awaiting a label"
    late = s.counters.get("events_late_total", {}).get(("dropped",), 0)
    dropped = (
        tag("span", f"{plural(late, 'event')} came too late and were dropped", class_="sub") if late else ""
    )
    hold = tag("span", s.hold, class_="sub") if s.hold else ""
    return (
        name(s.name),
        join((state, hold)),
        instant(s.watermark_ms, "not yet"),
        behind,
        plural(lag(s), "message"),
        join((waiting, dropped)),
    )


def _partitions(view: DaemonView) -> Markup:
    everything = [p for s in view.streams for p in s.partitions]
    worst = sorted(
        everything,
        key=lambda p: (p.paused is None, -((p.high_watermark or 0) - p.position), p.watermark_ms or 0),
    )
    rows = [_partition(p) for p in worst[:PARTITIONS_SHOWN]]
    heads = ("Partition", "Events", "Position", "Lag", "Watermark", "Paused")
    more = len(everything) - len(rows)
    note = tag("p", f"{more} more, further ahead.", class_="quiet") if more > 0 else ""
    inner = (
        tag("summary", plural(len(everything), "partition")),
        table("Partitions", heads, rows, "None."),
        note,
    )
    return tag("details", *inner)


def _partition(p: PartitionView) -> tuple[object, ...]:
    behind = "–" if p.high_watermark is None else count(max(0, p.high_watermark - p.position))
    return (
        name(f"{p.topic}[{p.partition}]"),
        p.kind,
        count(p.position),
        behind,
        instant(p.watermark_ms, "–"),
        p.paused or "no",
    )


def _unusable(view: DaemonView) -> Markup:
    rows = [
        (name(topic), reason.replace("_", " "), count(amount))
        for s in view.streams
        for (topic, reason), amount in sorted(s.counters.get("events_rejected_total", {}).items())
        if amount
    ]
    none = "No unusable events: nothing was sent to the dead-letter topic."
    return table("Unusable events (dead letters)", ("Topic", "Reason", "Events"), rows, none)


def _unmonitored(view: DaemonView) -> Markup:
    every = sorted((x for s in view.streams for x in s.unmonitored), key=lambda x: (-x[2], x[0], x[1]))
    rows = [
        (name(model), name(version), count(amount)) for model, version, amount in every[:UNMONITORED_SHOWN]
    ]
    more = len(every) - len(rows)
    note = tag("p", f"and {more} more.", class_="quiet") if more > 0 else ""
    none = "Every model that sends events is monitored."
    return join(
        (
            table(
                "Not monitored: no entry matches, or over a limit", ("Model", "Version", "Events"), rows, none
            ),
            note,
        )
    )
