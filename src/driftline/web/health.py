"""Whether the daemon can do its work, as the orchestrator asks. Alive and ready are two questions."""

from __future__ import annotations

from typing import Any

from driftline.metrics.view import DaemonView


def readiness(view: DaemonView) -> tuple[int, dict[str, Any]]:
    """HTTP status and body: 200 when ready, else 503 with the reasons."""
    if view.ready:
        return 200, {"ready": True, "reasons": []}
    return 503, {"ready": False, "reasons": list(view.reasons) or ["starting"]}
