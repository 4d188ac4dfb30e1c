"""A real broker for the session, or a loud skip."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_SPEC = importlib.util.spec_from_file_location("real_broker", Path(__file__).with_name("real_broker.py"))
real_broker: Any = importlib.util.module_from_spec(_SPEC)  # type: ignore[arg-type]
_SPEC.loader.exec_module(real_broker)  # type: ignore[union-attr]


def _broker(folder: Path, *, killable: bool) -> Any:
    try:
        return real_broker.real_kafka(folder, killable=killable)
    except real_broker.Unavailable as error:
        if os.environ.get("DRIFTLINE_REQUIRE_KAFKA") == "1":
            pytest.fail(f"no real Kafka: {error}")
        pytest.skip(f"NO REAL KAFKA: {error}")


@pytest.fixture(scope="module")
def any_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Kafka that tests share and leave alive; topics need names of their own."""
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
