"""One pass over a configuration: each section checked on its own, then what belongs together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from driftline.config import model
from driftline.config.formats import FormatShape
from driftline.config.librdkafka import OWNED, Refusals
from driftline.config.messages import Origins, Place, problems_of, shown, unknown_key, without
from driftline.config.model_shape import ModelShape
from driftline.config.models import Mistake, make_model, model_mistakes
from driftline.config.secrets import everybody_may_read, kept_secret, read_properties, written_out
from driftline.config.section import Section
from driftline.config.servers import foreign_protocol
from driftline.config.shape import KEYS, SECTIONS, KafkaShape, StateShape, StreamShape
from driftline.config.sources import lists_of
from driftline.config.streams import format_mistakes, make_stream, own_topic_mistakes, stream_mistakes
from driftline.settings import ModelSettings, StreamSettings, Task

_S = TypeVar("_S", bound=BaseModel)

STAND_INS = {"match": "?", "stream": "?", "task": str(Task.REGRESSION)}
"""For what every model must say: its other mistakes are told where one of these is wrong too."""


class Reading:
    """Collects mistakes instead of stopping at the first."""

    def __init__(
        self, raw: Mapping[str, Any], path: Path, origins: Origins, ask: Refusals | None = None
    ) -> None:
        self.raw = raw
        self.path = path
        self.folder = path.parent
        self.origins = origins
        self._ask = ask
        self.mistakes: list[Mistake] = []
        self.places: dict[tuple[str, str], Place] = {}
        """Where each model and each rule stands, by kind and name."""
        self.remarks: list[Mistake] = []
        """What is right, but remarkable."""

    def section(
        self, shape: type[_S], place: Place, raw: Any, stand_ins: Mapping[str, Any] | None = None
    ) -> _S | None:
        """A section without what is wrong in it, so that the rest can be checked on.

        ``stand_ins`` take the place of what has no default and is wrong or missing. None where it is no section at
        all. An empty section is its defaults.
        """
        raw = {} if raw is None else raw
        try:
            return shape.model_validate(raw)
        except ValidationError as error:
            found = problems_of(error, shape, place)
        self.mistakes += found
        rest = without(raw, [inner[len(place) :] for inner, _ in found])
        try:
            return shape.model_validate({**(stand_ins or {}), **rest} if isinstance(rest, Mapping) else rest)
        except ValidationError:
            return None

    def sound(self, place: Place) -> bool:
        """Whether nothing at or below a place is wrong so far."""
        return all(inner[: len(place)] != place for inner, _ in self.mistakes)

    def add(self, mistakes: Iterable[Mistake]) -> None:
        """Add mistakes, but for those that only follow from one at the same place."""
        self.mistakes += [m for m in mistakes if self.sound(m[0])]

    def sections(self) -> dict[str, Section | None]:
        """Those that stand alone."""
        self.mistakes += [((str(k),), unknown_key(str(k), KEYS)) for k in self.raw if k not in KEYS]
        return {name: self.section(shape, (name,), self.raw.get(name)) for name, shape in SECTIONS.items()}

    def _named(self, key: str, shape: type[_S]) -> dict[str, _S | None]:
        raw = self.raw.get(key)
        return {str(name): self.section(shape, (key, str(name)), r) for name, r in (raw or {}).items()}

    def formats(self) -> dict[str, FormatShape | None]:
        """The user's own formats by name; None for one with mistakes."""
        raw = self.raw.get("formats")
        if raw is not None and not isinstance(raw, dict):
            self.mistakes.append((("formats",), f"found {shown(raw)}; write a mapping (key: value)"))
            return {}
        found = self._named("formats", FormatShape)
        self.add(list(format_mistakes({name: s for name, s in found.items() if s is not None})))
        return found

    def streams(self, formats: Mapping[str, FormatShape | None]) -> dict[str, StreamSettings | None]:
        """Streams by name; None for one with mistakes."""
        raw = self.raw.get("streams")
        if not isinstance(raw, dict) or not raw:
            self.mistakes.append(
                (("streams",), f"found {shown(raw)}; write at least one stream, by its name")
            )
            return {}
        shapes = self._named("streams", StreamShape)
        sound = {name for name in shapes if self.sound(("streams", name))}
        known = {name: s for name, s in shapes.items() if s is not None}
        self.add(list(stream_mistakes(known, formats)))
        return {
            name: make_stream(name, known[name], formats.get(known[name].format)) if name in sound else None
            for name in shapes
        }

    def models(self, streams: Mapping[str, StreamSettings | None]) -> list[ModelSettings]:
        """All models, in place and from files; those with mistakes are left out."""
        models, entries = [], 0
        before = len(self.mistakes)
        for listed in lists_of("models", self.raw, self.folder):
            self.mistakes += listed.mistakes
            self.remarks += listed.remarks
            self.origins = self.origins.with_file(listed.lines, "models", listed.place)
            entries += len(listed.entries)
            for index, entry in enumerate(listed.entries):
                made = self._model((listed.place, index), entry, streams)
                models += [made] if made is not None else []
        if not entries and len(self.mistakes) == before:
            found = shown(self.raw.get("models"))
            self.mistakes.append((("models",), f"found {found}; write a list with at least one model"))
        return models

    def _model(
        self, place: Place, entry: Any, streams: Mapping[str, StreamSettings | None]
    ) -> ModelSettings | None:
        shape = self.section(ModelShape, place, entry, STAND_INS)
        if shape is None:
            return None
        known = self.sound((*place, "match"))
        first = self.places.setdefault(("model", shape.match), place) if known else place
        if first != place:
            at = f"{first[0]}[{first[1]}]"
            self.mistakes.append(
                ((*place, "match"), f'"{shape.match}" is matched by {at} already; leave one out')
            )
        task = shape.task if self.sound((*place, "task")) else None
        self.add(list(model_mistakes(shape, task, streams, place)))
        stream = streams.get(shape.stream)
        if stream is None or not self.sound(place):
            return None
        return make_model(shape, stream, self.folder)

    def state(self, shape: Section | None) -> None:
        """One file: SQLite puts others beside it, so its folder is of no use as a path."""
        if isinstance(shape, StateShape) and os.path.isdir(self.folder / shape.path):  # noqa: PTH112 - long names
            near = Path(shape.path) / "driftline.db"
            self.mistakes.append(
                (("state", "path"), f'{shown(shape.path)} is a folder; write a file in it, as "{near}"')
            )

    def kafka(
        self, shape: KafkaShape | None, streams: Iterable[StreamSettings | None]
    ) -> model.KafkaSettings | None:
        """How Kafka is reached, with the secrets read from their files."""
        if shape is None:
            return None
        self.add(list(own_topic_mistakes(shape.topics, (s for s in streams if s is not None))))
        properties = self._properties(shape.properties)
        security = properties.get("security.protocol", "plaintext")
        if protocol := foreign_protocol(shape.bootstrap_servers, security):
            remedy = (
                f"so no broker is left; write kafka.properties: {{security.protocol: {protocol.lower()}}}"
            )
            message = f"{protocol}:// is not the security.protocol, {security.lower()}, {remedy}"
            self.mistakes.append((("kafka", "bootstrap_servers"), message))
        return model.KafkaSettings(
            bootstrap_servers=shape.bootstrap_servers, start=shape.start, on_data_loss=shape.on_data_loss,
            properties=properties, topics=model.Topics(**dict(shape.topics)),
        )  # fmt: skip

    def _properties(self, raw: Mapping[str, Any]) -> dict[str, str]:
        """What librdkafka is handed; remarked upon where it is a secret that others may read."""
        place: Place = ("kafka", "properties")
        for key in sorted(OWNED.keys() & raw.keys()):
            self.mistakes.append(((*place, key), f"the daemon sets this itself: {OWNED[key]}"))
        properties = read_properties(raw, self.folder)
        self.mistakes += [((*place, key), message) for key, message in properties.problems.items()]
        self.remarks += [((*place, key), message) for key, message in properties.remarks.items()]
        if everybody_may_read(self.path):
            apart = "everybody on this machine may read this file; write {}_file with a path instead"
            found = [k for k in written_out(raw) if (*place, k) not in self.origins.variables]
            self.remarks += [((*place, key), apart.format(key)) for key in found]
        self._refused(raw, {k: v for k, v in properties.values.items() if k not in OWNED})
        return properties.values

    def _refused(self, raw: Mapping[str, Any], values: Mapping[str, str]) -> None:
        """What librdkafka does not take, where somebody can ask it."""
        if not values or self._ask is None:
            return
        for refusal in self._ask(values, kept_secret(raw)):
            written = refusal.key if refusal.key in raw else f"{refusal.key}_file"
            place: Place = ("kafka", "properties", *([written] if refusal.key else []))
            into = self.remarks if refusal.doubtful else self.mistakes
            into.append((place, refusal.message))
