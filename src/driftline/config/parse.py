"""A configuration from its file and the environment: frozen settings, or every mistake at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from driftline.config import model
from driftline.config.environment import overlay
from driftline.config.librdkafka import Refusals
from driftline.config.messages import Origins
from driftline.config.reading import Reading
from driftline.config.rules import Rules, read_rules
from driftline.config.shape import KafkaShape
from driftline.config.sources import read_yaml
from driftline.errors import ConfigError
from driftline.settings import Limits, ModelSettings, StreamSettings, duration_text


def load_config(path: Path, env: Mapping[str, str], ask: Refusals | None = None) -> model.Config:
    """The configuration of a file, with the environment's ``DRIFTLINE_*`` on top.

    ``ask`` asks librdkafka about ``kafka.properties``; without it they are taken as they are.

    Raises
    ------
    ConfigError
        With all mistakes of the file, the environment, and the model and rule files at once, each with its
        place and line or variable, what was found, and what would be right.
    """
    path = path.absolute()
    raw, lines = read_yaml(path)
    origins = Origins(lines)
    raw, misplaced = overlay(raw, env, origins)
    reading = Reading(raw, path, origins, ask)
    sections = reading.sections()
    formats = reading.formats()
    streams = reading.streams(formats)
    models = reading.models(streams)
    reading.state(sections["state"])
    kafka = reading.kafka(cast("KafkaShape | None", sections["kafka"]), streams.values())
    rules = read_rules(reading.raw, path.parent, models, reading.origins)
    mistakes = sorted(reading.mistakes, key=lambda mistake: reading.origins.order(mistake[0]))
    problems = [reading.origins.problem(*mistake) for mistake in mistakes]
    if problems or misplaced or rules.problems or kafka is None:
        raise ConfigError([*misplaced, *problems, *rules.problems], str(path))
    known = tuple(s for s in streams.values() if s is not None)
    notes = model.Notes(
        places={**reading.places, **rules.places}, origins=rules.origins, remarks=(*reading.remarks, *rules.remarks),
        default_rules=rules.are_defaults, formats=tuple(formats),
    )  # fmt: skip
    return _assemble(path, sections, kafka, known, tuple(models), rules, notes)


def _assemble(
    path: Path, sections: Mapping[str, Any], kafka: model.KafkaSettings, streams: tuple[StreamSettings, ...],
    models: tuple[ModelSettings, ...], rules: Rules, notes: model.Notes,
) -> model.Config:  # fmt: skip
    limits = dict(sections["limits"])
    windows = sections["metrics"].windows
    host, port = sections["http"].listen
    return model.Config(
        source=str(path), kafka=kafka, streams=streams, models=models, rules=tuple(rules.specs),
        limits=Limits(join_memory_bytes=limits.pop("join_memory"), **limits),
        state_path=str(path.parent / sections["state"].path),
        http=model.HttpSettings(host=host, port=port),
        triggers=model.TriggerSettings(max_age_ms=sections["triggers"].max_age),
        metrics=model.MetricsSettings(
            windows=None if windows is None else tuple(duration_text(w) for w in windows),
            max_series=sections["metrics"].max_series,
        ),
        shutdown_grace_ms=sections["shutdown"].grace, notes=notes,
    )  # fmt: skip
