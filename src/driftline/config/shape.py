"""The shape of the file: its keys, their types and defaults. ``parse`` checks what belongs together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from driftline.config import values
from driftline.config.values import Address, Duration, LongDuration, Name, Size, WindowText
from driftline.settings import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Task

Ratio = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A mapping in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class TopicsShape(Section):
    """``kafka.topics``."""

    triggers: Name = "driftline.triggers"
    dead_letters: Name = "driftline.dead-letters"
    feedback: Name = "driftline.feedback"


class KafkaShape(Section):
    """``kafka``."""

    bootstrap_servers: Name = "localhost:9092"
    start: Annotated[Any, BeforeValidator(values.start)] = "earliest"
    on_data_loss: Literal["hold", "skip", "exit"] = "hold"
    properties: dict[str, Any] = {}
    topics: TopicsShape = TopicsShape()


class TimeShape(Section):
    """``streams.*.time``."""

    step: LongDuration = MINUTE_MS
    out_of_orderness: Duration = MINUTE_MS
    allowed_lateness: Duration = HOUR_MS
    max_future: Annotated[int | None, BeforeValidator(values.max_future)] = 5 * MINUTE_MS
    max_skew: LongDuration = HOUR_MS
    idle_after: LongDuration = 30 * SECOND_MS
    from_record: bool = False


class StreamShape(Section):
    """``streams.*``."""

    predictions: tuple[Name, ...] = ()
    labels: tuple[Name, ...] = ()
    features: tuple[Name, ...] = ()
    format: Literal["driftline"] = "driftline"
    time: TimeShape = TimeShape()


class WindowsShape(Section):
    """``models[].windows``."""

    drift: tuple[WindowText, ...] = ()
    performance: tuple[WindowText, ...] = ()


class LabelsShape(Section):
    """``models[].labels``."""

    delay: Duration = HOUR_MS
    horizon: LongDuration = 30 * DAY_MS
    orphan_wait: Duration = HOUR_MS
    corrections: Duration = DAY_MS
    min_coverage: Ratio = 0.5
    sample: Annotated[float, Field(gt=0, le=1)] = 1.0


def _labels(value: Any) -> Any:
    return None if value == "none" else value


class ModelShape(Section):
    """``models[]``."""

    match: Name
    stream: Name
    task: Task
    positive: Name | None = None
    classes: tuple[Name, ...] | None = None
    threshold: Ratio = 0.5
    windows: WindowsShape = WindowsShape()
    references: Name | None = None
    labels: Annotated[LabelsShape | None, BeforeValidator(_labels)] = LabelsShape()
    segments: tuple[Name, ...] = ()
    segment_values: dict[str, tuple[Name, ...]] = {}
    tags: dict[str, Name] = {}
    gates: dict[str, Annotated[int, Field(ge=0)]] = {}


class LimitsShape(Section):
    """``limits``."""

    models: Count = 1000
    versions_per_model: Count = 5
    classes: Annotated[int, Field(ge=2)] = 100
    segment_values: Count = 50
    name_bytes: Count = 256
    message_bytes: Size = 1 << 20
    join_memory: Size = 1 << 30
    staged_events: Count = 2_000_000


class StateShape(Section):
    """``state``."""

    path: Name = "var/driftline.db"


class HttpShape(Section):
    """``http``."""

    listen: Address = ("127.0.0.1", 9464)


class TriggersShape(Section):
    """``triggers``."""

    max_age: LongDuration = DAY_MS


class MetricsShape(Section):
    """``metrics``."""

    windows: tuple[LongDuration, ...] | None = None
    max_series: Count = 20_000


class ShutdownShape(Section):
    """``shutdown``."""

    grace: LongDuration = 30 * SECOND_MS


SECTIONS: dict[str, type[Section]] = {
    "kafka": KafkaShape,
    "limits": LimitsShape,
    "state": StateShape,
    "http": HttpShape,
    "triggers": TriggersShape,
    "metrics": MetricsShape,
    "shutdown": ShutdownShape,
}
"""Sections that stand alone; ``streams``, ``models`` and the rules hold several."""

KEYS = (*SECTIONS, "streams", "models", "rules", "rule_files")
