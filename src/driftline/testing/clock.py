"""A clock that stands still until it is told to move."""

from __future__ import annotations


class ManualClock:
    """The fake of ``ports.Clock``."""

    def __init__(self, now_ms: int = 0) -> None:
        self._wall_ms = now_ms
        self._passed_ms = 0

    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return self._wall_ms

    def monotonic_s(self) -> float:
        """Seconds since the clock was made."""
        return self._passed_ms / 1000

    def advance(self, ms: int) -> None:
        """Let time pass."""
        self._wall_ms += ms
        self._passed_ms += ms

    def step(self, ms: int) -> None:
        """Move the wall clock alone, as NTP or an operator does."""
        self._wall_ms += ms
