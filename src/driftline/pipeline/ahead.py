"""What happens without new data, and when: looked up ahead, so that empty stretches are jumped over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from driftline.pipeline import calendar, retraction
from driftline.pipeline.asking import Asking
from driftline.pipeline.instances import Instance, Instances
from driftline.pipeline.lookup import Latest, WindowKey
from driftline.pipeline.rulebook import Rulebook
from driftline.pipeline.slots import Slot
from driftline.rules import machine, quiet
from driftline.rules.resolve import Resolved


class Ahead:
    """The instants to come of a stream's rules. It changes an instance in ``catch_up`` only."""

    def __init__(
        self, book: Callable[[], Rulebook], instances: Instances, asking: Asking, latest: Mapping[WindowKey, Latest]
    ) -> None:  # fmt: skip
        self._book = book
        self._instances = instances
        self._asking = asking
        self._latest = latest

    def next_of(self, slot: Slot, after_ms: int) -> int:
        """The first instant after ``after_ms`` at which something of the slot happens without new data."""
        found = [calendar.NEVER_AGAIN]
        rules = self._book().timed(slot)
        asks_from = self._asking.asks_from(slot)
        for resolved in rules:
            known = self._instances.of_rule(slot.code, resolved.spec.identity)
            for instance in known:
                found.append(self.changes_at(slot, resolved, instance, after_ms))
                found.append(self._retracts_at(slot, resolved, instance, after_ms))
            if asks_from is not None:
                found.append(resolved.instant_from(max(asks_from, after_ms + 1)))
        for instance in self.gone(slot):
            old = self._book().rule_of(slot, instance)
            done = instance.state == replace(machine.QUIET, number=instance.state.number)
            if old.finest is not None and not (done and self._asking.held(slot).opener == instance.key):
                found.append(old.instant_from(after_ms + 1))
        return min(found)

    def changes_at(self, slot: Slot, resolved: Resolved, instance: Instance, after_ms: int) -> int:
        """The first instant after ``after_ms`` at which "no data" changes an instance."""
        if instance.revision != self._book().revision(slot, resolved):
            return resolved.instant_from(after_ms + 1)
        change = quiet.changes_at(resolved.spec, instance.state)
        if change is None:
            return calendar.NEVER_AGAIN
        at_ms = resolved.instant_from(max(change, after_ms + 1))
        active = at_ms <= calendar.active_until_ms(slot, resolved, self._latest)
        return at_ms if active else calendar.NEVER_AGAIN

    def _retracts_at(self, slot: Slot, resolved: Resolved, instance: Instance, after_ms: int) -> int:
        """While a request can be taken back, every instant of its rule is looked at."""
        until_ms = retraction.open_until(resolved, instance, self._book().revision(slot, resolved))
        at_ms = resolved.instant_from(after_ms + 1)
        return at_ms if until_ms is not None and at_ms <= until_ms else calendar.NEVER_AGAIN

    def catch_up(self, slot: Slot, resolved: Resolved, instance: Instance, now_ms: int) -> None:
        """Instants without data since the last one that changed nothing but times."""
        last = instance.state.last_judged_ms
        if last is None or instance.revision != self._book().revision(slot, resolved):
            return
        active = calendar.active_until_ms(slot, resolved, self._latest)
        passed_ms = resolved.instant_from(min(now_ms - 1, active) - resolved.every_ms + 1)
        if passed_ms > last:
            instance.state = quiet.passed(resolved.spec, instance.state, passed_ms)

    def gone(self, slot: Slot) -> list[Instance]:
        """Instances whose rule is not in the configuration any more, or no longer about the slot."""
        known = {r.spec.identity for r in self._book().of(slot)}
        return [i for i in self._instances.of_slot(slot.code) if i.rule not in known]
