"""What firing and resolving lead to: a request for retraining, one at a time a (model, version), or an alert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from driftline.effects import trigger
from driftline.pipeline.evidence import drifted, occasion, reason_of, violation
from driftline.pipeline.instances import Instance, Instances
from driftline.pipeline.reasons import condition_text
from driftline.pipeline.rulebook import Rulebook
from driftline.pipeline.slots import Slot
from driftline.records import Message
from driftline.rules import requests
from driftline.rules.machine import Reason
from driftline.rules.requests import Requests
from driftline.rules.resolve import Resolved
from driftline.rules.verdict import Verdict

Labels = tuple[str, str, str, str]
"""(rule, model, version, severity)"""


class Asking:
    """Requests and alerts of one stream. ``wall_ms`` decides ``backfilled``, and nothing else."""

    def __init__(
        self, book: Callable[[], Rulebook], instances: Instances, stream: str, topic: str, max_age_ms: int
    ) -> None:
        self._book = book
        self._instances = instances
        self._stream = stream
        self._topic = topic
        self._max_age_ms = max_age_ms
        self.requests: dict[int, Requests] = {}
        self.triggers: Counter[Labels] = Counter()
        self.trigger_last_ms: dict[Labels, int] = {}

    def held(self, slot: Slot) -> Requests:
        """The slot's open request, and who waits."""
        return self.requests.get(slot.code, Requests())

    def declare(self, slot: Slot, rules: list[Resolved]) -> None:
        """Every rule that can ask is counted from 0."""
        for r in rules:
            if r.spec.then == "retrain":
                self.triggers.setdefault((r.spec.name, *slot.key, r.spec.severity), 0)

    def fire(
        self, slot: Slot, resolved: Resolved, instance: Instance, now_ms: int, wall_ms: int
    ) -> list[Message]:
        """An instance fires."""
        state, spec = instance.state, resolved.spec
        instance.episode = {
            "start_ms": state.active_since_ms, "fired_ms": state.fired_at_ms, "number": state.number,
            "severity": spec.severity, "cooldown_ms": spec.cooldown_ms, "asks": 0,
            "condition": condition_text(resolved), "for": spec.for_text,
        }  # fmt: skip
        if spec.then != "retrain" or instance.blocked:
            instance.mode = "alert"
            return [self._message(trigger.ALERT_FIRED, slot, resolved, instance, now_ms, wall_ms)]
        instance.mode = "request"
        self.requests[slot.code], what = requests.fired(self.held(slot), instance.key, now_ms)
        if what == "opened":
            return [self._request(slot, resolved, instance, now_ms, wall_ms)]
        if what == "attached":
            self._attach(slot, instance)
        return []

    def _attach(self, slot: Slot, instance: Instance) -> None:
        """The open request has one more reason, and keeps it when the rule has resolved."""
        opener = self._waiting(self.held(slot).opener or "")
        if instance.key != opener.key:
            why = reason_of(self._book().rule_of(slot, instance), instance.name, instance.episode)
            opener.opened.setdefault("attached", {}).setdefault(instance.key, why)

    def completed(self, slot: Slot, messages: list[Message], now_ms: int, wall_ms: int) -> list[Message]:
        """The messages of an instant, a request with the reasons that rules of the same instant attached to it."""
        opener = self._instances.get(self.held(slot).opener or "")
        if not messages or opener is None or not opener.opened.get("attached"):
            return messages
        rule = self._book().rule_of(slot, opener)
        request = self._message(trigger.REQUESTED, slot, rule, opener, now_ms, wall_ms)
        return [request if message.id == request.id else message for message in messages]

    def _request(
        self, slot: Slot, resolved: Resolved, instance: Instance, now_ms: int, wall_ms: int
    ) -> Message:
        labels = (resolved.spec.name, *slot.key, resolved.spec.severity)
        self.triggers[labels] += 1
        self.trigger_last_ms[labels] = now_ms
        instance.episode["asks"] += 1
        fired = instance.episode["fired_ms"]
        until_ms = fired + resolved.spec.retract_within_ms if resolved.retractable else None
        instance.opened = {
            **instance.episode, "revision": instance.revision, "retract_until_ms": until_ms,
            "violations": [violation(v) for v in instance.violations],
            "drifted_features": drifted(slot, now_ms), "attached": {},
        }  # fmt: skip
        instance.relabelled = False
        for key in self.held(slot).firing:
            self._attach(slot, self._waiting(key))
        return self._message(trigger.REQUESTED, slot, resolved, instance, now_ms, wall_ms)

    def resolve(
        self, slot: Slot, resolved: Resolved, instance: Instance, reason: Reason, now_ms: int, wall_ms: int
    ) -> list[Message]:
        """An instance stops firing."""
        if instance.mode == "alert":
            return [
                self._message(trigger.ALERT_RESOLVED, slot, resolved, instance, now_ms, wall_ms, str(reason))
            ]
        held = self.held(slot)
        opener = self._instances.get(held.opener or "") or instance
        rule = self._book().rule_of(slot, opener)
        cooldown_ms = rule.spec.cooldown_ms
        self.requests[slot.code], what = requests.resolved(held, instance.key, now_ms, cooldown_ms)
        if what != "resolved":
            return []
        told = _as_opened(opener)
        return [self._message(trigger.REQUEST_RESOLVED, slot, rule, told, now_ms, wall_ms, str(reason))]

    def ask_again(self, slot: Slot, now_ms: int, wall_ms: int) -> list[Message]:
        """A cooldown is over, and a rule still fires."""
        held = self.held(slot)
        if not held.waiting or all(self._waiting(k).blocked for k in held.waiting):
            return []
        self.requests[slot.code], key = requests.due(self._in_order(slot, held), now_ms)
        if key is None:
            return []
        instance = self._waiting(key)
        return [self._request(slot, self._book().rule_of(slot, instance), instance, now_ms, wall_ms)]

    def asks_from(self, slot: Slot) -> int | None:
        """From when on a waiting rule may ask; None: none waits that may."""
        held = self.held(slot)
        if held.opener is not None or all(self._waiting(k).blocked for k in held.waiting):
            return None
        return held.cooldown_until_ms or 0

    def retract(
        self, slot: Slot, resolved: Resolved, instance: Instance, now: Verdict, now_ms: int, wall_ms: int
    ) -> Message:
        """Take the request of an episode back; the request itself goes on as its rules do."""
        opened = instance.opened
        opened["retract_until_ms"] = None
        told = replace(_as_opened(instance), violations=now.violations)
        corrected = [violation(v) for v in now.violations]
        retraction = {"was": opened["violations"], "is": corrected}
        return self._message(
            trigger.RETRACTED, slot, resolved, told, now_ms, wall_ms, "retracted", retraction
        )

    def _waiting(self, key: str) -> Instance:
        found = self._instances.get(key)
        assert found is not None, "an instance that waits is not forgotten"  # noqa: S101
        return found

    def _in_order(self, slot: Slot, held: Requests) -> Requests:
        """Those whose ``unless`` holds come last; else the order of the configuration."""

        def place(key: str) -> tuple[bool, int]:
            instance = self._waiting(key)
            return instance.blocked, self._book().order(slot, instance)

        return replace(held, waiting=tuple(sorted(held.waiting, key=place)))

    def _message(
        self, type_: str, slot: Slot, resolved: Resolved, instance: Instance, now_ms: int, wall_ms: int,
        ending: str | None = None, retraction: dict[str, Any] | None = None,
    ) -> Message:  # fmt: skip
        attached = instance.opened.get("attached", {}).values() if instance.mode == "request" else ()
        own = reason_of(self._book().rule_of(slot, instance), instance.name, instance.episode)
        reasons = [own, *attached]
        made = occasion(type_, self._stream, slot, resolved, instance, reasons, now_ms, ending)
        backfilled = wall_ms - now_ms > self._max_age_ms
        return trigger.build_event(replace(made, backfilled=backfilled, retraction=retraction), self._topic)


def _as_opened(opener: Instance) -> Instance:
    """The opener as it was when it asked: a request keeps its episode, whatever its rule does later."""
    opened = opener.opened
    return replace(opener, episode=opened, revision=opened["revision"], mode="request")
