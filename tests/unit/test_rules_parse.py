"""Rules from YAML: what they mean, and every mistake with its place and what would be right."""

from __future__ import annotations

import pytest
import yaml

from driftline.durations import duration_ms
from driftline.rules.parse import parse_rules
from driftline.rules.spec import Combination, Comparison, RuleSpec, Silence
from driftline.settings import DAY_MS, HOUR_MS

DESIGN = """
- name: f1-below-92
  models: "elec2"
  when: {metric: f1, window: 24h, below: 0.92, confidence: 0.95}
  for: 48h
  severity: critical
  then: retrain
  unless: {metric: missing_ratio, feature: "*", above: 0.2}
- name: accuracy-drop-3-days
  when: {metric: accuracy, window: 1d, drop: 5 points, versus: reference}
  for: 3 windows
- name: many-features-drift
  when: {metric: psi, window: 24h, feature: "*", above: 0.2, at_least: 3, per_feature: {"zip_*": 0.4}}
- name: decay-not-noise
  when: {all: [{metric: f1, window: 7d, below: 0.8}, {metric: psi, window: 7d, feature: nswprice, above: 0.1}]}
  keep_firing_for: 6h
  cooldown: 3d
  no_data: hold
- name: silent
  when: {no_events_for: 2h}
  then: notify
"""
FEATURE = {"metric": "psi", "feature": "x"}


def test_the_documented_rules_mean_what_they_say():
    """Each becomes one frozen value; the defaults are those of the documentation."""
    rules, problems = parse_rules(yaml.safe_load(DESIGN), "rules")
    f1 = Comparison(metric="f1", op="below", threshold=(0.92,), window_ms=DAY_MS, confidence=0.95)
    feed = Comparison(metric="missing_ratio", op="above", threshold=(0.2,), feature="*")
    drop = Comparison(
        metric="accuracy", op="drop", threshold=(5.0,), unit="points", versus="reference", window_ms=DAY_MS
    )
    many = Comparison(
        metric="psi", op="above", threshold=(0.2,), feature="*", window_ms=DAY_MS, at_least=3,
        per_feature=(("zip_*", 0.4),),
    )  # fmt: skip
    both = Combination(
        how="all",
        conditions=(
            Comparison(metric="f1", op="below", threshold=(0.8,), window_ms=7 * DAY_MS),
            Comparison(metric="psi", op="above", threshold=(0.1,), feature="nswprice", window_ms=7 * DAY_MS),
        ),
    )
    expected = (
        RuleSpec(
            name="f1-below-92", models=("elec2",), when=f1, for_ms=48 * HOUR_MS, severity="critical",
            then="retrain", unless=feed,
        ),
        RuleSpec(name="accuracy-drop-3-days", when=drop, for_windows=3),
        RuleSpec(name="many-features-drift", when=many),
        RuleSpec(name="decay-not-noise", when=both, keep_firing_for_ms=6 * HOUR_MS, cooldown_ms=3 * DAY_MS),
        RuleSpec(name="silent", when=Silence(no_events_for_ms=2 * HOUR_MS)),
    )  # fmt: skip
    assert ([], expected) == (problems, rules)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, DAY_MS),
        ({"retract": False}, 0),
        ({"retract_within": "2d"}, 2 * DAY_MS),
        ({"retract": True}, DAY_MS),
    ],
)
def test_how_long_a_request_can_be_taken_back(raw, expected):
    """A day, unless the rule says otherwise."""
    (rule,), _ = parse_rules([{"name": "r", "when": {**FEATURE, "above": 1}, **raw}], "rules")
    assert expected == rule.retract_within_ms


def test_the_defaults():
    """Notify, warn, no waiting, a week of activity, half a day of gap."""
    (rule,), _ = parse_rules([{"name": "r", "when": {**FEATURE, "above": 1}}], "rules")
    assert ("notify", "warning", 0, 0, 7 * DAY_MS, 12 * HOUR_MS, "hold", ("*",), None) == (
        rule.then, rule.severity, rule.for_ms, rule.cooldown_ms, rule.active_for_ms, rule.max_gap_ms,
        rule.no_data, rule.models, rule.versions,
    )  # fmt: skip


