"""§9 and §10 as loops: verdicts, episodes, one open request per (model, version), and the ids of all triggers."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from tests.oracle.fold import Judged, Sample, Slot, World
from tests.oracle.setup import Rule, Setup, concerns

REQUESTED, REQUEST_RESOLVED = "io.driftline.retraining.requested.v1", "io.driftline.retraining.resolved.v1"
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
    last_judged: int | None = None


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
        out += _of_slot(setup, slot, windows)
    return sorted(out, key=lambda t: t.time)


def _of_slot(setup: Setup, slot: Slot, windows: list[Judged]) -> list[Trigger]:
    out: list[Trigger] = []
    instances: dict[tuple[str, str | None], _Instance] = {}
    requests = _Requests()
    rules = [r for r in setup.rules if concerns(r, slot[0])]
    for instant, group in groupby(windows, key=lambda j: j.instant):
        judged = {(j.kind, j.length): j for j in group}
        for rule in rules:
            window = judged.get((rule.kind, rule.length))
            if window is None or (rule.for_windows and window.end % rule.length):
                continue
            slide = dict(setup.models[slot[0]].windows[rule.kind])[rule.length]
            for feature in _features(rule, window):
                binding = {"feature": feature} if rule.feature == "*" else {}
                fresh = _Instance(rule, slot, binding)
                instance = instances.setdefault((rule.name, feature), fresh)
                verdict = _verdict(rule, window.samples.get((rule.metric, feature)))
                was = instance.since
                change = _step(instance, verdict, instant, slide)
                start = instance.since if change == "fired" else was
                if change is not None:
                    out += _effects(setup, requests, instance, change, instant, start or 0)
        out += _ask_again(setup, requests, rules, instant)
    return out


def _features(rule: Rule, window: Judged) -> list[str | None]:
    """The features that a rule is judged for: its own, or every one where it names all."""
    if rule.feature != "*":
        return [rule.feature]
    return sorted(f for metric, f in window.samples if metric == rule.metric and f is not None)


def _verdict(rule: Rule, sample: Sample | None) -> bool | None:
    if sample is None or sample.value is None:
        return {"hold": None, "reset": False, "fire": True}[rule.no_data]
    return sample.value > rule.threshold if rule.op == "above" else sample.value < rule.threshold


def _step(instance: _Instance, verdict: bool | None, now: int, slide: int) -> str | None:
    """§9: an episode begins, fires, ends. Too little data (None) neither arms nor clears."""
    rule = instance.rule
    longest_gap = max(rule.max_gap, rule.length if rule.for_windows else slide)
    pending = instance.since is not None and not instance.firing
    if pending and instance.last_judged is not None and now - instance.last_judged > longest_gap:
        _end(instance)
    instance.last_judged = now
    if verdict is True:
        if instance.since is None:
            instance.since, instance.trues = now, 0
        instance.trues += 1
        instance.last_true = now
        held = instance.trues >= rule.for_windows if rule.for_windows else now - instance.since >= rule.for_ms
        if held and not instance.firing:
            instance.firing = True
            return "fired"
    elif verdict is False and instance.since is not None:
        if not instance.firing:
            _end(instance)
        elif now - instance.last_true >= rule.keep_firing_for:
            _end(instance)
            return "resolved"
    return None


def _end(instance: _Instance) -> None:
    instance.since, instance.firing = None, False


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


def _trigger(setup: Setup, instance: _Instance, start: int, kind: str, now: int) -> Trigger:
    """§10: the id is the sha256 of the canonical JSON [1, rule, revision, instance, start, transition, n]."""
    model, version = instance.slot
    revision = setup.revisions[instance.rule.name, model, version]
    about = {"model": model, "version": version, **instance.binding}
    parts = [1, instance.rule.name, revision, about, start, kind, 1]
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    identity = hashlib.sha256(canonical.encode()).hexdigest()
    return Trigger(identity, kind, instance.rule.name, instance.slot, now, start)
