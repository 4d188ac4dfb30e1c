"""When an offset cannot be read on: the one rule of loss, for Kafka and the fake alike."""

from __future__ import annotations

UNKNOWN_OFFSET = -1
"""A watermark that was not learned yet."""


def loss_reason(position: int, low: int, high: int) -> str | None:
    """Why a position cannot be read on; None: it can."""
    if position < low:
        return f"offset {position} is below the oldest record, {low}"
    if position > high:
        return f"offset {position} is above the end, {high}"
    return None
