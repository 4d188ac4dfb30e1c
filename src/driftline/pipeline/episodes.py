"""Episodes: what became of each stretch of a rule's condition, watched from outside the rules.

It sees the rules' views after each instant, and the messages that they ask for; it changes neither.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import isnan

from driftline.effects import trigger
from driftline.instants import parse_instant
from driftline.metrics.view import RuleView
from driftline.pipeline.engine import Instant
from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import Rules, Window
from driftline.records import Blob, BlobKey, Ints, Message
from driftline.rules.resolve import Resolved
from driftline.rules.spec import Combination, RuleSpec, comparisons
from driftline.settings import WindowKind

Key = tuple[str, str, str, tuple[tuple[str, str], ...]]
"""(rule, model, version, instance)"""


@dataclass(slots=True)
class Episode:
    """One stretch of a rule's condition holding; times are instants of judgement."""

    rule: str
    model: str
    version: str
    instance: dict[str, str]
    severity: str
    pending_ms: int
    fired_ms: int | None = None
    ended_ms: int | None = None
    outcome: str = "pending"
    """``pending``, ``firing`` (still so at the end), ``cleared`` (never fired) or ``resolved``."""
    worst: float | None = None
    worst_ms: int | None = None
    threshold: float | None = None
    """What the worst value is compared with."""
    reason: str | None = None
    triggers: list[dict[str, str]] = field(default_factory=list)
    """The events that it led to, oldest first: type, time, id."""
    joined: str | None = None
    """The id of the request that was open when it fired, and that it joined."""

    @property
    def key(self) -> Key:
        """What the episode is of."""
        return self.rule, self.model, self.version, tuple(sorted(self.instance.items()))