MISTAKES = [
    ({"for": "10 min"}, 'for: "10 min" is not a duration; write "10m"'),
    ({"for": 48}, 'for: 48 is not a duration; write "48s", "48m" or "48h"'),
    ({"for": "0 windows"}, 'for: "0 windows" is no duration; write "1 windows" or more'),
    ({"severty": "critical"}, 'severty: unknown key; did you mean "severity"?'),
    ({"severity": "high"}, 'severity: found "high"; known are: info, warning, critical'),
    ({"then": "retrian"}, 'then: found "retrian"; did you mean "retrain"?'),
    ({"no_data": "ok"}, 'no_data: found "ok"; known are: hold, reset, fire'),
    ({"uid": 7}, 'uid: 7 is not a text; write "7" in quotes'),
    ({"enabled": "off"}, 'enabled: "off" is not true or false'),
    ({"models": [1.5]}, 'models: a list is not a name or a list of names; write "1.5"'),
    ({"name": ""}, "name: is missing; every rule needs a name"),
    ({"when": None}, "when: found nothing; write a condition, as {metric: f1, below: 0.9}"),
    ({"unless": {"no_events_for": "1h"}},
     "unless: no_events_for looks at the wall clock and stands alone in a rule's when"),
    ({"when": {"all": []}}, "when.all: found an empty list; write a list of conditions, as [{metric: f1, below: 0.9}]"),
    ({"when": {"no_events_for": "2h"}, "for": "2 windows"}, "for: a rule on silence has no windows"),
    ({"when": {"no_events_for": "2h"}, "then": "retrain"},
     "then: silence brings no data to retrain on; write notify"),
    ({"when": {"no_events_for": "2h"}, "unless": {"metric": "events", "above": 1}},
     "unless: a rule on silence looks at the wall clock only; leave unless out"),
    ({"retract": "no way"}, 'retract: "no way" is not true or false'),
    ({"retract_within": "1 day"}, 'retract_within: "1 day" is not a duration; write "1d"'),
]  # fmt: skip
CONDITIONS = [
    ({"metric": "acuracy", "below": 1}, '.metric: "acuracy" is not a statistic; did you mean "accuracy"?'),
    ({"metric": "f1"}, ": exactly one of above, below, outside, drop, rise is needed; found none"),
    ({"metric": "f1", "above": 0.2, "below": 0.1},
     ": exactly one of above, below, outside, drop, rise is needed; found above, below"),
    ({"metric": "f1", "below": "0.9"}, '.below: "0.9" is not a number; write 0.9'),
    ({"metric": "f1", "below": 0.9, "window": "1 day"}, '.window: "1 day" is not a duration; write "1d"'),
    ({"metric": "f1", "below": 0.9, "window": "0s"}, '.window: "0s" is no time at all; write "24h"'),
    ({"metric": "f1", "below": 0.9, "confidence": 95}, ".confidence: 95 is not in 0.5…1; write 0.95"),
    ({"metric": "f1", "drop": 5, "versus": "reference"},
     '.drop: 5 does not say of what; write "5 points" or "5 percent"'),
    ({"metric": "f1", "drop": "5 points"},
     ".versus: is missing; write reference, previous window or version X"),
    ({"metric": "f1", "below": 0.5, "versus": "reference"},
     ".versus: only drop and rise compare with something; below is absolute"),
    ({"metric": "mcc", "drop": "5 points", "versus": "reference"},
     '.drop: points are for statistics in 0…1, which mcc is not; write "percent"'),
    ({"metric": "rmse", "drop": "5 percent", "versus": "reference"},
     ".drop: a drop of rmse is an improvement; write rise"),
    ({"metric": "f1", "rise": "5 percent", "versus": "reference"},
     ".rise: a rise of f1 is an improvement; write drop"),
    ({**FEATURE, "rise": "5 percent", "versus": "reference"},
     ".versus: psi compares with the reference already; write above or below"),
    ({"metric": "prediction_psi", "rise": "5 percent", "versus": "reference"},
     ".versus: prediction_psi compares with the reference already; write above or below"),
    ({"metric": "latency_p95", "rise": "5 percent", "versus": "reference"},
     '.versus: a reference has no latency_p95; write "previous window" or "version X"'),
    ({"metric": "mcc", "below": 0.7, "confidence": 0.95},
     ".confidence: mcc has no interval; leave confidence out"),
    ({"metric": "psi", "feature": "x", "above": 0.7, "confidence": 0.95},
     ".confidence: psi has no interval; leave confidence out"),
    ({"metric": "psi", "above": 0.2}, ': psi is of a feature: add feature: NAME, or feature: "*"'),
    ({"metric": "f1", "below": 0.2, "feature": "x"},
     ".feature: f1 is of the model, not of a feature; leave feature out"),
    ({"metric": "auc", "below": 0.2, "average": "macro"},
     ".average: auc has no averages; precision, recall and f1 have"),
    ({**FEATURE, "above": 0.2, "at_least": 0}, ".at_least: 0 is not a whole number from 1"),
    ({**FEATURE, "outside": [1, 0]}, ".outside: [1, 0] is upside down; write [0, 1]"),
    ({**FEATURE, "outside": 3}, ".outside: found 3; write two numbers, as [0.4, 0.6]"),
    ({**FEATURE, "outside": [0, 1], "per_feature": {"x": 1}},
     ".per_feature: one number for a feature does not fit outside; write above or below"),
    ({"metric": "f1", "below": 0.2, "per_feature": {"x": 1}},
     '.per_feature: needs feature: add feature: "*"'),
    ({"metric": "f1", "below": 0.2, "segment": "nsw"},
     '.segment: found "nsw"; write one, as {region: nsw} or {region: "*"}'),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), MISTAKES, ids=[m for _, m in MISTAKES])
