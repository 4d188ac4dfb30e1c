"""Files of timelines, users' unit tests of rules: to frozen tests, or every mistake of the file at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from driftline.config.messages import Origins, Place, place_text, shown, unknown
from driftline.config.model import Config
from driftline.config.parse import load_config
from driftline.config.rules import read_rules
from driftline.config.series import SAMPLE_KEYS, read_series
from driftline.config.sources import read_yaml
from driftline.config.transitions import TRANSITIONS, Reading, read_expected, read_only
from driftline.errors import ConfigError, Problem
from driftline.matching import match_model
from driftline.rules.parse import parse_rules
from driftline.rules.spec import RuleSpec
from driftline.rules.timeline import Happened, Series, Timeline, default_average
from driftline.settings import DEFAULT_GATES, ModelSettings, Task, WindowKind, duration_text

FILE_KEYS = ("tests", "rules", "config", "every")
TEST_KEYS = ("name", "every", "rules", "config", "task", "model", "version", "samples", "expect", "only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One timeline, and the transitions that it should lead to."""

    __test__ = False

    name: str
    line: int
    timeline: Timeline
    expected: tuple[Happened, ...]
    only: tuple[str, ...] = TRANSITIONS
    """The transitions that are compared; others may happen unseen."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """Rules, and the models they are about where they come from a configuration."""

    specs: tuple[RuleSpec, ...] = ()
    models: tuple[ModelSettings, ...] = ()
    sound: bool = True
    """False: some have mistakes, so that a name may be missing for that reason."""


def read_timelines(path: Path, env: Mapping[str, str], config: Config | None = None) -> tuple[Test, ...]:
    """The tests of a file; ``config`` has the rules of a file that names none.

    Raises
    ------
    ConfigError
        With all mistakes of the file, and of the rules it takes from elsewhere, at once.
    """
    raw, lines = read_yaml(path)
    reading = Reading(path.absolute().parent, lines, env)
    reading.keys(raw, FILE_KEYS, ())
    rules = _rules(reading, raw, ()) or (_Rules(config.rules, config.models) if config else None)
    every_ms = reading.duration(raw, "every", ()) if "every" in raw else None
    tests = raw.get("tests")
    if not isinstance(tests, list) or not tests:
        reading.wrong(("tests",), f"found {shown(tests)}; write a list of tests")
        tests = []
    found = [_test(reading, entry, ("tests", at), rules, every_ms) for at, entry in enumerate(tests)]
    if reading.problems:
        raise ConfigError(reading.problems, str(path))
    return tuple(test for test in found if test is not None)


def _rules(reading: Reading, raw: Mapping[str, Any], place: Place) -> _Rules | None:
    """Rules in place, of a rule file, or of a configuration; None where none are named."""
    if "rules" in raw and "config" in raw:
        reading.wrong((*place, "config"), "rules are named twice; write rules or config, not both")
    if "config" in raw:
        return _of_config(reading, raw["config"], (*place, "config"))
    if "rules" not in raw:
        return None
    written = raw["rules"]
    if isinstance(written, str):
        return _of_file(reading, written, (*place, "rules"))
    specs, problems = parse_rules(written, "rules")
    for problem in problems:
        _below(reading, (*place, "rules"), problem)
    if written == []:
        reading.wrong((*place, "rules"), "is empty; write a list of rules, or a path to them")
    return _Rules(specs, sound=not problems)


def _below(reading: Reading, place: Place, problem: Problem) -> None:
    """A mistake that the reader of rules found: its place below ours, with the line of what is above it."""
    text = place_text(place) + problem.path.removeprefix("rules")
    reading.problems.append(Origins(dict(reading.lines)).located(Problem(text, problem.message)))


def _of_config(reading: Reading, written: object, place: Place) -> _Rules:
    try:
        config = load_config(reading.folder / str(written), reading.env)
    except ConfigError as error:
        _elsewhere(reading, place, str(written), error.problems)
        return _Rules(sound=False)
    return _Rules(config.rules, config.models)


def _of_file(reading: Reading, written: str, place: Place) -> _Rules:
    path = reading.folder / written
    try:
        content, lines = read_yaml(path)
    except ConfigError as error:
        _elsewhere(reading, place, written, error.problems)
        return _Rules(sound=False)
    if not content.get("rules") and not content.get("rule_files"):
        reading.wrong(place, f'{shown(written)} has no rules; write them as a list under "rules:"')
    found = read_rules(content, path.parent, (), Origins(dict(lines)))
    _elsewhere(reading, place, written, tuple(found.problems))
    return _Rules(tuple(found.specs), sound=not found.problems)


def _elsewhere(reading: Reading, place: Place, written: str, problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        reading.wrong(place, f"in {written}: {problem}")


def _test(
    reading: Reading, raw: object, place: Place, outer: _Rules | None, outer_every_ms: int | None
) -> Test | None:
    if not isinstance(raw, dict):
        reading.wrong(place, f"found {shown(raw)}; write a test: name, samples and expect")
        return None
    before = len(reading.problems)
    reading.keys(raw, TEST_KEYS, place)
    if not isinstance(raw.get("name"), str) or not raw["name"]:
        reading.wrong((*place, "name"), f"found {shown(raw.get('name'))}; every test needs a name")
    rules = _rules(reading, raw, place) or outer
    if rules is None:
        reading.wrong(
            (*place, "rules"), "there are no rules; write them here, a path to them, or give --config"
        )
    every_ms = reading.duration(raw, "every", place) if "every" in raw else outer_every_ms
    if every_ms is None and "every" not in raw:
        reading.wrong((*place, "every"), 'is missing; write the time between two samples, as "1h"')
    if every_ms == 0:
        reading.wrong((*place, "every"), 'is no time at all; write a longer one, as "1h"')
    model = _model(rules, raw)
    task = _task(reading, raw, place, model)
    series = _series(reading, raw, place, task, model)
    timeline = Timeline(
        rules=rules.specs if rules else (), every_ms=every_ms or 1, series=series, task=task,
        first=_first(model),
    )  # fmt: skip
    if every_ms and rules:
        _windows_fit(reading, place, timeline)
    names = tuple(rule.name for rule in rules.specs) if rules and rules.sound else None
    expected = read_expected(reading, raw, place, timeline, names)
    only = read_only(reading, raw, place, expected)
    if len(reading.problems) > before:
        return None
    line = reading.lines.get((*place, "name"), reading.lines.get(place, 1))
    return Test(name=raw["name"], line=line, timeline=timeline, expected=expected, only=only)


def _task(reading: Reading, raw: Mapping[str, Any], place: Place, model: ModelSettings | None) -> Task:
    written = raw.get("task", model.task if model else Task.BINARY)
    try:
        return Task(written)
    except ValueError:
        reading.wrong((*place, "task"), f"found {shown(written)}; {unknown(str(written), list(Task))}")
        return Task.BINARY


def _model(rules: _Rules | None, raw: Mapping[str, Any]) -> ModelSettings | None:
    """The entry of the configuration that a test is about: its model's, or the only one."""
    if rules is None or "model" in raw:
        return match_model(rules.models, str(raw["model"])) if rules else None
    return rules.models[0] if len(rules.models) == 1 else None


