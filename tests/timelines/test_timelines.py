"""Rule timelines in YAML: samples in, transitions out."""

from __future__ import annotations

from math import isnan, nan
from pathlib import Path

import pytest

from driftline.cli.test_rules import run
from driftline.config.timelines import read_timelines
from driftline.rules.shorthand import values

HERE = Path(__file__).parent
TIMELINES = [
    pytest.param(test, id=f"{path.stem}: {test.name}")
    for path in sorted(HERE.glob("*.yaml"))
    for test in read_timelines(path, {})
]


@pytest.mark.parametrize("test", TIMELINES)
def test_a_timeline_has_exactly_the_transitions_it_expects(test):
    """No other transition happens, and none at another instant; a firing does what it should."""
    outcome = run(test)
    assert list(test.expected) == list(outcome.happened)
    assert outcome.passed


def _plain(found):
    return ["_" if x is not None and isnan(x) else x for x in found]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0.9", [0.9]),
        ("0.9x2 _ .x2 1e-3", [0.9, 0.9, "_", None, None, 0.001]),
        ("0.95-0.01x5", [0.95, 0.94, 0.93, 0.92, 0.91]),
        ("-1+0.5x3", [-1.0, -0.5, 0.0]),
        ([0.9, None, "0.8x2"], [0.9, "_", 0.8, 0.8]),
        (0.5, [0.5]),
        (1e-7, [1e-7]),
    ],
)
def test_the_shorthand_of_a_series(written, expected):
    """N is how many samples there are; steps are taken in decimals, so a bound is met exactly."""
    assert expected == _plain(values(written))


@pytest.mark.parametrize(
    "word", ["bad", "0.9x", "0.9x0", "_+1x3", "0.9-0.1", "1e999", "1x1000000", "nan", "", True]
)
def test_a_word_that_is_no_sample_is_refused(word):
    """It is never read as something else."""
    with pytest.raises(ValueError) as caught:
        values(word)
    assert f'"{word}"' in str(caught.value) or "no sample at all" in str(caught.value)


def test_unknown_is_not_a_number():
    """``_`` is too little data, which is not a value."""
    assert repr(nan) == repr(values("_")[0])
