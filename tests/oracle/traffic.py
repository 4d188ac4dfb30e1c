"""Traffic for a stream, from a seed: everything that goes wrong in production, weeks of it if one likes.

Spells in which a model guesses and its input moves, events out of order and too late, copies and conflicting
copies, labels early, late, twice, wrong for hours, corrected, retracted, for nothing and never, poison and events
of the future.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any, NamedTuple

MINUTE, HOUR = 60_000, 3_600_000
START = 1_767_225_600_000
"""2026-01-01T00:00:00Z"""
POISON = (
    None,
    b"",
    b'{"prediction_id": ',
    b'{"prediction_id": "p", "model": "m", "time": NaN}',
    b"\xff\xfe",
    b"[1]",
)

STREAM = """
  {name}:
    predictions: [{name}-predictions]
    labels: [{name}-labels]
    features: [{name}-features]
    time: {{step: 1m, out_of_orderness: 2m, allowed_lateness: 10m, max_future: 30m, max_skew: {skew}, idle_after: 1h}}"""
MODEL = """
  - match: {name}
    stream: {stream}
    task: binary
    positive: "1"
    classes: ["0", "1"]
    windows:
      drift: [{{length: 1h, slide: 10m}}, {{length: 2h, slide: 20m}}]
      performance: [{{length: 1h, slide: 10m}}, {{length: 3h, slide: 30m}}]
    references: "references/{{model}}-{{version}}.json"
    labels: {{delay: 20m, horizon: 6h, orphan_wait: 8m, corrections: 1h, min_coverage: 0.4}}
    gates: {{drift: 15, accuracy: 12, precision: 5, recall: 5, f1: 5}}"""
CONFIG = """
kafka:
  bootstrap_servers: {servers}
  topics: {{triggers: {own}-triggers, dead_letters: {own}-dead, feedback: {own}-feedback}}
streams: {streams}
models: {models}
state: {{path: state/driftline.db}}
http: {{listen: "127.0.0.1:{port}"}}
rules:
  - name: accuracy-low
    when: {{metric: accuracy, window: 1h, below: 0.75}}
    for: 2h
    then: retrain
    cooldown: 5h
  - name: f1-low
    when: {{metric: f1, window: 1h, below: 0.7}}
    for: 2 windows
    then: retrain
    max_gap: 2h
  - name: accuracy-lower
    when: {{metric: accuracy, window: 3h, below: 0.65}}
    then: retrain
  - name: moved
    when: {{metric: psi_deciles, window: 1h, feature: "*", above: 1.2}}
    for: 1h
    keep_firing_for: 30m
  - name: x-missing
    models: "{own}*"
    when: {{metric: missing_ratio, window: 2h, feature: x, above: 0.3}}
  - name: unlabelled
    when: {{metric: label_coverage, window: 1h, below: 0.6}}
    no_data: reset
    severity: info
