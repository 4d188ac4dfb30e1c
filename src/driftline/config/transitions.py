"""What a timeline expects: transitions from what YAML gave, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from driftline.config.messages import Origins, Place, shown, unknown
from driftline.durations import duration_ms
from driftline.errors import Problem
from driftline.rules.timeline import SHOWN, Happened, Timeline

TRANSITIONS = tuple(str(reason) for reason in SHOWN)
EXPECT_KEYS = ("at", *TRANSITIONS, "instance", "model", "version", "then")


@dataclass(slots=True)
class Reading:
    """One pass over a file of timelines; it collects mistakes instead of stopping at the first."""

    folder: Path
    lines: Mapping[Place, int]
    env: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, place: Place, message: str) -> None:
        """Note a mistake."""
        self.problems.append(Origins(dict(self.lines)).problem(place, message))

    def keys(self, raw: Mapping[str, Any], known: tuple[str, ...], place: Place) -> None:
        """Note the keys that nothing reads."""
        for key in raw:
            if key not in known:
                self.wrong((*place, str(key)), f'unknown key "{key}"; {unknown(str(key), known)}')

    def duration(self, raw: Mapping[str, Any], key: str, place: Place) -> int | None:
        """The milliseconds of a duration; None where it is none."""
        try:
            return duration_ms(raw[key])
        except ValueError as error:
            self.wrong((*place, key), str(error))
            return None


def read_expected(
    reading: Reading, raw: Mapping[str, Any], place: Place, timeline: Timeline,
    rules: tuple[str, ...] | None,
) -> tuple[Happened, ...]:  # fmt: skip
    """The transitions under ``expect``; ``rules`` are the names there are, None where some are unknown."""
    written = raw.get("expect")
    if not isinstance(written, list):
        reading.wrong(
            (*place, "expect"),
            f"found {shown(written)}; write the transitions, or [] where none should happen",
        )
        return ()
    found = []
    for at, entry in enumerate(written):
        inner: Place = (*place, "expect", at)
        if not isinstance(entry, dict):
            reading.wrong(inner, f"found {shown(entry)}; write a transition, as {{at: 48h, fired: my-rule}}")
            continue
        reading.keys(entry, EXPECT_KEYS, inner)
        expectation = _expectation(reading, entry, inner, timeline, rules)
        found += [expectation] if expectation else []
    return tuple(found)


def _expectation(
    reading: Reading, raw: Mapping[str, Any], place: Place, timeline: Timeline,
    rules: tuple[str, ...] | None,
) -> Happened | None:  # fmt: skip
    named = [t for t in TRANSITIONS if t in raw]
    if len(named) != 1:
        found = ", ".join(named) or "none"
        reading.wrong(place, f"exactly one of {', '.join(TRANSITIONS)} is needed; found {found}")
    for transition in named:
        if rules and raw[transition] not in rules:
            hint = unknown(str(raw[transition]), rules)
            reading.wrong((*place, transition), f"no rule is named {shown(raw[transition])}; {hint}")
    instance = raw.get("instance", {})
    if not isinstance(instance, dict):
        reading.wrong((*place, "instance"), f"found {shown(instance)}; write {{feature: NAME}}")
        instance = {}
    if "then" in raw and ("fired" not in raw or raw["then"] not in ("retrain", "notify")):
        reading.wrong((*place, "then"), "is of what fired: retrain or notify")
    if "at" not in raw:
        reading.wrong((*place, "at"), 'is missing; write the time since the first sample, as "48h"')
        return None
    at_ms = reading.duration(raw, "at", place)
    model, version = (_of(reading, raw, key, place, timeline) for key in ("model", "version"))
    if at_ms is None or len(named) != 1:
        return None
    names = {str(k): str(v) for k, v in instance.items()}
    return Happened(at_ms, str(raw[named[0]]), names, named[0], model, version, raw.get("then"))


def _of(reading: Reading, raw: Mapping[str, Any], key: str, place: Place, timeline: Timeline) -> str:
    """The model or version that an expectation is about; it must be said where there are several."""
    known = list(dict.fromkeys(getattr(s, key) for s in timeline.series))
    if key in raw:
        if str(raw[key]) not in known:
            reading.wrong((*place, key), f"no series is of {key} {shown(raw[key])}")
        return str(raw[key])
    if len(known) > 1:
        reading.wrong(place, f"there are several {key}s; write {key}: {' or '.join(known)}")
    return known[0] if known else ""


def read_only(
    reading: Reading, raw: Mapping[str, Any], place: Place, expected: tuple[Happened, ...]
) -> tuple[str, ...]:
    """The transitions that are compared."""
    if "only" not in raw:
        return TRANSITIONS
    written = raw["only"]
    if not isinstance(written, list) or not written or not set(map(str, written)) <= set(TRANSITIONS):
        reading.wrong((*place, "only"), f"found {written!r}; write some of {', '.join(TRANSITIONS)}")
        return TRANSITIONS
    unseen = sorted({e.transition for e in expected} - set(written))
    if unseen:
        reading.wrong((*place, "only"), f"leaves out {', '.join(unseen)}, which expect names")
    return tuple(written)
