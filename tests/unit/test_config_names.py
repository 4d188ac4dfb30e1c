"""Names in rules are held against the references that a rule is about, and only where there are some."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from driftline.aggregates.drift import DriftLayout
from driftline.config.doubts.names import name_doubts, unknown_name, versions_doubts
from driftline.config.doubts.references import Found, of_rule
from driftline.reference.build import BuildOptions, build_profile
from driftline.reference.profile import Profile
from driftline.rules.catalogue import STATISTICS
from driftline.rules.spec import Comparison, RuleSpec
from driftline.settings import ModelSettings, Task
from driftline.statistics.drift import evaluate_drift

MODEL = ModelSettings(match="elec*", stream="main", task=Task.BINARY, positive="UP")


@pytest.fixture(scope="module")
def profile(tmp_path_factory) -> Profile:
    """One numeric and one categorical feature."""
    path: Path = tmp_path_factory.mktemp("names") / "data.csv"
    rows = [f"{i % 97},d{i % 7},{'UP' if i % 5 else 'DOWN'}" for i in range(2_000)]
    path.write_text("\n".join(["price,day,class", *rows]), encoding="utf-8")
    options = BuildOptions(
        model="elec2", version="1", features=("price", "day"), label="class", positive="UP"
    )
    return build_profile(path, options)


def on(metric: str, **more) -> Comparison:
    """A comparison that is all about names."""
    return Comparison(metric=metric, op="above", threshold=(0.1,), **more)


@pytest.mark.parametrize("feature", ["price", "day"])
def test_a_statistic_is_doubted_of_exactly_the_features_that_have_none(profile, feature):
    """By what the statistics really compute of one numeric and one categorical feature."""
    layout = DriftLayout.of(profile, Task.BINARY)
    empty = np.zeros((1, layout.counts), np.int64), np.zeros((1, layout.sums), np.int64)
    unseen = (tuple({} for _ in range(layout.categories)),)
    computed = evaluate_drift(layout, *empty, unseen, 3_600_000, {"drift": 1})
    having = {e.statistic for e in computed if any(d.feature == feature for d in e.dimensions)}
    doubted = {
        name
        for name, s in STATISTICS.items()
        if s.of_feature and unknown_name(on(name, feature=feature), MODEL, Found("", (profile,)))
    }
    assert {name for name, s in STATISTICS.items() if s.of_feature} - having == doubted


def test_without_a_reference_nothing_is_known(profile):
    """References that are not built yet are no mistake."""
    comparison = on("ks", feature="x", at_least=9, per_feature=(("y", 1.0),))
    assert unknown_name(comparison, MODEL, Found()) is None
    assert list(name_doubts(comparison, MODEL, Found())) == []
    assert list(versions_doubts(["2"], ["psi"], Found())) == []


def test_a_rule_is_held_against_its_own_models_references_only(profile):
    """A glob's path may fit the references of models that have an entry of their own."""
    other = replace(profile, model="bank")
    found = Found("", (profile, other))
    assert of_rule(RuleSpec(name="r", when=on("psi")), MODEL, found).profiles == (profile,)
    assert of_rule(RuleSpec(name="r", when=on("psi"), models=("bank",)), MODEL, found).profiles == ()


def test_a_version_may_be_ahead_of_its_reference_where_performance_is_judged(profile):
    """Performance needs none."""
    found = Found("", (profile,))
    assert list(versions_doubts(["2"], ["f1"], found)) == []
    assert list(versions_doubts(["1", "*"], ["psi"], found)) == []
    assert len(list(versions_doubts(["2"], ["f1", "psi"], found))) == 1
