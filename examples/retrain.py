"""A retraining job, as a subscriber of driftline's trigger topic would be written.

Reads retraining requests, drops second copies by their id, and says what it would retrain on.
Usage: python examples/retrain.py BOOTSTRAP_SERVERS [TOPIC] [--wait SECONDS]
"""

from __future__ import annotations

import argparse
import json
import time

from confluent_kafka import Consumer

REQUESTED = "io.driftline.retraining.requested.v1"


def requests(bootstrap_servers: str, topic: str, wait_s: float):  # noqa: ANN201
    """Yield each retraining request once; end when none came for ``wait_s`` seconds."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "retraining-job",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    seen: set[str] = set()
    deadline = time.monotonic() + wait_s
    try:
        while time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is None or message.error():
                continue
            event = json.loads(message.value())
            if event["type"] != REQUESTED or event["id"] in seen:
                continue
            seen.add(event["id"])
            deadline = time.monotonic() + wait_s
            yield event
    finally:
        consumer.close()


def describe(event: dict) -> str:
    """What this job would do with a request."""
    data = event["data"]
    lines = [
        f"retrain {data['model']['name']}/{data['model']['version']}: {data['reason']}",
        (
            f"  request {event['id'][:12]}, window {data['window']['start']} to {data['window']['end']}"
            f" ({data['window']['labelled']} labelled predictions)"
        ),
    ]
    lines += [
        f"  read {piece['topic']}[{piece['partition']}] offsets {piece['first_offset']} to {piece['last_offset']}"
        f" ({piece['first_time']} to {piece['last_time']})"
        for piece in data["data_range"]
    ]
    return "\n".join(lines)


def main() -> None:
    """Print each request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap_servers")
    parser.add_argument("topic", nargs="?", default="driftline.triggers")
    parser.add_argument("--wait", type=float, default=10.0)
    options = parser.parse_args()
    for event in requests(options.bootstrap_servers, options.topic, options.wait):
        print(describe(event), flush=True)


if __name__ == "__main__":
    main()
