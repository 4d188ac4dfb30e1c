"""Which rules are judged for which versions, as it is shown: from the start, so that silence can be noticed."""

from __future__ import annotations

from collections.abc import Iterable

from driftline.metrics.view import RuleInfo, RuleView
from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import Rules
from driftline.rules.resolve import Resolved
from driftline.rules.spec import Silence, comparisons

SILENCE = "no_events"


def rule_infos(rules: Rules, slots: Iterable[Slot], shown: Iterable[RuleView]) -> list[RuleInfo]:
    """A line for each rule of each version, and for those that left the configuration and are not resolved yet."""
    infos = [_info(resolved, slot) for slot in slots for resolved in rules.of(slot)]
    known = {(i.rule, i.model, i.version) for i in infos}
    return [*infos, *{_gone(v) for v in shown if (v.rule, v.model, v.version) not in known}]


def _gone(view: RuleView) -> RuleInfo:
    return RuleInfo(
        rule=view.rule, model=view.model, version=view.version, severity=view.severity, action=view.then,
        statistic=view.metric or "", window=view.window or "",
    )  # fmt: skip


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