def _first(model: ModelSettings | None) -> tuple[int | None, int | None]:
    """The lengths of the model's first windows."""
    if model is None:
        return None, None
    drift, performance = (
        w[0].length_ms if w else None for w in (model.drift_windows, model.performance_windows)
    )
    return drift, performance


def _series(
    reading: Reading, raw: Mapping[str, Any], place: Place, task: Task, model: ModelSettings | None
) -> tuple[Series, ...]:
    written = raw.get("samples")
    if not isinstance(written, list) or not written:
        reading.wrong((*place, "samples"), f"found {shown(written)}; write a list of series")
        return ()
    gates = {**DEFAULT_GATES, **(model.gates if model else {})}
    names = str(raw.get("model", "")), str(raw.get("version", ""))
    found = []
    for at, entry in enumerate(written):
        inner: Place = (*place, "samples", at)
        if not isinstance(entry, dict):
            reading.wrong(inner, f"found {shown(entry)}; write a series, as {{metric: f1, values: 0.9x48}}")
            continue
        reading.keys(entry, SAMPLE_KEYS, inner)
        series, mistakes = read_series(entry, names, default_average(task), gates)
        for key, message in mistakes:
            reading.wrong((*inner, *key), message)
        found += [series] if series else []
    return tuple(found)


def _windows_fit(reading: Reading, place: Place, timeline: Timeline) -> None:
    """A window that is no multiple of the time between samples would be judged where no sample is."""
    every = duration_text(timeline.every_ms)
    first = dict(zip((WindowKind.DRIFT, WindowKind.PERFORMANCE), timeline.first, strict=True))
    for rule in timeline.rules:
        read = {c.window_ms or first[c.kind] or timeline.every_ms for c in rule.comparisons()}
        for length_ms in sorted(n for n in read if n % timeline.every_ms):
            reading.wrong(
                (*place, "every"),
                f"{every} does not divide the window {duration_text(length_ms)} of rule {rule.name}; "
                "write one that does",
            )
