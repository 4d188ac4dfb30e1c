"""Retraining requests as GitHub repository dispatches, which start the workflow of retrain.yaml.

Usage: GITHUB_TOKEN=… python dispatch.py BOOTSTRAP_SERVERS OWNER/REPOSITORY

An offset is committed after GitHub has taken the request: after a crash one may be sent again, with the same id, which
the workflow's concurrency group and its first step bear.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any
from urllib.request import Request, urlopen

from confluent_kafka import Consumer

REQUESTED = "io.driftline.retraining.requested.v1"
EVENT_TYPE = "driftline-retraining-requested"


def payload(event: dict[str, Any]) -> dict[str, Any] | None:
    """The body of the dispatch; None for an event that asks for nothing. GitHub takes ten keys of client_payload."""
    data = event["data"]
    if event["type"] != REQUESTED or data["backfilled"]:
        return None
    return {
        "event_type": EVENT_TYPE,
        "client_payload": {
            "id": event["id"],
            "model": data["model"]["name"],
            "version": data["model"]["version"],
            "severity": data["severity"],
            "reason": data["reason"],
            "window": data["window"],
            "violations": data["violations"],
            "drifted_features": data["drifted_features"][:20],
            "data_range": data["data_range"],
            "reference": data["reference"],
        },
    }


def dispatch(body: dict[str, Any], repository: str, token: str, api: str = "https://api.github.com") -> None:
    """Send one; an answer other than 2xx raises, and the offset is not committed."""
    request = Request(  # noqa: S310 - the address is the user's own
        f"{api}/repos/{repository}/dispatches",
        data=json.dumps(body).encode(),
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "driftline",
        },
        method="POST",
    )
    with urlopen(request, timeout=30):  # noqa: S310
        pass


def follow(bootstrap_servers: str, topic: str, wait_s: float):  # noqa: ANN201
    """Yield (consumer, message) of each event; end when none came for ``wait_s`` seconds (0: never)."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "driftline-github",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    heard = time.monotonic()
    try:
        while not wait_s or time.monotonic() - heard < wait_s:
            message = consumer.poll(0.5)
            if message is None or message.error():
                continue
            heard = time.monotonic()
            yield consumer, message
    finally:
        consumer.close()


def main() -> None:
    """Send each request once, as far as a commit tells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap_servers")
    parser.add_argument("repository")
    parser.add_argument("--topic", default="driftline.triggers")
    parser.add_argument("--api", default="https://api.github.com")
    parser.add_argument("--wait", type=float, default=0.0)
    options = parser.parse_args()
    seen: set[str] = set()
    for consumer, message in follow(options.bootstrap_servers, options.topic, options.wait):
        event = json.loads(message.value())
        body = payload(event)
        if body is not None and event["id"] not in seen:
            dispatch(body, options.repository, os.environ["GITHUB_TOKEN"], options.api)
            seen.add(event["id"])
            print(f"sent {event['id'][:12]}: {event['data']['reason']}", flush=True)
        consumer.commit(message, asynchronous=False)


if __name__ == "__main__":
    main()
