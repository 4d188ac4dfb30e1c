"""The whole configuration as frozen values, as the application is given it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from driftline.config.messages import Origins, Place
from driftline.rules.spec import RuleSpec
from driftline.settings import DAY_MS, SECOND_MS, Limits, ModelSettings, StreamSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """The topics that the daemon writes to (and, for feedback, reads)."""

    triggers: str = "driftline.triggers"
    dead_letters: str = "driftline.dead-letters"
    feedback: str = "driftline.feedback"


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """How Kafka is reached, and what happens when it lost what was to be read."""

    bootstrap_servers: str = "localhost:9092"
    start: str | int = "earliest"
    """For a partition never read before: ``earliest``, ``latest``, or epoch milliseconds."""
    on_data_loss: str = "hold"
    """``hold``, ``skip`` or ``exit``."""
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Handed to librdkafka as they are. May hold secrets, so they are never shown."""
    topics: Topics = field(default_factory=Topics)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where ``/metrics``, the page and the API listen."""

    host: str = "127.0.0.1"
    port: int = 9464


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSettings:
    """When a request for retraining is marked as ``backfilled``."""

    max_age_ms: int = DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """What is exported to Prometheus."""

    windows: tuple[str, ...] | None = None
    """Names of the exported windows; None: the first of each kind."""
    max_series: int = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """How the configuration was written, for those who speak of it."""

    places: Mapping[tuple[str, str], Place] = field(default_factory=dict)
    """Where each model and each rule stands, by kind and name."""
    origins: Origins = field(default_factory=Origins)
    remarks: tuple[tuple[Place, str], ...] = ()
    """What is right but remarkable, found while reading."""
    default_rules: bool = False
    """Whether the rules are the default ones."""
    formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A valid configuration; all paths are absolute, all durations milliseconds."""

    source: str
    """The file it was read from."""
    kafka: KafkaSettings
    streams: tuple[StreamSettings, ...]
    models: tuple[ModelSettings, ...]
    limits: Limits = field(default_factory=Limits)
    state_path: str = "var/driftline.db"
    http: HttpSettings = field(default_factory=HttpSettings)
    triggers: TriggerSettings = field(default_factory=TriggerSettings)
    rules: tuple[RuleSpec, ...] = ()
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    shutdown_grace_ms: int = 30 * SECOND_MS
    notes: Notes = field(default_factory=Notes, repr=False, compare=False)