class Watch(Rules):
    """Rules that are watched: handed on as they are, with every episode noted."""

    def __init__(self, rules: Rules, specs: Iterable[RuleSpec]) -> None:
        self._rules = rules
        self._specs = {spec.name: spec for spec in specs}
        self._open: dict[Key, Episode] = {}
        self._requests: dict[tuple[str, str], str] = {}
        self._instant_ms: int | None = None
        self._messages: list[Message] = []
        self.episodes: list[Episode] = []
        """In the order in which they began."""

    @property
    def triggers(self) -> Counter[tuple[str, str, str, str]]:
        """Of the rules."""
        return self._rules.triggers

    @property
    def trigger_last_ms(self) -> dict[tuple[str, str, str, str], int]:
        """Of the rules."""
        return self._rules.trigger_last_ms

    def of(self, slot: Slot) -> list[Resolved]:
        """The rules that concern a slot."""
        return self._rules.of(slot)

    def needed(self, slot: Slot, kind: WindowKind, length_ms: int) -> frozenset[str]:
        """Statistics that some rule reads of a window."""
        return self._rules.needed(slot, kind, length_ms)

    def judged(self, slot: Slot, instant_ms: int, windows: list[Window], wall_ms: int) -> list[Message]:
        """Hand on; the views are looked at once an instant, when the next one comes."""
        self._turn_to(instant_ms)
        messages = self._rules.judged(slot, instant_ms, windows, wall_ms)
        self._messages += messages
        return messages

    def _turn_to(self, instant_ms: int) -> None:
        if self._instant_ms != instant_ms:
            self.settle()
            self._instant_ms = instant_ms

    def mixed(
        self, slot: Slot, late: Callable[[Slot], list[Ints]], after_ms: int, until_ms: int
    ) -> set[Instant]:
        """Of the rules."""
        return self._rules.mixed(slot, late, after_ms, until_ms)

    def keeps_ms(self, slot: Slot, kind: WindowKind, length_ms: int) -> int:
        """Of the rules."""
        return self._rules.keeps_ms(slot, kind, length_ms)

    def busy(self, slot: Slot) -> bool:
        """Of the rules."""
        return self._rules.busy(slot)

    def next_ms(self) -> int | None:
        """Of the rules."""
        return self._rules.next_ms()

    def quiet(self, instant_ms: int, wall_ms: int) -> list[Message]:
        """As ``judged``: something may end without new data too."""
        self._turn_to(instant_ms)
        messages = self._rules.quiet(instant_ms, wall_ms)
        self._messages += messages
        return messages

    def settled(self, watermark_ms: int) -> None:
        """Of the rules."""
        self._rules.settled(watermark_ms)

    def silence(self, wall_ms: int) -> list[Message]:
        """Rules on silence are of the wall clock, and not watched."""
        return self._rules.silence(wall_ms)

    def follow(self, before: Rules) -> None:
        """Of the rules."""
        self._rules.follow(before)

    def unheard(self) -> None:
        """Of the rules."""
        self._rules.unheard()

    def snapshot(self) -> Blob:
        """Of the rules alone."""
        return self._rules.snapshot()

    def restore(self, blobs: dict[BlobKey, Blob]) -> None:
        """Of the rules alone."""
        self._rules.restore(blobs)

    def views(self) -> tuple[RuleView, ...]:
        """Every instance, as it is shown."""
        return self._rules.views()

    def settle(self) -> None:
        """Take in what the last instant changed; to be called once more after the last one."""
        if self._instant_ms is None:
            return
        for view in self._rules.views():
            self._look(view, self._instant_ms)
        before = dict(self._requests)
        for message in self._messages:
            self._attach(message)
        asked = {which for which, request in self._requests.items() if before.get(which) != request}
        for episode in self._open.values():
            # What fires joins the request that is open; what waits for a cooldown, the one that is made at its end.
            late = episode.fired_ms is not None and (episode.model, episode.version) in asked
            if episode.fired_ms == self._instant_ms or (late and episode.joined is None):
                self._join(episode)
        self._messages, self._instant_ms = [], None

    def _look(self, view: RuleView, now_ms: int) -> None:
        key: Key = (view.rule, view.model, view.version, tuple(sorted(view.instance.items())))
        episode = self._open.get(key)
        if episode is not None and view.active_since_ms != episode.pending_ms:
            episode.outcome = "cleared" if episode.fired_ms is None else "resolved"
            episode.ended_ms = now_ms
            del self._open[key]
            episode = None
        if view.active_since_ms is None:
            return
        if episode is None:
            episode = Episode(
                view.rule, view.model, view.version, dict(view.instance), view.severity, view.active_since_ms
            )
            self._open[key] = episode
            self.episodes.append(episode)
        if view.fired_at_ms is not None and episode.fired_ms is None:
            episode.fired_ms, episode.outcome = view.fired_at_ms, "firing"
        if view.last_judged_ms == now_ms and not view.insufficient:
            self._worsen(episode, view, now_ms)

    def _join(self, episode: Episode) -> None:
        """A rule that asks, and fires without an event of its own, joins the open request."""
        spec = self._specs.get(episode.rule)
        if spec is not None and spec.then == "retrain" and not episode.triggers:
            episode.joined = self._requests.get((episode.model, episode.version))

    def _worsen(self, episode: Episode, view: RuleView, now_ms: int) -> None:
        now = excess(self._specs.get(view.rule), view.value, view.threshold)
        if now is None:
            return
        before = excess(self._specs.get(view.rule), episode.worst, episode.threshold)
        if before is None or now > before:
            episode.worst, episode.worst_ms, episode.threshold = view.value, now_ms, view.threshold

    def _attach(self, message: Message) -> None:
        """An event belongs to the episode that it names; an open request is joined by what fires later."""
        event = json.loads(message.value or b"{}")
        told, model = event["data"]["episode"], event["data"]["model"]
        which = model["name"], model["version"]
        if event["type"] == trigger.REQUESTED:
            self._requests[which] = event["id"]
        elif event["type"] == trigger.REQUEST_RESOLVED:
            self._requests.pop(which, None)
        key: Key = (told["rule"], *which, tuple(sorted(told["instance"].items())))
        start_ms = parse_instant(told["start"])
        found = [e for e in reversed(self.episodes) if e.key == key and e.pending_ms == start_ms]
        for episode in found[:1]:
            episode.triggers.append({"type": event["type"], "time": event["time"], "id": event["id"]})
            if event["type"] in (trigger.REQUESTED, trigger.ALERT_FIRED):
                episode.reason = episode.reason or event["data"]["reason"]


def excess(spec: RuleSpec | None, value: float | None, threshold: float | None) -> float | None:
    """How far a value is beyond its threshold, in the direction of the rule; None where that is unknown.

    Of a condition with several comparisons, views show the first; where those look in different
    directions or at different statistics, and any of them may be shown, nothing can be compared.
    """
    if spec is None or value is None or threshold is None or isnan(value) or isnan(threshold):
        return None
    found = list(comparisons(spec.when))
    mixed = isinstance(spec.when, Combination) and spec.when.how == "any"
    if not found or (mixed and len({(c.metric, c.op) for c in found}) > 1):
        return None
    if found[0].op == "outside":
        low, high = found[0].threshold
        return max(low - value, value - high)
    return value - threshold if found[0].op in ("above", "rise") else threshold - value


def since(episodes: Iterable[Episode], from_ms: int | None) -> Iterator[Episode]:
    """Those that had not ended before an instant."""
    for episode in episodes:
        if from_ms is None or episode.ended_ms is None or episode.ended_ms >= from_ms:
            yield episode
