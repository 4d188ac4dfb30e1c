"""The instances of rules: one for each (model, version), and feature, class or segment that a pattern names."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from driftline.records import Dimension
from driftline.rules import machine
from driftline.rules.machine import State
from driftline.rules.resolve import Resolved
from driftline.rules.verdict import Violation
from driftline.settings import Window, WindowKind


@dataclass(slots=True)
class Instance:
    """One rule for one (model, version), and feature, class or segment."""

    rule: str
    """The rule's uid, else its name."""
    slot: int
    binding: dict[str, str]
    name: str = ""
    """The rule's name when it was judged last."""
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
    relabelled: bool = False
    """Labels changed what its request rests on, and nobody has looked yet."""
    finest: tuple[WindowKind, Window] | None = None
    delay_ms: int = 0
    """When its rule was judged, for the time after the rule is gone. None: by the wall clock."""

    @property
    def key(self) -> str:
        """What the instance is known by."""
        return key_of(self.rule, self.slot, self.binding)

    def judged_as(self, resolved: Resolved) -> None:
        """Note how its rule is judged now."""
        self.name = resolved.spec.name
        self.finest = None if resolved.finest is None else (resolved.finest_kind, resolved.finest)
        self.delay_ms = resolved.delay_ms


def key_of(rule: str, slot: int, binding: Mapping[str, str]) -> str:
    """The key of an instance."""
    return json.dumps([rule, slot, dict(binding)], sort_keys=True)


class Instances:
    """All instances of a stream, by key and by slot and rule."""

    def __init__(self) -> None:
        self._all: dict[str, Instance] = {}
        self._of: dict[int, dict[str, dict[str, Instance]]] = defaultdict(lambda: defaultdict(dict))

    def __iter__(self) -> Iterator[Instance]:
        return iter(self._all.values())

    def get(self, key: str) -> Instance | None:
        """The instance of a key."""
        return self._all.get(key)

    def of_slot(self, slot: int) -> Iterator[Instance]:
        """Those of a (model, version)."""
        return (i for of_rule in self._of[slot].values() for i in of_rule.values())

    def of_rule(self, slot: int, rule: str) -> list[Instance]:
        """Those of one rule for a (model, version), in the order of their bindings."""
        return [i for _, i in sorted(self._of[slot].get(rule, {}).items())]

    def setdefault(self, rule: str, slot: int, binding: dict[str, str]) -> Instance:
        """The instance, made if need be."""
        key = key_of(rule, slot, binding)
        if key not in self._all:
            self.add(Instance(rule, slot, binding))
        return self._all[key]

    def add(self, instance: Instance) -> None:
        """Take in an instance."""
        key = instance.key
        self._all[key] = instance
        self._of[instance.slot][instance.rule][key] = instance

    def remove(self, instance: Instance) -> None:
        """Forget an instance."""
        key = instance.key
        del self._all[key]
        del self._of[instance.slot][instance.rule][key]


def to_row(i: Instance) -> dict[str, Any]:
    """Plain values, for the snapshot."""
    kind, window = i.finest or (None, None)
    return {
        "rule": i.rule, "slot": i.slot, "binding": i.binding, "name": i.name, "state": machine.to_row(i.state),
        "revision": i.revision, "mode": i.mode, "episode": i.episode, "opened": i.opened, "blocked": i.blocked,
        "relabelled": i.relabelled, "insufficient": i.insufficient, "delay_ms": i.delay_ms,
        "finest": None if window is None else [str(kind), window.length_ms, window.slide_ms],
        "violations": [violation_row(v) for v in i.violations],
    }  # fmt: skip


def from_row(row: Mapping[str, Any]) -> Instance:
    """The instance that ``to_row`` wrote."""
    finest = row["finest"]
    return Instance(
        row["rule"], row["slot"], row["binding"], row["name"], machine.from_row(row["state"]), row["revision"],
        row["mode"], tuple(violation_of(v) for v in row["violations"]), row["insufficient"], row["episode"],
        row["opened"], row["blocked"], row["relabelled"],
        None if finest is None else (WindowKind(finest[0]), Window(finest[1], finest[2])), row["delay_ms"],
    )  # fmt: skip


def violation_row(v: Violation) -> list[Any]:
    """Plain values; NaN stays."""
    d = v.dimension
    where = [d.feature, d.class_, d.segment, d.output, d.average]
    return [v.metric, v.window_ms, where, v.value, v.low, v.high, v.threshold, v.n, v.other]


def violation_of(row: list[Any]) -> Violation:
    """The violation that ``violation_row`` wrote."""
    metric, window_ms, (feature, class_, segment, output, average), *numbers = row
    dimension = Dimension(feature, class_, tuple(segment) if segment else None, output, average)
    return Violation(metric, window_ms, dimension, *numbers)
