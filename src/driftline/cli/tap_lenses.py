"""How ``driftline tap`` reads a record: as an event of its topic, or, of a dead letter, of the topic it came from."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from confluent_kafka import Message

from driftline.cli.replay_inputs import topics_of
from driftline.config.messages import unknown
from driftline.config.model import Config
from driftline.decode.explain import explain
from driftline.errors import UsageError
from driftline.onboarding.decoded import Lens, Read
from driftline.pipeline.registry import Registry
from driftline.records import Headers, Kind
from driftline.settings import Limits, StreamSettings
from driftline.sinks.dead_letters import Origin, origin_of
from driftline.wiring import load_profile


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as it is read now; of a dead letter, also where it came from."""

    read: Read
    kind: Kind
    origin: Origin | None = None
    why: str | None = None
    """What a person needs beside the reason of a rejection."""


@dataclass(slots=True)
class Lenses:
    """One lens for each topic whose events are looked at; without a configuration, one by what events look like."""

    config: Config | None = None
    kind: Kind | None = None
    """What was given; None: by the configuration, else by the fields of the first record."""
    _of: dict[str | None, Lens] = field(default_factory=dict)

    def check(self, topic: str) -> None:
        """UsageError where nothing tells how the records of a topic are to be read."""
        if self.config is None or self.kind is not None:
            return
        topics = _topics(self.config)
        if topic not in topics and topic != self.config.kafka.topics.dead_letters:
            raise UsageError(
                f"no stream reads {topic}; {unknown(topic, topics)} (or say what its events are with --kind)"
            )

    def look(self, message: Message) -> Seen:
        """What becomes of one record."""
        value, headers = message.value(), _headers(message)
        origin = origin_of(headers or ())
        lens = self._lens(origin.topic if origin else str(message.topic()), value)
        read = lens.read(value, headers, message.timestamp()[1])
        reason = origin.reason if origin else read.rejected
        places = lens.stream.places if lens.stream is not None else ()
        why = explain(value, reason, lens.kind, headers, places) if reason else None
        return Seen(read, lens.kind, origin, why)

    def _lens(self, topic: str, value: bytes | None) -> Lens:
        if topic not in self._of:
            self._of[topic] = self._make(topic, value)
        return self._of[topic]

    def _make(self, topic: str, value: bytes | None) -> Lens:
        if self.config is None:
            return Lens(self.kind or likely_kind(value), Limits())
        stream, kind = _topics(self.config).get(topic, (self.config.streams[0], likely_kind(value)))
        registry = Registry(self.config.models, self.config.limits, load_profile, stream.name)
        return Lens(self.kind or kind, self.config.limits, stream, registry.schema_of)


def _topics(config: Config) -> dict[str, tuple[StreamSettings, Kind]]:
    return {name: (stream, of) for stream in config.streams for name, of in topics_of(stream).items()}


def likely_kind(value: bytes | None) -> Kind:
    """By the fields of a record: a label has ``label``, a prediction an id; anything else is taken as a prediction."""
    try:
        found = msgspec.json.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Kind.PREDICTION
    fields = found.get("data", found) if isinstance(found, dict) else {}
    if not isinstance(fields, dict):
        return Kind.PREDICTION
    if "label" in fields:
        return Kind.LABEL
    return Kind.FEATURES if "features" in fields and "prediction_id" not in fields else Kind.PREDICTION


def _headers(message: Message) -> Headers | None:
    try:
        return message.headers()  # type: ignore[return-value]
    except ValueError:
        return None
