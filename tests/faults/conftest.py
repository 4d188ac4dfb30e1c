"""An embedded broker with a stream's topics, and the model's reference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from driftline.sources.embedded import EmbeddedBroker
from tests.oracle.reference import write_references

PARTITIONS = 2


@pytest.fixture(scope="session")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the reference of model ``m``, built once."""
    folder = tmp_path_factory.mktemp("references")
    write_references(folder, ["m"])
    return folder / "references"


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """The embedded broker with the topics of stream ``s`` and those that are written to."""
    topics = {f"s-{kind}": PARTITIONS for kind in ("predictions", "labels", "features")}
    with EmbeddedBroker(topics | {"own-triggers": 1, "own-dead": 1, "own-feedback": 1}) as embedded:
        yield embedded
