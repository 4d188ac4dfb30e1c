"""A configuration from its file and the environment: frozen settings, or every mistake at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from driftline.config import model
from driftline.config.messages import Place, line_of, problems_of, shown, unknown_key, with_line, without
from driftline.config.models import Mistake, make_model, model_mistakes
from driftline.config.rules import read_rules
from driftline.config.shape import KEYS, SECTIONS, KafkaShape, ModelShape, Section, StreamShape, TimeShape
from driftline.config.sources import overlay, read_secrets, read_yaml
from driftline.errors import ConfigError
from driftline.settings import Limits, ModelSettings, StreamSettings, TimeSettings, duration_text

if TYPE_CHECKING:
    from driftline.rules.spec import RuleSpec

OWNED = {
    "bootstrap.servers": "write it as kafka.bootstrap_servers",
    "auto.offset.reset": "write kafka.start and kafka.on_data_loss",
    **dict.fromkeys(
        ("enable.auto.commit", "enable.auto.offset.store", "auto.commit.interval.ms"),
        "offsets are committed with the state",
    ),
    "isolation.level": "only committed records are read",
    "group.id": "partitions are assigned, without a group",
    "group.instance.id": "partitions are assigned, without a group",
    "group.protocol": "partitions are assigned, without a group",
    "partition.assignment.strategy": "partitions are assigned, without a group",
    "enable.partition.eof": "idleness depends on it",
    "enable.idempotence": "triggers are always sent idempotently",
    "transactional.id": "triggers are sent from the outbox",
}
"""librdkafka's properties that the daemon itself must set, and why."""

_S = TypeVar("_S", bound=BaseModel)


class _Reading:
    """One pass over a configuration; it collects mistakes instead of stopping at the first."""

    def __init__(self, raw: Mapping[str, Any], folder: Path) -> None:
        self.raw = raw
        self.folder = folder
        self.mistakes: list[Mistake] = []

    def section(self, shape: type[_S], place: Place, raw: Any) -> _S | None:
        """A section without what is wrong in it, so that the rest can be checked on.

        None where that is no section either. An empty section is its defaults.
        """
        raw = {} if raw is None else raw
        try:
            return shape.model_validate(raw)
        except ValidationError as error:
            found = problems_of(error, shape, place)
        self.mistakes += found
        try:
            return shape.model_validate(without(raw, [inner[len(place) :] for inner, _ in found]))
        except ValidationError:
            return None

    def sound(self, place: Place) -> bool:
        """Whether nothing at or below a place is wrong so far."""
        return all(inner[: len(place)] != place for inner, _ in self.mistakes)

    def add(self, mistakes: Iterable[Mistake]) -> None:
        """Add mistakes, but for those that only follow from one at the same place."""
        self.mistakes += [m for m in mistakes if self.sound(m[0])]

    def sections(self) -> dict[str, Section | None]:
        self.mistakes += [((str(k),), unknown_key(str(k), KEYS)) for k in self.raw if k not in KEYS]
        return {name: self.section(shape, (name,), self.raw.get(name)) for name, shape in SECTIONS.items()}

    def streams(self) -> dict[str, StreamSettings | None]:
        """Streams by name; None for one with mistakes."""
        raw = self.raw.get("streams")
        if not isinstance(raw, dict) or not raw:
            self.mistakes.append(
                (("streams",), f"found {shown(raw)}; write at least one stream, by its name")
            )
            return {}
        shapes = {str(name): self.section(StreamShape, ("streams", str(name)), r) for name, r in raw.items()}
        sound = {name for name in shapes if self.sound(("streams", name))}
        self.add(list(_topic_mistakes({name: s for name, s in shapes.items() if s is not None})))
        return {
            name: _stream(name, s) if s is not None and name in sound else None for name, s in shapes.items()
        }

    def models(self, streams: Mapping[str, StreamSettings | None]) -> list[ModelSettings]:
        raw = self.raw.get("models")
        if not isinstance(raw, list) or not raw:
            self.mistakes.append((("models",), f"found {shown(raw)}; write a list with at least one model"))
            return []
        found: dict[str, int] = {}
        models = []
        for index, entry in enumerate(raw):
            place: Place = ("models", index)
            shape = self.section(ModelShape, place, entry)
            if shape is None:
                continue
            if shape.match in found:
                first = f'"{shape.match}" is matched by models[{found[shape.match]}] already; leave one out'
                self.mistakes.append(((*place, "match"), first))
            found.setdefault(shape.match, index)
            self.add(list(model_mistakes(shape, streams, place)))
            stream = streams.get(shape.stream)
            if stream is not None and self.sound(place):
                models.append(make_model(shape, stream, self.folder))
        return models

    def kafka(self, shape: KafkaShape | None) -> model.KafkaSettings | None:
        if shape is None:
            return None
        place: Place = ("kafka", "properties")
        for key in sorted(OWNED.keys() & shape.properties.keys()):
            self.mistakes.append(((*place, key), f"the daemon sets this itself: {OWNED[key]}"))
        properties, unreadable = read_secrets(shape.properties, self.folder)
        self.mistakes += [((*place, key), message) for key, message in unreadable.items()]
        return model.KafkaSettings(
            bootstrap_servers=shape.bootstrap_servers, start=shape.start, on_data_loss=shape.on_data_loss,
            properties=properties, topics=model.Topics(**dict(shape.topics)),
        )  # fmt: skip


