"""A small world on loopback: an embedded broker, the daemon, Prometheus, Alertmanager, and who is told."""

from __future__ import annotations

import csv
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml
from confluent_kafka import Producer

from tests.prometheus.programs import program

ROOT = Path(__file__).parents[2]
MINUTE = timedelta(minutes=1)
CONFIG = """
kafka: {{bootstrap_servers: "{servers}"}}
streams:
  main:
    predictions: [predictions]
    labels: [labels]
    time: {{step: 1m, out_of_orderness: 1m, max_skew: 30d, idle_after: 1s}}
models:
  - match: credit
    stream: main
    task: binary
    positive: "yes"
    windows: {{performance: [{{length: 1h, slide: 10m}}], drift: [{{length: 1h, slide: 10m}}]}}
    references: "references/{{model}}-{{version}}.json"
    labels: {{delay: 10m, min_coverage: 0.2}}
    segments: [region]
    segment_values: {{region: [north, south]}}
    gates: {{accuracy: 10, drift: 30, f1: 10, recall: 10, precision: 10, averages: 10, log_loss: 10, auc: 5}}
    tags: {{team: pricing}}
state: {{path: state/driftline.db}}
http: {{listen: "127.0.0.1:{port}"}}
rules:
  - {{name: f1-low, when: {{metric: f1, window: 1h, below: 0.8}}, for: 1h, severity: critical, then: retrain}}
  - {{name: income-moved, when: {{metric: psi, window: 1h, feature: "*", above: 1.0}}, then: notify}}
"""


def until(true: Callable[[], Any], what: str, timeout_s: float = 30) -> Any:
    """What the callable says, once it is true."""
    end = time.monotonic() + timeout_s
    while not (value := true()):
        assert time.monotonic() < end, f"{what}: not within {timeout_s} s"
        time.sleep(0.2)
    return value


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str, accept: str = "*/*") -> bytes:
    """The body of an answer, or nothing."""
    try:
        with urlopen(Request(url, headers={"Accept": accept}), timeout=5) as answer:
            return bytes(answer.read())
    except OSError:
        return b""


