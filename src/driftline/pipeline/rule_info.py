"""Which rules are judged for which versions, as it is shown: from the start, so that silence can be noticed."""

from __future__ import annotations

from collections.abc import Iterable

from driftline.metrics.view import RuleInfo
from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import Rules
from driftline.rules.resolve import Resolved
from driftline.rules.spec import Silence, comparisons

SILENCE = "no_events"


def rule_infos(rules: Rules, slots: Iterable[Slot]) -> list[RuleInfo]:
    """A line for each rule of each version."""
    return [_info(resolved, slot) for slot in slots for resolved in rules.of(slot)]


def _info(resolved: Resolved, slot: Slot) -> RuleInfo:
    spec = resolved.spec
    return RuleInfo(
        rule=spec.name, model=slot.model.name, version=slot.version, severity=spec.severity, action=spec.then,
        statistic=_statistic(resolved), window=resolved.finest.name if resolved.finest else "",
    )  # fmt: skip


def _statistic(resolved: Resolved) -> str:
    when = resolved.spec.when
    if isinstance(when, Silence):
        return SILENCE
    return "+".join(dict.fromkeys(c.metric for c in comparisons(when)))
