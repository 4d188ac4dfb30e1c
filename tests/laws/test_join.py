"""The join equals a plain fold over its events in effective-time order, whatever was read first."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.join.events import Labels, Predictions
from driftline.join.join import Join
from driftline.join.lifetime import Policy

HORIZON, ORPHAN, CORRECTIONS = 50, 10, 20
POLICY = Policy(HORIZON, ORPHAN, CORRECTIONS)

prediction = st.tuples(st.integers(0, 5), st.integers(0, 60), st.integers(0, 8), st.integers(0, 1))
label = st.tuples(st.integers(0, 5), st.integers(0, 140), st.integers(-1, 1), st.integers(1, 3))


def ids(keys: list[int]) -> np.ndarray:
    return np.array([[k + 1, (k + 1) * 7919] for k in keys], np.uint64).reshape(-1, 2)


def put(
    join: Join, rows: list[tuple[int, int, int, int]], model: int = 0
) -> list[tuple[int, int, int, int, int]]:
    """(key, time, lateness, class) -> changes (eff, time, sign, truth, predicted)."""
    time = np.array([r[1] for r in rows], np.int64)
    eff = time + np.array([r[2] for r in rows], np.int64)
    predicted = np.array([r[3] for r in rows], np.int32)
    new = Predictions(
        ids([r[0] for r in rows]),
        time,
        eff,
        np.full(len(rows), model, np.int32),
        np.zeros(len(rows), np.int32),
        predicted,
        predicted.astype(float),
        np.zeros((len(rows), 0), np.int32),
    )
    return changes(join.put(new)[1])


def changes(m) -> list[tuple[int, int, int, int, int]]:
    columns = (m.eff_ms, m.time_ms, m.sign, m.truth, m.predicted)
    return list(zip(*(c.tolist() for c in columns), strict=True))


def apply(join: Join, rows: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int, int]]:
    value = np.array([r[2] for r in rows], np.int32)
    n = len(rows)
    new = Labels(
        ids([r[0] for r in rows]), np.array([r[1] for r in rows], np.int64), np.zeros(n, np.int32), value,
        np.full(n, np.nan), np.array([r[3] for r in rows], np.int64), value < 0,
        np.zeros((n, 3), np.int64),
    )  # fmt: skip
    return changes(join.label(new))


def fold(
    predictions: list[tuple[int, int, int, int]], labels: list[tuple[int, int, int, int]]
) -> list[tuple]:
    """The oracle: dictionaries, one event at a time, no code of the project."""
    first: dict[int, tuple[int, int, int]] = {}
    for key, time, late, predicted in predictions:
        first.setdefault(key, (time, time + late, predicted))
    out, state = [], {}
    for key, eff, value, revision in labels:
        seen = first.get(key)
        held = state.get(key)
        if seen is None:
            continue
        time, known, predicted = seen
        if held is None:
            if eff - time > HORIZON or known - eff > ORPHAN:
                continue
            state[key] = (value, revision, eff)
        else:
            old, old_revision, first_eff = held
            newer = revision > old_revision or (revision == old_revision and value < 0 <= old)
            if not newer or eff - first_eff > CORRECTIONS:
                continue
            if old >= 0:
                out.append((max(eff, known), time, -1, old, predicted))
            state[key] = (value, revision, first_eff)
        if value >= 0:
            out.append((max(eff, known), time, 1, value, predicted))
    return out


@settings(max_examples=300, deadline=None)
@given(st.lists(prediction, max_size=8), st.lists(label, max_size=12), st.integers(1, 5))
def test_any_batching_equals_the_plain_fold(predictions, labels, size) -> None:
    """Predictions read before any label is due; labels in effective order, in batches of any size."""
    join = Join(0)
    join.policies.append(POLICY)
    distinct = list({p[0]: p for p in reversed(predictions)}.values())
    labels = sorted(labels, key=lambda row: row[1])
    got = put(join, distinct) if distinct else []
    for start in range(0, len(labels), size):
        got += apply(join, labels[start : start + size])
    assert Counter(fold(distinct, labels)) == Counter(got)


@settings(max_examples=300, deadline=None)
@given(prediction, st.integers(0, 60), st.integers(0, 1), st.booleans())
def test_label_first_or_prediction_first_gives_the_same(row, label_eff, value, label_first) -> None:
    """A label counts when its prediction follows within the orphans' wait, in either order of reading."""
    join = Join(0)
    join.policies.append(POLICY)
    first = [(row[0], label_eff, value, 1)]
    known = row[1] + row[2]
    if label_first and label_eff <= known:
        got = apply(join, first) + put(join, [row])
    else:
        got = put(join, [row]) + apply(join, first)
    assert fold([row], first) == got


