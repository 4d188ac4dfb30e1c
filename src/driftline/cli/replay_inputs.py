"""Where a replay reads from: files, or offsets of Kafka, of one stream of the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import msgspec

from driftline.config.messages import unknown
from driftline.config.model import KafkaSettings
from driftline.errors import DataError, UsageError
from driftline.ports import PartitionStatus
from driftline.records import Control, Kind, RawBatch
from driftline.settings import StreamSettings
from driftline.sources.files import FileSource
from driftline.sources.kafka_range import KafkaRange, OffsetRange
from driftline.store.sqlite import SqliteStore


class Input(Protocol):
    """A source that ends."""

    def poll(self, timeout_s: float, max_records: int) -> list[RawBatch]:
        """More records; nothing at the end."""

    def partitions(self) -> list[PartitionStatus]:
        """All partitions, known before the first record is judged."""

    def where(self, topic: str, partition: int, offset: int) -> str:
        """A record's place, for people."""

    def close(self) -> None:
        """Let go."""


def choose_stream(streams: Sequence[StreamSettings], name: str | None) -> StreamSettings:
    """The stream of that name; without a name, the only one."""
    names = [s.name for s in streams]
    if name is None and len(streams) == 1:
        return streams[0]
    if name is None:
        raise UsageError(f"there are several streams; give --stream {' or '.join(names)}")
    if name not in names:
        raise UsageError(f'--stream: there is no stream "{name}"; {unknown(name, names)}')
    return streams[names.index(name)]


def topics_of(stream: StreamSettings) -> dict[str, Kind]:
    """Each topic of a stream, and the kind of its events."""
    named = {Kind.PREDICTION: stream.predictions, Kind.LABEL: stream.labels, Kind.FEATURES: stream.features}
    return {topic: kind for kind, topics in named.items() for topic in topics}


def files(stream: StreamSettings, paths: Mapping[Kind, Sequence[Path]]) -> FileSource:
    """Each file is one partition of the first topic of its kind, in the order of the options."""
    topics = topics_of(stream)
    found = []
    for kind, names in paths.items():
        topic = next((t for t, k in topics.items() if k is kind), None)
        if names and topic is None:
            raise UsageError(f"stream {stream.name} has no topic of {kind} events")
        found += [(kind, topic or "", number, path) for number, path in enumerate(names)]
    if not found:
        raise UsageError("nothing to replay: give --predictions, --labels, --features or --from-kafka")
    return FileSource(found, topics)


def kafka(
    stream: StreamSettings, settings: KafkaSettings, servers: str | None, offsets: Sequence[str],
    range_path: Path | None,
) -> KafkaRange:  # fmt: skip
    """The offsets that were asked for; without any, all that the stream's topics hold."""
    topics = topics_of(stream)
    ranges = [_offsets(text) for text in offsets] + (_data_range(range_path) if range_path else [])
    _check(ranges, topics, stream.name)
    return KafkaRange(
        bootstrap_servers=servers or settings.bootstrap_servers, properties=dict(settings.properties),
        topics=topics, ranges=ranges if offsets or range_path else None,
    )  # fmt: skip


def controls(path: Path, stream: str) -> list[Control]:
    """What a daemon decided about partitions of a stream, by its state file."""
    with closing(SqliteStore.peek(path)) as store:
        rows = [row for row in store.load().controls if row.stream == stream]
    names = ("topic", "partition", "offset", "watermark_ms")
    return [Control(row.kind, *(row.data[n] for n in names)) for row in rows if names[0] in row.data]


def _offsets(text: str) -> OffsetRange:
    topic, _, rest = text.partition(":") if text.count(":") == 2 else ("", "", "")
    partition, _, span = rest.partition(":")
    first, _, last = span.partition("-")
    if not topic or not all(x.isascii() and x.isdigit() for x in (partition, first, last)):
        raise UsageError(
            f'--offsets: "{text}" is no range; write topic:partition:first-last, as "labels:0:100-199"'
        )
    if int(first) > int(last):
        raise UsageError(
            f'--offsets: "{text}" ends before it begins; write {topic}:{partition}:{last}-{first}'
        )
    return OffsetRange(topic, int(partition), int(first), int(last))


class _Span(msgspec.Struct):
    topic: str
    partition: int
    first_offset: int
    last_offset: int


class _Data(msgspec.Struct):
    data_range: list[_Span]


class _Event(msgspec.Struct):
    data: _Data


def _data_range(path: Path) -> list[OffsetRange]:
    """What a trigger event says that its data is."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Event).data.data_range
    except OSError as error:
        raise DataError(f"--range: {path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DataError(f"--range: {path} is no trigger event with data.data_range: {error}") from error
    if not found:
        raise DataError(f"--range: the event in {path} names no data")
    return [OffsetRange(s.topic, s.partition, s.first_offset, s.last_offset) for s in found]


def _check(ranges: Iterable[OffsetRange], topics: Mapping[str, Any], stream: str) -> None:
    seen = set()
    for r in ranges:
        if r.topic not in topics:
            raise UsageError(f'stream {stream} has no topic "{r.topic}"; {unknown(r.topic, topics)}')
        if r.key in seen:
            raise UsageError(f"{r.topic}[{r.partition}] is named twice; write one range a partition")
        seen.add(r.key)
