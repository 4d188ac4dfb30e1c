"""Laws of the performance aggregates: monoid, exactness, subtraction, growth."""

from __future__ import annotations

from fractions import Fraction
from math import inf

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.aggregates.exact import NARROW, WIDE, difference, scaled, square, to_float
from driftline.aggregates.performance import Changes, PerformanceLayout
from driftline.aggregates.scores import multiclass_losses
from driftline.aggregates.totals import Totals
from driftline.records import Floats
from driftline.settings import Task

CLASSES = ("a", "b", "c")
SEGMENTS = (("region", ("eu", "us")), ("tier", ("free", "paid", "trial")))
floats = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, 1.0, 1e17, -1e17, 1e300, -1e300, 5e-324]),
)
columns = st.lists(floats, max_size=30).map(lambda xs: np.array(xs, np.float64))
seeds = st.integers(0, 2**32 - 1)


def some_changes(seed: int, rows: int) -> Changes:
    """Random changes; values from ±1e300 to 1e-300 beside plain ones."""
    rng = np.random.default_rng(seed)
    odd = np.array([0.0, 1.0, 1e17, -1e300, 1e300, 1e-300, 3.5])
    sign, truth = rng.choice(np.array([1, 1, -1]), rows), rng.integers(0, 3, rows, np.int32)
    return Changes(
        sign,
        truth,
        rng.integers(0, 3, rows, np.int32),
        rng.choice(np.array([0.0, 0.1, 0.55, 1.0, np.nan]), rows),
        multiclass_losses(rng.dirichlet([1, 1, 1], rows), truth),
        rng.choice(odd, rows),
        rng.choice(odd, rows),
        rng.integers(-1, 2, (rows, 2), np.int32),
    )


def layout(task: Task) -> PerformanceLayout:
    """A layout with segments."""
    return PerformanceLayout.of(task, CLASSES, "b", SEGMENTS, label_mean=0.25)


def flat(totals: Totals) -> list[int]:
    """Counts and sums in one list."""
    return [*totals.counts.tolist(), *totals.sums.tolist()]


def exact_sum(values: Floats) -> Fraction:
    """The sum by Python's fractions."""
    return sum((Fraction(x) for x in values.tolist()), Fraction(0))


def limbs_of(values: Floats) -> list[int]:
    """The limbs of a sum."""
    limbs = np.zeros(NARROW.limbs, np.int64)
    NARROW.add(limbs, scaled(values), np.ones(len(values), np.int64))
    return limbs.tolist()


@given(columns)
def test_a_sum_is_exact_and_correctly_rounded(values: Floats) -> None:
    """The limbs hold the very sum of the float64s, denormals and 1e300 included."""
    limbs = np.array(limbs_of(values), np.int64)
    assert exact_sum(values) == NARROW.fraction(limbs)
    assert to_float(exact_sum(values)) == NARROW.value(limbs)


@given(columns, st.randoms(use_true_random=False), st.integers(0, 30))
def test_any_order_and_split_gives_the_same_bits(values: Floats, random: object, cut: int) -> None:
    """Shuffled and summed in two parts, the value is the same to the bit."""
    shuffled = values.tolist()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    parts = limbs_of(np.array(shuffled[:cut])), limbs_of(np.array(shuffled[cut:]))
    whole = np.array(limbs_of(values), np.int64)
    assert NARROW.value(whole) == NARROW.value(np.array(parts[0]) + np.array(parts[1]))


def test_small_values_survive_huge_ones() -> None:
    """1e17 among 1s, then taken back, leaves the 1s."""
    limbs = np.array(limbs_of(np.array([1e17, 1.0, 1.0, 1e300, -1e300, -1e17])), np.int64)
    assert NARROW.value(limbs) == 2.0


@given(floats)
def test_a_square_is_exact(x: float) -> None:
    """x * x is held exactly over float64's whole range."""
    limbs = np.zeros(WIDE.limbs, np.int64)
    for part in square(scaled(np.array([x]))):
        WIDE.add(limbs, part, np.ones(1, np.int64))
    assert Fraction(x) ** 2 == WIDE.fraction(limbs)


@given(floats, floats)
def test_a_difference_is_rounded_once(a: float, b: float) -> None:
    """a - b is float64's, and finite where float64 overflows."""
    limbs = np.zeros(NARROW.limbs, np.int64)
    NARROW.add(limbs, difference(np.array([a]), np.array([b])), np.ones(1, np.int64))
    expected = a - b
    if abs(expected) < inf:
        assert expected == NARROW.value(limbs)
    else:
        assert abs(NARROW.fraction(limbs) / (Fraction(a) - Fraction(b)) - 1) < Fraction(1, 2**52)


@settings(max_examples=50)
@given(st.sampled_from(Task), seeds, st.integers(0, 40), st.integers(0, 40))
def test_merging_equals_seeing_everything(task: Task, seed: int, rows: int, cut: int) -> None:
    """Any split of the changes, in any order, sums to the same counts and sums."""
    data, at = some_changes(seed, rows), layout(task)
    order = np.random.default_rng(seed + 1).permutation(rows)
    a, b = at.totals(data, order[:cut]), at.totals(data, order[cut:])
    whole = at.totals(data, np.arange(rows))
    assert flat(whole) == flat(Totals(a.counts + b.counts, a.sums + b.sums, a.low, a.high))


@settings(max_examples=50)
@given(st.sampled_from(Task), seeds, st.integers(0, 20))
def test_a_change_taken_back_leaves_nothing(task: Task, seed: int, rows: int) -> None:
    """The same changes with the opposite sign are the inverse: the sum is the identity."""
    data, at = some_changes(seed, rows), layout(task)
    forth = at.totals(data, np.arange(rows))
    data.sign = -data.sign
    back = at.totals(data, np.arange(rows))
    assert flat(at.empty()) == (np.array(flat(forth)) + np.array(flat(back))).tolist()


@settings(max_examples=50)
@given(st.sampled_from([Task.BINARY, Task.MULTICLASS]), seeds)
def test_growing_then_summing_equals_summing_then_growing(task: Task, seed: int) -> None:
    """Old totals converted to more classes and segment values are what the grown layout would have summed."""
    data, at, rows = some_changes(seed, 30), layout(task), np.arange(30)
    wider = (("region", ("eu", "us", "asia")), SEGMENTS[1])
    grown = at.grown((*CLASSES, "d", "e"), wider)
    assert flat(grown.totals(data, rows)) == flat(at.convert(at.totals(data, rows), grown))


def test_growing_follows_names_not_places() -> None:
    """Classes that change places keep their counts."""
    old = PerformanceLayout.of(Task.MULTICLASS, ("b", "a"))
    new = old.grown(("a", "b", "c"))
    counts = old.reference_totals(("b", "a"), np.array([[5, 1], [2, 7]]))
    expected = new.reference_totals(("a", "b"), np.array([[7, 2], [1, 5]]))
    assert flat(expected) == flat(old.convert(counts, new))


def test_capacity_is_a_power_of_two_with_room() -> None:
    """Multiclass has room for at least 4 classes, binary exactly its own, regression none."""
    of = PerformanceLayout.of
    actual = [of(Task.MULTICLASS, tuple("abcdefghi"[:k])).capacity for k in (0, 4, 5, 9)]
    assert [4, 4, 8, 16] == actual
    assert (2, 0) == (of(Task.BINARY, ("n", "y"), "y").capacity, of(Task.REGRESSION).capacity)