def test_a_duplicate_prediction_counts_once() -> None:
    """Fault 48: the lowest offset is the first, inside a batch and across batches."""
    join = Join(0)
    join.policies.append(POLICY)
    put(join, [(1, 10, 0, 1), (1, 10, 0, 1)])
    put(join, [(1, 10, 0, 0)])
    assert {"duplicate": 2, "conflict": 1} == {k: v for k, v in join.counts.items() if v}
    assert [(20, 10, 1, 1, 1)] == apply(join, [(1, 20, 1, 1)])


def test_expiry_counts_what_was_never_labelled() -> None:
    """Fault 50: a prediction whose label never comes expires, and is counted so; a late label finds nothing."""
    join = Join(0)
    join.policies.append(POLICY)
    put(join, [(1, 10, 0, 1), (2, 10, 0, 1)])
    apply(join, [(1, 20, 1, 1)])
    join.expire(200)
    assert 1 == join.counts["expired"]
    assert [] == apply(join, [(2, 201, 1, 1)])
    assert 0 == join.pending()


@settings(max_examples=300, deadline=None)
@given(st.lists(label, min_size=1, max_size=8), prediction, st.lists(st.booleans(), min_size=8, max_size=8))
def test_labels_before_their_prediction_count_as_after_it(labels, row, cut) -> None:
    """Fault 49: all early labels wait, so what was read first decides neither a change nor a counter."""
    known = row[1] + row[2]
    labels = sorted((row[0], *rest) for _, *rest in labels)
    early = [r for r in labels if r[1] < known]
    results = []
    for ahead in (False, True):
        join = Join(0)
        join.policies.append(POLICY)
        got = put(join, [row]) if ahead else []
        for r, apart in zip(early, cut, strict=False):
            got += apply(join, [r])
            if apart:
                join.expire(r[1])
        got += [] if ahead else put(join, [row])
        for r in labels[len(early) :]:
            got += apply(join, [r])
        join.expire(1000)
        assert {} == join.early.labels()
        results.append((Counter(got), +join.counts))
    assert results[0] == results[1]
    assert Counter(fold([row], labels)) == results[0][0]


def test_an_id_used_again_after_its_horizon_is_a_new_prediction() -> None:
    """Inside one batch and across batches alike."""
    for split in (False, True):
        join = Join(0)
        join.policies.append(POLICY)
        rows = [(1, 0, 0, 1), (1, 51, 0, 1)]
        for part in [rows[:1], rows[1:]] if split else [rows]:
            put(join, part)
        assert (0, 1) == (join.counts["duplicate"], join.counts["expired"])


def test_a_label_does_not_prolong_the_life_of_an_id() -> None:
    """After its horizon an id is a new prediction, also where a label of the first was read that may be corrected."""
    join = Join(0)
    join.policies.append(POLICY)
    put(join, [(1, 0, 0, 1)])
    apply(join, [(1, 45, 1, 1)])
    put(join, [(1, 51, 0, 1)])
    assert 0 == join.counts["duplicate"]


@pytest.mark.parametrize("ahead", [0, 3, 30])
def test_the_memory_cap_drops_the_same_rows_however_far_was_read_ahead(ahead: int) -> None:
    """Fault 77: at an instant the oldest before it go, whatever was read of later ones; what is over is no load."""
    join = Join(0)
    join.policies.append(POLICY)
    put(join, [(key, key, 0, 1) for key in range(20)])
    apply(join, [(100 + key, key, 1, 1) for key in range(20)])
    put(join, [(1000 + key, 20 + key, 0, 1) for key in range(ahead)])
    join.evict(15, 20)
    # Ten labels have waited for too long by then: of 20 predictions and 10 labels the newest 15 stay.
    assert 15 == join.counts["evicted"]
    left = (join.table.keys[: join.table.rows, 0] - 1).tolist()
    assert [*range(13, 20)] == sorted(k for k in left if k < 100)
    assert [*range(112, 120)] == sorted(k for k in left if 110 <= k < 200)
    assert ahead == sum(k >= 1000 for k in left)


def test_ids_that_are_kept_to_tell_copies_wait_for_no_label() -> None:
    """§7: a model with ``labels: none`` keeps ids to drop duplicates; nothing of it waits, or expires unlabelled."""
    join = Join(0)
    join.policies += [POLICY, replace(POLICY, labelled=False)]
    for model in (0, 1):
        put(join, [(10 * model + key, 10, 0, 1) for key in range(3)], model)
    assert (3, 6) == (join.pending(), join.table.live)
    join.expire(200)
    assert (0, 3, 0) == (join.pending(), join.counts["expired"], join.table.live)
