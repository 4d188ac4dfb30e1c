"""From an event's confirmation by the broker to the first scrape that counts it: a real daemon, a steady load.

The n-th confirmed prediction is taken as seen when ``model_predictions_total`` of all models reaches n.
"""

from __future__ import annotations

import threading
import time

import numpy as np
from live import Live, Load, running, total

RATE, SECONDS, PARTITIONS = 200, 30, 4
MODELS = ("m0", "m1")
AIM_S = 5.0
CONFIG = """
kafka: {bootstrap_servers: "$SERVERS"}
streams: {main: {predictions: [predictions], labels: [labels], time: {out_of_orderness: 1s, idle_after: 5s}}}
models:
  - {match: "m*", stream: main, task: binary, positive: "1", windows: {drift: [1h], performance: [1h]},
     references: "{model}-1.json", labels: {delay: 1m, horizon: 1h}}
state: {path: driftline.db}
http: {listen: "127.0.0.1:$PORT"}
"""


def watch(live: Live, load: Load, done: threading.Event) -> tuple[np.ndarray, float]:
    """Seconds from confirmation to scrape of every prediction, and the daemon's CPU seconds a second."""
    seen: list[float] = []
    first, start = total(live.scrape(), "process_cpu_seconds_total"), time.monotonic()
    end = start + SECONDS + 30
    while time.monotonic() < end:
        count = int(total(live.scrape(), "driftline_model_predictions_total"))
        seen += [time.monotonic()] * (count - len(seen))
        if done.is_set() and len(seen) >= len(load.acknowledged["predictions"]):
            break
        time.sleep(0.1)
    cpu = (total(live.scrape(), "process_cpu_seconds_total") - first) / (time.monotonic() - start)
    confirmed = np.array(load.acknowledged["predictions"])
    if len(seen) < len(confirmed) or load.failed:
        raise SystemExit(f"{len(seen)} of {len(confirmed)} predictions were seen; failed: {load.failed}")
    return np.maximum(np.array(seen[: len(confirmed)]) - confirmed, 0), cpu


def main() -> None:
    """One run."""
    with running(CONFIG, MODELS, PARTITIONS) as live:
        load = Load(live.servers, MODELS, RATE, PARTITIONS, label_after_s=2)
        done = threading.Event()

        def send() -> None:
            load.send(SECONDS, lambda: not live.alive())
            done.set()

        sender = threading.Thread(target=send)
        sender.start()
        waits, cpu = watch(live, load, done)
        sender.join()
    p50, p99 = np.quantile(waits, (0.5, 0.99))
    print(
        f"event to metric, {len(waits)} predictions at {RATE}/s with labels: p50 {p50:.2f} s, p99 {p99:.2f} s,"
        f" max {waits.max():.2f} s (aim {AIM_S:.0f} s at p99); the daemon used {cpu:.2f} of a core"
    )


if __name__ == "__main__":
    main()
