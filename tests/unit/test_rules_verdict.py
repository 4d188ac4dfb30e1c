"""Verdicts: true, false, or too little to say."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan, nan

import pytest

from driftline.records import Dimension
from driftline.rules.parse import parse_rules
from driftline.rules.spec import Comparison, Condition
from driftline.rules.verdict import Estimate, Value, bindings, judge
from driftline.statistics import intervals

WHOLE = Dimension(average="binary")


def value(
    number: float, dimension: Dimension = WHOLE, *, width: float | None = None, enough: bool = True
) -> Value:
    """A sample; without ``width`` it has no interval."""
    limits = (nan, nan) if width is None else (number - width, number + width)
    return Value(dimension, number, 1000, enough, lambda _c: (number, *limits))


@dataclass
class Samples:
    """A lookup over plain values."""

    held: dict[str, list[Value]]
    others: dict[str, Value] = field(default_factory=dict)

    def now(self, comparison: Comparison) -> list[Value]:
        return self.held.get(comparison.metric, [])

    def other(self, comparison: Comparison, dimension: Dimension) -> Value | None:
        return self.others.get(comparison.versus or "")

    def difference(self, first: Estimate, second: Estimate) -> tuple[float, float]:
        return intervals.difference_bounds(first, second)


def condition(raw: dict) -> Condition:
    """A condition as YAML gives it."""
    (rule,), problems = parse_rules([{"name": "r", "when": raw}], "rules")
    assert [] == problems
    return rule.when


def outcome(
    raw: dict, held: dict[str, list[Value]], binding: dict | None = None, **others: Value
) -> bool | None:
    """The verdict's outcome for a binary model."""
    named = {k.replace("_", " "): v for k, v in others.items()}
    return judge(condition(raw), Samples(held, named), binding or {}, "binary").outcome


@pytest.mark.parametrize(
    ("raw", "number", "expected"),
    [
        ({"below": 0.92}, 0.9199, True),
        ({"below": 0.92}, 0.92, False),
        ({"above": 0.92}, 0.92, False),
        ({"above": 0.92}, 0.9201, True),
        ({"outside": [0.4, 0.6]}, 0.4, False),
        ({"outside": [0.4, 0.6]}, 0.39, True),
        ({"outside": [0.4, 0.6]}, 0.61, True),
        ({"below": 0.92}, nan, None),
    ],
)
def test_beyond_a_threshold_is_strict(raw, number, expected):
    """The threshold itself is not beyond it; an undefined value says nothing."""
    assert expected is outcome({"metric": "f1", **raw}, {"f1": [value(number)]})


@pytest.mark.parametrize(("width", "expected"), [(0.01, True), (0.02, False), (0.03, False), (None, None)])
def test_with_a_confidence_the_whole_interval_must_be_beyond(width, expected):
    """0.90 ± width below 0.92; a statistic without an interval is never judged with a confidence."""
    raw = {"metric": "f1", "below": 0.92, "confidence": 0.95}
    assert expected is outcome(raw, {"f1": [value(0.90, width=width)]})


def test_too_little_data_is_its_own_answer():
    """Neither true nor false, whatever the value."""
    assert outcome({"metric": "f1", "below": 0.92}, {"f1": [value(0.5, enough=False)]}) is None
    assert outcome({"metric": "f1", "below": 0.92}, {}) is None


@pytest.mark.parametrize(
    ("raw", "now", "then", "expected"),
    [
        ({"metric": "accuracy", "drop": "5 points"}, 0.84, 0.9, True),
        ({"metric": "accuracy", "drop": "5 points"}, 0.86, 0.9, False),
        ({"metric": "accuracy", "drop": "5 points"}, 0.99, 0.9, False),
        ({"metric": "accuracy", "drop": "10 percent"}, 0.80, 0.9, True),
        ({"metric": "accuracy", "drop": "10 percent"}, 0.82, 0.9, False),
        ({"metric": "rmse", "rise": "20 percent"}, 12.1, 10.0, True),
        ({"metric": "rmse", "rise": "20 percent"}, 11.9, 10.0, False),
        ({"metric": "r2", "drop": "50 percent"}, -0.1, -0.1, False),
        ({"metric": "r2", "drop": "50 percent"}, -0.16, -0.1, True),
        ({"metric": "accuracy", "drop": "5 points"}, 0.8, nan, None),
    ],
)
def test_a_drop_and_a_rise_are_a_worsening(raw, now, then, expected):
    """Points are hundredths, percent are of what it is compared with, also where that is negative."""
    held = {raw["metric"]: [value(now, Dimension())]}
    assert expected is outcome({**raw, "versus": "reference"}, held, reference=value(then, Dimension()))


@pytest.mark.parametrize(
    ("versus", "key"), [("previous window", "previous_window"), ("version 7", "version_7")]
)
def test_what_is_compared_with_may_be_missing(versus, key):
    """No other value: too little to say."""
    raw = {"metric": "accuracy", "drop": "5 points", "versus": versus}
    held = {"accuracy": [value(0.7, Dimension())]}
    assert outcome(raw, held) is None
    assert outcome(raw, held, **{key: value(0.9, Dimension())}) is True


