"""What happens while the demo runs: told as it happens, and summed up at the end."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.request import urlopen

from confluent_kafka import Consumer, Producer

REQUESTED = "io.driftline.retraining.requested.v1"
MOVED_PSI = 0.1
"""A feature below it has not drifted, and is not named among those that did."""


def send_events(
    bootstrap_servers: str, events: Iterator[tuple[str, str, bytes]], step: Callable[[int], None]
) -> int:
    """Produce everything, keyed by prediction_id; ``step`` is told how much was sent."""
    producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 20, "batch.num.messages": 1000})
    failed: list[str] = []
    count = 0
    for topic, key, value in events:
        while True:
            try:
                producer.produce(
                    topic,
                    value=value,
                    key=key,
                    on_delivery=lambda e, _m: failed.append(str(e)) if e else None,
                )
                break
            except BufferError:
                producer.poll(0.05)
        count += 1
        if count % 2000 == 0:
            producer.poll(0)
            step(count)
    producer.flush(60)
    if failed:
        raise RuntimeError(f"{len(failed)} events were not delivered: {failed[0]}")
    return count


@dataclass(slots=True)
class Story:
    """Follows the daemon through its API and the trigger topic."""

    address: str
    bootstrap_servers: str
    tell: Callable[[str], None]
    alive: Callable[[], bool] = lambda: True
    events: list[dict[str, Any]] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _pending: dict[str, str] = field(default_factory=dict)
    _consumer: Consumer | None = None

    def get(self, path: str) -> Any:
        """JSON from the daemon; None while it does not answer."""
        try:
            with urlopen(f"{self.address}{path}", timeout=5) as answer:  # noqa: S310
                return json.load(answer)
        except OSError:
            return None

    def wait_until_up(self, patience_s: float = 30) -> None:
        """Until the daemon answers."""
        deadline = time.monotonic() + patience_s
        while self.get("/-/ready") is None:
            if not self.alive() or time.monotonic() > deadline:
                raise RuntimeError("the daemon did not start")
            time.sleep(0.1)

    def watermark(self) -> datetime | None:
        """How far the daemon has come, in the data's time."""
        try:
            with urlopen(f"{self.address}/metrics", timeout=5) as answer:  # noqa: S310
                lines = answer.read().decode().splitlines()
        except OSError:
            return None
        value = next(
            (x.rsplit(" ", 1)[1] for x in lines if x.startswith("driftline_watermark_timestamp_seconds{")),
            None,
        )
        return None if value is None else datetime.fromtimestamp(float(value), UTC)

    def look(self) -> None:
        """Tell what is new on the topic."""
        if not self.alive():
            raise RuntimeError("the daemon has ended")
        for event in self._new_events():
            self.events.append(event)
            self.tell(_sentence(event))

    def _new_events(self) -> Iterator[dict[str, Any]]:
        if self._consumer is None:
            settings = {
                "bootstrap.servers": self.bootstrap_servers,
                "group.id": "demo",
                "auto.offset.reset": "earliest",
            }
            self._consumer = Consumer(settings)
            self._consumer.subscribe(["driftline.triggers"])
        while (message := self._consumer.poll(0.05)) is not None:
            if message.error():
                continue
            event = json.loads(message.value() or b"")
            if event["id"] not in self._seen:
                self._seen.add(event["id"])
                yield event

    def close(self) -> None:
        """Leave the topic."""
        if self._consumer is not None:
            self._consumer.close()


def _sentence(event: dict[str, Any]) -> str:
    what = {
        REQUESTED: "[bold red]retraining requested[/]", "io.driftline.retraining.resolved.v1": "[green]request resolved[/]",
        "io.driftline.alert.fired.v1": "[yellow]alert[/]", "io.driftline.alert.resolved.v1": "[green]alert resolved[/]",
    }[event["type"]]  # fmt: skip
    data = event["data"]
    start = data["episode"]["start"][:10]
    text = f"{event['time'][:10]}  {what}  {data['episode']['rule']}: {data['reason']}"
    if event["type"].endswith(("requested.v1", "fired.v1")):
        drifted = ", ".join(f"{d['feature']} {d['value']:.2f}" for d in data["drifted_features"][:3])
        text += f"\n            pending since {start}; most drifted (PSI): {drifted}"
    return text


def quarters(
    samples: Iterator[dict[str, Any]], events: list[dict[str, Any]]
) -> list[tuple[str, str, str, str]]:
    """Per quarter: (quarter, F1, most drifted features, triggers)."""
    f1: dict[str, dict[str, Any]] = {}
    psi: dict[str, dict[str, float]] = defaultdict(dict)
    for sample in samples:
        quarter = _quarter(sample["end"])
        if sample["value"] is None:
            continue
        if sample["statistic"] == "f1" and sample.get("average") == "binary":
            f1[quarter] = sample
        elif sample["statistic"] == "psi":
            held = psi[quarter]
            held[sample["feature"]] = max(held.get(sample["feature"], 0.0), sample["value"])
    asked: dict[str, int] = defaultdict(int)
    for event in events:
        asked[_quarter(event["time"])] += event["type"] == REQUESTED
    return [_row(q, f1.get(q), psi[q], asked[q]) for q in sorted({*f1, *psi})]


def _row(
    quarter: str, f1: dict[str, Any] | None, psi: dict[str, float], asked: int
) -> tuple[str, str, str, str]:
    shown = f"{f1['value']:.3f} ({f1['low']:.3f} to {f1['high']:.3f})" if f1 else "–"
    moved = [item for item in psi.items() if item[1] >= MOVED_PSI]
    worst = sorted(moved, key=lambda item: -item[1])[:3]
    return quarter, shown, ", ".join(f"{n} {v:.2f}" for n, v in worst), str(asked or "–")


def _quarter(time_text: str) -> str:
    return f"{time_text[:4]} Q{(int(time_text[5:7]) + 2) // 3}"
