"""Which windows are long enough, and which column is what: the pure part of ``driftline init``."""

import pytest

from driftline.onboarding.guess import guess
from driftline.onboarding.windows import choose_windows, traffic
from driftline.onboarding.wishes import NONE, Wishes
from driftline.reference.facts import Column
from driftline.reference.names import plain, ranked
from driftline.reference.units import Unit, is_time_text, unit_of_numbers
from driftline.settings import DAY_MS, Task


@pytest.mark.parametrize(
    ("events", "positives", "expected"),
    [
        (10_000, 1_000, ("24h", "24h")),
        (10_000, 999, ("24h", "72h")),
        (1_000, 100, ("24h", "72h")),
        (1_000, 99, ("24h", "7d")),
        (100, 50, ("14d", "7d")),
        (48, 20, ("28d", "28d")),
        (10, 1, ("77d", "301d")),
    ],
)
def test_24_hours_need_a_thousand_positives_a_day(events, positives, expected):
    """Below that 72 h, then what holds 300 of them; drift needs 500 events with some to spare."""
    found = choose_windows(traffic(events * 10, 10 * DAY_MS, positives * 10), Task.BINARY)
    assert expected == (found.drift, found.performance)


def test_without_a_positive_class_labels_count():
    """As for regression."""
    found = choose_windows(traffic(10_000, 10 * DAY_MS, None), Task.REGRESSION)
    assert ("24h", "24h") == (found.drift, found.performance)


def test_without_labels_there_is_no_word_of_performance():
    """Nothing else will be measured than drift."""
    found = choose_windows(traffic(10_000, 10 * DAY_MS, None), Task.BINARY, labelled=False)
    assert found.reason == "1,000 events a day: drift over 24h"


@pytest.mark.parametrize(
    ("lowest", "highest", "unit"),
    [
        (1_767_225_600, 1_767_999_999, Unit.SECONDS),
        (1_767_225_600_000, 1_767_999_999_000, Unit.MILLISECONDS),
        (1_767_225_600_000_000, 1_767_999_999_000_000, Unit.MICROSECONDS),
        (1, 100, None),
        (0, 1_767_225_600, None),
    ],
)
def test_the_unit_of_a_time_is_told_by_its_size(lowest, highest, unit):
    """All of the column must lie between 1980 and 2100 in it."""
    assert unit == unit_of_numbers(lowest, highest)


@pytest.mark.parametrize(
    ("text", "is_time"),
    [
        ("2026-01-31", True),
        ("2026-01-31T10:00:00Z", True),
        ("2026-01-31 10:00:00.5+01:00", True),
        ("31.01.2026", False),
        ("2026-13-01", False),
        ("20260131", False),
        ("", False),
        ("2026-01-31 or so", False),
    ],
)
def test_a_time_is_iso_8601(text, is_time):
    """With its dashes: eight digits may be anything."""
    assert is_time == is_time_text(text)


def test_names_are_compared_as_words():
    """Exact ones first, in the order of how well they are known."""
    assert ["y_pred_v2", "sale_id", "predicted_value"] == [
        plain(n) for n in ("y_pred v2", "saleId", "Predicted Value")
    ]
    assert ["score", "Model Score", "my_score"] == ranked(
        ["my_score", "Model Score", "scorer", "score"], ("score", "model_score")
    )


def _column(name, **more):
    facts = {
        "name": name,
        "numeric": False,
        "rows": 100,
        "present": 100,
        "distinct": 2,
        "values": ("a", "b"),
        **more,
    }
    return Column(**facts)


BASE = {
    "ts": _column("ts", values=(), distinct=100, unit=Unit.TEXT),
    "x": _column("x", numeric=True, distinct=90, values=()),
    "answer": _column("answer"),
    "truth": _column("truth"),
}


def _guess(wishes, more=None):
    return guess({**BASE, **(more or {})}, wishes, lambda _s, _l: {"a": 0.2, "b": 0.8})


