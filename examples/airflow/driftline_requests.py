"""What of driftline's trigger topic starts the DAG of retrain_dag.py; both files go into the DAG folder."""

from __future__ import annotations

import json
from typing import Any

REQUESTED = "io.driftline.retraining.requested.v1"


def accept(message: Any, model: str | None = None) -> dict[str, Any] | None:
    """Airflow's ``apply_function``: what the DAG gets of a Kafka message, or None for one that starts nothing.

    Alerts, resolved requests and backlogs start nothing; nor does the request of another model.
    """
    event = json.loads(message.value())
    data = event["data"]
    if event["type"] != REQUESTED or data["backfilled"]:
        return None
    if model is not None and data["model"]["name"] != model:
        return None
    return {
        "id": event["id"],
        "model": data["model"]["name"],
        "version": data["model"]["version"],
        "reason": data["reason"],
        "window": {end: data["window"][end] for end in ("start", "end")},
        "data_range": data["data_range"],
    }
