"""A restart with other settings goes on with what the state file has, wherever it still means the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pytest

from driftline.reference.bins import bins_id, categorical_profile, numeric_profile
from driftline.reference.file import with_id
from driftline.reference.profile import Profile
from driftline.settings import Limits, ModelSettings, Task, Window
from tests.faults.small_stream import LOG, MINUTE, MODELS, feed, finish, fresh_engine, turns
from tests.faults.test_store_replay import File

Models = tuple[ModelSettings, ...]
Sample = dict[str, Any]

ONE, TWO = ("eu", "us"), ("web", "app")
SEGMENTS: Mapping[str, dict[str, Any]] = {
    "more": {"segments": ("channel", "region"), "segment_values": {"channel": TWO, "region": ONE}},
    "none": {"segments": (), "segment_values": {}},
    "another order of values": {"segment_values": {"region": ("us", "eu")}},
    "fewer values": {"segment_values": {"region": ("us",)}},
    "more values": {"segment_values": {"region": ("eu", "us", "xx")}},
    "another": {"segments": ("channel",), "segment_values": {"channel": TWO}},
}

ORDER = "another order of values"
EXACT = ((ORDER, False), (ORDER, True), ("fewer values", False), ("none", False), ("more", True))
"""Changes, and whether they are taken back, that tell no value apart at the end that was not all the time."""


def changed(models: Models, **fields: Any) -> Models:
    """All models with other settings."""
    return tuple(replace(m, **fields) for m in models)


def run(
    then: Sequence[Models], limits: Limits | None = None, profiles: Sequence[Profile | None] = (None,)
) -> list[list[Sample]]:
    """What is judged of the log by a run whose settings change with each restart, by restart."""
    profiles = profiles if len(profiles) == len(then) else [*profiles] * len(then)
    judged: list[list[bytes]] = [[] for _ in then]
    file, order = File(), turns(11, 80, 9)
    engine = fresh_engine(judged[0], then[0], limits, lambda *_: profiles[0])
    each = -(-len(order) // len(then))
    for number, turn in enumerate(order):
        if number and number % each == 0:
            file.commit(engine)
            of = number // each
            engine = file.start(
                judged[of], then[of], limits=limits, load_profile=lambda *_, of=of: profiles[of]
            )
        feed(engine, LOG, *turn)
    finish(engine, LOG)
    return [[json.loads(line) for line in lines] for lines in judged]


GATED = ("accuracy", "mae", "rmse", "f1", "prediction_psi", "class_ratio")
ABOUT = ("statistic", "model", "version", "feature", "class", "segment", "output", "average", "window", "end")


def found(samples: list[Sample], *, segments: bool) -> dict[str, Sample]:
    """Samples by what they are about."""
    return {json.dumps([s.get(n) for n in ABOUT]): s for s in samples if ("segment" in s) is segments}


@pytest.mark.parametrize("change", SEGMENTS)
@pytest.mark.parametrize("back", [False, True], ids=["once", "there and back"])
def test_other_segments(change: str, back: bool) -> None:
    """Whole models go on as if nothing had happened; a segment does where it still means the same."""
    then = changed(MODELS, **SEGMENTS[change])
    runs = [MODELS, then, MODELS, MODELS] if back else [MODELS, then, then]
    (plain,), mixed = run(runs[-1:]), run(runs)
    assert found(plain, segments=False) == found(list(chain(*mixed)), segments=False)
    expected, got = found(plain, segments=True), found(mixed[-1], segments=True)
    differing = [got[k] for k in expected.keys() & got.keys() if got[k] != expected[k]]
    assert [] == [s for s in differing if s["state"] != "insufficient"]
    assert bool(differing) is ((change, back) not in EXACT)


@pytest.mark.parametrize(
    ("then", "read"),
    [
        ({"drift_windows": (), "performance_windows": (Window(15 * MINUTE, 5 * MINUTE),)}, True),
        ({"positive": "u", "task": Task.BINARY, "classes": None}, True),
        # Of these some events cannot be used, so those that were read in between are missing.
        ({"positive": None, "task": Task.REGRESSION, "classes": None}, False),
        ({"positive": None, "task": Task.MULTICLASS, "classes": ("1", "u", "v")}, False),
    ],
    ids=["windows", "binary", "regression", "multiclass"],
)
def test_another_question(then: dict[str, Any], read: bool) -> None:
    """Windows that count otherwise begin anew, there and back; what begins after that is as from the start."""
    other = changed(MODELS, **then)
    of_each, (plain,) = run([MODELS, other, other, MODELS]), run([MODELS])
    assert all(of_each[2:])
    expected, got = found(plain, segments=False), found(of_each[-1], segments=False)
    both = [(got[k], expected[k]) for k in expected.keys() & got.keys() if got[k]["statistic"] in GATED]
    assert set("bmr") == {g["model"] for g, e in both if g == e and g["state"] == "ok"}
    if read:
        assert {"insufficient"} >= {g["state"] for g, e in both if g != e}


def reference(*names: str) -> Profile:
    """A reference of some features."""
    numbers = np.random.default_rng(3).normal(3, 2, 400)
    numeric = [numeric_profile(n, numbers.copy()) for n in names if n != "c"]
    categorical = [categorical_profile("c", {"a": 3, "b": 3, "c": 3})] if "c" in names else []
    profile = Profile(
        model="m", version="1", task=Task.MULTICLASS, positive=None, id="", sha256="", rows=400,
        label_mean=float(len(names)), bins_id=bins_id(numeric, categorical), numeric=tuple(numeric), categorical=tuple(categorical),
    )  # fmt: skip
    return with_id(profile)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (("x", "c"), ("y",)),
        (("y",), ("x", "y", "c")),
        ((), ("x", "c")),
        (("x", "c"), ()),
        (("c",), ("c", "x")),
    ],
)
def test_another_reference(first: tuple[str, ...], then: tuple[str, ...]) -> None:
    """Drift windows that were begun with another reference are insufficient, later ones as from the start."""
    before, after = (reference(*names) if names else None for names in (first, then))
    (plain,), mixed = run([MODELS], profiles=[after]), run([MODELS] * 3, profiles=[before, after, after])
    expected, got = found(plain, segments=False), found(mixed[-1], segments=False)
    differing = [got[k] for k in expected.keys() & got.keys() if got[k] != expected[k]]
    assert differing
    assert {"insufficient"} == {s["state"] for s in differing}
    assert [
        s
        for s in got.values()
        if s["statistic"] in ("psi", "prediction_psi", "class_ratio") and s["state"] == "ok"
    ]


@pytest.mark.parametrize("models", [[MODELS], [MODELS, MODELS, MODELS]], ids=["one run", "restarts"])
def test_classes_over_the_limit_are_right_only_where_they_are_the_same(models: list[Models]) -> None:
    """With room for one of six classes accuracy, recall and micro averages are what they are with room for all."""
    same = ("accuracy", "label_coverage", "labelled", "events")
    one, all_ = (
        [s for s in chain(*run(models, Limits(classes=n))) if s["model"] == "m" and s["statistic"] in same]
        for n in (1, 100)
    )
    assert any(s["value"] for s in one if s["statistic"] == "accuracy")
    assert one == all_
