"""Rules at each instant: verdicts step machines, machines ask for retraining or notify.

A rule has an instant at every end of its finest window, also where no event is: those are taken in one go
where nothing changes. Whatever happens, happens at an instant of event time, so that no batch size and no
restart changes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from driftline.metrics.view import RuleView
from driftline.pipeline import calendar, ledger, retraction
from driftline.pipeline.ahead import Ahead
from driftline.pipeline.asking import Asking, Labels
from driftline.pipeline.engine import Instant
from driftline.pipeline.instances import Instances
from driftline.pipeline.lookup import Latest, SlotLookup, WindowKey, held_at
from driftline.pipeline.mixed import mixed_instants
from driftline.pipeline.rulebook import Rulebook, average_of
from driftline.pipeline.silence import WallClock
from driftline.pipeline.slots import Slot
from driftline.pipeline.stepping import Stepping
from driftline.pipeline.stream import Rules, Window
from driftline.pipeline.verdicts import verdicts
from driftline.records import Blob, BlobKey, Ints, Message
from driftline.rules.machine import Phase
from driftline.rules.resolve import Resolved
from driftline.rules.spec import RuleSpec
from driftline.rules.verdict import Verdict
from driftline.settings import WindowKind

NOTHING = Verdict(None)


class Judging:
    """The rules of one stream."""

    def __init__(
        self, rules: tuple[RuleSpec, ...], stream: str, topic: str, max_age_ms: int, slots: list[Slot]
    ) -> None:
        self.book = Rulebook(rules)
        self.latest: dict[WindowKey, Latest] = {}
        self.instances = Instances()
        self.asking = Asking(lambda: self.book, self.instances, stream, topic, max_age_ms)
        self.ahead = Ahead(lambda: self.book, self.instances, self.asking, self.latest)
        self.stepping = Stepping(lambda: self.book, self.instances, self.asking)
        self.wall_clock = WallClock(lambda: self.book, self.instances, self.stepping)
        self.handled_ms = calendar.NEVER
        """Every instant up to this one has been handled."""
        self._slots = slots
        self.departed: list[Slot] = []
        """Versions that left the configuration while something of theirs was open."""
        self._next: dict[int, int] = {}
        """When something happens next without new data, by slot."""

    @property
    def rules(self) -> tuple[RuleSpec, ...]:
        """The rules of the configuration, in its order."""
        return self.book.rules

    @property
    def triggers(self) -> Counter[Labels]:
        """Requests so far; every rule that can ask has its entry from the start."""
        return self.asking.triggers

    @property
    def trigger_last_ms(self) -> dict[Labels, int]:
        """Instant of each rule's last request."""
        return self.asking.trigger_last_ms

    @property
    def codes(self) -> dict[tuple[str, str], int]:
        """The code of each (model, version)."""
        return {slot.key: slot.code for slot in self._slots}

    def replace(self, rules: tuple[RuleSpec, ...]) -> None:
        """Go on with other rules, from the first instant after W on.

        What they make of episodes (a rule is gone, or its condition is another) is told at that instant, in
        event time, so nothing is told here. The windows that they read must be among the slots' already.
        """
        self.book = Rulebook(rules)
        self._next.clear()

    def of(self, slot: Slot) -> list[Resolved]:
        """The rules that concern a slot, in the order of the configuration."""
        return self.book.of(slot)

    # -- what is read --------------------------------------------------------------------------------

    def needed(self, slot: Slot, kind: WindowKind, length_ms: int) -> frozenset[str]:
        """Statistics that some rule reads of a window."""
        self._declare(slot)
        return self.book.needed(slot, kind, length_ms)

    def _declare(self, slot: Slot) -> None:
        if slot.code not in self._next:
            self.asking.declare(slot, self.book.of(slot))
            self._next[slot.code] = self.ahead.next_of(slot, self.handled_ms)

    def keeps_ms(self, slot: Slot, kind: WindowKind, length_ms: int) -> int:
        """How much longer than for judging the panes of a window are kept, so that requests can be taken back."""
        return self.book.kept_ms(slot, kind, length_ms, retraction.keeps_ms)

    def busy(self, slot: Slot) -> bool:
        """Whether a rule is about a version that is not seen any more: open, or asked of it for good."""
        if any(i.state.phase is not Phase.INACTIVE for i in self.instances.of_slot(slot.code)):
            return True
        held = self.asking.held(slot)
        until = (calendar.active_until_ms(slot, r, self.latest) for r in self.book.timed(slot))
        return held.opener is not None or any(at_ms > self.handled_ms for at_ms in until)

    def mixed(
        self, slot: Slot, late: Callable[[Slot], list[Ints]], after_ms: int, until_ms: int
    ) -> set[Instant]:
        """Instants of rules with several windows, beside those at which the finest one holds events."""
        rules = [r for r in self.book.timed(slot) if len(r.windows) > 1]
        return set(mixed_instants(slot, rules, late(slot), after_ms, until_ms)) if rules else set()

    # -- judging -------------------------------------------------------------------------------------

    def judged(self, slot: Slot, instant_ms: int, windows: list[Window], wall_ms: int) -> list[Message]:
        """Windows of a slot have been judged at an instant."""
        self._declare(slot)
        for resolved in (r for r in self.book.timed(slot) if r.spec.no_data != "hold"):
            for instance in self.instances.of_rule(slot.code, resolved.spec.identity):
                self.ahead.catch_up(slot, resolved, instance, instant_ms)
        for window in windows:
            self._note(slot, instant_ms, window)
        return self._at(slot, instant_ms, wall_ms)

    def _note(self, slot: Slot, instant_ms: int, window: Window) -> None:
        j = window.judged
        if not j.totals.counts.any():
            return
        panes = (slot.drift_panes if j.kind is WindowKind.DRIFT else slot.performance_panes)[j.place]
        newest = max((s for s in panes.panes if s < j.end_ms), default=j.end_ms)
        key = slot.code, j.kind, panes.window.length_ms
        self.latest[key] = Latest(j.end_ms, instant_ms, newest, window.evaluations)

    def next_ms(self) -> int | None:
        """The next instant at which something happens without new data; None: never."""
        for slot in self._everyone():
            self._declare(slot)
        first = min(self._next.values(), default=calendar.NEVER_AGAIN)
        return first if first < calendar.NEVER_AGAIN else None

    def quiet(self, instant_ms: int, wall_ms: int) -> list[Message]:
        """Handle such an instant."""
        due = [slot for slot in self._everyone() if self._next.get(slot.code) == instant_ms]
        return [message for slot in due for message in self._at(slot, instant_ms, wall_ms)]

    def settled(self, watermark_ms: int) -> None:
        """Every instant up to W has been handled."""
        self.handled_ms = max(self.handled_ms, watermark_ms)

    def _at(self, slot: Slot, now_ms: int, wall_ms: int) -> list[Message]:
        """Everything of one slot at one instant, in the order of the configuration."""
        self._drain(slot)
        messages = self._retire(slot, now_ms, wall_ms)
        here = [r for r in self.book.timed(slot) if r.instant_from(now_ms) == now_ms]
        for resolved in here:
            messages += self._judge(slot, resolved, now_ms, wall_ms)
        if here:
            messages = self.asking.completed(slot, messages, now_ms, wall_ms)
            messages += self.asking.ask_again(slot, now_ms, wall_ms)
        for resolved in here:
            messages += self._retract(slot, resolved, now_ms, wall_ms)
        self._next[slot.code] = self.ahead.next_of(slot, now_ms)
        self._bury(slot)
        return messages

    def _everyone(self) -> list[Slot]:
        return [*self._slots, *self.departed]

    def _bury(self, slot: Slot) -> None:
        """Forget a version that left, once nothing of it is open."""
        if slot.left and not any(self.instances.of_slot(slot.code)):
            self.departed.remove(slot)
            self.asking.requests.pop(slot.code, None)
            self._next.pop(slot.code, None)

    def _judge(self, slot: Slot, resolved: Resolved, now_ms: int, wall_ms: int) -> list[Message]:
        held = held_at(slot, self.latest, now_ms)
        known = self.instances.of_rule(slot.code, resolved.spec.identity)
        active = now_ms <= calendar.active_until_ms(slot, resolved, self.latest)
        messages: list[Message] = []
        if active and any(held(kind, w.length_ms) is not None for kind, w in resolved.windows):
            lookup = SlotLookup(slot, held, self._others(slot))
            for binding, verdict, blocked in verdicts(resolved, lookup, known, average_of(slot)):
                instance = self.instances.setdefault(resolved.spec.identity, slot.code, binding)
                messages += self.stepping.step(
                    slot, resolved, instance, verdict, now_ms, wall_ms, blocked=blocked
                )
            return messages
        for instance in known:
            if self.ahead.changes_at(slot, resolved, instance, now_ms - 1) == now_ms:
                self.ahead.catch_up(slot, resolved, instance, now_ms)
                messages += self.stepping.step(slot, resolved, instance, NOTHING, now_ms, wall_ms, empty=True)
        return messages

    def _others(self, slot: Slot) -> dict[str, Slot]:
        return {s.version: s for s in self._slots if s.model is slot.model}

    def _retire(self, slot: Slot, now_ms: int, wall_ms: int) -> list[Message]:
        """Instances whose rule is gone are resolved at the first instant of what the rule was."""
        messages = []
        for instance in self.ahead.gone(slot):
            old = self.book.rule_of(slot, instance)
            if old.finest is not None and old.instant_from(now_ms) == now_ms:
                messages += self.stepping.remove(slot, instance, now_ms, wall_ms)
        return messages

    # -- retraction ----------------------------------------------------------------------------------

    def _drain(self, slot: Slot) -> None:
        """Mark the requests that rest on windows whose labels have changed."""
        stretches, slot.relabelled = slot.relabelled, set()
        if not stretches:
            return
        for resolved in self.book.timed(slot):
            revision = self.book.revision(slot, resolved)
            for instance in self.instances.of_rule(slot.code, resolved.spec.identity):
                if retraction.open_until(resolved, instance, revision) is not None:
                    instance.relabelled |= retraction.touched(slot, resolved, instance, stretches)

    def _retract(self, slot: Slot, resolved: Resolved, now_ms: int, wall_ms: int) -> list[Message]:
        messages = []
        revision = self.book.revision(slot, resolved)
        for instance in self.instances.of_rule(slot.code, resolved.spec.identity):
            until_ms = retraction.open_until(resolved, instance, revision)
            if until_ms is None or now_ms > until_ms or not instance.relabelled:
                continue
            instance.relabelled = False
            now = retraction.corrected(slot, resolved, instance, self._others(slot), self.book, now_ms)
            if now is not None:
                messages.append(self.asking.retract(slot, resolved, instance, now, now_ms, wall_ms))
        return messages

    # -- wall clock ----------------------------------------------------------------------------------

    def silence(self, wall_ms: int) -> list[Message]:
        """Rules on silence look at the wall clock, and are their own kind."""
        messages = []
        for slot in self._everyone():
            for instance in self.ahead.gone(slot):
                if instance.finest is None:
                    messages += self.stepping.remove(slot, instance, wall_ms, wall_ms)
            self._bury(slot)
        return messages + self.wall_clock.judge(self._slots, self.handled_ms, wall_ms)

    def follow(self, before: Rules) -> None:
        """A reload is no restart: since when each version is silent is known on."""
        if isinstance(before, Judging):
            now = self.codes
            same = {code: now[key] for key, code in before.codes.items() if key in now}
            self.wall_clock.silences.follow(before.wall_clock.silences, same)

    def unheard(self) -> None:
        """The stream cannot be read just now: rules on silence begin to wait anew, as after a restart."""
        self.wall_clock.silences.doubt()

    # -- state and view ------------------------------------------------------------------------------

    def snapshot(self) -> Blob:
        """All rule states, as plain values."""
        for slot in self._slots:
            self._drain(slot)
        return ledger.snapshot(self, self._everyone())

    def restore(self, blobs: dict[BlobKey, Blob]) -> None:
        """Bring the rules to where the snapshot was taken."""
        blob = blobs.get(("rule_state", "rules"))
        if blob is not None:
            ledger.restore(self, self._slots, blob)
            self._next.clear()

    def views(self) -> tuple[RuleView, ...]:
        """Every instance, as it is shown."""
        return ledger.views(self, self._everyone())