def test_a_mistake_in_a_rule_names_its_place_and_what_is_right(change, message):
    """One message for one mistake."""
    rule = {"name": "r", "when": {**FEATURE, "above": 0.2}, **change}
    assert ((), [f"rules[0].{message}"]) == _parsed([rule])


@pytest.mark.parametrize(("when", "message"), CONDITIONS, ids=[m for _, m in CONDITIONS])
def test_a_mistake_in_a_condition_names_its_place_and_what_is_right(when, message):
    """Wherever the condition stands: on its own, or in another."""
    alone = _parsed([{"name": "r", "when": when}])
    nested = _parsed([{"name": "r", "when": {"any": [{**FEATURE, "above": 1}, when]}}])
    assert ((), [f"rules[0].when{message}"]) == alone
    assert ((), [f"rules[0].when.any[1]{message}"]) == nested


def _parsed(raw: object) -> tuple[tuple[RuleSpec, ...], list[str]]:
    rules, problems = parse_rules(raw, "rules")
    return rules, [str(p) for p in problems]


def test_all_mistakes_are_told_at_once():
    """Of every rule, and of every part of it."""
    when = {"metric": "f1", "below": 0.9}
    _, problems = _parsed([{"name": "a", "when": when, "for": "2 hours", "then": "x"}, {"when": when}, 3])
    assert [
        'rules[0].for: "2 hours" is not a duration; write "2h"',
        'rules[0].then: found "x"; known are: notify, retrain',
        "rules[1].name: is missing; every rule needs a name",
        "rules[2]: found 3; write a rule, as {name: …, when: …}",
    ] == problems


def test_a_name_stands_once_even_beside_a_broken_rule():
    """The place is that of the second rule, counted with those that have mistakes."""
    when = {"metric": "f1", "below": 0.9}
    _, problems = _parsed([{"name": "x"}, {"name": "a", "when": when}, {"name": "a", "when": when}])
    assert 'rules[2].name: "a" is the name of an earlier rule; names are unique' == problems[-1]


def test_a_rule_that_is_not_enabled_is_checked_and_left_out():
    """So that it can be switched on again without a surprise."""
    raw = {"name": "a", "when": {"metric": "f1", "below": 0.9}, "enabled": False}
    assert ((), []) == _parsed([raw])
    assert 1 == len(_parsed([{**raw, "for": "x"}])[1])


def test_something_else_than_a_list_is_refused():
    """A mapping of rules, for one."""
    assert ((), ["rules: found an empty mapping; write a list of rules"]) == _parsed({})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("250ms", 250),
        ("90s", 90_000),
        ("10m", 600_000),
        ("48h", 48 * HOUR_MS),
        ("7d", 7 * DAY_MS),
        ("2w", 14 * DAY_MS),
    ],
)
def test_a_duration_is_a_whole_number_and_a_unit(text, expected):
    """From milliseconds to weeks."""
    assert expected == duration_ms(text)


@pytest.mark.parametrize("text", ["365251d", "99999999999999999999d", "1" * 5000 + "ms"])
def test_a_duration_of_over_a_thousand_years_is_refused(text):
    """With the time of an event it would leave 64 bits; and Python reads no 5000 digits."""
    with pytest.raises(ValueError, match="over a thousand years; write a shorter one"):
        duration_ms(text)
    assert 365_250 * 24 * HOUR_MS == duration_ms("000365250d")
