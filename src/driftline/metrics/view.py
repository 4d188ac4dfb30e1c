"""The view: what the pipelines and the app show of themselves, as plain values, made anew each time.

Whoever renders it (metrics, page, API) only reads; nothing here knows how it came about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from driftline.records import Evaluation

Histogram = tuple[tuple[float, ...], tuple[int, ...], float]
"""(upper bounds in seconds, cumulative counts, sum in seconds).

Counts may have one entry more than the bounds: that of +Inf. Without it, the last is the total.
"""

RuleLabels = tuple[str, str, str, str]
"""(rule, model, version, severity)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryView:
    """Headline statistics of a window at its past ends, as they are known now."""

    ends_ms: tuple[int, ...]
    """Rising, one slide apart."""
    judged_ms: tuple[int | None, ...] = ()
    """Of each end: its instant; None: still open."""
    evaluations: tuple[Evaluation, ...] | list[Evaluation] = ()
    """Each at all of these ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharesView:
    """How one feature (or output) is spread over its bins or categories: reference and window."""

    name: str
    output: bool = False
    """Of what the model answers, not of a feature."""
    numeric: bool = True
    bins: tuple[str, ...] = ()
    reference: tuple[float, ...] = ()
    """Shares, 0 to 1."""
    current: tuple[float, ...] = ()
    reference_n: int = 0
    current_n: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowView:
    """The newest state of one window of one (model, version)."""

    model: str
    version: str
    window: str
    kind: str
    """``drift`` or ``performance``."""
    end_ms: int
    events: int = 0
    labelled: int = 0
    evaluations: tuple[Evaluation, ...] | list[Evaluation] = ()
    """Each at one end (E = 1)."""
    judged_ms: int | None = None
    """None: the window is still open, its samples are provisional."""
    exported: bool = True
    """Whether ``/metrics`` shows it (``metrics.windows``)."""
    length_ms: int = 0
    slide_ms: int = 0
    history: HistoryView | None = None
    shares: tuple[SharesView, ...] = ()
    """The most drifted features and the outputs, worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """One instance of a rule."""

    rule: str
    model: str
    version: str
    instance: Mapping[str, str] = field(default_factory=dict)
    severity: str = ""
    state: str = "inactive"
    """``inactive``, ``pending`` or ``firing``."""
    active_since_ms: int | None = None
    fired_at_ms: int | None = None
    value: float | None = None
    threshold: float | None = None
    insufficient: bool = False
    last_judged_ms: int | None = None
    then: str = "notify"
    condition: str = ""
    """In words."""
    for_text: str | None = None
    fires_at_ms: int | None = None
    """Of a pending one: the instant at which it fires if the condition goes on to hold."""
    metric: str | None = None
    """What ``value`` and ``threshold`` are of, and over which window."""
    window: str | None = None
    of: str | None = None
    """The feature, class or segment that ``value`` is of: of several, the first that is beyond."""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInfo:
    """A rule as it is judged for one (model, version), whether it was judged already or not."""

    rule: str
    model: str
    version: str
    severity: str = ""
    action: str = ""
    """``retrain`` or ``notify``."""
    statistic: str = ""
    """What it reads; several are joined with ``+``."""
    window: str = ""
    """The finest window that it reads; empty for a rule on silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """One (model, version) that is monitored."""

    model: str
    version: str
    tags: Mapping[str, str] = field(default_factory=dict)
    predictions_total: int = 0
    last_event_ms: int | None = None
    reference_id: str | None = None
    reference_problem: str | None = None
    """Why there is none, though there is a file of one."""
    latency_histogram: Histogram | None = None
    label_delay_histogram: Histogram | None = None
    task: str = ""
    positive: str | None = None
    labelled: bool = True
    """False for ``labels: none``."""
    min_coverage: float | None = None
    classes_over: int | None = None
    """``limits.classes``, where the model has more: the rest counts as one, ``other``."""
    label_delay_ms: int | None = None
    """How long after its end a performance window is judged."""
    reference_rows: int | None = None
    reference_metrics: Mapping[str, float] = field(default_factory=dict)
    """What the validation measured, by statistic."""
    lineage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerView:
    """One published event, with its evidence."""

    id: str
    type: str
    """The last words of its CloudEvents type: ``retraining.requested``, ``alert.fired``, …"""
    time_ms: int
    stream: str
    model: str
    version: str
    rule: str
    severity: str
    reason: str
    data: Mapping[str, Any] = field(default_factory=dict)
    """``data`` of the event, long lists cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionView:
    """One input partition."""

    stream: str
    topic: str
    partition: int
    kind: str = ""
    position: int = 0
    high_watermark: int | None = None
    watermark_ms: int | None = None
    paused: str | None = None
    """Why it is paused; None: it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """One stream.

    ``counters[name][labels]`` are committed values, labels as declared in ``metrics.declarations``
    without ``stream``; undeclared names are not shown.
    """

    name: str
    watermark_ms: int | None = None
    staged: int = 0
    join_pending: int = 0
    partitions: tuple[PartitionView, ...] | list[PartitionView] = ()
    counters: Mapping[str, Mapping[tuple[str, ...], int]] = field(default_factory=dict)
    windows: tuple[WindowView, ...] | list[WindowView] = ()
    rules: tuple[RuleView, ...] | list[RuleView] = ()
    models: tuple[ModelView, ...] | list[ModelView] = ()
    unmonitored: tuple[tuple[str, str, int], ...] | list[tuple[str, str, int]] = ()
    hold: str | None = None
    """Why the stream holds (data loss); None: it does not."""
    rule_infos: tuple[RuleInfo, ...] | list[RuleInfo] = ()
    trigger_last_ms: Mapping[RuleLabels, int] = field(default_factory=dict)
    """Instant of each rule's newest request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonView:
    """The whole daemon at one moment."""

    streams: tuple[StreamView, ...] | list[StreamView] = ()
    now_ms: int = 0
    """When the view was made."""
    outbox_pending: int = 0
    triggers_total: Mapping[RuleLabels, int] = field(default_factory=dict)
    """Every retrain rule has its entries from the start, with 0."""
    trigger_last_ms: int | None = None
    """Instant of the newest trigger of any rule."""
    state_file_bytes: int | None = None
    state_free_bytes: int | None = None
    commit_seconds: Histogram | None = None
    batch_seconds: Mapping[str, Histogram] = field(default_factory=dict)
    """By stage."""
    last_commit_ms: int | None = None
    commit_failing: bool = False
    """The state could not be written at the last try."""
    kafka_up: bool = False
    config_ok: bool = True
    config_reload_ms: int | None = None
    """When the configuration was last read with success."""
    max_series: int = 20_000
    ready: bool = False
    reasons: tuple[str, ...] = ()
    """Why it is not ready."""
    version: str = ""
    triggers: tuple[TriggerView, ...] = ()
    """The newest events, newest first; bounded."""
    outbox_oldest_ms: int | None = None
    """Since when the oldest event of the outbox waits (wall clock); None: it is empty, or not known."""
