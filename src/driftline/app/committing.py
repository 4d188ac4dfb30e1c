"""What a commit writes of a stream: what changed of its state, where reading goes on, what the clock decided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from driftline.app.runner import Runner
from driftline.pipeline.snapshot import snapshot
from driftline.records import Blob, BlobKey, Control
from driftline.store.rows import PartitionRow


def blobs(runner: Runner) -> dict[BlobKey, Blob | None]:
    """What changed of the engine's state; it counts as written."""
    blobs = snapshot(runner.engine.pipeline)
    if runner.engine.rules is not None:
        blobs["rule_state", "rules"] = runner.engine.rules.snapshot()
    return blobs


def partitions(runner: Runner) -> list[PartitionRow]:
    """Where reading goes on in every partition, also where nothing has been read yet."""
    pipeline, ids = runner.engine.pipeline, runner.source.topic_ids()
    positions = {(s.topic, s.partition): s.position for s in runner.source.partitions() if s.position >= 0}
    positions |= pipeline.positions
    return [
        PartitionRow(runner.name, t, p, offset, pipeline.watermarks.get((t, p), 0), ids.get(t, ""))
        for (t, p), offset in positions.items()
    ]


def controls(runner: Runner, now_ms: int) -> list[tuple[str, int, str, dict[str, Any]]]:
    """What the clock decided since the last commit, no later than what depends on it."""
    noted, runner.engine.pipeline.controls = runner.engine.pipeline.controls, []
    return [(runner.name, now_ms, c.kind, _where(c)) for c in noted]


def _where(control: Control) -> dict[str, Any]:
    return {
        "topic": control.topic, "partition": control.partition, "offset": control.offset,
        "watermark_ms": control.watermark_ms,
    }  # fmt: skip


def seen(runners: Iterable[Runner]) -> list[dict[str, Any]]:
    """Models and versions that had events, monitored or not."""
    found: list[tuple[str, str, bool, int]] = []
    for pipeline in (r.engine.pipeline for r in runners):
        found += [(s.model.name, s.version, True, s.predictions) for s in pipeline.registry.slots]
        found += [(model, version, False, n) for (model, version), n in pipeline.unmonitored.items()]
    return [dict(zip(("model", "version", "monitored", "events"), row, strict=True)) for row in found]
