"""A replay's loop: everything is fed, then its end makes all partitions idle; what could not be used is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from driftline.cli.replay_inputs import Input
from driftline.decode.explain import Places, explain
from driftline.pipeline.engine import Fed
from driftline.pipeline.stream import StreamEngine
from driftline.records import Message
from driftline.sources.kafka_range import KafkaRange
from driftline.stamp.watermark import UNSET_MS

CHUNK = 20_000
SHOWN = 20
_FOREVER_MS = 1 << 62


@dataclass(slots=True)
class Unusable:
    """Records that could not be used, told as they come: the first by place, all by number."""

    tell: Callable[[str], None]
    places: Places = ()
    """Of a format of the user's own."""
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, fed: Fed, source: Input) -> None:
        """The rejects of one batch."""
        for reject in fed.rejects:
            self.reasons[reject.reason] += 1
            if self.reasons.total() <= SHOWN:
                batch, at = fed.batch, reject.index
                topic, partition = batch.sources[batch.source[at]]
                where = source.where(topic, partition, int(batch.offsets[at]))
                headers = batch.headers[at] if batch.headers is not None else None
                why = explain(batch.values[at], reject.reason, batch.kind, headers, self.places)
                self.tell(f"{where}: {reject.reason}{f' ({why})' if why else ''}")

    def total(self, engine: StreamEngine) -> None:
        """How many of what, and what else did not count."""
        counts = engine.pipeline.counts
        if self.reasons:
            by = ", ".join(f"{reason} {n}" for reason, n in self.reasons.most_common())
            self.tell(f"records that could not be used: {self.reasons.total()} ({by})")
        if late := counts["events_late", "dropped"]:
            self.tell(f"events that came later than allowed_lateness, and were dropped: {late}")
        if unknown := engine.pipeline.unmonitored:
            names = ", ".join(f"{model}/{version}" for (model, version), _ in unknown.most_common(5))
            self.tell(f"events of models that no entry matches: {sum(unknown.values())} ({names})")


def run(
    engine: StreamEngine, source: Input, until_ms: int | None, unusable: Unusable, *, final: bool
) -> list[Message]:
    """Feed everything; ``final``: also let what lies beyond the last watermark take effect, for final samples.

    Results do not depend on how the input was cut.
    """
    pipeline = engine.pipeline
    for status in source.partitions():
        pipeline.watermarks.setdefault((status.topic, status.partition), UNSET_MS)
    messages: list[Message] = []
    while (batches := source.poll(0, CHUNK)) or balance(engine, source):
        for batch in batches:
            unusable.add(pipeline.feed(batch), source)
        messages += engine.advance(frozenset(), 0)
        balance(engine, source)
    everything = frozenset(pipeline.watermarks)
    messages += engine.advance(everything, 0)
    if until_ms is not None:
        messages += engine.advance(everything, 0, until_ms)
    if final:
        pipeline.apply(_FOREVER_MS)
    engine.finish()
    unusable.total(engine)
    return messages


def balance(engine: StreamEngine, source: Input) -> bool:
    """Hold back what is more than ``max_skew`` ahead of the last, until it is half of that: it would only wait.

    True while some partitions have not been read to their end. Files are read by turns, and need no such care.
    """
    if not isinstance(source, KafkaRange) or not source.due:
        return False
    skew_ms = engine.pipeline.stream.time.max_skew_ms
    marks = {key: engine.pipeline.watermarks[key] for key in source.due}
    floor_ms = min(marks.values())
    source.hold_back({k for k, m in marks.items() if m - floor_ms > skew_ms // (1 + (k in source.held))})
    return True
