"""Models with settings that have no effect, or an effect that nobody wants."""

from __future__ import annotations

import re
from collections.abc import Iterator

from driftline.config.messages import Place
from driftline.config.model import Config
from driftline.settings import (
    DEFAULT_THRESHOLD,
    LabelSettings,
    ModelSettings,
    StreamSettings,
    Task,
    duration_text,
)

Doubt = tuple[Place, str]
_GLOB = re.compile(r"[*?\[]")


def model_doubts(
    config: Config, model: ModelSettings, stream: StreamSettings, place: Place
) -> Iterator[Doubt]:
    """Doubts about one entry, by itself and with its stream."""
    if model.task is not Task.BINARY and model.threshold != DEFAULT_THRESHOLD:
        yield (*place, "threshold"), f"has no effect: a {model.task} model has no threshold"
    if model.references is not None and "{model}" not in model.references and _GLOB.search(model.match):
        yield (
            (*place, "references"),
            "has no {model} in it, so all models that match are compared with one reference",
        )
    if model.references is None and model.drift_windows:
        yield (
            (*place, "windows", "drift"),
            "has no references, so there is traffic and no drift; write references",
        )
    for name, least in model.gates.items():
        if least == 0:
            yield (
                (*place, "gates", name),
                "lets a rule judge a single event; write the least number that says something",
            )
    yield from _tags(model, place)
    yield from _segments(config, model, place)
    if model.labels.enabled:
        yield from _labels(config, model, model.labels, stream, place)


def _labels(
    config: Config, model: ModelSettings, labels: LabelSettings, stream: StreamSettings, place: Place
) -> Iterator[Doubt]:
    wait, horizon = duration_text(labels.delay_ms), duration_text(labels.horizon_ms)
    if labels.delay_ms > labels.horizon_ms:
        yield (
            (*place, "labels", "delay"),
            f"{wait} is longer than the horizon, {horizon}: labels that late are ignored, so waiting changes nothing",
        )
    read = any(c.kind == "performance" for r in config.rules for c in r.comparisons() if c.window_ms)
    if stream.labels and not model.performance_windows and not read:
        yield (
            (*place, "labels"),
            (
                f"every prediction is kept for {horizon} and no performance window counts it; "
                "write windows.performance, or labels: none"
            ),
        )
    for window in model.performance_windows:
        if labels.delay_ms == 0 and labels.min_coverage > 0:
            yield (
                (*place, "labels", "delay"),
                f"0s judges {window.name} before its last labels can be there; write how long labels take",
            )
            break


def _tags(model: ModelSettings, place: Place) -> Iterator[Doubt]:
    first: dict[str, str] = {}
    for tag in model.tags:
        label = re.sub(r"[^a-zA-Z0-9_]", "_", tag)
        if first.setdefault(label, tag) != tag:
            yield (
                (*place, "tags", tag),
                f'becomes the same label of model_info as "{first[label]}"; rename one',
            )


def _segments(config: Config, model: ModelSettings, place: Place) -> Iterator[Doubt]:
    limit = config.limits.segment_values
    for name, values in model.segment_values.items():
        if len(values) > limit:
            yield (
                (*place, "segment_values", name),
                f"{len(values)} values are more than limits.segment_values, {limit}: the rest counts as other",
            )
    for index, name in enumerate(model.segments):
        if name not in model.segment_values and model.references is None:
            yield (
                (*place, "segments", index),
                f"has no values, so all counts as other; write segment_values: {{{name}: […]}}",
            )
    if model.classes is not None and len(model.classes) > config.limits.classes:
        yield (
            (*place, "classes"),
            f"{len(model.classes)} classes are more than limits.classes, {config.limits.classes}: the rest counts as other",
        )
