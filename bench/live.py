"""A real daemon beside the embedded broker, each a process of its own, under a steady load: for the benches that need one."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import msgspec
import numpy as np
from confluent_kafka import KafkaError, Message, Producer
from whole_path import reference

from driftline.demo.processes import free_port, start_broker, start_daemon, stop
from driftline.reference.file import dump

FEATURES = 12
ENOUGH_S = 30.0


@dataclass(frozen=True)
class Live:
    """Where the parts answer."""

    servers: str
    address: str
    alive: Callable[[], bool]

    def scrape(self) -> dict[str, float]:
        """Every series of ``/metrics``: its name with its labels, and its value."""
        with urlopen(f"{self.address}/metrics", timeout=10) as answer:  # noqa: S310
            lines = answer.read().decode().splitlines()
        split = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {series: float(value) for series, _, value in split}

    def wait(self) -> None:
        """Until the daemon is ready."""
        end = time.monotonic() + ENOUGH_S
        while time.monotonic() < end and self.alive():
            with contextlib.suppress(OSError), urlopen(f"{self.address}/-/ready", timeout=5):  # noqa: S310
                return
            time.sleep(0.1)
        raise SystemExit("the daemon did not start")


def total(series: dict[str, float], name: str) -> float:
    """The sum of a family's series."""
    return sum(value for key, value in series.items() if key.partition("{")[0] == name)


@contextlib.contextmanager
def running(config: str, models: tuple[str, ...], partitions: int) -> Iterator[Live]:
    """Broker and daemon with a configuration, in which ``$SERVERS`` and ``$PORT`` are filled in."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        broker, servers = start_broker(partitions)
        daemon = None
        try:
            profile = dump(reference(FEATURES))
            for model in models:
                (folder / f"{model}-1.json").write_bytes(profile)
            text = config.replace("$SERVERS", servers).replace("$PORT", str(port))
            (folder / "config.yaml").write_text(text)
            process = daemon = start_daemon(folder / "config.yaml", folder / "log")
            live = Live(servers, f"http://127.0.0.1:{port}", lambda: process.poll() is None)
            try:
                live.wait()
                yield live
            finally:
                if process.poll() is not None:
                    print((folder / "log").read_text()[-2000:])
        finally:
            if daemon is not None:
                stop(daemon)
            stop(broker)


@dataclass
class Load:
    """Predictions at a steady rate, each with its label some while later; event time runs ``speed`` times as fast."""

    servers: str
    models: tuple[str, ...]
    rate: int
    """Predictions a second."""
    partitions: int
    label_after_s: float
    """By the clock."""
    speed: int = 1
    linger_ms: int = 5
    shift: Callable[[float], float] = lambda _at_s: 0.0
    """How far features have moved, by seconds since the start: their scores no longer tell the label."""
    acknowledged: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By topic, when the broker confirmed each event (``time.monotonic``)."""
    failed: Counter[str] = field(default_factory=Counter)

    def send(self, seconds: float, stopped: Callable[[], bool]) -> None:
        """Send for so long; it returns when everything is confirmed."""
        producer = Producer({"bootstrap.servers": self.servers, "linger.ms": self.linger_ms})
        start, origin_ms = time.monotonic(), time.time_ns() // 1_000_000
        labels: list[tuple[str, int, bytes]] = []
        sent = labelled = 0
        while (elapsed := time.monotonic() - start) < seconds and not stopped():
            while sent < elapsed * self.rate:
                at_s = sent / self.rate
                prediction, label = self._pair(
                    sent, origin_ms + int(at_s * 1000) * self.speed, self.shift(at_s)
                )
                self._produce(producer, "predictions", sent, prediction)
                labels.append(("labels", sent, label))
                sent += 1
            while labelled < (elapsed - self.label_after_s) * self.rate and labelled < sent:
                self._produce(producer, *labels[labelled])
                labels[labelled] = ("", 0, b"")
                labelled += 1
            producer.poll(0.005)
        producer.flush(30)

    def _pair(self, i: int, time_ms: int, shift: float) -> tuple[bytes, bytes]:
        rng = np.random.default_rng(i)
        score, model = float(rng.random()), self.models[i % len(self.models)]
        moved = shift if model == self.models[-1] else 0.0
        truth = rng.random() < (score if moved == 0 else 0.5)
        features = {f"f{j}": v for j, v in enumerate((rng.normal(size=FEATURES) + moved).round(6).tolist())}
        prediction = {
            "prediction_id": f"p{i}", "model": model, "version": "1", "time": time_ms, "features": features,
            "prediction": int(score > 0.5), "score": score, "latency_ms": 5 + 10 * score,
        }  # fmt: skip
        known_ms = time_ms + int(self.label_after_s * 1000) * self.speed
        label = {"prediction_id": f"p{i}", "model": model, "label": int(truth), "time": known_ms}
        return msgspec.json.encode(prediction), msgspec.json.encode(label)

    def _produce(self, producer: Producer, topic: str, number: int, value: bytes) -> None:
        producer.produce(topic, value=value, partition=number % self.partitions, on_delivery=self._delivered)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed[str(error)] += 1
        else:
            self.acknowledged[message.topic() or ""].append(time.monotonic())
