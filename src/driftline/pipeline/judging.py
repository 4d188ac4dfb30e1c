"""Rules at each instant: verdicts step machines, machines ask for retraining or notify."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from driftline.effects import trigger
from driftline.metrics.view import RuleView
from driftline.pipeline.evidence import condition_text, occasion
from driftline.pipeline.lookup import Latest, SlotLookup, WindowKey, from_rows, panes_of, to_rows
from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import Window
from driftline.records import Blob, BlobKey, Dimension, Message
from driftline.rules import machine, requests
from driftline.rules.machine import Phase, Reason, State
from driftline.rules.resolve import Resolved, resolve, revision
from driftline.rules.spec import RuleSpec, Silence, comparisons
from driftline.rules.verdict import Verdict, Violation, bindings, judge
from driftline.settings import Task, WindowKind, duration_text

FORMAT = 1
_EVIDENCE = frozenset(("events", "labelled", "label_coverage"))


@dataclass(slots=True)
class Instance:
    """One rule for one (model, version), and feature, class or segment."""

    rule: str
    slot: int
    binding: dict[str, str]
    state: State = machine.QUIET
    revision: str = ""
    mode: str = ""
    """``request`` or ``alert``: what its firing did."""
    violations: tuple[Violation, ...] = ()
    insufficient: bool = False
    episode: dict[str, Any] = field(default_factory=dict)
    """The episode that fired last, and what its rule was then, for its resolution."""
    opened: dict[str, Any] = field(default_factory=dict)
    """The episode that asked for retraining last, and its revision; later ones may be attached to it."""
    blocked: bool = False
    """Its ``unless`` holds."""

    @property
    def key(self) -> str:
        """What the instance is known by."""
        return json.dumps([self.rule, self.slot, self.binding], sort_keys=True)


class Judging:
    """The rules of one stream."""

    def __init__(
        self, rules: tuple[RuleSpec, ...], stream: str, topic: str, max_age_ms: int, slots: list[Slot]
    ) -> None:
        self.rules = rules
        self.stream = stream
        self.topic = topic
        self.max_age_ms = max_age_ms
        self._slots = slots
        self.latest: dict[WindowKey, Latest] = {}
        self.instances: dict[str, Instance] = {}
        self.requests: dict[int, requests.Requests] = {}
        self.triggers: Counter[tuple[str, str, str, str]] = Counter()
        self.trigger_last_ms: dict[tuple[str, str, str, str], int] = {}
        self._restored: set[int] = set()
        """Slots of which no event came since the start."""
        self._resolved: dict[int, list[Resolved]] = {}
        self._heard: dict[int, tuple[int, int | None]] = {}

    # -- what is read --------------------------------------------------------------------------------

    def of(self, slot: Slot) -> list[Resolved]:
        """The rules that concern a slot, in the order of the configuration."""
        if slot.code not in self._resolved:
            mine = [resolve(r, slot.settings) for r in self.rules if r.concerns(*slot.key)]
            self._resolved[slot.code] = [r for r in mine if r is not None]
            for r in self._resolved[slot.code]:
                if r.spec.then == "retrain":
                    self.triggers.setdefault((r.spec.name, *slot.key, r.spec.severity), 0)
        return self._resolved[slot.code]

    def needed(self, slot: Slot, kind: WindowKind, length_ms: int) -> frozenset[str]:
        """Statistics that some rule reads of a window."""
        metrics = {
            c.metric
            for r in self.of(slot)
            for c in r.spec.comparisons()
            if (c.kind, c.window_ms) == (kind, length_ms)
        }
        return frozenset(metrics | _EVIDENCE) if metrics or self._gone(slot) else frozenset()

    # -- judging -------------------------------------------------------------------------------------

    def judged(self, slot: Slot, instant_ms: int, windows: list[Window], wall_ms: int) -> list[Message]:
        """Windows of a slot have been judged at an instant: evaluate the rules whose finest window is there."""
        ends: dict[tuple[WindowKind, int], int] = {}
        for window in windows:
            j = window.judged
            panes = slot.drift_panes if j.kind is WindowKind.DRIFT else slot.performance_panes
            length_ms = panes[j.place].window.length_ms
            ends[j.kind, length_ms] = j.end_ms
            self.latest[slot.code, j.kind, length_ms] = Latest(j.end_ms, instant_ms, window.evaluations)
        others = {s.version: s for s in self._slots if s.model is slot.model}
        lookup = SlotLookup(slot, self.latest, others)
        messages = self._retire(slot, instant_ms, wall_ms)
        for resolved in self.of(slot):
            if resolved.finest is None:
                continue
            end_ms = ends.get((resolved.finest_kind, resolved.finest.length_ms))
            if end_ms is not None and resolved.judged_at(end_ms) and self._active(slot, resolved, end_ms):
                messages += self._evaluate(slot, resolved, lookup, instant_ms, wall_ms)
        return messages + self._ask_again(slot, instant_ms, wall_ms)

    @staticmethod
    def _active(slot: Slot, resolved: Resolved, end_ms: int) -> bool:
        """Versions without an event for ``active_for`` are not judged, unless the rule names versions.

        Only panes inside the judged window are looked at: older ones may be forgotten already.
        """
        spec, finest = resolved.spec, resolved.finest
        if spec.versions is not None or finest is None or spec.active_for_ms >= finest.length_ms:
            return True
        panes = panes_of(slot, resolved.finest_kind, finest.length_ms)
        since_ms = end_ms - spec.active_for_ms - finest.slide_ms
        return panes is not None and any(since_ms < start < end_ms for start in panes.panes)

    def _evaluate(
        self, slot: Slot, resolved: Resolved, lookup: SlotLookup, now_ms: int, wall_ms: int
    ) -> list[Message]:
        average = {Task.BINARY: "binary", Task.MULTICLASS: "macro"}.get(slot.settings.task)
        messages = []
        for binding in bindings(resolved.spec.when, lookup, average):
            verdict = judge(resolved.spec.when, lookup, binding, average)
            unless = (
                judge(resolved.spec.unless, lookup, binding, average)
                if resolved.spec.unless
                else Verdict(None)
            )
            messages += self._step(slot, resolved, binding, verdict, unless.outcome is True, now_ms, wall_ms)
        return messages

    def _step(
        self, slot: Slot, resolved: Resolved, binding: dict[str, str], verdict: Verdict, unless: bool,
        now_ms: int, wall_ms: int,
    ) -> list[Message]:  # fmt: skip
        spec = resolved.spec
        fresh = Instance(spec.name, slot.code, binding)
        instance = self.instances.setdefault(fresh.key, fresh)
        current = revision(resolved, slot.settings, slot.profile.sha256 if slot.profile else "")
        messages: list[Message] = []
        if instance.revision and instance.revision != current:
            if instance.state.phase is Phase.FIRING:
                messages += self._resolve(slot, resolved, instance, Reason.CHANGED, now_ms, wall_ms)
            instance.state = replace(machine.QUIET, number=instance.state.number)
        instance.revision = current
        before = instance.state
        instance.state, reason = machine.step(spec, before, verdict.outcome, now_ms)
        instance.violations, instance.insufficient = verdict.violations, verdict.outcome is None
        instance.blocked = unless
        if reason is Reason.FIRED:
            messages += self._fire(slot, resolved, instance, now_ms, wall_ms)
        elif reason is Reason.RESOLVED:
            messages += self._resolve(slot, resolved, instance, reason, now_ms, wall_ms)
        return messages

    # -- effects -------------------------------------------------------------------------------------

    def _fire(
        self, slot: Slot, resolved: Resolved, instance: Instance, now_ms: int, wall_ms: int
    ) -> list[Message]:  # fmt: skip
        state, spec = instance.state, resolved.spec
        instance.episode = {
            "start_ms": state.active_since_ms, "fired_ms": state.fired_at_ms, "number": state.number,
            "uid": spec.uid, "severity": spec.severity, "cooldown_ms": spec.cooldown_ms,
            "condition": condition_text(resolved), "for": spec.for_text,
        }  # fmt: skip
        if spec.then != "retrain" or instance.blocked:
            instance.mode = "alert"
            return [self._message(trigger.ALERT_FIRED, slot, resolved, instance, now_ms, wall_ms)]
        instance.mode = "request"
        held = self.requests.get(slot.code, requests.Requests())
        self.requests[slot.code], what = requests.fired(held, instance.key, now_ms)
        if what != "opened":
            return []
        return [self._request(slot, resolved, instance, now_ms, wall_ms)]

    def _request(
        self, slot: Slot, resolved: Resolved, instance: Instance, now_ms: int, wall_ms: int
    ) -> Message:
        labels = (resolved.spec.name, *slot.key, resolved.spec.severity)
        self.triggers[labels] += 1
        self.trigger_last_ms[labels] = now_ms
        instance.opened = {**instance.episode, "revision": instance.revision}
        return self._message(trigger.REQUESTED, slot, resolved, instance, now_ms, wall_ms)

    def _resolve(
        self, slot: Slot, resolved: Resolved, instance: Instance, reason: Reason, now_ms: int, wall_ms: int
    ) -> list[Message]:
        if instance.mode == "alert":
            return [
                self._message(trigger.ALERT_RESOLVED, slot, resolved, instance, now_ms, wall_ms, str(reason))
            ]
        held = self.requests.get(slot.code, requests.Requests())
        opener = self.instances.get(held.opener or "", instance)
        rule = self._rule(slot, opener)
        self.requests[slot.code], what = requests.resolved(held, instance.key, now_ms, rule.spec.cooldown_ms)
        if what != "resolved":
            return []
        opened = opener.opened or {**opener.episode, "revision": opener.revision}
        told = replace(opener, episode=opened, revision=opened["revision"])
        return [self._message(trigger.REQUEST_RESOLVED, slot, rule, told, now_ms, wall_ms, str(reason))]

    def _rule(self, slot: Slot, instance: Instance) -> Resolved:
        """The rule of an instance; of one that the configuration lost, what is known since it fired."""
        found = next((r for r in self.of(slot) if r.spec.name == instance.rule), None)
        if found is not None:
            return found
        known = instance.episode
        spec = RuleSpec(
            name=instance.rule, when=Silence(no_events_for_ms=0), uid=known.get("uid"),
            severity=known.get("severity", "warning"), cooldown_ms=known.get("cooldown_ms", 0),
        )  # fmt: skip
        return Resolved(spec, None, WindowKind.DRIFT, 0)

    def _ask_again(self, slot: Slot, now_ms: int, wall_ms: int) -> list[Message]:
        """A cooldown is over, and a rule still fires."""
        held = self.requests.get(slot.code)
        if held is None or all(self.instances[k].blocked for k in held.waiting):
            return []
        self.requests[slot.code], key = requests.due(self._in_order(slot, held), now_ms)
        if key is None:
            return []
        instance = self.instances[key]
        return [self._request(slot, self._rule(slot, instance), instance, now_ms, wall_ms)]

    def _in_order(self, slot: Slot, held: requests.Requests) -> requests.Requests:
        """Those whose ``unless`` holds come last; else the order of the configuration."""
        order = {r.spec.name: place for place, r in enumerate(self.of(slot))}

        def place(key: str) -> tuple[bool, int]:
            instance = self.instances[key]
            return instance.blocked, order.get(instance.rule, len(order))

        return replace(held, waiting=tuple(sorted(held.waiting, key=place)))

    def _message(
        self, type_: str, slot: Slot, resolved: Resolved, instance: Instance, now_ms: int, wall_ms: int,
        ending: str | None = None,
    ) -> Message:  # fmt: skip
        held = self.requests.get(slot.code, requests.Requests())
        attached = (
            [self.instances[k] for k in held.firing if k in self.instances]
            if instance.mode == "request"
            else []
        )
        asking = [instance, *(a for a in attached if a.key != instance.key)]
        reasons = [(self._rule(slot, a), a.episode) for a in asking]
        backfilled = wall_ms - now_ms > self.max_age_ms
        made = occasion(type_, self.stream, slot, resolved, instance, reasons, now_ms, ending)
        return trigger.build_event(replace(made, backfilled=backfilled), self.topic)

    def _retire(self, slot: Slot, now_ms: int, wall_ms: int) -> list[Message]:
        """Instances whose rule is gone from the configuration are resolved and forgotten.

        One that opened a request is kept until that is resolved, which tells of it.
        """
        messages = []
        for instance in self._gone(slot):
            if instance.state.phase is Phase.FIRING:
                old = self._rule(slot, instance)
                messages += self._resolve(slot, old, instance, Reason.REMOVED, now_ms, wall_ms)
            instance.state = replace(machine.QUIET, number=instance.state.number)
            if self.requests.get(slot.code, requests.Requests()).opener != instance.key:
                del self.instances[instance.key]
        return messages

    def _gone(self, slot: Slot) -> list[Instance]:
        names = {r.spec.name for r in self.of(slot)}
        return [i for i in self.instances.values() if i.slot == slot.code and i.rule not in names]

    # -- wall clock ----------------------------------------------------------------------------------

    def silence(self, wall_ms: int) -> list[Message]:
        """Rules on silence look at the wall clock, and are their own kind."""
        messages = []
        for slot in self._slots:
            heard, since_ms = self._silent_since(slot, wall_ms)
            for resolved in self.of(slot):
                if isinstance(resolved.spec.when, Silence):
                    silent = wall_ms - since_ms >= resolved.spec.when.no_events_for_ms
                    if heard or silent:
                        messages += self._step(slot, resolved, {}, Verdict(silent), False, wall_ms, wall_ms)
        return messages

    def _silent_since(self, slot: Slot, wall_ms: int) -> tuple[bool, int]:
        """Whether an event came since the start, and when the last one did, or else the start itself.

        After a restart without one, an alert neither ends nor begins before the whole duration has passed.
        """
        count, since_ms = self._heard.get(slot.code, (-1, wall_ms))
        if count != slot.predictions:
            self._heard[slot.code] = slot.predictions, wall_ms
            self._restored.discard(slot.code)
            return True, wall_ms
        since_ms = wall_ms if since_ms is None else since_ms
        self._heard[slot.code] = count, since_ms
        return slot.code not in self._restored, since_ms

    # -- state and view ------------------------------------------------------------------------------

    def snapshot(self) -> Blob:
        """All rule states, as plain values."""
        data = {
            "slots": [[*slot.key] for slot in self._slots],
            "heard": [[code, count] for code, (count, _since) in self._heard.items()],
            "latest": to_rows(self.latest),
            "instances": [
                {
                    "rule": i.rule, "slot": i.slot, "binding": i.binding, "state": machine.to_row(i.state),
                    "revision": i.revision, "mode": i.mode, "episode": i.episode,
                    "opened": i.opened, "blocked": i.blocked,
                    "violations": [_violation_row(v) for v in i.violations],
                }
                for i in self.instances.values()
            ],
            "requests": [
                [code, r.opener, list(r.firing), list(r.waiting), r.cooldown_until_ms] for code, r in self.requests.items()
            ],
            "triggers": [[*k, n, self.trigger_last_ms.get(k)] for k, n in self.triggers.items()],
        }  # fmt: skip
        return Blob(FORMAT, data, {})

    def restore(self, blobs: dict[BlobKey, Blob]) -> None:
        """Bring the rules to where the snapshot was taken.

        Slots are known by model and version: without a model that left the configuration, codes differ.
        """
        blob = blobs.get(("rule_state", "rules"))
        if blob is None:
            return
        now = {slot.key: slot.code for slot in self._slots}
        known = blob.data.get("slots") or [[*slot.key] for slot in self._slots]
        codes = {
            old: now[model, version] for old, (model, version) in enumerate(known) if (model, version) in now
        }
        latest = from_rows(blob.data["latest"])
        self.latest = {(codes[s], k, n): held for (s, k, n), held in latest.items() if s in codes}
        self._heard = {codes[s]: (count, None) for s, count in blob.data.get("heard", ()) if s in codes}
        self._restored = set(self._heard)
        keys = self._restore_instances(blob.data["instances"], codes)
        for code, opener, firing, waiting, until in blob.data["requests"]:
            if code in codes:
                self.requests[codes[code]] = requests.Requests(
                    keys.get(opener), tuple(keys[k] for k in firing), tuple(keys[k] for k in waiting), until
                )
        for rule, model, version, severity, count, last in blob.data["triggers"]:
            self.triggers[rule, model, version, severity] = count
            if last is not None:
                self.trigger_last_ms[rule, model, version, severity] = last

    def _restore_instances(self, rows: list[dict[str, Any]], codes: dict[int, int]) -> dict[str, str]:
        """Old keys of the instances to new ones."""
        keys = {}
        for row in (r for r in rows if r["slot"] in codes):
            instance = Instance(
                row["rule"], row["slot"], row["binding"], machine.from_row(row["state"]), row["revision"], row["mode"],
                violations=tuple(_violation(v) for v in row["violations"]), episode=row["episode"],
                opened=row.get("opened", {}), blocked=row.get("blocked", False),
            )  # fmt: skip
            old = instance.key
            instance.slot = codes[row["slot"]]
            keys[old] = instance.key
            self.instances[instance.key] = instance
        return keys

    def views(self) -> tuple[RuleView, ...]:
        """Every instance, as it is shown."""
        return tuple(self._view(i, self._slots[i.slot]) for i in self.instances.values())

    def _view(self, i: Instance, slot: Slot) -> RuleView:
        worst, state, rule = i.violations[0] if i.violations else None, i.state, self._rule(slot, i)
        known = rule.finest is not None or rule.spec in self.rules
        read = worst or next(comparisons(rule.spec.when), None)
        pending = state.phase is Phase.PENDING and state.active_since_ms is not None
        return RuleView(
            rule=i.rule, model=slot.model.name, version=slot.version, instance=i.binding,
            severity=rule.spec.severity if known else "", state=str(state.phase),
            active_since_ms=state.active_since_ms, fired_at_ms=state.fired_at_ms,
            value=worst.value if worst else None, threshold=worst.threshold if worst else None,
            insufficient=i.insufficient, last_judged_ms=state.last_judged_ms,
            then=rule.spec.then, condition=condition_text(rule) if known else i.episode.get("condition", ""),
            for_text=rule.spec.for_text,
            fires_at_ms=(state.active_since_ms or 0) + rule.effective_delay_ms if pending else None,
            metric=read.metric if read else None,
            window=duration_text(read.window_ms) if read and read.window_ms else None,
            of=_about(worst.dimension) if worst else None, low=worst.low if worst else None, high=worst.high if worst else None,
        )  # fmt: skip


def _about(dimension: Dimension) -> str | None:
    segment = "=".join(dimension.segment) if dimension.segment else None
    return " ".join(x for x in (dimension.feature, dimension.class_, segment, dimension.output) if x) or None


def _violation_row(v: Violation) -> list[Any]:
    d = v.dimension
    where = [d.feature, d.class_, d.segment, d.output, d.average]
    return [v.metric, v.window_ms, where, v.value, v.low, v.high, v.threshold, v.n]


def _violation(row: list[Any]) -> Violation:
    metric, window_ms, (feature, class_, segment, output, average), *numbers = row
    dimension = Dimension(feature, class_, tuple(segment) if segment else None, output, average)
    return Violation(metric, window_ms, dimension, *numbers)
