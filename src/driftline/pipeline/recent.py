"""The newest published events, kept for the page and the API; bounded, and stored only when one is added."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from driftline.instants import parse_instant
from driftline.metrics.view import TriggerView
from driftline.records import Blob, Message

KEPT = 50
FORMAT = 1
_LONGEST = 20
"""Entries that are kept of a list of evidence."""


@dataclass(slots=True)
class Recent:
    """Events, oldest first."""

    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    dirty: bool = False
    """Something was added since the last ``blob``."""

    def note(self, message: Message) -> dict[str, Any]:
        """Add an event that is to be published, and read it."""
        event: dict[str, Any] = json.loads(message.value or b"{}")
        data = {k: v[:_LONGEST] if isinstance(v, list) else v for k, v in event["data"].items()}
        self.events.append({**event, "data": data})
        self.dirty = True
        return event

    def blob(self) -> Blob:
        """For the state file."""
        self.dirty = False
        return Blob(FORMAT, {"events": list(self.events)})

    def restore(self, blob: Blob | None) -> None:
        """What ``blob`` wrote; nothing where there is none."""
        self.events.extend(blob.data["events"] if blob is not None else ())

    def views(self) -> tuple[TriggerView, ...]:
        """Newest first."""
        return tuple(_view(event) for event in reversed(self.events))


def _view(event: dict[str, Any]) -> TriggerView:
    data = event["data"]
    return TriggerView(
        id=event["id"],
        type=event["type"].removeprefix("io.driftline.").removesuffix(".v1"),
        time_ms=parse_instant(event["time"]),
        stream=event["source"].removeprefix("/driftline/"),
        model=data["model"]["name"],
        version=data["model"]["version"],
        rule=data["episode"]["rule"],
        severity=data["severity"],
        reason=data["reason"],
        data=data,
    )