@dataclass
class Receiver:
    """Takes what Alertmanager posts; a path a receiver."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def serve(self) -> ThreadingHTTPServer:
        """A server on a free port, in a thread."""
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told.append((self.path.strip("/"), body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def alerts(self, receiver: str) -> list[dict[str, str]]:
        """Labels of the alerts that fired for a receiver."""
        return [
            alert["labels"]
            for path, body in list(self.told)
            for alert in body["alerts"]
            if path == receiver and alert["status"] == "firing"
        ]


class World:
    """Everything, started in order; ``close`` ends what was started, by its process id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.receiver = Receiver()
        self.stack = ExitStack()
        self.start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=12)

    def open(self) -> World:
        """Start all; Prometheus has scraped the daemon once."""
        server = self.receiver.serve()
        self.stack.callback(server.server_close)
        self.stack.callback(server.shutdown)
        self._run("broker", [sys.executable, "-m", "driftline", "broker", "--topic", "predictions:2",
                                      "--topic", "labels:2", "--topic", "driftline.triggers:1",
                                      "--topic", "driftline.dead-letters:1"])  # fmt: skip
        self.servers = until(lambda: _first_line(self.folder / "broker.out"), "the broker")
        self.address = f"http://127.0.0.1:{free_port()}"
        self._configure()
        self.daemon = self._run(
            "daemon", [sys.executable, "-m", "driftline", "run", "--config", "config.yaml"]
        )
        self.alertmanager = self._start_alertmanager(server.server_port)
        self.prometheus = self._start_prometheus()
        until(lambda: self.query('up{job="driftline"} == 1'), "the first scrape")
        return self

    def close(self) -> None:
        """The last started ends first."""
        self.stack.close()

    # -- parts ---------------------------------------------------------------------------------------

    def _run(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        out = self.stack.enter_context((self.folder / f"{name}.out").open("wb"))
        log = self.stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=log)
        self.stack.callback(end, process)
        return process

    def _configure(self) -> None:
        _reference(self.folder)
        port = self.address.rpartition(":")[2]
        (self.folder / "config.yaml").write_text(CONFIG.format(servers=self.servers, port=port))

    def _start_alertmanager(self, port: int) -> str:
        """The shipped configuration, but for its receivers' addresses and its patience."""
        text = (ROOT / "deploy/alertmanager.yaml").read_text(encoding="utf-8")
        shipped = yaml.safe_load(text.replace("http://alerts.example", f"http://127.0.0.1:{port}"))
        shipped["route"] |= {"group_wait": "0s", "group_interval": "1s"}
        (self.folder / "alertmanager.yaml").write_text(yaml.safe_dump(shipped))
        address = f"127.0.0.1:{free_port()}"
        self._run("alertmanager", [program("alertmanager"), "--config.file=alertmanager.yaml", "--storage.path=am",
                                   f"--web.listen-address={address}", "--cluster.listen-address="])  # fmt: skip
        until(lambda: fetch(f"http://{address}/-/ready"), "Alertmanager")
        return address

    def _start_prometheus(self) -> str:
        """The shipped configuration, but for addresses and intervals."""
        shipped = yaml.safe_load((ROOT / "deploy/prometheus.yaml").read_text(encoding="utf-8"))
        shipped["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        rules = yaml.safe_load((ROOT / "deploy/prometheus/driftline-alerts.yaml").read_text(encoding="utf-8"))
        for group in rules["groups"]:
            group.pop("interval", None)
        (self.folder / "driftline-alerts.yaml").write_text(yaml.safe_dump(rules, sort_keys=False))
        shipped["rule_files"] = ["driftline-alerts.yaml"]
        shipped["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [self.alertmanager]}]
        shipped["scrape_configs"][0]["static_configs"] = [{"targets": [self.address.removeprefix("http://")]}]
        (self.folder / "prometheus.yaml").write_text(yaml.safe_dump(shipped))
        address = f"127.0.0.1:{free_port()}"
        self._run("prometheus", [program("prometheus"), "--config.file=prometheus.yaml", "--storage.tsdb.path=data",
                                 f"--web.listen-address={address}"])  # fmt: skip
        until(lambda: fetch(f"http://{address}/-/ready"), "Prometheus")
        return address

    # -- what a test asks and does -------------------------------------------------------------------

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Prometheus's answer now."""
        return self._ask("query", {"query": expr})

    def query_range(self, expr: str, seconds: int = 60) -> list[dict[str, Any]]:
        """Its answer over the last while."""
        now = time.time()
        return self._ask("query_range", {"query": expr, "start": now - seconds, "end": now, "step": 1})

    def _ask(self, what: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        url = f"http://{self.prometheus}/api/v1/{what}"
        with urlopen(f"{url}?{urlencode(parameters)}", timeout=10) as answer:
            return list(json.load(answer)["data"]["result"])

    def rules(self) -> list[dict[str, Any]]:
        """The groups of rules as Prometheus has them, each evaluated."""
        address = f"http://{self.prometheus}/api/v1/rules"
        groups = lambda: json.loads(fetch(address))["data"]["groups"]  # noqa: E731
        until(lambda: all(r["health"] != "unknown" for g in groups() for r in g["rules"]), "an evaluation")
        return list(groups())

    def metrics(self, accept: str = "text/plain") -> str:
        """The daemon's own answer."""
        return fetch(f"{self.address}/metrics", accept).decode()

    def send(self, hours: range, *, bad: bool) -> None:
        """Events of some hours, two a minute; bad ones: the model guesses and its input has moved."""
        producer = Producer({"bootstrap.servers": self.servers})
        for topic, key, value in events(self.start, hours, bad):
            producer.produce(topic, value, key)
        if bad:
            for _ in range(20):
                producer.produce("predictions", b"{no event", "poison")
        assert 0 == producer.flush(20)


def end(process: subprocess.Popen[bytes]) -> None:
    """By SIGTERM, and at last by SIGKILL."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _first_line(path: Path) -> str:
    return path.read_text().partition("\n")[0]


def _reference(folder: Path) -> None:
    rng = random.Random(1)
    with (folder / "validated.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["income", "age", "color", "prediction", "score", "label"])
        for number in range(2000):
            said = "yes" if number % 2 else "no"
            score = 0.9 if number % 2 else 0.1
            writer.writerow(
                [rng.gauss(0, 1), rng.gauss(40, 9), rng.choice(("red", "blue")), said, score, said]
            )
    command = [sys.executable, "-m", "driftline", "reference", "build", "validated.csv", "--model", "credit",
               "--version", "1", "--features", "income,age,color", "--categorical", "color",
               "--prediction", "prediction", "--score", "score", "--label", "label", "--positive", "yes",
               "--output", "references/credit-1.json"]  # fmt: skip
    (folder / "references").mkdir()
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)


def events(start: datetime, hours: range, bad: bool) -> Iterable[tuple[str, str, bytes]]:
    """(topic, key, value), in order of time."""
    rng = random.Random(hours.start)
    rows = []
    for place in range(hours.start * 120, hours.stop * 120):
        at, name = start + place * MINUTE / 2, f"p{place}"
        truth = rng.choice(("yes", "no"))
        right = rng.random() < (0.5 if bad else 0.95)
        said = truth if right else "no" if truth == "yes" else "yes"
        features = {
            "income": "much" if bad and rng.random() < 0.05 else rng.gauss(3 if bad else 0, 1),
            "age": None if rng.random() < 0.1 else rng.gauss(40, 9),
            "color": "green" if bad and rng.random() < 0.2 else rng.choice(("red", "blue")),
        }
        said_it = {"prediction_id": name, "model": "credit", "version": "1", "time": at.isoformat(), "prediction": said,
                   "score": rng.uniform(0.6, 1) if said == "yes" else rng.uniform(0, 0.4), "features": features,
                   "segments": {"region": rng.choice(("north", "south"))}, "latency_ms": rng.uniform(2, 40)}  # fmt: skip
        rows.append((at, "predictions", name, said_it))
        known = {
            "prediction_id": name,
            "model": "credit",
            "label": truth,
            "time": (at + 5 * MINUTE).isoformat(),
        }
        rows.append((at + 5 * MINUTE, "labels", name, known))
    rows.sort(key=lambda row: row[0])
    return [(topic, name, json.dumps(event).encode()) for _at, topic, name, event in rows]
