"""One stream from W to W: every window judged once, at its instant, then the rules that read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Protocol

import numpy as np

from driftline.aggregates.panes import Panes
from driftline.aggregates.totals import Totals
from driftline.metrics.view import RuleView
from driftline.pipeline.engine import Instant, Judged, Pipeline, instant_order
from driftline.pipeline.slots import FROM_THE_START, Counted, Slot
from driftline.records import Blob, BlobKey, Evaluation, Ints, Message, TopicPartition
from driftline.rules.resolve import Resolved
from driftline.settings import WindowKind
from driftline.statistics.drift import evaluate_drift
from driftline.statistics.lines import sample_lines
from driftline.statistics.performance import evaluate_performance


def evaluate(
    slot: Slot,
    kind: WindowKind,
    length_ms: int,
    totals: Totals,
    only: frozenset[str] | None,
    counted: Counted = FROM_THE_START,
) -> list[Evaluation]:
    """All statistics of one window (or ``only`` some); what was not counted from its beginning is insufficient."""
    counts, sums = totals.counts[None, :], totals.sums[None, :]
    settings = slot.settings
    if kind is WindowKind.DRIFT:
        found = evaluate_drift(slot.drift, counts, sums, [totals.unseen], length_ms, settings.gates, only)
    else:
        found = evaluate_performance(
            slot.performance, counts, sums, settings.gates, settings.labels.min_coverage, only
        )
    if not counted.whole:
        return [replace(e, sufficient=np.zeros_like(e.sufficient)) for e in found]
    return [_without(e, counted.not_segments) for e in found] if counted.not_segments else found


def _without(evaluation: Evaluation, segments: frozenset[str]) -> Evaluation:
    """The evaluation with some segments as insufficient."""
    told = [d.segment is None or d.segment[0] not in segments for d in evaluation.dimensions]
    return replace(evaluation, sufficient=evaluation.sufficient & np.array(told, np.bool_))


@dataclass(slots=True)
class Window:
    """A judged window with its values."""

    judged: Judged
    evaluations: list[Evaluation]


@dataclass(slots=True)
class Samples:
    """Where judged windows are written as JSON lines, and whether final ones follow."""

    write: Callable[[Iterable[bytes]], None]
    final: bool = False
    from_ms: int | None = None
    """What is judged before this is not written."""
    waiting: list[tuple[Judged, list[bytes]]] = field(default_factory=list)


class Rules(Protocol):
    """What evaluates rules when windows have been judged."""

    @property
    def triggers(self) -> Counter[tuple[str, str, str, str]]:
        """Requests so far, by rule, model, version and severity."""

    @property
    def trigger_last_ms(self) -> dict[tuple[str, str, str, str], int]:
        """Instant of each rule's last request."""

    def of(self, slot: Slot) -> list[Resolved]:
        """The rules that concern a slot."""

    def needed(self, slot: Slot, kind: WindowKind, length_ms: int) -> frozenset[str]:
        """Statistics that some rule reads of a window."""

    def judged(self, slot: Slot, instant_ms: int, windows: list[Window], wall_ms: int) -> list[Message]:
        """Windows of a slot have been judged at an instant."""

    def mixed(
        self, slot: Slot, late: Callable[[Slot], list[Ints]], after_ms: int, until_ms: int
    ) -> set[Instant]:
        """Instants of rules with several windows, beside those at which the finest one holds events."""

    def keeps_ms(self, slot: Slot, kind: WindowKind, length_ms: int) -> int:
        """How much longer than for judging the panes of a window are kept."""

    def busy(self, slot: Slot) -> bool:
        """Whether a rule still has to do with a version."""

    def next_ms(self) -> int | None:
        """The next instant at which something happens without new data; None: never."""

    def quiet(self, instant_ms: int, wall_ms: int) -> list[Message]:
        """Handle such an instant."""

    def settled(self, watermark_ms: int) -> None:
        """Every instant up to W has been handled."""

    def silence(self, wall_ms: int) -> list[Message]:
        """Rules on silence."""

    def follow(self, before: Rules) -> None:
        """Know on what the rules of the configuration before knew of the wall clock."""

    def unheard(self) -> None:
        """The stream cannot be read just now: rules on silence begin to wait anew."""

    def snapshot(self) -> Blob:
        """All rule states."""

    def restore(self, blobs: dict[BlobKey, Blob]) -> None:
        """Back to where a snapshot was taken."""

    def views(self) -> tuple[RuleView, ...]:
        """Every instance, as it is shown."""


