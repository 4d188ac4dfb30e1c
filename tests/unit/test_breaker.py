"""When a partition pauses for its dead letters."""

from __future__ import annotations

from driftline.sinks.breaker import Breaker, LetterLimits

A, B = ("t", 0), ("t", 1)
LIMITS = LetterLimits(pending=10, a_second=5.0, burst=40)


def _letters(key: tuple[str, int], first: int, count: int) -> dict[str, tuple[str, int]]:
    return {f"{key[0]}/{key[1]}/{i}/not_json": key for i in range(first, first + count)}


def test_a_partition_whose_letters_nobody_takes_pauses_alone() -> None:
    """The dead-letter topic is down: bounded, nothing dropped; the others go on (Fault 54)."""
    breaker = Breaker(LIMITS)
    breaker.written(_letters(A, 0, 10) | _letters(B, 0, 3))
    assert frozenset() == breaker.step(0.0)
    breaker.written(_letters(A, 10, 1))
    assert {A} == breaker.step(0.1)


def test_it_goes_on_when_half_of_them_were_taken() -> None:
    """Not at the first one, so that it does not flap (Fault 54)."""
    breaker = Breaker(LIMITS)
    letters = list(_letters(A, 0, 11))
    breaker.written(dict.fromkeys(letters, A))
    assert {A} == breaker.step(0.0)
    for id_ in letters[:5]:
        breaker.delivered(id_)
    assert {A} == breaker.step(1.0)
    breaker.delivered(letters[5])
    breaker.delivered("a trigger")
    assert frozenset() == breaker.step(1.0)


def test_nothing_but_poison_is_slowed_to_the_rate_allowed() -> None:
    """Taken at once and still too many a second: 40 at once, then 5 a second on average (Fault 53)."""
    breaker = Breaker(LIMITS)
    read, paused = 0, False
    for tenth in range(1200):
        if not paused:
            letters = _letters(A, read, 8)
            breaker.written(letters)
            for id_ in letters:
                breaker.delivered(id_)
            read += 8
        paused = A in breaker.step(tenth / 10)
    assert 120 * 5 <= read <= 40 + 8 + 120 * 5


def test_a_few_bad_events_pause_nothing() -> None:
    """Below the rate for as long as one likes."""
    breaker = Breaker(LIMITS)
    for second in range(500):
        letters = _letters(A, second * 4, 4)
        breaker.written(letters)
        for id_ in letters:
            breaker.delivered(id_)
        assert frozenset() == breaker.step(float(second))
