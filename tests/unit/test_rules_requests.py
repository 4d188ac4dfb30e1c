"""One open request per (model, version)."""

from __future__ import annotations

from driftline.rules.requests import Requests, due, fired, resolved

NOTHING = Requests()
DAY = 86_400_000


def test_the_first_that_fires_opens_and_the_others_join():
    """They are reasons of the one request, and do not ask again."""
    state, first = fired(NOTHING, "a", 0)
    state, second = fired(state, "b", 1)
    assert ("opened", "attached", Requests("a", ("a", "b"))) == (first, second, state)


def test_it_is_resolved_when_all_are():
    """Also when the one that opened it goes first; then the cooldown starts."""
    state, _ = fired(*fired(NOTHING, "a", 0)[:1], "b", 1)
    state, first = resolved(state, "a", 2, 3 * DAY)
    state, second = resolved(state, "b", 5, 3 * DAY)
    assert ("left", "resolved", Requests(cooldown_until_ms=5 + 3 * DAY)) == (first, second, state)


def test_the_cooldown_keeps_a_rule_from_asking_until_it_ends():
    """A rule that still fires when it ends asks then."""
    state, said = fired(Requests(cooldown_until_ms=10), "a", 9)
    early, nobody = due(state, 9)
    opened, asker = due(early, 10)
    assert ("waits", None, "a", Requests("a", ("a",))) == (said, nobody, asker, opened)


def test_a_rule_that_stops_firing_in_the_cooldown_does_not_ask():
    """It leaves the queue; nothing is resolved, because nothing was open."""
    state, _ = fired(Requests(cooldown_until_ms=10), "a", 5)
    state, said = resolved(state, "a", 7, 0)
    assert ("left", (Requests(cooldown_until_ms=10), None)) == (said, due(state, 10))


def test_all_that_wait_join_the_request_of_the_first():
    """One request again, with all reasons."""
    state, _ = fired(*fired(Requests(cooldown_until_ms=10), "a", 5)[:1], "b", 6)
    assert (Requests("a", ("a", "b")), "a") == due(state, 12)


def test_one_that_fires_as_the_cooldown_ends_does_not_overtake_those_that_wait():
    """On a tie the caller's order of the waiting decides, not who fired at that very instant."""
    state, _ = fired(Requests(cooldown_until_ms=10), "a", 5)
    state, said = fired(state, "b", 10)
    assert ("waits", (Requests("a", ("a", "b")), "a")) == (said, due(state, 10))


def test_without_a_cooldown_the_next_may_ask_at_once():
    """Zero is the default."""
    state, _ = fired(NOTHING, "a", 0)
    state, _ = resolved(state, "a", 1, 0)
    assert (Requests("b", ("b",)), "opened") == fired(state, "b", 1)


def test_due_without_anybody_waiting_changes_nothing():
    """Neither an idle state nor an open request asks."""
    opened, _ = fired(NOTHING, "a", 0)
    assert ((NOTHING, None), (opened, None)) == (due(NOTHING, 5), due(opened, 5))
