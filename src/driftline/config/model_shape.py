"""The shape of one entry under ``models``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from driftline.config.section import Ratio, Section
from driftline.config.values import Duration, LongDuration, Name, WindowText
from driftline.settings import DAY_MS, DEFAULT_THRESHOLD, HOUR_MS, Task


class WindowsShape(Section):
    """Lengths of event time that statistics are of: `24h`, or `{length: 28d, slide: 1d}`."""

    drift: tuple[WindowText, ...] = ()
    """Windows of drift statistics; judged at their end."""
    performance: tuple[WindowText, ...] = ()
    """Windows of performance statistics; judged `labels.delay` after their end."""


class LabelsShape(Section):
    """How labels are waited for; `labels: none` for a model that never gets any."""

    delay: Duration = HOUR_MS
    """Performance is judged this long after a window's end."""
    horizon: LongDuration = 30 * DAY_MS
    """A first label that comes this long after its prediction is ignored and counted."""
    orphan_wait: Duration = HOUR_MS
    """A label waits this long for its prediction."""
    corrections: Duration = DAY_MS
    """A label may be corrected or retracted this long after the first."""
    min_coverage: Ratio = 0.5
    """Less than this share of labelled predictions: `insufficient`."""
    sample: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of prediction ids that is joined with labels (a fixed hash sample)."""


def labels(value: Any) -> Any:
    """``none`` is no section."""
    return None if value == "none" else value


Labels = Annotated[LabelsShape | None, BeforeValidator(labels)]
Gate = Annotated[int, Field(ge=0)]


class ModelShape(Section):
    """What is kept of the models whose names match."""

    match: Name
    """A name or a glob (`fraud-*`); over all streams the exact name wins, then the longest pattern: a model is of one stream."""
    stream: Name
    """Name of the stream that its events are in."""
    task: Annotated[Task, WithJsonSchema({"enum": [str(t) for t in Task]})]
    """`binary`, `multiclass` or `regression`."""
    positive: Name | None = None
    """The positive class; required for `binary`, else not allowed."""
    classes: tuple[Name, ...] | None = None
    """Declared classes: any other is dead-lettered. Without it they are learned."""
    threshold: Ratio = DEFAULT_THRESHOLD
    """Score from which on a prediction that has only a score is of the positive class; that of `driftline reference build`."""
    windows: WindowsShape = WindowsShape()
    references: Name | None = None
    """Path of the references, with `{model}` and `{version}` in it and no other braces; see `driftline reference build`."""
    labels: Labels = LabelsShape()
    segments: tuple[Name, ...] = ()
    """Keys of the events' `segments`, or features, by whose values performance is kept too."""
    segment_values: dict[str, tuple[Name, ...]] = Field(default={})
    """Values by segment, as `{region: [nsw, vic]}`; others are counted as `other`."""
    tags: dict[str, Name] = Field(default={})
    """Reach the metric `model_info` and the triggers."""
    gates: dict[str, Gate] = Field(default={})
    """Least denominators, by name; fewer: `insufficient`."""
