"""A real broker for the session, or a loud skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kafka import real_broker


def _broker(folder: Path, *, killable: bool) -> Any:
    try:
        return real_broker.real_kafka(folder, killable=killable)
    except real_broker.Unavailable as error:
        if os.environ.get("DRIFTLINE_REQUIRE_KAFKA") == "1":
            pytest.fail(f"no real Kafka: {error}")
        pytest.skip(f"NO REAL KAFKA: {error}")


@pytest.fixture(scope="session")
def any_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Kafka that all tests share and leave alive; topics need names of their own."""
    broker = _broker(tmp_path_factory.mktemp("kafka"), killable=False)
    yield broker
    broker.close()


@pytest.fixture
def java_kafka(tmp_path: Path) -> Iterator[Any]:
    """A Kafka of this test's own, that may be killed, restarted and frozen."""
    if servers := real_broker.given():
        pytest.skip(f"KAFKA NOT KILLED: {servers} was given, and this test kills its broker")
    broker = _broker(tmp_path, killable=True)
    yield broker
    broker.thaw()
    broker.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first, so that no worker waits for them in the end."""
    items.sort(key=lambda item: item.path.parent.name != "story")
