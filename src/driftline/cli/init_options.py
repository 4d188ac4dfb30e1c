"""The options of ``driftline init`` as values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from driftline.cli.option_values import pair
from driftline.config.formats import FormatShape, places_of
from driftline.config.own_format import read_format
from driftline.config.secrets import read_properties
from driftline.errors import ConfigError, Problem
from driftline.onboarding.wishes import Wishes
from driftline.reference.tables import Span
from driftline.settings import FieldPlace, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the command line says."""

    data: Path | None
    wishes: Wishes
    output: Path
    count: int
    model: str | None = None
    version: str | None = None
    validated_rows: Span | None = None
    production: Path | None = None
    topic: str | None = None
    labels_topic: str | None = None
    bootstrap_servers: str | None = None
    own_format: tuple[str, FormatShape] | None = None
    """Name and shape of the format of a topic's events, where they are not canonical."""
    from_record: bool = False
    """Events of the topic take the record's timestamp, since they have no time."""
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)
    """For librdkafka, as written: ``name_file`` stands for the file's content."""
    yes: bool = False
    wrong: tuple[Problem, ...] = ()
    """Mistakes that do not keep the data from being read, so that its own can be told beside them."""

    @property
    def places(self) -> tuple[tuple[str, FieldPlace], ...]:
        """Where the fields of events stand; empty for canonical ones."""
        return places_of(self.own_format[1]) if self.own_format is not None else ()


_SOME = 60_000
"""Stands for a pace that cannot be read, so that nobody is told that there is none."""


def property_of(text: str) -> tuple[str, str]:
    """``name=value`` of librdkafka; a secret on a command line is seen by all, so it must be in a file."""
    name, value = pair(text)
    if not name.endswith("_file") and re.search("password|secret|key.pem|jaas", name):
        raise click.BadParameter(f"everybody sees a command line; write {name}_file=PATH")
    return name, value


def choices_of(data: Path | None, options: dict[str, Any], unread: Sequence[Problem]) -> Choices:
    """All options as one value. ``unread``: what is wrong with some of them already.

    Raises
    ------
    ConfigError
        With everything that keeps the data from being read.
    """
    wished: dict[str, Any] = {
        name: options.pop(name)
        for name in (
            "time",
            "prediction_id",
            "prediction",
            "score",
            "label",
            "label_time",
            "task",
            "positive",
            "threshold",
            "features",
        )
    }
    wished["task"] = Task(wished["task"]) if wished["task"] else None
    said = {problem.path for problem in unread}
    every_ms = _SOME if "--every" in said else options.pop("every")
    if "--topic" in said:
        options["topic"] = "unread"
    options.pop("every", None)
    wished["label_delay_ms"] = options.pop("label_delay")
    more: dict[str, Any] = {name: options.pop(name) or () for name in ("categorical", "numeric", "exclude")}
    given = options.pop("own_format")
    options["own_format"] = read_format(given) if given is not None else None
    options["properties"] = dict(options.pop("properties") or ())
    choices = Choices(data=data, wishes=Wishes(**wished, **more, every_ms=every_ms), **options)
    fatal = [p for p in _contradictions(choices) if p.path not in said]
    if (fatal or unread) and (fatal or choices.data is None or choices.topic):
        raise ConfigError([*unread, *fatal], "the command line")
    return replace(choices, model=choices.model or _model_name(choices.data), wrong=tuple(unread))


def _contradictions(choices: Choices) -> Iterable[Problem]:
    if choices.data is None and not choices.topic:
        yield Problem("DATA", "is missing; give a file of predictions, or --topic and --bootstrap-servers")
    if choices.data is not None and choices.topic:
        yield Problem("--topic", "is read instead of a file; give one of the two")
    if choices.topic and (choices.production or choices.validated_rows):
        yield Problem("--production, --validated-rows", "are of a file; with --topic production is in Kafka")
    if choices.own_format and not choices.topic:
        yield Problem(
            "--format", "is of a topic's events; a file's columns are named with --time, --score, …"
        )
    if choices.labels_topic and not choices.topic:
        yield Problem("--labels-topic", "needs --topic, the predictions")
    problems = read_properties(choices.properties, Path()).problems
    yield from (Problem(f"--property {name}", message) for name, message in problems.items())
    if choices.topic and not choices.bootstrap_servers:
        yield Problem("--bootstrap-servers", "is missing; where is the Kafka of --topic?")


def _model_name(data: Path | None) -> str | None:
    """From the file's name: ``Bank (2026).csv.gz -> bank-2026``."""
    if data is None:
        return None
    return re.sub(r"[^a-z0-9._]+", "-", data.name.split(".")[0].lower()).strip("-._") or "model"
