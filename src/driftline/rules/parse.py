"""Rules from what YAML gave: every mistake at once, with its place and what would be right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from driftline.errors import Problem
from driftline.rules import fitting
from driftline.rules.catalogue import STATISTICS
from driftline.rules.reader import Reader
from driftline.rules.remedies import change_hint, name_hint
from driftline.rules.spec import OPERATORS, Combination, Comparison, Condition, RuleSpec, Silence
from driftline.words import shown, unknown

_RULE_KEYS = (
    "name", "uid", "models", "versions", "active_for", "when", "for", "severity", "then", "unless",
    "cooldown", "keep_firing_for", "no_data", "max_gap", "retract", "retract_within", "enabled",
)  # fmt: skip
_CONDITION_KEYS = (
    "metric", "window", "feature", "segment", "class", "average", "output", *OPERATORS, "versus",
    "confidence", "at_least", "per_feature",
)  # fmt: skip
_CHANGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(points?|percent|%)\s*")
_VERSUS = ("reference", "previous window", "version X")
_NO_VERSUS = "is missing; write reference, previous window or version X"
_WINDOWS = re.compile(r"\s*(\d+)\s+windows?\s*")


def parse_rules(raw: object, path: str) -> tuple[tuple[RuleSpec, ...], list[Problem]]:
    """All rules of a list, and all problems in it."""
    reader = Reader()
    if not isinstance(raw, list):
        reader.wrong(path, f"found {shown(raw)}; write a list of rules")
        return (), reader.problems
    rules: list[RuleSpec] = []
    seen: set[str] = set()
    for place, entry in ((f"{path}[{number}]", entry) for number, entry in enumerate(raw)):
        rule = _rule(reader, entry, place)
        for name in _identities(entry):
            if name in seen:
                reader.wrong(f"{place}.name", f'"{name}" is the name of an earlier rule; names are unique')
            seen.add(name)
        if rule is not None and entry.get("enabled", True):
            rules.append(rule)
    return tuple(rules), reader.problems


def _identities(raw: object) -> list[str]:
    """The names that a rule is known by, each once."""
    names = [raw.get("name"), raw.get("uid")] if isinstance(raw, Mapping) else []
    return list(dict.fromkeys(n for n in names if isinstance(n, str)))


def _rule(reader: Reader, raw: object, path: str) -> RuleSpec | None:
    if not isinstance(raw, Mapping):
        reader.wrong(path, f"found {shown(raw)}; write a rule, as {{name: …, when: …}}")
        return None
    before = len(reader.problems)
    reader.keys(raw, _RULE_KEYS, path)
    name = raw.get("name")
    if not isinstance(name, str) or not name:
        reader.wrong(f"{path}.name", name_hint(name))
    if not isinstance(raw.get("uid", ""), str):
        reader.wrong(f"{path}.uid", f'{shown(raw["uid"])} is not a text; write "{raw["uid"]}" in quotes')
    if not isinstance(raw.get("enabled", True), bool):
        reader.wrong(f"{path}.enabled", f"{shown(raw['enabled'])} is not true or false")
    when = _condition(reader, raw.get("when"), f"{path}.when", top=True)
    unless = _condition(reader, raw["unless"], f"{path}.unless") if "unless" in raw else None
    for_ms, for_windows = _for(reader, raw, path)
    if isinstance(when, Silence):
        _silence(reader, raw, for_windows, path)
    rule = {
        "uid": raw.get("uid"),
        "models": reader.names(raw, "models", path, ("*",)) or ("*",),
        "versions": reader.names(raw, "versions", path, None),
        "active_for_ms": reader.duration(raw, "active_for", path, 7 * 86_400_000),
        "severity": reader.choice(raw, "severity", path, ("info", "warning", "critical"), "warning"),
        "then": reader.choice(raw, "then", path, ("notify", "retrain"), "notify"),
        "cooldown_ms": reader.duration(raw, "cooldown", path, 0),
        "keep_firing_for_ms": reader.duration(raw, "keep_firing_for", path, 0),
        "no_data": reader.choice(raw, "no_data", path, ("hold", "reset", "fire"), "hold"),
        "max_gap_ms": reader.duration(raw, "max_gap", path, 12 * 3_600_000),
        "retract_within_ms": _retract_within(reader, raw, path),
    }
    if len(reader.problems) > before or when is None:
        return None
    return RuleSpec(name=str(name), when=when, unless=unless, for_ms=for_ms, for_windows=for_windows, **rule)  # type: ignore[arg-type]


def _silence(reader: Reader, raw: Mapping[str, Any], for_windows: int | None, path: str) -> None:
    """It runs by the wall clock: no windows, no event time, nothing to retrain on."""
    if for_windows is not None:
        reader.wrong(f"{path}.for", "a rule on silence has no windows")
    if raw.get("then") == "retrain":
        reader.wrong(f"{path}.then", "silence brings no data to retrain on; write notify")
    if "unless" in raw:
        reader.wrong(f"{path}.unless", "a rule on silence looks at the wall clock only; leave unless out")


def _retract_within(reader: Reader, raw: Mapping[str, Any], path: str) -> int:
    retract = raw.get("retract", True)
    if not isinstance(retract, bool):
        reader.wrong(f"{path}.retract", f"{shown(retract)} is not true or false")
    within_ms = reader.duration(raw, "retract_within", path, 86_400_000)
    return within_ms if retract else 0


def _for(reader: Reader, raw: Mapping[str, Any], path: str) -> tuple[int, int | None]:
    value = raw.get("for", "0s")
    if isinstance(value, str) and (windows := _WINDOWS.fullmatch(value)):
        count = int(windows[1])
        if count < 1:
            reader.wrong(f"{path}.for", f'{shown(value)} is no duration; write "1 windows" or more')
        return 0, count
    return reader.duration({"for": value}, "for", path, 0), None


def _condition(reader: Reader, raw: object, path: str, *, top: bool = False) -> Condition | None:
    if not isinstance(raw, Mapping):
        reader.wrong(path, f"found {shown(raw)}; write a condition, as {{metric: f1, below: 0.9}}")
        return None
    for how in ("all", "any"):
        if how in raw:
            return _combination(reader, raw, how, path)
    if "no_events_for" in raw:
        reader.keys(raw, ("no_events_for",), path)
        if not top:
            reader.wrong(path, "no_events_for looks at the wall clock and stands alone in a rule's when")
        found = reader.duration(raw, "no_events_for", path, 1)
        if found == 0:
            reader.wrong(
                f"{path}.no_events_for", "0s is no silence; write how long there must be no event, as 2h"
            )
        return Silence(no_events_for_ms=found)
    return _comparison(reader, raw, path)


def _combination(reader: Reader, raw: Mapping[str, Any], how: str, path: str) -> Condition | None:
    reader.keys(raw, (how,), path)
    parts = raw[how]
    if not isinstance(parts, list) or not parts:
        reader.wrong(
            f"{path}.{how}",
            f"found {shown(parts)}; write a list of conditions, as [{{metric: f1, below: 0.9}}]",
        )
        return None
    read = [_condition(reader, part, f"{path}.{how}[{i}]") for i, part in enumerate(parts)]
    return Combination(how=how, conditions=tuple(c for c in read if c is not None))


def _comparison(reader: Reader, raw: Mapping[str, Any], path: str) -> Comparison | None:
    before = len(reader.problems)
    reader.keys(raw, _CONDITION_KEYS, path)
    metric = _metric(reader, raw, path)
    found = [op for op in OPERATORS if op in raw]
    if len(found) != 1:
        listed = ", ".join(found) or "none"
        reader.wrong(path, f"exactly one of {', '.join(OPERATORS)} is needed; found {listed}")
        return None
    op = found[0]
    threshold, unit = _threshold(reader, raw, op, path)
    versus = _versus(reader, raw, op, path)
    window_ms = reader.duration(raw, "window", path, 0) if "window" in raw else None
    if raw.get("window") is not None and window_ms == 0 and len(reader.problems) == before:
        reader.wrong(f"{path}.window", f'{shown(raw["window"])} is no time at all; write "24h"')
    if metric is not None:
        for place, message in fitting.mistakes(metric, op, unit, raw):
            reader.wrong(f"{path}{place}", message)
    confidence = _confidence(reader, raw, path)
    at_least = raw.get("at_least")
    if at_least is not None and (isinstance(at_least, bool) or not isinstance(at_least, int) or at_least < 1):
        reader.wrong(f"{path}.at_least", f"{shown(at_least)} is not a whole number from 1")
    per_feature = _per_feature(reader, raw, path)
    segment = _segment(reader, raw, path)
    if len(reader.problems) > before:
        return None
    return Comparison(
        metric=str(metric), op=op, threshold=threshold, unit=unit, versus=versus, window_ms=window_ms,
        feature=_text(raw, "feature"), class_=_text(raw, "class"), average=_text(raw, "average"),
        output=_text(raw, "output"), segment=segment, confidence=confidence, at_least=at_least, per_feature=per_feature,
    )  # fmt: skip


def _metric(reader: Reader, raw: Mapping[str, Any], path: str) -> str | None:
    metric = raw.get("metric")
    if isinstance(metric, str) and metric in STATISTICS:
        return metric
    found = f"{shown(metric)} is not a statistic" if metric else "is missing"
    reader.wrong(f"{path}.metric", f"{found}; {unknown(str(metric), sorted(STATISTICS))}")
    return None


def _text(raw: Mapping[str, Any], key: str) -> str | None:
    value = raw.get(key)
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _threshold(
    reader: Reader, raw: Mapping[str, Any], op: str, path: str
) -> tuple[tuple[float, ...], str | None]:
    value, where = raw[op], f"{path}.{op}"
    if op in ("drop", "rise"):
        found = _CHANGE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            reader.wrong(where, f"{shown(value)} does not say of what; {change_hint(value)}")
            return (0.0,), "points"
        return (float(found[1]),), "points" if found[2].startswith("point") else "percent"
    if op == "outside":
        if not isinstance(value, list) or len(value) != 2:
            reader.wrong(where, f"found {shown(value)}; write two numbers, as [0.4, 0.6]")
            return (0.0, 0.0), None
        ends = [reader.number(v, where) for v in value]
        if None not in ends and ends[0] > ends[1]:  # type: ignore[operator]
            reader.wrong(where, f"{value} is upside down; write [{value[1]}, {value[0]}]")
        return tuple(v or 0.0 for v in ends), None
    return (reader.number(value, where) or 0.0,), None


def _versus(reader: Reader, raw: Mapping[str, Any], op: str, path: str) -> str | None:
    versus = raw.get("versus")
    known = isinstance(versus, str) and (
        versus in ("reference", "previous window") or versus.startswith("version ")
    )
    if op in ("drop", "rise"):
        if not known:
            found = (
                f"found {shown(versus)}; {unknown(str(versus), _VERSUS)}"
                if versus is not None
                else _NO_VERSUS
            )
            reader.wrong(f"{path}.versus", found)
        return versus if known else None
    if versus is not None:
        reader.wrong(f"{path}.versus", f"only drop and rise compare with something; {op} is absolute")
    return None


def _confidence(reader: Reader, raw: Mapping[str, Any], path: str) -> float | None:
    if "confidence" not in raw:
        return None
    value = reader.number(raw["confidence"], f"{path}.confidence")
    if value is not None and not 0.5 <= value < 1:
        reader.wrong(f"{path}.confidence", f"{shown(raw['confidence'])} is not in 0.5…1; write 0.95")
    return value


def _per_feature(reader: Reader, raw: Mapping[str, Any], path: str) -> tuple[tuple[str, float], ...]:
    value = raw.get("per_feature", {})
    if not isinstance(value, Mapping):
        reader.wrong(
            f"{path}.per_feature", f'found {shown(value)}; write thresholds by feature, as {{"zip_*": 0.4}}'
        )
        return ()
    return tuple((str(k), reader.number(v, f"{path}.per_feature.{k}") or 0.0) for k, v in value.items())


def _segment(reader: Reader, raw: Mapping[str, Any], path: str) -> tuple[str, str] | None:
    value = raw.get("segment")
    if value is None:
        return None
    if not isinstance(value, Mapping) or len(value) != 1:
        reader.wrong(
            f"{path}.segment", f'found {shown(value)}; write one, as {{region: nsw}} or {{region: "*"}}'
        )
        return None
    (name, wanted), *_ = value.items()
    return str(name), str(wanted)
