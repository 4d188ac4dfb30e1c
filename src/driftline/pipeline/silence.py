"""Rules on silence: the one kind that looks at the wall clock, apart from everything in event time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from driftline.pipeline.instances import Instances
from driftline.pipeline.rulebook import Rulebook
from driftline.pipeline.slots import Slot, newest_ms
from driftline.pipeline.stepping import Stepping
from driftline.records import Message
from driftline.rules.resolve import Resolved
from driftline.rules.spec import Silence
from driftline.rules.verdict import Verdict


class Silences:
    """When each (model, version) was heard last, by the wall clock.

    Of the time in which nothing could be heard, down or without Kafka, nobody knows whether there were events: after
    it an alert neither ends nor begins before an event came, or the whole duration has passed.
    """

    def __init__(self) -> None:
        self._heard: dict[int, tuple[int, int | None]] = {}
        """slot -> (its predictions then, since when it is silent; None: since the first look to come)"""
        self._restored: set[int] = set()
        """Slots of which no event came since they can be heard."""

    def since(self, slot: Slot, wall_ms: int) -> tuple[bool, int]:
        """Whether an event came since the stream can be heard, and when the last one did, or else since when it can."""
        count, since_ms = self._heard.get(slot.code, (-1, wall_ms))
        if count != slot.predictions:
            self._heard[slot.code] = slot.predictions, wall_ms
            self._restored.discard(slot.code)
            return True, wall_ms
        since_ms = wall_ms if since_ms is None else since_ms
        self._heard[slot.code] = count, since_ms
        return slot.code not in self._restored, since_ms

    def doubt(self) -> None:
        """Nothing can be heard just now."""
        self.restore(iter(self.rows()))

    def follow(self, before: Silences, codes: Mapping[int, int]) -> None:
        """Go on from what was known; ``codes`` are the slots' codes of then and of now."""
        self._heard = {codes[c]: known for c, known in before._heard.items() if c in codes}
        self._restored = {codes[c] for c in before._restored if c in codes}

    def rows(self) -> list[tuple[int, int]]:
        """(slot, predictions), for the snapshot: the clock of a past run means nothing."""
        return [(code, count) for code, (count, _since) in self._heard.items()]

    def restore(self, rows: Iterator[tuple[int, int]]) -> None:
        """Go on after a time in which nothing was heard."""
        self._heard = {code: (count, None) for code, count in rows}
        self._restored = set(self._heard)


class WallClock:
    """Judges rules on silence."""

    def __init__(self, book: Callable[[], Rulebook], instances: Instances, stepping: Stepping) -> None:
        self._book = book
        self._instances = instances
        self._stepping = stepping
        self.silences = Silences()

    def judge(self, slots: Sequence[Slot], handled_ms: int, wall_ms: int) -> list[Message]:
        """All of them; event time has been handled up to ``handled_ms``."""
        messages: list[Message] = []
        newest = newest_ms(slots)
        for slot in slots:
            heard, since_ms = self.silences.since(slot, wall_ms)
            for resolved in (r for r in self._book().of(slot) if r.finest is None):
                messages += self._retyped(slot, resolved, handled_ms, wall_ms)
                silent = _silent(resolved, wall_ms - since_ms, newest[slot.model.name] - slot.last_ms)
                if heard or silent:
                    instance = self._instances.setdefault(resolved.spec.identity, slot.code, {})
                    messages += self._stepping.step(
                        slot, resolved, instance, Verdict(silent), wall_ms, wall_ms
                    )
        return messages

    def _retyped(self, slot: Slot, resolved: Resolved, handled_ms: int, wall_ms: int) -> list[Message]:
        """What a rule in event time left under its name ends by event time: the two clocks never meet."""
        messages = []
        for instance in self._instances.of_rule(slot.code, resolved.spec.identity):
            if instance.finest is not None:
                messages += self._stepping.remove(slot, instance, handled_ms, wall_ms)
        return messages


def _silent(resolved: Resolved, for_ms: int, outlived_ms: int) -> bool:
    """Whether a version is silent for too long, and missed.

    It is not where another version of its model has had events for ``active_for`` since: ``outlived_ms`` is
    how long.
    """
    spec = resolved.spec
    replaced = spec.versions is None and outlived_ms > spec.active_for_ms
    return isinstance(spec.when, Silence) and for_ms >= spec.when.no_events_for_ms and not replaced
