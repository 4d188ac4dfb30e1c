"""More classes than have codes of their own: what they count as."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from driftline.aggregates.confusion import MISTAKEN, far_code, pooled
from driftline.aggregates.performance import Changes, PerformanceLayout
from driftline.pipeline.models import ModelState
from driftline.records import Coded, Codes32
from driftline.settings import DEFAULT_GATES, OTHER, ModelSettings, Task
from driftline.statistics.performance import evaluate_performance

NAMES = tuple("abcdefghij")


def state(limit: int, **settings: object) -> ModelState:
    """A model that has seen nothing."""
    given = {"match": "m", "stream": "s", "task": Task.MULTICLASS, **settings}
    return ModelState("m", 0, ModelSettings(**given), class_limit=limit)


def column(codes: Codes32) -> Coded:
    """Classes by their place in ``NAMES``."""
    return Coded(codes.astype(np.int32), NAMES)


def test_codes_are_given_in_the_order_of_appearance_while_there_is_room() -> None:
    """Then ``OTHER`` and ``MISTAKEN`` are among the classes, once."""
    model = state(3)
    codes, grown = model.class_codes(column(np.array([4, 4, -1, 2, 7, 9, -2, 8])))
    assert ["e", "c", "h", OTHER, MISTAKEN] == model.classes
    assert grown
    assert model.over
    assert [0, 0, -1, 1, 2, far_code("j"), -1, far_code("i")] == codes.tolist()
    assert (1 << 30) <= codes[5] < (1 << 31)
    again, grown = model.class_codes(column(np.array([9, 4, 0])))
    assert not grown
    assert [far_code("j"), 0, far_code("a")] == again.tolist()


def test_the_positive_class_always_has_a_code() -> None:
    """Whatever was met before."""
    model = state(2, task=Task.BINARY, positive="z")
    model.learn(["a", "b", "c", "z", "y"])
    assert ["a", "b", OTHER, MISTAKEN, "z"] == model.classes


def test_a_class_called_other_is_one_of_the_rest() -> None:
    """It shares the name, and is right where it is the class of the label."""
    model = state(2)
    model.learn([OTHER, "a", "b"])
    assert [OTHER, "a", MISTAKEN] == model.classes
    truth = np.array([0, far_code("b"), far_code("b")], np.int32)
    predicted = np.array([0, 0, far_code("b")], np.int32)
    assert [[0, 0, 0], [0, 2, 0]] == [c.tolist() for c in pooled(truth, predicted, model.classes)]


@pytest.mark.parametrize("limit", [1, 4, 9, 10])
def test_accuracy_is_exact_whatever_the_limit(limit: int) -> None:
    """And so are recalls, of the rest as of one class."""
    random = np.random.default_rng(limit)
    truth = random.integers(0, len(NAMES), 3000)
    predicted = np.where(random.random(3000) < 0.6, truth, random.integers(0, len(NAMES), 3000))
    model = state(limit)
    codes = [model.class_codes(column(c))[0] for c in (truth, predicted)]
    layout = PerformanceLayout.of(Task.MULTICLASS, tuple(model.classes))
    none, where = np.full(3000, np.nan), np.zeros((3000, 0), np.int32)
    totals = layout.totals(
        Changes(np.ones(3000, np.int64), *codes, none, None, none, none, where), np.arange(3000)
    )
    totals.counts[1] = 3000
    found = {
        e.statistic: e
        for e in evaluate_performance(layout, totals.counts[None], totals.sums[None], DEFAULT_GATES, 0.5)
    }
    assert metrics.accuracy_score(truth, predicted) == pytest.approx(found["accuracy"].value[0, 0], abs=1e-15)
    recall = {d.class_: v for d, v in zip(found["recall"].dimensions, found["recall"].value[0], strict=True)}
    own = {NAMES.index(name) for name in model.classes if name in NAMES}
    for place in own:
        assert recall[NAMES[place]] == pytest.approx((predicted == truth)[truth == place].mean(), abs=1e-15)
    rest = ~np.isin(truth, list(own))
    assert rest.any() == (limit < len(NAMES)) == model.over
    if rest.any():
        assert recall[OTHER] == pytest.approx((predicted == truth)[rest].mean(), abs=1e-15)


def test_a_reference_with_more_classes_keeps_its_accuracy() -> None:
    """Its confusion is pooled as windows are."""
    layout = PerformanceLayout.of(Task.MULTICLASS, ("a", OTHER, MISTAKEN))
    counts = np.array([[5, 1, 2], [1, 7, 3], [0, 2, 9]])
    totals = layout.reference_totals(("a", "b", "c"), counts)
    found = evaluate_performance(layout, totals.counts[None], totals.sums[None], {}, 0.0, {"accuracy"})
    assert 21 / 30 == pytest.approx(found[0].value[0, 0], abs=1e-15)
