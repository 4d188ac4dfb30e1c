"""One step of a rule's instance: its machine moves by a verdict, and what that leads to is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from driftline.pipeline.asking import Asking
from driftline.pipeline.instances import Instance, Instances
from driftline.pipeline.rulebook import Rulebook
from driftline.pipeline.slots import Slot
from driftline.pipeline.verdicts import fits
from driftline.records import Message
from driftline.rules import machine
from driftline.rules.machine import Phase, Reason
from driftline.rules.resolve import Resolved
from driftline.rules.verdict import Verdict


class Stepping:
    """Moves instances of a stream, by event time or by the wall clock: it is given as ``now_ms``."""

    def __init__(self, book: Callable[[], Rulebook], instances: Instances, asking: Asking) -> None:
        self._book = book
        self._instances = instances
        self._asking = asking

    def step(
        self, slot: Slot, resolved: Resolved, instance: Instance, verdict: Verdict, now_ms: int, wall_ms: int,
        *, blocked: bool | None = None, empty: bool = False,
    ) -> list[Message]:  # fmt: skip
        """By a verdict; ``empty``: no window of the rule holds an event, ``blocked``: whether ``unless`` holds."""
        messages = self._revise(slot, resolved, instance, now_ms, wall_ms)
        if not fits(resolved, instance):
            self._forget(slot, instance)
            return messages
        instance.judged_as(resolved)
        instance.state, reason = machine.step(
            resolved.spec, instance.state, verdict.outcome, now_ms, empty=empty
        )
        instance.violations, instance.insufficient = verdict.violations, verdict.outcome is None
        instance.blocked = instance.blocked if blocked is None else blocked
        if reason is Reason.FIRED:
            messages += self._asking.fire(slot, resolved, instance, now_ms, wall_ms)
        elif reason is Reason.RESOLVED:
            messages += self._asking.resolve(slot, resolved, instance, reason, now_ms, wall_ms)
        return messages

    def remove(self, slot: Slot, instance: Instance, now_ms: int, wall_ms: int) -> list[Message]:
        """Its rule is gone, or no longer about the slot."""
        messages = []
        if instance.state.phase is Phase.FIRING:
            old = self._book().rule_of(slot, instance)
            messages = self._asking.resolve(slot, old, instance, Reason.REMOVED, now_ms, wall_ms)
        self._forget(slot, instance)
        return messages

    def _revise(
        self, slot: Slot, resolved: Resolved, instance: Instance, now_ms: int, wall_ms: int
    ) -> list[Message]:
        """Another condition starts anew, and resolves the old one's episode."""
        current, messages = self._book().revision(slot, resolved), []
        if instance.revision and instance.revision != current:
            if instance.state.phase is Phase.FIRING:
                messages = self._asking.resolve(slot, resolved, instance, Reason.CHANGED, now_ms, wall_ms)
            instance.state = replace(machine.QUIET, number=instance.state.number)
        instance.revision = current
        return messages

    def _forget(self, slot: Slot, instance: Instance) -> None:
        """One that opened a request is kept until that is resolved, which tells of it."""
        instance.state = replace(machine.QUIET, number=instance.state.number)
        if self._asking.held(slot).opener != instance.key:
            self._instances.remove(instance)