def test_what_is_said_is_not_guessed():
    """And a dash means that there is none."""
    found, problems = _guess(Wishes(prediction="answer", label=NONE, positive="a"))
    assert [] == problems
    assert ("answer", None, "a") == (found.roles.prediction, found.roles.label, found.positive)
    assert ("truth",) == found.categorical


def test_the_positive_class_is_the_one_with_the_higher_scores():
    """Whatever its name."""
    score = {"score": _column("score", numeric=True, distinct=90, values=(), highest=1.0)}
    found, _problems = _guess(Wishes(label="truth"), score)
    assert ("b", Task.BINARY) == (found.positive, found.task)


def test_without_scores_the_positive_class_has_a_positive_name():
    """Yes rather than no; of others the last, and it is said that this wants a look."""
    more = {
        "truth": _column("truth", values=("no", "yes")),
        "answer": _column("answer", values=("no", "yes")),
    }
    found, _problems = _guess(Wishes(prediction="answer"), more)
    assert "yes" == found.positive
    found, _problems = _guess(Wishes(prediction="answer"))
    assert "b" == found.positive
    assert [True] == ["look whether" in why for what, _g, why in found.why if what == "positive class"]


def test_a_score_with_a_few_bad_values_is_one_and_they_are_told():
    """A value or two beyond 1 make no feature of it, and turn no class round."""
    score = {"my_score": _column("my_score", numeric=True, distinct=90, values=(), highest=1.7, outside=3)}
    found, _problems = _guess(Wishes(label="truth", prediction="answer"), score)
    assert ("my_score", "b") == (found.roles.score, found.positive)
    assert [("my_score", "3 of its 100 values are not from 0 to 1, as 1.7: they count as invalid")] == [
        (name, why) for what, name, why in found.why if what == "look at"
    ]


def test_a_score_that_is_none_by_its_values_is_no_feature_either():
    """Percents, say; it is told, and --numeric takes it."""
    score = {
        "y_score": _column("y_score", numeric=True, distinct=90, values=(), lowest=2, highest=98, outside=99)
    }
    found, _problems = _guess(Wishes(label="truth", prediction="answer"), score)
    assert (None, ("x",)) == (found.roles.score, found.features)
    expected = "by its name it is the score, but its values go from 2 to 98, and not from 0 to 1; if it is a feature, say --numeric y_score"
    assert [expected] == [why for what, name, why in found.why if (what, name) == ("left out", "y_score")]
    found, _problems = _guess(Wishes(label="truth", prediction="answer", numeric=("y_score",)), score)
    assert ("x", "y_score") == found.features


def test_what_is_named_as_a_feature_has_no_other_meaning():
    """Not by guess; and who says both is told."""
    more = {"label": _column("label"), "score": _column("score", numeric=True, distinct=90, values=())}
    found, _problems = _guess(Wishes(prediction="answer", features=("x", "label", "score")), more)
    assert ("x", "score", "label") == found.features
    _found, problems = _guess(Wishes(prediction="answer", label="truth", features=("x", "truth")))
    assert ["--label: truth is named as a feature too; it can be one of the two"] == list(map(str, problems))


def test_answers_in_other_words_than_the_labels_need_a_score():
    """0 and 1 against a and b: nobody can compare them."""
    _found, problems = _guess(
        Wishes(prediction="answer", label="truth"), {"answer": _column("answer", values=("0", "1"))}
    )
    assert ["--prediction: answer holds 0, 1, and truth a, b: write both in the same words"] == list(
        map(str, problems)
    )


def test_clocks_and_names_of_rows_are_no_features():
    """What only grows, and what is never there twice."""
    more = {
        "counter": _column("counter", numeric=True, integral=True, distinct=100, values=(), growing=True),
        "name": _column("name", distinct=100, values=()),
        "model": _column("model", distinct=1),
        "empty": _column("empty", present=0, distinct=0, values=()),
    }
    found, _problems = _guess(Wishes(prediction="answer", label="truth"), more)
    assert ("x",) == found.features
    assert ["counter", "name", "model", "empty"] == [
        name for what, name, _why in found.why if what == "left out"
    ]
