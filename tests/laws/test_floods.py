"""Floods in a join that holds little: bounded, and the same is dropped at the same instants in every run."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.laws.test_tight_collisions import CONFIG, MINUTE, START
from tests.oracle.engine import Run, load
from tests.oracle.logs import Record

KINDS = {"p": "predictions", "l": "labels"}
HOURS, A_MINUTE = 3, 12


def flood(predictions: int, labels: int) -> dict[str, list[Record]]:
    """So many predictions and labels a minute beside a few that belong together, each topic in order of time."""
    out: dict[str, list[Record]] = {"p": [], "l": []}
    rng = random.Random(77)
    for minute in range(HOURS * 60):
        for number in range(predictions + 2):
            said = {"prediction_id": f"p{minute}-{number}", "version": "1", "prediction": "1"}
            put(out, "p", minute, said)
        for number in range(labels):
            put(out, "l", minute, {"prediction_id": f"l{minute}-{number}", "label": "1"})
        if minute:
            about = f"p{minute - rng.randint(1, min(minute, 20))}-0"
            put(out, "l", minute, {"prediction_id": about, "label": rng.choice("01")})
    return out


def put(out: dict[str, list[Record]], topic: str, minute: int, event: dict[str, str]) -> None:
    """One more record of a topic."""
    time = START + minute * MINUTE
    value = json.dumps({**event, "model": "m", "time": time}).encode()
    out[topic].append(Record(topic, 0, len(out[topic]), time, value))


def run_of(path: Path, logs: dict[str, list[Record]], seed: int, piece: int) -> tuple[Run, int]:
    """The logs in turns of a seed, committed and restored now and then; and the most rows after a turn."""
    rng, run, most = random.Random(seed), Run(load(path), "s", KINDS), 0
    run.know([("p", 0), ("l", 0)])
    at = {"p": 0, "l": 0}
    while open_ := [t for t in logs if at[t] < len(logs[t])]:
        topic = min(open_, key=lambda t: at[t] / len(logs[t])) if rng.random() < 0.8 else rng.choice(open_)
        run.feed(logs[topic][at[topic] : at[topic] + piece])
        at[topic] += piece
        run.advance()
        most = max(most, run.engine.pipeline.join.table.live)
        if rng.random() < 0.1:
            run.commit()
            run.restart()
    run.advance(closed_at=START + 600 * MINUTE)
    return run, most


@pytest.mark.parametrize("flooded", ["predictions", "labels"])
def test_a_flood_is_bounded_and_every_run_drops_the_same(tmp_path: Path, flooded: str) -> None:
    """Faults 16 and 77: of what waits for nothing the oldest go at the windows' instants, whatever was read first."""
    path = tmp_path / "config.yaml"
    path.write_text(
        CONFIG.replace("rules:", "limits: {join_memory: 20KiB}\nrules:").replace("references:", "#")
    )
    logs = flood(A_MINUTE if flooded == "predictions" else 0, 40 if flooded == "labels" else 0)
    results = []
    for seed, piece in ((1, 40), (2, 500), (3, 10_000)):
        run, most = run_of(path, logs, seed, piece)
        results.append((+run.engine.pipeline.join.counts, sorted(set(run.lines))))
        assert 0 == run.engine.pipeline.join.table.live, "nothing waits for ever"
        if piece == 40:
            cap = run.engine.pipeline.limits.join_memory_bytes // (
                run.engine.pipeline.join.table.row_bytes + 8
            )
            a_minute = A_MINUTE + 2 if flooded == "predictions" else 42
            assert most < cap + 15 * a_minute, (
                "the cap, and what came since the last instant or was read ahead"
            )
    counts = results[0][0]
    assert counts["evicted"] > 500
    assert results[0] == results[1] == results[2]
