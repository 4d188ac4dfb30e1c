"""Whether the daemon can do its work, as the orchestrator asks. Alive and ready are two questions."""

from __future__ import annotations

from typing import Any

from driftline.metrics.view import DaemonView

STILL_MS = 60_000
"""A loop that has shown nothing new for so long hangs: on a disk that does not answer, for example."""


def readiness(view: DaemonView, now_ms: int) -> tuple[int, dict[str, Any]]:
    """HTTP status and body: 200 when ready, else 503 with the reasons."""
    still_ms = now_ms - view.now_ms if view.now_ms else 0
    if still_ms > STILL_MS:
        return 503, {
            "ready": False,
            "reasons": [f"nothing has happened for {still_ms // 1000} s", *view.reasons],
        }
    if view.ready:
        return 200, {"ready": True, "reasons": []}
    return 503, {"ready": False, "reasons": list(view.reasons) or ["starting"]}
