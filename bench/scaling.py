"""Cost of an event over models and partitions, and Arrow batches against JSON: the whole path, on the broker.

Ratios to the first line of a table are the result; the seconds belong to the machine.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from whole_path import Load, reference, send, whole  # the traffic and the path are the same

from driftline.demo.processes import start_broker, stop
from driftline.gc_policy import collect_seldom
from driftline.reference.profile import Profile

EVENTS = 100_000
FEATURES = 12


def measured(load: Load, profile: Profile) -> float:
    """µs of CPU an event, the better of two."""
    broker, servers = start_broker(load.partitions)
    try:
        send(servers, load)
        return min(whole(servers, load, profile) for _ in range(2))
    finally:
        stop(broker)


def table(title: str, loads: dict[str, Load], profile: Profile) -> None:
    """One line a load, with its ratio to the first."""
    print(title)
    first = None
    for name, load in loads.items():
        cost = measured(load, profile)
        first = first or cost
        print(f"  {name:>16}: {cost:6.2f} µs/event, {cost / first:.2f} of the first")


def main() -> None:
    """Three tables."""
    collect_seldom()
    profile = reference(FEATURES)
    table("models", {f"{m} models": Load(FEATURES, EVENTS, models=m) for m in (1, 10, 100)}, profile)
    partitions = {f"{p} partitions": Load(FEATURES, EVENTS, partitions=p) for p in (16, 4, 1, 64)}
    table("partitions (a partition of the embedded broker holds 5 MiB)", {
        name: Load(FEATURES, 8_000 if load.partitions < 16 else EVENTS, partitions=load.partitions)
        for name, load in partitions.items()
    }, profile)  # fmt: skip
    print("Arrow batches of 1000 against JSON")
    for models in (1, 100):
        json = measured(Load(FEATURES, EVENTS, models=models), profile)
        arrow = measured(Load(FEATURES, EVENTS, models=models, arrow=1000), profile)
        print(
            f"  {models:>9} models: JSON {json:.2f}, Arrow {arrow:.2f} µs/event: {json / arrow:.1f} times (aim 5)"
        )


if __name__ == "__main__":
    main()