def load_config(path: Path, env: Mapping[str, str]) -> model.Config:
    """The configuration of a file, with the environment's ``DRIFTLINE_*`` on top.

    Raises
    ------
    ConfigError
        With all mistakes of the file, the environment and the rule files at once, each with its place
        and line, what was found, and what would be right.
    """
    path = path.absolute()
    raw, lines = read_yaml(path)
    reading = _Reading(overlay(raw, env), path.parent)
    sections = reading.sections()
    streams = reading.streams()
    models = reading.models(streams)
    kafka = reading.kafka(cast("KafkaShape | None", sections["kafka"]))
    rules, rule_problems = read_rules(reading.raw, path.parent, lines)
    mistakes = sorted(reading.mistakes, key=lambda mistake: line_of(mistake[0], lines) or 0)
    problems = [with_line(place, message, lines) for place, message in mistakes] + rule_problems
    if problems or kafka is None:
        raise ConfigError(problems, str(path))
    known = tuple(s for s in streams.values() if s is not None)
    return _assemble(path, sections, kafka, known, tuple(models), rules)


def _assemble(
    path: Path, sections: Mapping[str, Any], kafka: model.KafkaSettings,
    streams: tuple[StreamSettings, ...], models: tuple[ModelSettings, ...], rules: tuple[RuleSpec, ...],
) -> model.Config:  # fmt: skip
    limits = dict(sections["limits"])
    windows = sections["metrics"].windows
    host, port = sections["http"].listen
    return model.Config(
        source=str(path), kafka=kafka, streams=streams, models=models, rules=rules,
        limits=Limits(join_memory_bytes=limits.pop("join_memory"), **limits),
        state_path=str(path.parent / sections["state"].path),
        http=model.HttpSettings(host=host, port=port),
        triggers=model.TriggerSettings(max_age_ms=sections["triggers"].max_age),
        metrics=model.MetricsSettings(
            windows=None if windows is None else tuple(duration_text(w) for w in windows),
            max_series=sections["metrics"].max_series,
        ),
        shutdown_grace_ms=sections["shutdown"].grace,
    )  # fmt: skip


def _topic_mistakes(streams: Mapping[str, StreamShape]) -> Iterator[Mistake]:
    first: dict[str, str] = {}
    for name, shape in streams.items():
        if not (shape.predictions or shape.features):
            yield ("streams", name), "reads nothing; name topics under predictions or features"
        for kind in ("predictions", "labels", "features"):
            for index, topic in enumerate(getattr(shape, kind)):
                here = f"streams.{name}.{kind}"
                if topic in first:
                    place: Place = ("streams", name, kind, index)
                    yield (
                        place,
                        f'topic "{topic}" is read by {first[topic]} already; a topic has one stream and kind',
                    )
                first.setdefault(topic, here)


def _stream(name: str, shape: StreamShape) -> StreamSettings:
    return StreamSettings(
        name=name, predictions=shape.predictions, labels=shape.labels, features=shape.features,
        format=shape.format, time=_time(shape.time),
    )  # fmt: skip


def _time(shape: TimeShape) -> TimeSettings:
    return TimeSettings(
        step_ms=shape.step, out_of_orderness_ms=shape.out_of_orderness,
        allowed_lateness_ms=shape.allowed_lateness, max_future_ms=shape.max_future,
        max_skew_ms=shape.max_skew, idle_after_ms=shape.idle_after, from_record=shape.from_record,
    )  # fmt: skip