@pytest.mark.parametrize(("width", "expected"), [(0.0, True), (0.005, True), (0.02, False), (None, None)])
def test_the_references_own_uncertainty_enters_the_bound(width, expected):
    """0.84 ± 0.005 against 0.90 ± width: a drop of more than 5 points, surely."""
    raw = {"metric": "accuracy", "drop": "5 points", "versus": "reference", "confidence": 0.95}
    held = {"accuracy": [value(0.84, Dimension(), width=0.005)]}
    assert expected is outcome(raw, held, reference=value(0.9, Dimension(), width=width))


TABLE = [
    ("all", (True, True), True),
    ("all", (True, False), False),
    ("all", (None, False), False),
    ("all", (True, None), None),
    ("any", (False, False), False),
    ("any", (None, True), True),
    ("any", (False, None), None),
]


@pytest.mark.parametrize(("how", "parts", "expected"), TABLE)
def test_all_and_any_know_three_values(how, parts, expected):
    """A part with too little data decides nothing that another part has decided."""
    numbers = {True: 0.1, False: 0.9, None: nan}
    metrics = ("accuracy", "auc")
    raw = {how: [{"metric": m, "below": 0.5} for m in metrics]}
    held = {m: [value(numbers[p], Dimension())] for m, p in zip(metrics, parts, strict=True)}
    assert expected is outcome(raw, held)


def psi(**features: float) -> dict[str, list[Value]]:
    """A PSI for each feature."""
    return {"psi": [value(x, Dimension(feature=f)) for f, x in features.items()]}


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (psi(a=0.3, b=0.3, c=0.1), True),
        (psi(a=0.3, b=0.1, c=0.1), False),
        (psi(a=0.3, b=nan, c=0.1), None),
        (psi(a=0.1, b=nan, c=0.1), False),
        ({}, None),
    ],
)
def test_at_least_counts_what_is_known(held, expected):
    """False only where those with too little data could not make up the number."""
    raw = {"metric": "psi", "feature": "*", "above": 0.2, "at_least": 2}
    assert expected is outcome(raw, held)


def test_a_verdict_that_is_true_names_only_what_violates():
    """The evidence of a trigger lists no innocent feature."""
    raw = {"metric": "psi", "feature": "*", "above": 0.2, "at_least": 1}
    found = judge(condition(raw), Samples(psi(a=0.3, b=0.1, c=nan)), {}, "binary").violations
    assert [("a", 0.3, 0.2)] == [(v.dimension.feature, v.value, v.threshold) for v in found]


def test_a_violation_shows_the_rules_own_limits():
    """With a confidence its one-sided limits; without one none."""
    sure = judge(
        condition({"metric": "f1", "below": 0.92, "confidence": 0.9}),
        Samples({"f1": [value(0.5, width=0.1)]}), {}, "binary",
    ).violations[0]  # fmt: skip
    plain = judge(condition({"metric": "f1", "below": 0.92}), Samples({"f1": [value(0.5)]}), {}, "binary")
    assert ((0.4, 0.6), True) == ((sure.low, sure.high), isnan(plain.violations[0].low))


def test_the_average_is_the_tasks_own_unless_it_is_named():
    """Binary for binary tasks; the others only when asked for."""
    held = {"f1": [value(0.9, Dimension(average="binary")), value(0.5, Dimension(average="macro"))]}
    assert (False, True) == (
        outcome({"metric": "f1", "below": 0.8}, held),
        outcome({"metric": "f1", "below": 0.8, "average": "macro"}, held),
    )


def test_the_whole_is_not_a_class_and_not_a_segment():
    """A condition that names neither reads neither."""
    parts = [
        value(0.1, Dimension(class_="UP")),
        value(0.1, Dimension(segment=("region", "nsw"), average="binary")),
    ]
    held = {"f1": [value(0.9), *parts]}
    assert (False, True, True) == (
        outcome({"metric": "f1", "below": 0.8}, held),
        outcome({"metric": "f1", "below": 0.8, "class": "UP"}, held),
        outcome({"metric": "f1", "below": 0.8, "segment": {"region": "nsw"}}, held),
    )


def test_patterns_make_instances_and_at_least_makes_one():
    """One for each feature that the pattern matches, in order of name."""
    samples = Samples(psi(zip_2=0.1, age=0.1, zip_1=0.1))
    many = condition({"metric": "psi", "feature": "zip_*", "above": 0.2})
    one = condition({"metric": "psi", "feature": "zip_*", "above": 0.2, "at_least": 1})
    assert [{"feature": "zip_1"}, {"feature": "zip_2"}] == bindings(many, samples, "binary")
    assert [{}] == bindings(one, samples, "binary")


def test_an_instance_reads_its_own_feature_and_those_named_beside_it():
    """The pattern is bound; a feature named outright is everybody's."""
    raw = {
        "all": [
            {"metric": "psi", "feature": "x*", "above": 0.2},
            {"metric": "psi", "feature": "y", "above": 0.2},
        ]
    }
    held = psi(x1=0.3, x2=0.1, y=0.3)
    assert (True, False) == (outcome(raw, held, {"feature": "x1"}), outcome(raw, held, {"feature": "x2"}))


def test_a_feature_has_its_own_threshold_where_a_pattern_gives_one():
    """``per_feature`` by glob, the others by the common one."""
    raw = {"metric": "psi", "feature": "*", "above": 0.2, "per_feature": {"zip_*": 0.4}}
    held = psi(zip_1=0.3, age=0.3)
    assert (False, True) == (outcome(raw, held, {"feature": "zip_1"}), outcome(raw, held, {"feature": "age"}))
