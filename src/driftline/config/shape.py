"""The shape of the file: its keys, their types, defaults and meaning. ``parse`` checks what belongs together.

The text below a key is what the JSON Schema and ``docs/configuration.md`` say about it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from driftline.config.formats import FormatShape
from driftline.config.model_shape import ModelShape
from driftline.config.section import Count, Section
from driftline.config.servers import servers
from driftline.config.values import Address, Duration, LongDuration, MaxFuture, Name, Size, Start, Topic
from driftline.settings import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

Servers = Annotated[str, BeforeValidator(servers), WithJsonSchema({"type": "string", "minLength": 1})]


class TopicsShape(Section):
    """Topics of the daemon's own."""

    triggers: Topic = "driftline.triggers"
    """Requests for retraining and alerts are published here."""
    dead_letters: Topic = "driftline.dead-letters"
    """Events that could not be used go here, with the reason as a header."""
    feedback: Topic = "driftline.feedback"
    """Reserved for the answers of retraining jobs; not read yet."""


class KafkaShape(Section):
    """How Kafka is reached."""

    bootstrap_servers: Servers = "localhost:9092"
    """Brokers to begin with, as `host:port`, with commas between several; without a port it is 9092."""
    start: Start = "earliest"
    """For a partition never read before: `earliest`, `latest` or an RFC 3339 time."""
    on_data_loss: Literal["hold", "skip", "exit"] = "hold"
    """Records are gone, a topic was deleted or made anew, or a batch cannot be read three times. `hold`: the stream pauses and says why; `skip`: counts what was lost and reads on; `exit`: exit code 4."""
    properties: dict[str, Any] = Field(default={})
    """Handed to librdkafka as they are (SASL, TLS, …). A key that ends in `_file` is read from that file. What the daemon owns (`auto.offset.reset`, `enable.auto.commit`, `isolation.level`, `group.id`, …) is refused, and so is what librdkafka does not know or take (`check-config` and `run` ask it, without any broker to reach); where you say nothing, `check.crcs` is true and `reconnect.backoff.max.ms` 2000. `receive.message.max.bytes` (100 MB) bounds what a zstd batch may become; gzip and lz4 are bounded by the broker's `message.max.bytes` alone: at most 1000 and 255 times as much."""
    topics: TopicsShape = TopicsShape()


class TimeShape(Section):
    """The clock of a stream."""

    step: LongDuration = MINUTE_MS
    """The smallest span of event time; windows and slides are multiples of it."""
    out_of_orderness: Duration = MINUTE_MS
    """How far a partition's watermark stays behind its newest event."""
    allowed_lateness: Duration = HOUR_MS
    """An event further behind the watermark is dropped and counted."""
    max_future: MaxFuture = 5 * MINUTE_MS
    """An event further ahead of its record's timestamp is dead-lettered; `none`: no check."""
    max_skew: LongDuration = HOUR_MS
    """A partition further ahead of the stream is paused."""
    idle_after: LongDuration = 30 * SECOND_MS
    """Wall time after which a silent partition no longer holds the stream."""
    from_record: bool = False
    """A prediction or features event without a time takes its record's timestamp, as labels do anyway."""


class StreamShape(Section):
    """Topics with one event format and one clock: a pipeline of its own. A topic is in one stream, with one kind."""

    predictions: tuple[Topic, ...] = ()
    """Topics of what models answered."""
    labels: tuple[Topic, ...] = ()
    """Topics of the truth that arrives later."""
    features: tuple[Topic, ...] = ()
    """Topics of inputs seen without a prediction."""
    format: Name = "driftline"
    """How events are written: `driftline`, or the name of a format of your own under `formats`."""
    time: TimeShape = TimeShape()


class LimitsShape(Section):
    """Bounds that keep memory, disk and series finite whatever comes in."""

    models: Count = 1000
    """Models of a stream."""
    versions_per_model: Count = 5
    """Versions of a model; one that had no event for 7 d while another had some makes room for a new one."""
    classes: Annotated[int, Field(ge=2)] = 100
    """Classes of a model; further ones are counted as `other`."""
    segment_values: Count = 50
    """Values of a segment; further ones are counted as `other`."""
    name_bytes: Count = 256
    """Names longer than this are dead-lettered."""
    message_bytes: Size = 1 << 20
    """Messages longer than this are dead-lettered."""
    join_memory: Size = 1 << 30
    """Memory for predictions that wait for their label (`labels: none`: that may come again); beyond it partitions pause, then the oldest are evicted and counted."""
    staged_events: Count = 2_000_000
    """Events that wait for the watermark; beyond it partitions pause."""


class StateShape(Section):
    """Where the state is kept."""

    path: Name = "var/driftline.db"
    """The one state file (SQLite). Its folder is made where it is missing."""


class HttpShape(Section):
    """The page, the API and `/metrics`."""

    listen: Address = ("127.0.0.1", 9464)
    """`host:port`; `:9464` listens on all interfaces."""


class TriggersShape(Section):
    """Requests for retraining."""

    max_age: LongDuration = DAY_MS
    """A request judged this long after its event time carries `backfilled: true`."""


class MetricsShape(Section):
    """What is exported to Prometheus."""

    windows: tuple[LongDuration, ...] | None = None
    """Lengths of the exported windows; without it the first of each kind."""
    max_series: Count = 20_000
    """Series budget: model-level series and the most drifted features stay, the rest is suppressed and counted."""


class ShutdownShape(Section):
    """How the daemon stops."""

    grace: LongDuration = 30 * SECOND_MS
    """Bounded wait for the outbox on SIGTERM."""


class FileShape(Section):
    """A configuration of driftline."""

    kafka: KafkaShape = KafkaShape()
    streams: dict[str, StreamShape]
    """Streams by name; at least one."""
    formats: dict[str, FormatShape] = Field(default={})
    """Event formats of your own, by paths into their JSON."""
    models: tuple[ModelShape, ...] = ()
    """What is kept of which models. The exact name wins, then the longest pattern. At least one, here or in `model_files`."""
    model_files: tuple[Name, ...] = ()
    """Files or globs (`teams/*/models.yaml`), each a list under `models:`. A file must be there; a glob may match none yet."""
    limits: LimitsShape = LimitsShape()
    state: StateShape = StateShape()
    http: HttpShape = HttpShape()
    triggers: TriggersShape = TriggersShape()
    metrics: MetricsShape = MetricsShape()
    shutdown: ShutdownShape = ShutdownShape()
    rules: tuple[dict[str, Any], ...] | None = None
    """Rules in place. Without this key and without `rule_files` the default rules apply; `rules: []` means none."""
    rule_files: tuple[Name, ...] = ()
    """Files or globs (`rules/*.yaml`), each a list under `rules:`. A file must be there; a glob may match none yet."""


SECTIONS: dict[str, type[Section]] = {
    "kafka": KafkaShape,
    "limits": LimitsShape,
    "state": StateShape,
    "http": HttpShape,
    "triggers": TriggersShape,
    "metrics": MetricsShape,
    "shutdown": ShutdownShape,
}
"""Sections that stand alone; ``streams``, ``models``, ``formats`` and the rules hold several."""

KEYS = tuple(FileShape.model_fields)