class StreamEngine:
    """advance(idle) judges what W has passed, and returns the messages to publish."""

    def __init__(
        self, pipeline: Pipeline, rules: Rules | None = None, samples: Samples | None = None
    ) -> None:
        self.pipeline = pipeline
        self.rules = rules
        self.samples = samples
        pipeline.keeps_all = samples is not None and samples.final
        if rules is not None:
            pipeline.keeps_ms = rules.keeps_ms
            pipeline.busy = rules.busy

    def advance(
        self, idle: frozenset[TopicPartition], wall_ms: int, until_ms: int | None = None
    ) -> list[Message]:
        """Move W on, and judge every instant that it passes, in order."""
        pipeline = self.pipeline
        after_ms = pipeline.watermark_ms
        watermark_ms = max(pipeline.next_watermark(idle), until_ms if until_ms is not None else after_ms)
        if watermark_ms <= after_ms:
            return []
        pipeline.pass_by(idle, watermark_ms)
        messages: list[Message] = []
        for instant_ms, group in groupby(self._instants(after_ms, watermark_ms), key=lambda i: i[0]):
            messages += self._quiet(instant_ms - 1, wall_ms)
            pipeline.apply(instant_ms)
            pipeline.evict(instant_ms)
            for _code, windows in groupby(group, key=lambda i: i[2]):
                messages += self._judge(list(windows), wall_ms)
        messages += self._quiet(watermark_ms, wall_ms)
        if self.rules is not None:
            self.rules.settled(watermark_ms)
        pipeline.settle(watermark_ms)
        return messages

    def _instants(self, after_ms: int, until_ms: int) -> list[Instant]:
        """Every window with data, and what rules with several windows look at beside them, in order."""
        pipeline = self.pipeline
        found = pipeline.instants(after_ms, until_ms)
        if self.rules is None:
            return found
        more: set[Instant] = set()
        for slot in pipeline.registry.slots:
            more |= self.rules.mixed(slot, pipeline.late_times, after_ms, until_ms)
        more -= set(found)
        return sorted((*found, *more), key=instant_order) if more else found

    def _quiet(self, until_ms: int, wall_ms: int) -> list[Message]:
        """What happens up to an instant without new data, in order: event time itself ends something."""
        messages: list[Message] = []
        rules = self.rules
        while rules is not None and (at_ms := rules.next_ms()) is not None and at_ms <= until_ms:
            self.pipeline.apply(at_ms)
            messages += rules.quiet(at_ms, wall_ms)
        return messages

    def _judge(self, instants: list[Instant], wall_ms: int) -> list[Message]:
        slot = self.pipeline.registry.slots[instants[0][2]]
        windows = []
        for instant in instants:
            only = self._needed(slot, instant[3], instant[4])
            if only is not None and not only:
                continue
            judged = self.pipeline.judge(instant)
            # It may be empty: only late events are in its panes that do not count yet, or a rule reads another
            # window too. Rules take an empty one for none, and whether they are asked changes nothing.
            length_ms = self._length_ms(slot, instant[3], instant[4])
            counted = slot.counted(self._panes(slot, judged.kind, judged.place), judged.end_ms)
            found = evaluate(slot, judged.kind, length_ms, judged.totals, only, counted)
            windows.append(Window(judged, found))
        if self.samples:
            for window in windows:
                self._sample(window)
        if self.rules is None or not windows:
            return []
        return self.rules.judged(slot, instants[0][0], windows, wall_ms)

    @staticmethod
    def _length_ms(slot: Slot, kind: WindowKind, place: int) -> int:
        return StreamEngine._panes(slot, kind, place).window.length_ms

    @staticmethod
    def _panes(slot: Slot, kind: WindowKind, place: int) -> Panes:
        return (slot.drift_panes if kind is WindowKind.DRIFT else slot.performance_panes)[place]

    def _needed(self, slot: Slot, kind: WindowKind, place: int) -> frozenset[str] | None:
        if self.samples:
            return None
        if self.rules is None:
            return frozenset()
        return self.rules.needed(slot, kind, self._length_ms(slot, kind, place))

    # -- samples -------------------------------------------------------------------------------------

    def _sample(self, window: Window) -> None:
        samples = self.samples
        assert samples is not None  # noqa: S101
        if samples.from_ms is not None and window.judged.instant_ms < samples.from_ms:
            return
        if not window.judged.totals.counts.any():
            return
        lines = self._lines(window.judged, window.evaluations, final=False)
        if samples.final:
            samples.waiting.append((window.judged, lines))
        else:
            samples.write(lines)

    def _lines(self, judged: Judged, evaluations: list[Evaluation], *, final: bool) -> list[bytes]:
        slot = judged.slot
        length_ms = self._length_ms(slot, judged.kind, judged.place)
        twice = judged.kind is WindowKind.DRIFT and any(
            p.window.length_ms == length_ms for p in slot.performance_panes
        )
        kept = [e for e in evaluations if not (twice and e.statistic == "events")]
        panes = slot.drift_panes if judged.kind is WindowKind.DRIFT else slot.performance_panes
        name = panes[judged.place].window.name
        return sample_lines(
            slot.model.name, slot.version, name, judged.end_ms, judged.instant_ms, kept, 0, state_final=final
        )

    def finish(self) -> None:
        """Write what waited for the final labels, each judged performance line followed by its final one."""
        if not self.samples:
            return
        self.pipeline.catch_up()
        for judged, lines in self.samples.waiting:
            self.samples.write(lines if judged.kind is WindowKind.DRIFT else self._with_final(judged, lines))
        self.samples.waiting = []

    def _with_final(self, judged: Judged, lines: list[bytes]) -> list[bytes]:
        slot = judged.slot
        panes = slot.performance_panes[judged.place]
        totals = panes.peek(judged.end_ms)
        length_ms = panes.window.length_ms
        counted = slot.counted(panes, judged.end_ms)
        evaluations = evaluate(slot, judged.kind, length_ms, totals, None, counted)
        now = Judged(judged.instant_ms, judged.end_ms, slot, judged.kind, judged.place, totals)
        final = {_key(line): line for line in self._lines(now, evaluations, final=True)}
        out = []
        for line in lines:
            out.append(line)
            if (second := final.pop(_key(line), None)) is not None:
                out.append(second)
        return [*out, *final.values()]


def _key(line: bytes) -> bytes:
    """What a sample is about: its line up to the window."""
    return line.split(b',"window":', 1)[0]
