"""Laws of the drift aggregates: any split, merged in any order, is bit for bit the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.aggregates.drift import DriftLayout
from driftline.aggregates.totals import UNSEEN_KEPT, Totals, keep_unseen, merge_unseen
from driftline.pipeline.waiting import Waiting
from driftline.records import Coded, PredictionPart, Schema
from driftline.reference.bins import categorical_profile, numeric_profile
from driftline.reference.profile import Profile
from driftline.settings import Task

NASTY = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    1e17,
    -1e17,
    1e300,
    -1e300,
    5e-324,
    1.7e308,
    -1.7e308,
    np.nan,
    np.inf,
    -np.inf,
)
NAMES = ("normal", "constant", "zeros", "float32", "heavy", "huge", "empty")


def layout() -> DriftLayout:
    """Seven numeric columns of every kind, a categorical one, score and class."""
    rng = np.random.default_rng(3)
    columns = (
        rng.normal(size=2000),
        np.full(500, 0.1),
        np.where(rng.random(1000) < 0.92, 0.0, rng.random(1000)),
        rng.random(900).astype(np.float32),
        rng.standard_cauchy(3000),
        np.array([-1e300, 0.0, 1e300]),
        np.full(10, np.nan),
    )
    numeric = tuple(
        numeric_profile(n, c, float32=n == "float32") for n, c in zip(NAMES, columns, strict=True)
    )
    profile = Profile(
        model="m", version="1", task=Task.BINARY, positive="UP", id="", sha256="", bins_id="", rows=3000,
        numeric=numeric, categorical=(categorical_profile("day", {"1": 5, "2": 3}),),
        score=numeric_profile("score", rng.random(500)),
        predicted=categorical_profile("class", {"UP": 2, "DOWN": 3}),
    )  # fmt: skip
    return DriftLayout.of(profile, Task.BINARY)


LAYOUT = layout()


def part(values: np.ndarray, codes: np.ndarray) -> PredictionPart:
    """A part of k rows from values [8, k] and codes [k]."""
    k = values.shape[1]
    days = Coded(codes.astype(np.int32), ("1", "2", *(f"new{i}" for i in range(98))))
    return PredictionPart(
        "m", "1", Schema(Task.BINARY, numeric=NAMES, categorical=("day",)), np.arange(k), values[:7], (days,),
        Coded((codes % 3 - 1).astype(np.int32), ("UP", "OTHER")), np.full(k, np.nan), values[7], None, (),
        np.abs(values[0]), (),
    )  # fmt: skip


def take(p: PredictionPart, rows: np.ndarray) -> PredictionPart:
    """The rows of a part as a part of its own."""
    return part(np.concatenate((p.numeric[:, rows], p.score[None, rows])), p.categorical[0].codes[rows])


def same(a: Totals, b: Totals) -> bool:
    """Bit-identical."""
    vectors = ((a.counts, b.counts), (a.sums, b.sums), (a.low, b.low), (a.high, b.high))
    return all(np.array_equal(x, y) for x, y in vectors) and a.unseen == b.unseen


cells = st.one_of(st.sampled_from(NASTY), st.floats(allow_nan=True, allow_infinity=True), st.floats(-3, 3))
rows = st.lists(st.tuples(st.lists(cells, min_size=8, max_size=8), st.integers(-2, 99)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(1, 4), st.randoms(use_true_random=False))
def test_any_split_merged_in_any_order_is_the_whole(data, pieces, random):
    """Fault 76: parts of a batch, whole groups of rows or single ones, sum to the same bits in every order."""
    values = np.array([v for v, _ in data], np.float64).reshape(-1, 8).T
    whole = part(values, np.array([c for _, c in data], np.int64))
    group = np.array([random.randrange(pieces) for _ in data], np.int64)
    prepared = LAYOUT.prepare(whole)
    split = [LAYOUT.totals(prepared, np.flatnonzero(group == g)) for g in range(pieces)]
    alone = [LAYOUT.totals(take(whole, np.flatnonzero(group == g))) for g in range(pieces)]
    random.shuffle(split)
    expected = LAYOUT.totals(whole)
    assert all(same(expected, merged(s)) for s in (split, alone))


def merged(pieces: list[Totals]) -> Totals:
    """All pieces, from the identity on."""
    total = LAYOUT.empty()
    for piece in pieces:
        total = total.merge(piece)
    return total


@settings(max_examples=60, deadline=None)
@given(rows, rows)
def test_subtracting_undoes_adding(first, second):
    """Counts and sums come back exactly."""
    a, b = (
        LAYOUT.totals(
            part(np.array([v for v, _ in d]).reshape(-1, 8).T, np.array([c for _, c in d], np.int64))
        )
        for d in (first, second)
    )
    both = a.merge(b)
    both.subtract(b)
    assert np.array_equal(a.counts, both.counts)
    assert np.array_equal(a.sums, both.sums)


counts = st.tuples(st.integers(0, 250), st.integers(0, 120), st.integers(1, 9)).map(
    lambda t: {str(k): 1 + k % t[2] for k in range(t[0], t[0] + t[1])}
)


@settings(max_examples=100, deadline=None)
@given(counts, counts, counts)
def test_pooling_unseen_values_is_exact(a, b, c):
    """However values are grouped, the same 64 are kept and the same number is pooled."""
    together: dict[str, int] = {}
    for d in (a, b, c):
        for value, n in d.items():
            together[value] = together.get(value, 0) + n
    x, y, z = ((keep_unseen(d),) for d in (a, b, c))
    expected = keep_unseen(together)
    assert (expected,) == merge_unseen(merge_unseen(x, y), z) == merge_unseen(z, merge_unseen(y, x))
    assert sum(together.values()) == sum(expected.values())
    assert len(expected) <= UNSEEN_KEPT + 1


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from(NASTY[:12]), st.floats(allow_nan=False, allow_infinity=False)), max_size=30
    )
)
def test_the_lookup_table_bins_as_searchsorted_does(values):
    """Every finite value is in its right-closed bin, in every column, edges and their neighbours included."""
    numeric, reference = LAYOUT.numeric, LAYOUT.numeric_reference
    edges = [numeric.table.upper[s : s + b - 1] for s, b in zip(numeric.starts, numeric.bins, strict=True)]
    around = np.concatenate(edges)[::7]
    x = np.concatenate((values, around, np.nextafter(around, -np.inf), np.nextafter(around, np.inf)))
    found = numeric.table.locate(np.tile(x, (len(edges), 1)))
    expected = [s + np.searchsorted(e, x) for s, e in zip(numeric.starts, edges, strict=True)]
    assert np.array_equal(np.array(expected), found)
    assert reference is not None


@pytest.mark.filterwarnings("error")
def test_extreme_values_are_counted_and_clipped_without_warnings():
    """±1e300 and 1e17 are valid, clipped, out of range, and their sums are exact."""
    values = np.zeros((8, 4))
    values[0] = [1e300, -1e300, 1e17, 0.0]
    totals = LAYOUT.totals(part(values, np.zeros(4, np.int64)))
    n = LAYOUT.numeric
    below, above, clipped = (int(totals.counts[n.extra(k)[0]]) for k in (2, 3, 4))
    assert (1, 2, 3) == (below, above, clipped)


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(1, 4), st.randoms(use_true_random=False))
def test_parts_that_waited_for_each_other_are_counted_as_each_of_them(data, pieces, random):
    """Rows of several batches as one part, over values of their own each, give the bits of their sum."""
    values = np.array([v for v, _ in data], np.float64).reshape(-1, 8).T
    whole = part(values, np.array([c for _, c in data], np.int64))
    group = np.array([random.randrange(pieces) for _ in data], np.int64)
    waiting, alone = Waiting(), []
    for g in range(pieces):
        mine = take(whole, np.flatnonzero(group == g))
        mine.categorical = tuple(narrowed(column) for column in mine.categorical)
        alone.append(LAYOUT.totals(mine))
        k = len(mine.rows)
        waiting.add(mine, np.full(k, g), np.arange(k) % 2 == 0, g)
    together, times, counted = waiting.take()
    assert same(merged(alone), LAYOUT.totals(together))
    assert times.tolist() == sorted(group.tolist())
    assert counted.tolist() == [i % 2 == 0 for g in range(pieces) for i in range((group == g).sum())]
    assert (waiting.rows, waiting.parts) == (0, [])


def narrowed(column: Coded) -> Coded:
    """Over the values that occur, in an order of its own."""
    used = sorted(set(column.codes[column.codes >= 0].tolist()), reverse=True)
    codes = [used.index(code) if code >= 0 else code for code in column.codes.tolist()]
    return Coded(np.array(codes, np.int32), tuple(column.values[code] for code in used))
