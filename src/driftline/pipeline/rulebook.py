"""The rules of a stream as its (model, version)s see them: resolved, with revisions, in the configuration's order."""

from __future__ import annotations

from collections.abc import Callable

from driftline.pipeline.instances import Instance
from driftline.pipeline.slots import Slot
from driftline.rules.resolve import Resolved, resolve, revision
from driftline.rules.spec import RuleSpec, Silence
from driftline.settings import Task, WindowKind

EVIDENCE = frozenset(("events", "labelled", "label_coverage"))


class Rulebook:
    """Resolved rules by slot. It knows nothing of states."""

    def __init__(self, rules: tuple[RuleSpec, ...]) -> None:
        self.rules = rules
        self._of: dict[int, list[Resolved]] = {}
        self._revisions: dict[tuple[int, str], str] = {}
        self._kept: dict[tuple[int, WindowKind, int], int] = {}
        self._needed: dict[tuple[int, WindowKind, int], frozenset[str]] = {}

    def of(self, slot: Slot) -> list[Resolved]:
        """The rules that concern a slot, in the order of the configuration."""
        if slot.code not in self._of:
            mine = [resolve(r, slot.settings) for r in self.rules if r.concerns(*slot.key) and not slot.left]
            self._of[slot.code] = [r for r in mine if r is not None]
        return self._of[slot.code]

    def timed(self, slot: Slot) -> list[Resolved]:
        """Those that are judged in event time."""
        return [r for r in self.of(slot) if r.finest is not None]

    def find(self, slot: Slot, identity: str) -> Resolved | None:
        """The slot's rule of that uid or name."""
        return next((r for r in self.of(slot) if r.spec.identity == identity), None)

    def revision(self, slot: Slot, resolved: Resolved) -> str:
        """What the rule's verdicts rest on, as a hash."""
        key = slot.code, resolved.spec.identity
        if key not in self._revisions:
            reference = slot.profile.id if slot.profile else ""
            self._revisions[key] = revision(resolved, slot.settings, reference)
        return self._revisions[key]

    def order(self, slot: Slot, instance: Instance) -> int:
        """Where the instance's rule stands in the configuration; last where it is gone."""
        places = [r.spec.identity for r in self.of(slot)]
        return places.index(instance.rule) if instance.rule in places else len(places)

    def rule_of(self, slot: Slot, instance: Instance) -> Resolved:
        """The rule of an instance; of one that the configuration lost, what is known since it fired."""
        found = self.find(slot, instance.rule)
        if found is not None:
            return found
        known = instance.episode
        spec = RuleSpec(
            name=instance.name, when=Silence(no_events_for_ms=0), uid=instance.rule,
            severity=known.get("severity", "warning"), cooldown_ms=known.get("cooldown_ms", 0),
            then="retrain" if instance.mode == "request" else "notify",
        )  # fmt: skip
        kind, window = instance.finest or (WindowKind.DRIFT, None)
        return Resolved(spec, window, kind, instance.delay_ms)

    def needed(self, slot: Slot, kind: WindowKind, length_ms: int) -> frozenset[str]:
        """Statistics that some rule reads of a window, and those that triggers show with them."""
        key = slot.code, kind, length_ms
        if key not in self._needed:
            read = [c for r in self.of(slot) for c in r.spec.comparisons()]
            metrics = {c.metric for c in read if (c.kind, c.window_ms) == (kind, length_ms)}
            self._needed[key] = frozenset(metrics | EVIDENCE) if metrics else frozenset()
        return self._needed[key]

    def kept_ms(
        self,
        slot: Slot,
        kind: WindowKind,
        length_ms: int,
        keeps_ms: Callable[[Resolved, WindowKind, int], int],
    ) -> int:
        """The most that a rule that reads a window asks for."""
        key = slot.code, kind, length_ms
        if key not in self._kept:
            read = [r for r in self.timed(slot) if key[1:] in {(k, w.length_ms) for k, w in r.windows}]
            self._kept[key] = max((keeps_ms(r, kind, length_ms) for r in read), default=0)
        return self._kept[key]


def average_of(slot: Slot) -> str | None:
    """The average that a rule means when it names none."""
    return {Task.BINARY: "binary", Task.MULTICLASS: "macro"}.get(slot.settings.task)
