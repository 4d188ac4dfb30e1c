"""From a configuration to the engines of its streams, with their references read from disk."""

from __future__ import annotations

import os
from pathlib import Path

from driftline.config.model import Config
from driftline.decode import make_decoder
from driftline.pipeline.engine import Pipeline
from driftline.pipeline.judging import Judging
from driftline.pipeline.registry import LoadProfile, Registry, with_windows
from driftline.pipeline.stream import Samples, StreamEngine
from driftline.records import Kind
from driftline.reference.file import load
from driftline.reference.profile import Profile
from driftline.rules.resolve import windows_of_rules
from driftline.settings import Limits, ModelSettings, StreamSettings


def load_profile(settings: ModelSettings, model: str, version: str) -> Profile | None:
    """The reference of a version, where its file exists."""
    if settings.references is None or {"/", "\\", "\0"} & set(model + version) or ".." in (model, version):
        return None
    path = settings.references.replace("{model}", model).replace("{version}", version)
    # Unlike Path's, it knows names that are too long to be a file's.
    return load(Path(path)) if os.path.isfile(path) else None  # noqa: PTH113


def build_pipeline(
    stream: StreamSettings,
    models: tuple[ModelSettings, ...],
    limits: Limits,
    load: LoadProfile = load_profile,
    *,
    tolerant: bool = False,
) -> Pipeline:
    """A stream's pipeline, that has seen nothing; ``load`` finds the references, ``tolerant``: see ``Registry``."""
    registry = Registry(models, limits, load, stream.name, tolerant=tolerant)
    decoders = {
        kind: make_decoder(
            stream.format,
            kind,
            schema_of=registry.schema_of,
            limits=limits,
            from_record=stream.time.from_record,
            places=stream.places,
        )
        for kind in Kind
    }
    return Pipeline(stream, registry, limits, decoders)


def build_live_engine(config: Config, stream: StreamSettings) -> StreamEngine:
    """The engine of a stream of a daemon: one version's bad reference does not end the monitoring of all."""
    return build_engine(config, stream, tolerant=True)


def build_engine(
    config: Config, stream: StreamSettings, samples: Samples | None = None, *, tolerant: bool = False
) -> StreamEngine:
    """The engine of one stream."""
    models = tuple(
        with_windows(m, *windows_of_rules(config.rules, m, stream.time.step_ms))
        if m.stream == stream.name
        else m
        for m in config.models
    )
    pipeline = build_pipeline(stream, models, config.limits, tolerant=tolerant)
    # Without a rule too: those of the last run may be firing, and are resolved.
    rules = Judging(
        config.rules,
        stream.name,
        config.kafka.topics.triggers,
        config.triggers.max_age_ms,
        pipeline.registry.slots,
    )
    return StreamEngine(pipeline, rules, samples)
