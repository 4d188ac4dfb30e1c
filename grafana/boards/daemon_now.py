"""What is known of driftline itself now."""

from __future__ import annotations

from boards.panels import GREEN, GREY, RED, YELLOW, number
from boards.queries import of, process, unit

PARTITION = "stream, topic, partition"
LAG = f"max by ({PARTITION}) ({of('consumer_lag_messages')})"
UP_DOWN = {"0": ("down", RED), "1": ("up", GREEN)}

NOW = [
    (
        3,
        number(
            "Ready",
            "Whether nothing stands in its way; /-/ready says what does.",
            f"min({of('ready')})",
            "none",
            ((1, GREEN),),
            RED,
            texts={"0": ("no", RED), "1": ("yes", GREEN)},
        ),
    ),
    (
        3,
        number(
            "Kafka",
            "Whether a broker is reachable.",
            f"min({of('kafka_up')})",
            "none",
            ((1, GREEN),),
            RED,
            texts=UP_DOWN,
        ),
    ),
    (
        3,
        number(
            "Configuration",
            "Whether it was last read without errors.",
            f"min({of('config_last_reload_successful')})",
            "none",
            ((1, GREEN),),
            RED,
            texts={"0": ("has errors", RED), "1": ("in force", GREEN)},
        ),
    ),
    (
        3,
        number(
            "Streams on hold",
            "Streams that wait for a person, because Kafka no longer has what they need.",
            f"sum(max by (stream) ({of('stream_on_hold')}))",
            "none",
            ((1, RED),),
        ),
    ),
    (
        3,
        number(
            "Lag",
            "Records that are not read yet, in all partitions.",
            f"sum({LAG})",
            "short",
            ((10_000, YELLOW), (1_000_000, RED)),
        ),
    ),
    (
        3,
        number(
            "Outbox",
            "Events (triggers, alerts, dead letters) that are committed and not yet in Kafka.",
            f"max({of('outbox_pending_events')})",
            "short",
            ((100, YELLOW), (10_000, RED)),
        ),
    ),
    (
        3,
        number(
            "Last commit",
            "Age of the newest commit; without new data there is none.",
            f"time() - max({of('commit_last_success_timestamp_seconds')})",
            "s",
            base=GREY,
            decimals=0,
        ),
    ),
    (
        3,
        number(
            "Memory",
            "Resident memory of the process.",
            f"max({process('resident_memory_bytes')})",
            unit("resident_memory_bytes"),
            base=GREY,
        ),
    ),
]
