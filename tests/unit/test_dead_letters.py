"""Dead letters say where a record stood and why, and never grow beyond what Kafka takes."""

from __future__ import annotations

import numpy as np
import pytest

from driftline.records import Kind, RawBatch, Reject
from driftline.sinks.dead_letters import CARRIED_BYTES, dead_letter


def batch(value: bytes | None) -> RawBatch:
    """One record at offset 7 of in[2]."""
    return RawBatch(Kind.LABEL, (("in", 2),), np.zeros(1, np.int32), np.array([7]), np.array([-1]), [value])


def test_a_dead_letter_names_its_place_and_reason() -> None:
    """Fault 36: topic, partition, offset, reason, and the original bytes."""
    message = dead_letter(batch(b"{bad"), Reject(0, "not_json"), "dead", 100)
    expected = {
        "driftline_topic": b"in", "driftline_partition": b"2", "driftline_offset": b"7", "driftline_reason": b"not_json",
    }  # fmt: skip
    assert (expected, b"{bad") == (dict(message.headers), message.value)


@pytest.mark.parametrize("limit", [100, 10 * CARRIED_BYTES])
def test_a_large_record_leaves_a_reference_only(limit: int) -> None:
    """Fault 41: over the limit, or over what one message can carry, its size stands for it."""
    message = dead_letter(batch(b"x" * (CARRIED_BYTES + 1)), Reject(0, "too_large"), "dead", limit)
    assert (b"", str(CARRIED_BYTES + 1).encode()) == (message.value, dict(message.headers)["driftline_size"])


def test_a_tombstone_stays_one() -> None:
    """Fault 35: null is not the empty string."""
    assert dead_letter(batch(None), Reject(0, "empty"), "dead", 100).value is None
