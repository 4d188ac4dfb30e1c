"""``driftline run`` that kills itself at a point of its first commit with a trigger: ``POINT TOPIC run --config F``."""

from __future__ import annotations

import sqlite3
import sys
from typing import Any

from driftline.cli import invoke, run
from driftline.testing.crashes import (
    CrashingPublisher,
    CrashingStore,
    Plan,
    Point,
    crashing_connect,
)

plan = Plan(Point(sys.argv[1]), sys.argv[2])
Store, Publisher = run.SqliteStore, run.KafkaPublisher


class _Stores:
    """Opens stores that die."""

    @staticmethod
    def open(*arguments: Any, **options: Any) -> Any:
        return CrashingStore(Store.open(*arguments, **options), plan)


def _publisher(*arguments: Any, **options: Any) -> Any:
    return CrashingPublisher(Publisher(*arguments, **options), plan)


sqlite3.connect = crashing_connect(plan)  # type: ignore[assignment]
run.SqliteStore, run.KafkaPublisher = _Stores, _publisher  # type: ignore[assignment, misc]
sys.exit(invoke(sys.argv[3:]))
