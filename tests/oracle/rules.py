"""§9 and §10 as loops: verdicts, episodes, one open request per (model, version), and the ids of all triggers."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from math import gcd
from typing import NamedTuple

from tests.oracle.fold import Judged, Sample, Slot, Story, World, performance
from tests.oracle.setup import Model, Rule, Setup, concerns

REQUESTED, REQUEST_RESOLVED = "io.driftline.retraining.requested.v1", "io.driftline.retraining.resolved.v1"
RETRACTED = "io.driftline.retraining.retracted.v1"
FIRED, RESOLVED = "io.driftline.alert.fired.v1", "io.driftline.alert.resolved.v1"


class Trigger(NamedTuple):
    """An event that must be published exactly once (a second copy has the same id)."""

    id: str
    type: str
    rule: str
    slot: Slot
    time: int
    start: int


@dataclass(eq=False)
class _Instance:
    """One rule about one (model, version) and, where the rule names features by a pattern, one feature."""

    rule: Rule
    slot: Slot
    binding: dict[str, str]
    since: int | None = None
    """First true instant of the episode; None: no episode."""
    firing: bool = False
    trues: int = 0
    last_true: int = 0
    cleared: bool = False
    """Firing, and false since it was true last."""
    last_judged: int | None = None
    fired: int = 0
    """When the last episode fired."""
    asked: _Asked | None = None
    """Its last request, while that can be taken back."""


@dataclass
class _Asked:
    """A request."""

    start: int
    fired: int
    looked: int
    """Labels that took effect before this are known to it."""


@dataclass
class _Requests:
    """What is asked for one (model, version)."""

    opener: tuple[_Instance, int] | None = None
    """Who asked, and the start of its episode."""
    belonging: list[_Instance] = field(default_factory=list)
    waiting: list[_Instance] = field(default_factory=list)
    cooldown_until: int = 0


def triggers(setup: Setup, world: World) -> list[Trigger]:
    """Every trigger that the judged windows lead to."""
    out: list[Trigger] = []
    slots: dict[Slot, list[Judged]] = defaultdict(list)
    for judged in world.judged:
        slots[judged.slot].append(judged)
    for slot, windows in slots.items():
        out += _of_slot(setup, world, slot, windows)
    return sorted(out, key=lambda t: t.time)


def _of_slot(setup: Setup, world: World, slot: Slot, windows: list[Judged]) -> list[Trigger]:
    """Every instant of every rule up to W, one after the other, whether an event is in its window or not."""
    out: list[Trigger] = []
    model = setup.models[slot[0]]
    judged = {(j.kind, j.length, j.instant): j for j in windows}
    rules = [r for r in setup.rules if concerns(r, slot[0])]
    instances: dict[str, dict[str | None, _Instance]] = {r.name: {} for r in rules}
    latest: dict[tuple[str, int], Judged] = {}
    requests = _Requests()
    often = gcd(model.delay, *(slide for each in model.windows.values() for _, slide in each))
    for now in range(windows[0].instant, world.watermark + 1, often):
        here = [r for r in rules if (now - r.delay(model)) % r.every(model) == 0]
        for rule in here:
            window = judged.get((rule.kind, rule.length, now))
            if window is not None:
                latest[rule.kind, rule.length] = window
            elif not _seen(rule, model, latest.get((rule.kind, rule.length)), now):
                continue
            for feature in _features(rule, window, instances[rule.name]):
                binding = {"feature": feature} if feature is not None and rule.feature == "*" else {}
                instance = instances[rule.name].setdefault(feature, _Instance(rule, slot, binding))
                sample = window.samples.get((rule.metric, feature)) if window else None
                was = instance.since
                change = _step(instance, _verdict(rule, sample), now, rule.every(model), window is None)
                start = instance.since if change == "fired" else was
                if change is not None:
                    out += _effects(setup, requests, instance, change, now, start or 0)
        if here:
            out += _ask_again(setup, requests, rules, now)
        for rule in here:
            for instance in instances[rule.name].values():
                out += _retract(setup, world, instance, now)
    return out


def _seen(rule: Rule, model: Model, latest: Judged | None, now: int) -> bool:
    """Whether the version counts as seen: its newest event's slide is not ``active_for`` back."""
    if latest is None:
        return False
    slide = rule.slide(model)
    return now < latest.newest // slide * slide + slide + rule.active_for + rule.delay(model)


def _features(rule: Rule, window: Judged | None, known: dict[str | None, _Instance]) -> list[str | None]:
    """The features that a rule is judged for: its own, or every one where it names all; no event, no new one."""
    if window is None:
        return list(known)
    if rule.feature != "*":
        return [rule.feature]
    found = sorted(f for metric, f in window.samples if metric == rule.metric and f is not None)
    return [*found, *(f for f in known if f not in found)]


def _verdict(rule: Rule, sample: Sample | None) -> bool | None:
    if sample is None or sample.value is None:
        return {"hold": None, "reset": False, "fire": True}[rule.no_data]
    return sample.value > rule.threshold if rule.op == "above" else sample.value < rule.threshold


