"""The values that flow from stage to stage: raw records, columns, samples, messages, blobs.

Conventions: integer epoch milliseconds ``*_ms``; a missing number is NaN, an invalid one (wrong type,
non-finite, over 64 bits) is +inf; codes are int32 into a tuple of values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.settings import DEFAULT_THRESHOLD, Task

Ints = NDArray[np.int64]
Codes32 = NDArray[np.int32]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]

MISSING = -1
"""Code of an absent value."""
INVALID = -2
"""Code of a value of an unusable type."""


class Kind(StrEnum):
    """What the events of a topic are."""

    PREDICTION = "prediction"
    LABEL = "label"
    FEATURES = "features"


Headers = Sequence[tuple[str, bytes | None]]
TopicPartition = tuple[str, int]


@dataclass(slots=True)
class RawBatch:
    """Records of one kind and one stream as a source read them.

    Records of one partition stand in offset order; partitions may be mixed in any way.
    ``sources[source[i]]`` is the (topic, partition) of record ``i``.
    """

    kind: Kind
    sources: tuple[TopicPartition, ...]
    source: Codes32
    offsets: Ints
    timestamps_ms: Ints
    """The records' Kafka timestamps; -1 where there is none."""
    values: Sequence[bytes | None]
    headers: Sequence[Headers | None] | None = None
    """None: no record of the batch has headers."""

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Ints) -> RawBatch:
        """The records at the given places, over the same sources."""
        places = rows.tolist()
        headers = None if self.headers is None else [self.headers[i] for i in places]
        values = [self.values[i] for i in places]
        source, offsets, stamps = self.source[rows], self.offsets[rows], self.timestamps_ms[rows]
        return RawBatch(self.kind, self.sources, source, offsets, stamps, values, headers)


@dataclass(frozen=True, slots=True)
class Schema:
    """What a decoder must know of one (model, version): names to pick, and how to read the answer."""

    task: Task
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None
    """Declared classes; any other is a reject. None: open."""
    positive: str | None = None
    negative: str | None = None
    """Name of the other class of a binary task (declared, or from the reference), if known."""
    threshold: float = DEFAULT_THRESHOLD
    segments: tuple[str, ...] = ()
    keep_scores: bool = True


def unnamed_negative(positive: str | None) -> str:
    """What a binary task's other class is called while neither settings nor a reference name it."""
    return f"not {positive}"


SchemaOf = Callable[[str, str], Schema | None]
"""(model, version) -> schema, or None where no entry matches. Labels ask with version ``""``."""


@dataclass(slots=True)
class Coded:
    """A column of strings: ``values[codes[i]]``, or MISSING, or INVALID."""

    codes: Codes32
    values: tuple[str, ...]

    def take(self, rows: Ints) -> Coded:
        """The column at some rows, over the same values."""
        return Coded(self.codes[rows], self.values)


@dataclass(slots=True)
class PredictionPart:
    """The predictions (or features events) of one (model, version) in a batch, as columns of k rows."""

    model: str
    version: str
    schema: Schema
    rows: Ints
    """Where they stand among the batch's rows."""
    numeric: Floats
    """[len(schema.numeric), k]"""
    categorical: tuple[Coded, ...]
    predicted: Coded
    """The class; empty values for regression and for features events (all MISSING)."""
    value: Floats
    """Regression's prediction; NaN otherwise."""
    score: Floats
    """Positive class's probability (binary); NaN: none; +inf: invalid."""
    scores: Floats | None
    """Multiclass: [len(score_classes), k] class probabilities, NaN where none; None: no row has any."""
    score_classes: tuple[str, ...]
    latency_ms: Floats
    segments: tuple[Coded, ...]

    def take(self, rows: Ints) -> PredictionPart:
        """The part with some of its rows."""
        scores = None if self.scores is None else self.scores[:, rows]
        return replace(
            self, rows=self.rows[rows], numeric=self.numeric[:, rows],
            categorical=tuple(c.take(rows) for c in self.categorical), predicted=self.predicted.take(rows),
            value=self.value[rows], score=self.score[rows], scores=scores, latency_ms=self.latency_ms[rows],
            segments=tuple(c.take(rows) for c in self.segments),
        )  # fmt: skip


@dataclass(slots=True)
class LabelPart:
    """The labels of one model in a batch."""

    model: str
    schema: Schema
    rows: Ints
    label: Coded
    """The class; MISSING is ``null``: a retraction. Regression: all MISSING, see ``value``."""
    value: Floats
    """Regression's truth; NaN is ``null``: a retraction."""
    revision: Ints


REJECT_REASONS = (
    "empty", "too_large", "not_json", "not_utf8", "wrong_type", "missing_field", "bad_time", "unknown_class",
    "name_too_long", "bad_name", "bad_cloudevent", "bad_arrow", "future",
)  # fmt: skip
"""Every reason that a reject can have."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that cannot be used: which one of the batch, and the reason (a short stable word)."""

    index: int
    reason: str


@dataclass(slots=True)
class Decoded:
    """A batch as columns. Rows are the usable events in record order (an Arrow record has many)."""

    kind: Kind
    sources: tuple[TopicPartition, ...]
    record: Ints
    """Index of each row's record in the raw batch."""
    time_ms: Ints
    ids: Words
    """[rows, 2]: a 128-bit hash of (model, prediction id). Zeros for features events."""
    predictions: list[PredictionPart] = field(default_factory=list)
    labels: list[LabelPart] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    unmonitored: dict[tuple[str, str], int] = field(default_factory=dict)
    """Events per (model, version) that no entry matches; their rows are in no part."""
    unknown_features: int = 0
    """Values of features that the rows' models do not read; they are ignored."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """What a sample is about beside its model, version and window."""

    feature: str | None = None
    class_: str | None = None
    segment: tuple[str, str] | None = None
    output: str | None = None
    average: str | None = None


@dataclass(slots=True)
class Evaluation:
    """One statistic at E window ends over K dimensions. NaN value: undefined."""

    statistic: str
    dimensions: tuple[Dimension, ...]
    value: Floats
    """[E, K]"""
    n: Ints
    """[E, K], the statistic's denominator."""
    sufficient: Bools
    """[E, K]: the gate is met. A sample is ``ok`` when it is sufficient and its value is a number."""
    low: Floats | None = None
    high: Floats | None = None
    """[E, K], two-sided 95 %."""
    extra: Mapping[str, Floats] = field(default_factory=dict)
    """What one-sided bounds at another confidence need (see ``statistics.intervals``)."""


class SampleState(StrEnum):
    """How far a value can be relied on."""

    OK = "ok"
    INSUFFICIENT = "insufficient"
    PROVISIONAL = "provisional"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Message:
    """Something to publish; ``topic`` is already the real name."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    id: str = ""


@dataclass(frozen=True, slots=True)
class Control:
    """What the wall clock decided about a partition: with it, its log can be read again to the same end."""

    kind: str
    """``idle``: W went past it; ``wake``: it spoke again and was raised to W; ``discovery``: it is new, the same."""
    topic: str
    partition: int
    offset: int
    """The first record that comes after the decision."""
    watermark_ms: int
    """``idle``: where the partition stood; else what its watermark was raised to."""


@dataclass(slots=True)
class Blob:
    """A named block of state: plain arrays and JSON-able data, with its format version. No pickle."""

    format: int
    data: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    since_ms: int | None = None
    """Event time from which the block is kept; None: from the state's beginning."""


BlobKey = tuple[str, str]
"""(table, key): table is one of ``pane``, ``staged``, ``join_block``, ``rule_state``, ``meta``."""
