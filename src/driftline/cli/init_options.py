"""The options of ``driftline init`` as values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

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
    if choices.topic and not choices.bootstrap_servers:
        yield Problem("--bootstrap-servers", "is missing; where is the Kafka of --topic?")


def _model_name(data: Path | None) -> str | None:
    """From the file's name: ``Bank (2026).csv.gz -> bank-2026``."""
    if data is None:
        return None
    return re.sub(r"[^a-z0-9._]+", "-", data.name.split(".")[0].lower()).strip("-._") or "model"