def _step(instance: _Instance, verdict: bool | None, now: int, every: int, empty: bool) -> str | None:
    """§9: an episode begins, fires, ends. Too little data (None) neither arms nor clears; no event is no instant."""
    rule = instance.rule
    pending = instance.since is not None and not instance.firing
    if pending and instance.last_judged is not None and now - instance.last_judged > max(rule.max_gap, every):
        _end(instance)
    if verdict is not None or not empty:
        instance.last_judged = now
    if verdict is True:
        if instance.since is None:
            instance.since, instance.trues = now, 0
        instance.trues += 1
        instance.last_true, instance.cleared = now, False
        held = instance.trues >= rule.for_windows if rule.for_windows else now - instance.since >= rule.for_ms
        if held and not instance.firing:
            instance.firing = True
            instance.fired = now
            return "fired"
    elif verdict is False and not instance.firing:
        _end(instance)
    elif instance.firing:
        instance.cleared = instance.cleared or verdict is False
        if instance.cleared and now - instance.last_true >= rule.keep_firing_for:
            _end(instance)
            return "resolved"
    return None


def _end(instance: _Instance) -> None:
    instance.since, instance.firing, instance.cleared = None, False, False


# -- effects -------------------------------------------------------------------------------------------


def _effects(
    setup: Setup, requests: _Requests, instance: _Instance, change: str, now: int, start: int
) -> list[Trigger]:
    if not instance.rule.retrain:
        kind = FIRED if change == "fired" else RESOLVED
        return [_trigger(setup, instance, start, kind, now)]
    if change == "fired":
        return _ask(setup, requests, instance, now)
    return _leave(setup, requests, instance, now)


def _ask(setup: Setup, requests: _Requests, instance: _Instance, now: int) -> list[Trigger]:
    """One open request: others are attached to it; while the cooldown holds, or others wait, they wait."""
    if requests.opener is not None:
        requests.belonging.append(instance)
        return []
    if requests.waiting or now < requests.cooldown_until:
        requests.waiting.append(instance)
        return []
    return _open(setup, requests, instance, [instance], now)


def _open(
    setup: Setup, requests: _Requests, instance: _Instance, belonging: list[_Instance], now: int
) -> list[Trigger]:
    start = instance.since or 0
    requests.opener, requests.belonging, requests.waiting = (instance, start), belonging, []
    instance.asked = _Asked(start, instance.fired, now)
    return [_trigger(setup, instance, start, REQUESTED, now)]


def _leave(setup: Setup, requests: _Requests, instance: _Instance, now: int) -> list[Trigger]:
    """The request is resolved when all that belong to it are; then the cooldown of its opener's rule holds."""
    if instance in requests.waiting:
        requests.waiting.remove(instance)
        return []
    requests.belonging.remove(instance)
    if requests.belonging or requests.opener is None:
        return []
    opener, start = requests.opener
    requests.opener, requests.cooldown_until = None, now + opener.rule.cooldown
    return [_trigger(setup, opener, start, REQUEST_RESOLVED, now)]


def _ask_again(setup: Setup, requests: _Requests, rules: list[Rule], now: int) -> list[Trigger]:
    """The cooldown is over and rules still fire: the first of the configuration asks, the others are attached."""
    if requests.opener is not None or not requests.waiting or now < requests.cooldown_until:
        return []
    waiting = sorted(requests.waiting, key=lambda i: rules.index(i.rule))
    return _open(setup, requests, waiting[0], waiting, now)


# -- retraction ----------------------------------------------------------------------------------------


def _retract(setup: Setup, world: World, instance: _Instance, now: int) -> list[Trigger]:
    """§10: labels changed what a request rests on, and no instant from its first true one to its firing is true now."""
    rule, asked, model = instance.rule, instance.asked, setup.models[instance.slot[0]]
    if asked is None or not rule.retract_within or now > asked.fired + rule.retract_within:
        return []
    of = world.received[instance.slot]
    ends = [at - rule.delay(model) for at in range(asked.start, asked.fired + 1, rule.every(model))]
    inside = of.window(rule.kind, ends[0] - rule.length, ends[-1], now)
    changed = any(_changed(of.stories[e.id], asked.looked, now) for e in inside)
    asked.looked = now
    if not changed or _out_of_reach(rule, model, asked.start, now):
        return []
    for end in ends:
        window = of.window(rule.kind, end - rule.length, end, now)
        samples = performance(model, of, window, now) if window else {}
        if _verdict(rule, samples.get((rule.metric, rule.feature))):
            return []
    instance.asked = None
    return [_trigger(setup, instance, asked.start, RETRACTED, now)]


def _changed(story: Story, after: int, before: int) -> bool:
    """Whether another label than before came into force in [after, before)."""
    was = [None, *(truth for _, truth in story)]
    return any(after <= eff < before and truth != old for (eff, truth), old in zip(story, was, strict=False))


def _out_of_reach(rule: Rule, model: Model, start: int, now: int) -> bool:
    """An episode that took longer than ``for``, for want of data, may begin before what is kept for sure."""
    slide = rule.slide(model)
    held = (rule.for_windows - 1) * rule.length if rule.for_windows else -(-rule.for_ms // slide) * slide
    kept = 2 * rule.length + slide + model.delay + held + rule.retract_within
    return start - model.delay - rule.length - slide < now - kept


def _trigger(setup: Setup, instance: _Instance, start: int, kind: str, now: int) -> Trigger:
    """§10: the id is the sha256 of the canonical JSON [1, rule, revision, instance, start, transition, n]."""
    model, version = instance.slot
    revision = setup.revisions[instance.rule.name, model, version]
    about = {"model": model, "version": version, **instance.binding}
    parts = [1, instance.rule.name, revision, about, start, kind, 1]
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    identity = hashlib.sha256(canonical.encode()).hexdigest()
    return Trigger(identity, kind, instance.rule.name, instance.slot, now, start)
