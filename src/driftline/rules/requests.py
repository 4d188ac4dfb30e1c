"""One open request for retraining per (model, version), however many rules ask."""

from __future__ import annotations

from dataclasses import dataclass, replace

Asker = str
"""The key of a rule's instance."""


@dataclass(frozen=True, slots=True)
class Requests:
    """What is open, who asked, and until when nobody may ask again."""

    opener: Asker | None = None
    firing: tuple[Asker, ...] = ()
    """Instances that fire and belong to the open request."""
    waiting: tuple[Asker, ...] = ()
    """Instances that fire, and that the cooldown keeps from asking."""
    cooldown_until_ms: int | None = None


def fired(state: Requests, asker: Asker, now_ms: int) -> tuple[Requests, str]:
    """An instance fires: it opens a request, joins the open one, or waits for the cooldown's end.

    Where others wait already, it waits beside them, and ``due`` says which of them asks.
    """
    if state.opener is not None:
        return replace(state, firing=(*state.firing, asker)), "attached"
    if state.waiting or (state.cooldown_until_ms is not None and now_ms < state.cooldown_until_ms):
        return replace(state, waiting=(*state.waiting, asker)), "waits"
    return Requests(asker, (asker,)), "opened"


def resolved(state: Requests, asker: Asker, now_ms: int, cooldown_ms: int) -> tuple[Requests, str]:
    """An instance stops firing: the request is resolved when the last of its instances is.

    ``cooldown_ms`` is the opener's.
    """
    waiting = tuple(a for a in state.waiting if a != asker)
    firing = tuple(a for a in state.firing if a != asker)
    if state.opener is None or asker not in state.firing or firing:
        return replace(state, waiting=waiting, firing=firing), "left"
    return Requests(waiting=waiting, cooldown_until_ms=now_ms + cooldown_ms), "resolved"


def due(state: Requests, now_ms: int) -> tuple[Requests, Asker | None]:
    """The cooldown is over: the first instance that still waits asks now."""
    over = state.cooldown_until_ms is None or now_ms >= state.cooldown_until_ms
    if state.opener is not None or not state.waiting or not over:
        return state, None
    return Requests(state.waiting[0], state.waiting), state.waiting[0]
