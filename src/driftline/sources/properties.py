"""What librdkafka is told: the daemon's own properties, the user's, and what stands where neither speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OWNED: Mapping[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "allow.auto.create.topics": False,
}
"""What the daemon must own; the configuration refuses them in ``properties``."""
DEFAULTS: Mapping[str, Any] = {"check.crcs": True, "reconnect.backoff.max.ms": 2_000}
"""What ``properties`` may change: damaged batches are found, and a broker that is back is met soon."""
_CONSUMING = (
    "group.",
    "auto.offset",
    "check.crcs",
    "enable.auto",
    "enable.partition",
    "isolation.",
    "fetch.",
    "queued.",
)


def consumer(bootstrap_servers: str, group_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of the source's consumers."""
    own = {"bootstrap.servers": bootstrap_servers, "group.id": group_id, "log_level": 0}
    return {**DEFAULTS, **properties, **own, **OWNED}


def admin(consumer_properties: Mapping[str, Any]) -> dict[str, Any]:
    """Those that an admin client takes too: what is about consuming makes it warn."""
    return {k: v for k, v in consumer_properties.items() if not k.startswith(_CONSUMING)}