"""


def config_text(servers: str, own: str, port: int, streams: dict[str, list[str]], skew: str = "30d") -> str:
    """A configuration of streams with their models; ``own`` begins the names of the output topics."""
    models = [MODEL.format(name=m, stream=s) for s, names in streams.items() for m in names]
    return CONFIG.format(
        servers=servers, own=own, port=port, models="".join(models),
        streams="".join(STREAM.format(name=s, skew=skew) for s in streams),
    )  # fmt: skip


class Sent(NamedTuple):
    """A record to send; the list is in the order of sending."""

    topic: str
    partition: int
    timestamp: int
    value: bytes | None


@dataclass(frozen=True)
class Traffic:
    """How much, of what, and how bad."""

    seed: int
    stream: str
    models: tuple[str, ...]
    minutes: int
    every_ms: int = MINUTE
    """A prediction each so often, of each model."""
    partitions: int = 2
    spell_hours: int = 6
    """Mean length of good and bad spells."""

    def records(self) -> list[Sent]:
        """All of it, then closing events an age later in each partition, so that W passes everything."""
        rng = random.Random(f"{self.seed}/{self.stream}")
        out: list[tuple[int, int, Sent]] = []
        for model in self.models:
            self._model(rng, model, out)
        for _ in range(len(out) // 200):
            self._put(
                out, rng, rng.choice(("predictions", "labels")), rng.randrange(99), 0, rng.choice(POISON)
            )
        out.sort(key=lambda o: o[:2])
        return [sent for *_, sent in out] + self.closing()

    def closing(self) -> list[Sent]:
        """A last event in each partition."""
        at = START + self.minutes * MINUTE + 20 * HOUR
        return [
            Sent(f"{self.stream}-{kind}", p, at, json.dumps(self._closing(kind, p, at)).encode())
            for kind in ("predictions", "labels", "features")
            for p in range(self.partitions)
        ]

    def _closing(self, kind: str, partition: int, at: int) -> dict[str, Any]:
        event: dict[str, Any] = {"model": self.models[0], "time": at}
        more = {"predictions": {"prediction": "1"}, "labels": {"label": "1"}, "features": {"features": {}}}
        name = {} if kind == "features" else {"prediction_id": f"close-{kind}-{partition}"}
        return {**event, **name, "version": "1", **more[kind]}

    def _model(self, rng: random.Random, model: str, out: list[tuple[int, int, Sent]]) -> None:
        bad = ended = 0
        for number in range(self.minutes * MINUTE // self.every_ms):
            time = START + number * self.every_ms + rng.randrange(self.every_ms)
            if time >= ended:
                bad, ended = 1 - bad, time + int(rng.uniform(0.2, 2) * self.spell_hours * HOUR)
            if (time // HOUR) % 29 in (7, 8, 9) and rng.random() < 0.95:
                continue  # hours with next to no traffic: gaps, and too little data
            self._prediction(rng, model, number, time, bool(bad), out)

    def _prediction(
        self,
        rng: random.Random,
        model: str,
        number: int,
        time: int,
        bad: bool,
        out: list[tuple[int, int, Sent]],
    ) -> None:
        name = f"{model}-{number}"
        truth = rng.choice("01")
        wrong = rng.random() < (0.55 if bad else 0.05)
        said = str(1 - int(truth)) if wrong else truth
        features: dict[str, Any] = {"x": round(rng.gauss(2.5 if bad else 0.0, 1), 3), "y": rng.randrange(7)}
        if rng.random() < (0.5 if bad and time // HOUR % 3 == 0 else 0.02):
            features["x"] = rng.choice((None, "oops", 10**30))
        event = {
            "prediction_id": name, "model": model, "version": "2" if number % 5 == 0 else "1", "time": time,
            "prediction": said, "score": round(rng.random(), 3), "features": features,
        }  # fmt: skip
        sent = self._put(out, rng, "predictions", number, time, event)
        if rng.random() < 0.05:
            self._put(out, rng, "predictions", number, sent, event)
        if rng.random() < 0.02:
            self._put(out, rng, "predictions", number, sent, {**event, "prediction": truth, "score": 0.5})
        if rng.random() < 0.03:
            self._put(
                out,
                rng,
                "features",
                number,
                time,
                {k: event[k] for k in ("model", "version", "time", "features")},
            )
        if rng.random() < 0.004:
            ahead = time + rng.choice((HOUR, 87_600 * HOUR))
            self._put(out, rng, "predictions", number, time, {**event, "time": ahead, "prediction_id": "f"})
        if rng.random() < 0.01:
            self._put(out, rng, "predictions", number, time, {**event, "model": "nobody-watches"})
        self._labels(rng, {"prediction_id": name, "model": model}, number, time, truth, out)

    def _labels(
        self, rng: random.Random, base: dict[str, Any], number: int, time: int, truth: str,
        out: list[tuple[int, int, Sent]],
    ) -> None:  # fmt: skip
        if rng.random() < 0.06 or (number // 150 % 4 == 3 and rng.random() < 0.6):
            return
        if time // HOUR % 13 in (3, 4) and rng.random() < 0.9:
            self._mended(rng, base, number, time, truth, out)
            return
        delay = rng.choices((5, 30, 300, 420, -6, -12), (70, 15, 4, 2, 6, 3))[0]
        known = time + int(delay * MINUTE * rng.uniform(0.5, 1))
        self._put(out, rng, "labels", number, known, {**base, "label": truth, "time": known})
        if rng.random() < 0.1:
            self._put(out, rng, "labels", number, known, {**base, "label": truth, "time": known})
        other = rng.choice((None, "0", "1"))
        for revision in (r for r in (1, 2, 2, 3) if rng.random() < 0.06):
            later = known + rng.randrange(90) * MINUTE
            event = {**base, "label": other, "time": later, "revision": revision}
            self._put(out, rng, "labels", number, later, event)

    def _mended(
        self, rng: random.Random, base: dict[str, Any], number: int, time: int, truth: str,
        out: list[tuple[int, int, Sent]],
    ) -> None:  # fmt: skip
        """Hours whose labels are wrong at first, and told right later."""
        known, later = time + rng.randrange(10) * MINUTE, time + rng.randrange(30, 55) * MINUTE
        for at, label, revision in ((known, str(1 - int(truth)), 1), (later, truth, 4)):
            event = {**base, "label": label, "time": at, "revision": revision}
            self._put(out, rng, "labels", number, at, event)

    def _put(
        self,
        out: list[tuple[int, int, Sent]],
        rng: random.Random,
        kind: str,
        number: int,
        time: int,
        value: Any,
    ) -> int:
        """Send a bit after its time: in order, late, or too late; returns when."""
        late = rng.choices((1, 4, 11, 25), (80, 14, 4, 2))[0]
        time = time or START + rng.randrange(self.minutes) * MINUTE
        sent = time + int(rng.random() * late * MINUTE)
        raw = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
        record = Sent(f"{self.stream}-{kind}", number % self.partitions, sent, raw)
        out.append((sent, len(out), record))
        return sent
