"""``driftline run`` that kills itself at a point of its first commit with an effect: ``POINT run --config F``."""

from __future__ import annotations

import sqlite3
import sys
from typing import Any

from driftline.cli import invoke, run
from driftline.testing.crashes import (
    CrashingPublisher,
    CrashingStore,
    Point,
    crashing_connect,
    kill_this_process,
)

point = Point(sys.argv[1])
Store, Publisher = run.SqliteStore, run.KafkaPublisher


class _Stores:
    """Opens stores that die."""

    @staticmethod
    def open(*arguments: Any, **options: Any) -> Any:
        return CrashingStore(Store.open(*arguments, **options), point, kill_this_process)


def _publisher(*arguments: Any, **options: Any) -> Any:
    return CrashingPublisher(Publisher(*arguments, **options), point, kill_this_process)


sqlite3.connect = crashing_connect(point, kill_this_process)  # type: ignore[assignment]
run.SqliteStore, run.KafkaPublisher = _Stores, _publisher  # type: ignore[assignment, misc]
sys.exit(invoke(sys.argv[2:]))
