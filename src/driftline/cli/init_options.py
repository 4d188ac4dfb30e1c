"""The options of ``driftline init`` as values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from driftline.config.secrets import read_properties
from driftline.durations import duration_ms
from driftline.errors import ConfigError, Problem
from driftline.onboarding.wishes import Wishes
from driftline.reference.tables import Span
from driftline.settings import Task


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
    label_delay: int | None = None
    """Milliseconds."""
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)
    """For librdkafka, as written: ``name_file`` stands for the file's content."""
    yes: bool = False


def columns(text: str | tuple[str, ...]) -> tuple[str, ...]:
    """Names, separated by commas."""
    return (
        text if isinstance(text, tuple) else tuple(name.strip() for name in text.split(",") if name.strip())
    )


def rows(text: str) -> Span:
    """``A:B``, half-open."""
    found = re.fullmatch(r"(\d*):(\d*)", text)
    if not found:
        raise click.BadParameter(f'"{text}" is no span of rows; write 0:9072 for the first 9072')
    first, last = int(found[1] or 0), int(found[2]) if found[2] else None
    if last is not None and last <= first:
        raise click.BadParameter(f'"{text}" holds no row: the span is half-open')
    return first, last


def span_of_time(text: str) -> int:
    """A duration in milliseconds."""
    return _tried(duration_ms, text)


def pair(text: str) -> tuple[str, str]:
    """``name=value`` of librdkafka; a secret on a command line is seen by all, so it must be in a file."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f'"{text}" is no name=value; write security.protocol=SASL_SSL')
    if not name.endswith("_file") and re.search("password|secret|key.pem|jaas", name):
        raise click.BadParameter(f"everybody sees a command line; write {name}_file=PATH")
    return name, value


def _tried(read: Callable[[str], int], text: str) -> int:
    try:
        return read(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def choices_of(data: Path | None, options: dict[str, Any]) -> Choices:
    """All options as one value.

    Raises
    ------
    ConfigError
        With everything that does not fit together.
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
            "features",
        )
    }
    wished["task"] = Task(wished["task"]) if wished["task"] else None
    every_ms = options.pop("every")
    more: dict[str, Any] = {name: options.pop(name) or () for name in ("categorical", "numeric")}
    options["properties"] = dict(options.pop("properties"))
    choices = Choices(data=data, wishes=Wishes(**wished, **more, every_ms=every_ms), **options)
    if problems := list(_contradictions(choices)):
        raise ConfigError(problems, "the command line")
    return replace(choices, model=choices.model or _model_name(choices.data))


def _contradictions(choices: Choices) -> Iterable[Problem]:
    if choices.data is None and not choices.topic:
        yield Problem("DATA", "is missing; give a file of predictions, or --topic and --bootstrap-servers")
    if choices.data is not None and choices.topic:
        yield Problem("--topic", "is read instead of a file; give one of the two")
    if choices.topic and (choices.production or choices.validated_rows):
        yield Problem("--production, --validated-rows", "are of a file; with --topic production is in Kafka")
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
