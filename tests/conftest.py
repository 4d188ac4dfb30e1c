"""A real broker for the session, or a loud skip."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kafka import real_broker


def _broker(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except real_broker.Unavailable as error:
        if os.environ.get("DRIFTLINE_REQUIRE_KAFKA") == "1":
            pytest.fail(f"no real Kafka: {error}")
        pytest.skip(f"NO REAL KAFKA: {error}")


@pytest.fixture(scope="session")
def any_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Kafka that all tests share and leave alive; topics need names of their own."""
    folder = tmp_path_factory.mktemp("kafka")
    broker = _broker(lambda: real_broker.real_kafka(folder))
    yield broker
    broker.close()


@pytest.fixture
def java_kafka(tmp_path: Path) -> Iterator[Any]:
    """A Kafka of this test's own, that may be killed, restarted and frozen."""
    if servers := real_broker.given():
        pytest.skip(f"KAFKA NOT KILLED: {servers} was given, and this test kills its broker")
    broker = _broker(lambda: real_broker.real_kafka(tmp_path, killable=True))
    yield broker
    broker.thaw()
    broker.close()


@pytest.fixture(scope="module")
def login_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Kafka with a second door, ``sasl_servers``, that asks for a name and a password (``real_broker.USER``)."""
    if servers := real_broker.given():
        pytest.skip(f"NO LOGIN: {servers} was given, and this test needs a broker with users of its own")
    folder = tmp_path_factory.mktemp("kafka")
    broker = _broker(lambda: real_broker.JavaKafka(folder, users=dict([real_broker.USER])))
    yield broker
    broker.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first, so that no worker waits for them in the end."""
    items.sort(key=lambda item: item.path.parent.name != "story")
