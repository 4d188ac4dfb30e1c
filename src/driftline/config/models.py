"""One entry under ``models``: what its parts must be to each other and to its stream."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isqrt
from pathlib import Path

from driftline.config.messages import Place, unknown
from driftline.config.model_shape import LabelsShape, ModelShape
from driftline.config.values import RawWindow
from driftline.settings import (
    DEFAULT_GATES,
    LabelSettings,
    ModelSettings,
    StreamSettings,
    Task,
    Window,
    duration_text,
)

_SLIDES = 48
_PLACEHOLDERS = ("{model}", "{version}")
_BRACES = re.compile(r"\{[^{}/]*\}?")

Mistake = tuple[Place, str]


def default_slide_ms(length_ms: int, step_ms: int) -> int:
    """The smallest multiple of the step that is ≥ length/48 and divides the length.

    ``length_ms`` is a multiple of ``step_ms``; the length itself always is an answer.
    """
    steps = length_ms // step_ms
    least = max(1, -(-steps // _SLIDES))
    return step_ms * next(k for k in range(least, steps + 1) if steps % k == 0)


def make_window(raw: RawWindow, step_ms: int) -> Window:
    """A window of a stream.

    Raises
    ------
    ValueError
        The length or the slide does not fit the step, with the nearest slides that would.
    """
    step, length = duration_text(step_ms), duration_text(raw.length_ms)
    if raw.length_ms < step_ms:
        raise ValueError(f"{length} is shorter than the stream's step, {step}; write {step} or more")
    if raw.length_ms % step_ms:
        near = duration_text(round(raw.length_ms / step_ms) * step_ms)
        raise ValueError(f"{length} is no multiple of the stream's step, {step}; write {near}")
    if raw.slide_ms is None:
        return Window(raw.length_ms, default_slide_ms(raw.length_ms, step_ms))
    if raw.slide_ms % step_ms or raw.length_ms % raw.slide_ms:
        near = " or ".join(duration_text(s) for s in _near_slides(raw.length_ms, step_ms, raw.slide_ms))
        raise ValueError(
            f"the slide {duration_text(raw.slide_ms)} must be a multiple of the step, {step}, "
            f"and divide {length}; write {near}"
        )
    return Window(raw.length_ms, raw.slide_ms)


def _near_slides(length_ms: int, step_ms: int, slide_ms: int) -> list[int]:
    steps, wanted = length_ms // step_ms, slide_ms / step_ms
    divisors = {d for k in range(1, isqrt(steps) + 1) if steps % k == 0 for d in (k, steps // k)}
    below = max((d for d in divisors if d <= wanted), default=None)
    above = min((d for d in divisors if d > wanted), default=None)
    return [k * step_ms for k in (below, above) if k is not None]


def model_mistakes(
    shape: ModelShape, task: Task | None, streams: Mapping[str, StreamSettings | None], place: Place
) -> Iterator[Mistake]:
    """Mistakes in one entry: without ``task``, whatever the task is meant to be.

    A stream whose value is None exists, with mistakes of its own.
    """
    if streams and shape.stream not in streams:
        yield (*place, "stream"), f'no stream is named "{shape.stream}"; {unknown(shape.stream, streams)}'
    yield from _class_mistakes(shape, task, place)
    for name in shape.gates:
        if name not in DEFAULT_GATES:
            yield (*place, "gates", name), f'no gate is named "{name}"; {unknown(name, DEFAULT_GATES)}'
    for name in shape.segment_values:
        if name not in shape.segments:
            known = f"; {unknown(name, shape.segments)}" if shape.segments else ""
            yield (*place, "segment_values", name), f'no segment is named "{name}"{known}'
    for found in _BRACES.findall(shape.references or ""):
        if found not in _PLACEHOLDERS:
            yield (*place, "references"), f'"{found}" stands for nothing; {unknown(found, _PLACEHOLDERS)}'
    if shape.labels is None and shape.windows.performance:
        yield (*place, "windows", "performance"), "there is no performance with labels: none; leave it out"
    stream = streams.get(shape.stream)
    if stream is not None:
        yield from _stream_mistakes(shape, stream, place)
    yield from _repeated_windows(shape, place)


def _class_mistakes(shape: ModelShape, task: Task | None, place: Place) -> Iterator[Mistake]:
    if task is not None:
        yield from _task_mistakes(shape, task, place)
    if task is not Task.REGRESSION and len(set(shape.classes or ())) != len(shape.classes or ()):
        yield (*place, "classes"), "a class is named twice"


def _task_mistakes(shape: ModelShape, task: Task, place: Place) -> Iterator[Mistake]:
    if task is Task.BINARY and shape.positive is None:
        first = shape.classes[0] if shape.classes else "UP"
        yield (*place, "positive"), f"a binary model needs its positive class; write positive: {first}"
    if task is not Task.BINARY and shape.positive is not None:
        yield (
            (*place, "positive"),
            f"only a binary model has a positive class, not a {task} one; leave it out",
        )
    if shape.classes is None:
        return
    if task is Task.REGRESSION:
        yield (*place, "classes"), "a regression has no classes; leave them out"
    elif len(set(shape.classes)) == len(shape.classes) and (
        task is Task.BINARY and len({*shape.classes, shape.positive} - {None}) != 2
    ):
        yield (*place, "classes"), "a binary model has two classes, and positive is one of them"


def _stream_mistakes(shape: ModelShape, stream: StreamSettings, place: Place) -> Iterator[Mistake]:
    for kind in ("drift", "performance"):
        for index, raw in enumerate(getattr(shape.windows, kind)):
            try:
                make_window(raw, stream.time.step_ms)
            except ValueError as error:
                yield (*place, "windows", kind, index), str(error)
    if shape.windows.performance and not stream.labels:
        yield (
            (*place, "windows", "performance"),
            f'stream "{stream.name}" has no label topics; name one there',
        )


def _repeated_windows(shape: ModelShape, place: Place) -> Iterator[Mistake]:
    for kind in ("drift", "performance"):
        lengths = [raw.length_ms for raw in getattr(shape.windows, kind)]
        if len(set(lengths)) != len(lengths):
            yield (*place, "windows", kind), "a window of one length stands twice; name each length once"


def make_model(shape: ModelShape, stream: StreamSettings, folder: Path) -> ModelSettings:
    """The settings of an entry without mistakes."""
    step_ms = stream.time.step_ms
    return ModelSettings(
        match=shape.match, stream=shape.stream, task=shape.task, positive=shape.positive,
        classes=shape.classes, threshold=shape.threshold,
        drift_windows=tuple(make_window(w, step_ms) for w in shape.windows.drift),
        performance_windows=tuple(make_window(w, step_ms) for w in shape.windows.performance),
        references=None if shape.references is None else str(folder / shape.references),
        labels=_labels(shape.labels), segments=shape.segments, segment_values=shape.segment_values,
        tags=shape.tags, gates={**DEFAULT_GATES, **shape.gates},
    )  # fmt: skip


def _labels(shape: LabelsShape | None) -> LabelSettings:
    if shape is None:
        return LabelSettings(enabled=False)
    return LabelSettings(
        delay_ms=shape.delay, horizon_ms=shape.horizon, orphan_wait_ms=shape.orphan_wait,
        corrections_ms=shape.corrections, min_coverage=shape.min_coverage, sample=shape.sample,
    )  # fmt: skip
