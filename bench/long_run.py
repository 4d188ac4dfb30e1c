"""Memory, commit time and lag of a real daemon over many minutes with everything on, as a table, slopes and an SVG.

Two models, labels, drift, performance, rules with a duration that fire, latency; event time runs 60 times as fast
as the clock, so that windows, joins and panes reach their full size within minutes (panes are kept longest for what
can be taken back: 4 h and the window, 6 minutes here): what still grows then, leaks.
The second model's features move and its scores stop telling the labels after a third of the run.

    python bench/long_run.py [--minutes 30] [--rate 300] [--output docs/long-run.svg]
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from live import Live, Load, running, total

MODELS, PARTITIONS, SPEED, EVERY_S = ("m0", "m1"), 4, 60, 5.0
LINGER_MS = 250
"""The embedded broker answers a fetch with one produced batch a partition, and slower the more it holds."""
WARM = 0.4
"""Share of the run after which everything has its full size: slopes are of what follows."""
CONFIG = """
kafka: {bootstrap_servers: "$SERVERS"}
streams:
  main:
    predictions: [predictions]
    labels: [labels]
    time: {step: 1m, out_of_orderness: 2m, allowed_lateness: 10m, max_future: none, idle_after: 30s}
models:
  - {match: "m*", stream: main, task: binary, positive: "1", references: "{model}-1.json",
     windows: {drift: [30m, 1h], performance: [30m, 1h]},
     labels: {delay: 5m, horizon: 20m, orphan_wait: 10m, corrections: 10m}}
state: {path: driftline.db}
http: {listen: "127.0.0.1:$PORT"}
rules:
  - {name: drifted, models: "m*", when: {metric: psi, window: 30m, feature: "*", above: 0.25, at_least: 3},
     for: 10m, then: retrain, cooldown: 1h}
  - {name: f1-fell, models: "m*", when: {metric: f1, window: 1h, drop: 10 points, versus: reference},
     for: 20m, then: retrain, cooldown: 1h, retract_within: 4h}
"""


@dataclass(frozen=True)
class Sample:
    """What one scrape said."""

    at_s: float
    memory_mib: float
    commit_ms: float
    """Mean of the commits since the sample before."""
    lag: float
    cpu: float
    """Share of a core since the sample before."""


def watch(live: Live, going: Callable[[], bool]) -> Iterator[Sample]:
    """A sample every few seconds."""
    start = time.monotonic()
    before = (start, 0.0, 0.0, total(live.scrape(), "process_cpu_seconds_total"))
    while going() and live.alive():
        time.sleep(EVERY_S)
        s, now = live.scrape(), time.monotonic()
        commits = total(s, "driftline_commit_duration_seconds_count")
        spent = total(s, "driftline_commit_duration_seconds_sum")
        cpu = total(s, "process_cpu_seconds_total")
        yield Sample(
            now - start,
            total(s, "process_resident_memory_bytes") / 2**20,
            (spent - before[1]) / max(commits - before[2], 1) * 1000,
            total(s, "driftline_consumer_lag_messages"),
            (cpu - before[3]) / (now - before[0]),
        )
        before = (now, spent, commits, cpu)


def slope(samples: list[Sample], name: str) -> float:
    """Of a straight line through the last part, an hour (by the clock)."""
    kept = [s for s in samples if s.at_s >= WARM * samples[-1].at_s]
    at_h = np.array([s.at_s for s in kept]) / 3600
    return float(np.polyfit(at_h, np.array([getattr(s, name) for s in kept]), 1)[0])


def panel(samples: list[Sample], name: str, title: str, top: int) -> str:
    """One line chart from zero, as SVG."""
    values = [getattr(s, name) for s in samples]
    high, end = max(*values, 1e-9) * 1.1, samples[-1].at_s
    points = " ".join(
        f"{60 + 640 * s.at_s / end:.1f},{top + 130 - 110 * v / high:.1f}"
        for s, v in zip(samples, values, strict=True)
    )
    return (
        f'<text x="60" y="{top + 12}" font-weight="bold">{title}</text>'
        f'<path d="M60 {top + 20}V{top + 130}H700" fill="none" stroke="#888"/>'
        f'<text x="54" y="{top + 28}" text-anchor="end">{high:.3g}</text>'
        f'<text x="54" y="{top + 130}" text-anchor="end">0</text>'
        f'<text x="700" y="{top + 146}" text-anchor="end">{end / 60:.0f} min</text>'
        f'<polyline points="{points}" fill="none" stroke="#1565c0" stroke-width="1.5"/>'
    )


def drawn(samples: list[Sample], title: str) -> str:
    """All charts, one below the other."""
    panels = (
        ("memory_mib", "resident memory, MiB"), ("commit_ms", "mean time of a commit, ms"),
        ("lag", "records not read yet"), ("cpu", "CPU, cores"),
    )  # fmt: skip
    body = "".join(panel(samples, name, text, 50 + 165 * place) for place, (name, text) in enumerate(panels))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 720" font-family="sans-serif" font-size="11">'
        '<rect width="720" height="720" fill="#fff"/>'
        f'<text x="360" y="26" text-anchor="middle" font-size="14">{title}</text>{body}</svg>\n'
    )


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=int, default=300, help="predictions a second, each with a label")
    parser.add_argument("--output", type=Path, default=Path("docs/long-run.svg"))
    args = parser.parse_args()
    seconds = args.minutes * 60
    with running(CONFIG, MODELS, PARTITIONS) as live:
        load = Load(
            live.servers, MODELS, args.rate, PARTITIONS, label_after_s=5, speed=SPEED, linger_ms=LINGER_MS,
            shift=lambda at_s: 1.5 if at_s > seconds / 3 else 0.0,
        )  # fmt: skip
        sender = threading.Thread(target=load.send, args=(seconds, lambda: not live.alive()))
        sender.start()
        samples = []
        for sample in watch(live, sender.is_alive):
            samples.append(sample)
            print(
                f"{sample.at_s:6.0f} s  {sample.memory_mib:6.1f} MiB  commit {sample.commit_ms:6.1f} ms"
                f"  lag {sample.lag:5.0f}  cpu {sample.cpu:.2f}",
                flush=True,
            )
        sender.join()
        time.sleep(10)
        last = live.scrape()
    counted, sent = total(last, "driftline_model_predictions_total"), len(load.acknowledged["predictions"])
    triggers = total(last, "driftline_triggers_total")
    minutes = samples[-1].at_s / 60
    args.output.write_text(
        drawn(
            samples,
            f"{minutes:.0f} minutes of {2 * args.rate} events/s: {sent} predictions, {triggers:.0f} triggers",
        )
    )
    print(
        f"{counted:.0f} of {sent} confirmed predictions counted ({load.failed or 'none failed'}), {triggers:.0f} triggers;"
        f" after the first {WARM:.0%} memory grows by {slope(samples, 'memory_mib'):+.1f} MiB an hour"
        f" and a commit by {slope(samples, 'commit_ms'):+.1f} ms an hour"
    )


if __name__ == "__main__":
    main()
