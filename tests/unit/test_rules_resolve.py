"""A rule for one model: its windows, its delay, its revision."""

from __future__ import annotations

from dataclasses import replace

import pytest

from driftline.rules.parse import parse_rules
from driftline.rules.resolve import default_slide, resolve, revision, windows_of_rules
from driftline.rules.spec import RuleSpec
from driftline.settings import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    LabelSettings,
    ModelSettings,
    Task,
    Window,
    WindowKind,
)

DAY, WEEK = Window(DAY_MS, HOUR_MS), Window(7 * DAY_MS, 4 * HOUR_MS)
MODEL = ModelSettings(
    match="elec2", stream="main", task=Task.BINARY, drift_windows=(DAY,), performance_windows=(WEEK, DAY)
)


def rule(**raw: object) -> RuleSpec:
    """A rule as YAML gives it."""
    (spec,), problems = parse_rules([{"name": "r", "when": {"metric": "f1", "below": 0.9}, **raw}], "rules")
    assert [] == problems
    return spec


def test_without_a_window_it_is_the_first_of_its_kind():
    """A week for performance, a day for drift; the finest is where the rule is judged."""
    f1 = resolve(rule(), MODEL)
    both = resolve(
        rule(when={"all": [{"metric": "f1", "below": 0.9}, {"metric": "psi", "feature": "x", "above": 1}]}),
        MODEL,
    )
    assert (WEEK, WindowKind.PERFORMANCE, DAY, WindowKind.DRIFT) == (
        f1.finest, f1.finest_kind, both.finest, both.finest_kind,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, 0),
        ({"for": "48h"}, 48 * HOUR_MS),
        ({"for": "50h"}, 52 * HOUR_MS),
        ({"for": "3 windows"}, 14 * DAY_MS),
    ],
)
def test_the_effective_delay_is_rounded_up_to_the_instants(raw, expected):
    """The week slides by four hours."""
    assert expected == resolve(rule(**raw), MODEL).effective_delay_ms


def test_by_windows_only_the_multiples_of_the_length_are_judged():
    """So that the windows do not overlap."""
    held = resolve(rule(**{"for": "3 windows"}), MODEL)
    assert (True, False) == (held.judged_at(14 * DAY_MS), held.judged_at(15 * DAY_MS))


def test_a_model_without_the_windows_does_not_have_the_rule():
    """No labels, no performance; a window that is no multiple of the step is nobody's."""
    unlabelled = replace(MODEL, labels=LabelSettings(enabled=False))
    odd = rule(when={"metric": "f1", "below": 0.9, "window": "90s"})
    assert (None, None) == (resolve(rule(), unlabelled), resolve(odd, MODEL))


def test_windows_that_rules_name_are_added():
    """With the default slide; those that the model has are not, nor those that no slide can divide."""
    specs = tuple(
        rule(when={"metric": "f1", "below": 0.9, "window": window}) for window in ("24h", "48h", "90s")
    )
    assert (set(), {Window(2 * DAY_MS, HOUR_MS)}) == windows_of_rules(specs, MODEL, MINUTE_MS)


@pytest.mark.parametrize(
    ("length_ms", "expected"), [(HOUR_MS, 2 * MINUTE_MS), (DAY_MS, 30 * MINUTE_MS), (MINUTE_MS, MINUTE_MS)]
)
def test_the_default_slide(length_ms, expected):
    """The smallest multiple of the step that is at least length/48 and divides the length."""
    assert expected == default_slide(length_ms, MINUTE_MS)


def _revision(spec: RuleSpec, model: ModelSettings = MODEL, sha256: str = "ab") -> str:
    return revision(resolve(spec, model), model, sha256)


@pytest.mark.parametrize(
    "raw",
    [{"for": "48h"}, {"severity": "critical"}, {"then": "retrain"}, {"cooldown": "3d"}, {"models": "elec2"}],
)
def test_what_changes_no_verdict_keeps_the_revision(raw):
    """``for`` above all: it is re-judged on the kept start."""
    assert _revision(rule()) == _revision(rule(**raw))


@pytest.mark.parametrize(
    "other",
    [
        _revision(rule(when={"metric": "f1", "below": 0.91})),
        _revision(rule(when={"metric": "f1", "below": 0.9, "window": "1d"})),
        _revision(rule(unless={"metric": "missing_ratio", "feature": "*", "above": 0.2})),
        _revision(rule(**{"for": "3 windows"})),
        _revision(rule(), sha256="cd"),
        _revision(rule(), replace(MODEL, gates={**MODEL.gates, "f1": 50})),
        _revision(rule(), replace(MODEL, labels=LabelSettings(delay_ms=2 * HOUR_MS))),
        _revision(rule(), replace(MODEL, performance_windows=(Window(7 * DAY_MS, DAY_MS),))),
    ],
)
def test_what_changes_verdicts_changes_the_revision(other):
    """Condition, windows, delay, gates, reference."""
    assert other != _revision(rule())


def test_a_condition_in_words():
    """As triggers show it."""
    (comparison,) = rule(
        when={"metric": "f1", "below": 0.92, "window": "1d", "confidence": 0.95}
    ).comparisons()
    (change,) = rule(when={"metric": "accuracy", "drop": "5 points", "versus": "reference"}).comparisons()
    assert "f1 over 1d below 0.92" == comparison.text("1d")
    assert "accuracy over 7d drop 5 points versus reference" == change.text("7d")
