"""What is asked of an estimate, and how much of its traffic the engine keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp

from driftline.reference.profile import Profile
from driftline.rules.spec import RuleSpec
from driftline.settings import DAY_MS, Limits, ModelSettings, StreamSettings, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One version of one model, and its traffic."""

    stream: StreamSettings
    settings: ModelSettings
    """With the windows that rules add."""
    model: str
    version: str
    profile: Profile | None
    a_day: float
    """Predictions."""
    partitions: int = 1
    """Of each of the stream's topics."""
    rules: tuple[RuleSpec, ...] = ()
    limits: Limits = field(default_factory=Limits)
    exported: tuple[str, ...] | None = None


def kept_ms(window: Window, settings: ModelSettings, stream: StreamSettings) -> int:
    """How much event time panes of a window span at most: the engine forgets them after twice the length."""
    behind = stream.time.out_of_orderness_ms
    return 2 * window.length_ms + window.slide_ms + settings.labels.delay_ms + behind


def panes_kept(window: Window, asked: Asked) -> float:
    """How many panes of a window there are; a pane without an event is not made."""
    slides = kept_ms(window, asked.settings, asked.stream) / window.slide_ms
    return slides * (1 - exp(-asked.a_day * window.slide_ms / DAY_MS))


def join_rows(asked: Asked) -> int:
    """Predictions in the join: for the horizon, or for ``allowed_lateness`` without labels."""
    labels = asked.settings.labels
    span_ms = labels.horizon_ms if labels.enabled else asked.stream.time.allowed_lateness_ms
    share = labels.sample if labels.enabled else 1.0
    return round(asked.a_day * share * (span_ms + asked.stream.time.out_of_orderness_ms) / DAY_MS)
