"""A real Kafka of the test's own, that may be killed, or a loud skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.real_broker import Unavailable, real_kafka


@pytest.fixture
def java_kafka(tmp_path: Path) -> Iterator[Any]:
    """Never the one that the environment names: nobody may kill that."""
    folder = tmp_path / "kafka"
    folder.mkdir()
    try:
        broker = real_kafka(folder, killable=True)
    except Unavailable as error:
        if os.environ.get("DRIFTLINE_REQUIRE_KAFKA") == "1":
            pytest.fail(f"no real Kafka: {error}")
        pytest.skip(f"NO REAL KAFKA: {error}")
    yield broker
    broker.thaw()
    broker.close()
