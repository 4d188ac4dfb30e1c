"""Rule timelines in YAML: samples in, transitions out."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from driftline.durations import duration_ms
from driftline.errors import ConfigError
from driftline.rules.timeline import Happened, play, values

HERE = Path(__file__).parent
TRANSITIONS = ("started", "fired", "cleared", "resolved", "gap")
TIMELINES = [
    pytest.param(timeline, id=f"{path.stem}: {timeline['name']}")
    for path in sorted(HERE.glob("*.yaml"))
    for timeline in yaml.safe_load(path.read_text(encoding="utf-8"))
]


def wanted(expected: dict) -> Happened:
    """A line under ``expect``."""
    (transition,) = (t for t in TRANSITIONS if t in expected)
    instance = expected.get("instance", {})
    return Happened(duration_ms(expected["at"]), expected[transition], instance, transition)


@pytest.mark.parametrize("timeline", TIMELINES)
def test_a_timeline_has_exactly_the_transitions_it_expects(timeline):
    """No other transition happens, and none at another instant."""
    assert [wanted(e) for e in timeline["expect"]] == play(timeline)


def test_a_mistake_in_a_timelines_rules_is_told_with_its_place():
    """The same messages as in a configuration."""
    with pytest.raises(ConfigError) as caught:
        play({"every": "1h", "rules": [{"name": "r", "when": {"metric": "acuracy", "below": 1}}]})
    assert 'rules[0].when.metric: "acuracy" is not a statistic; did you mean "accuracy"?' == str(caught.value)


def test_a_word_that_is_no_sample_is_refused():
    """It is never read as something else."""
    with pytest.raises(ValueError) as caught:
        values("0.9 bad")
    message = '"bad" is no sample; write a number, _ or ., and xN to repeat, as "0.91x48"'
    assert message == str(caught.value)
