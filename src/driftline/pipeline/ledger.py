"""The rules' states as plain values and back, and as they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from driftline.metrics.view import RuleView
from driftline.pipeline import instances
from driftline.pipeline.lookup import from_rows, held_at, to_rows
from driftline.pipeline.reasons import condition_text
from driftline.pipeline.slots import Slot, departed
from driftline.records import Blob, Dimension
from driftline.rules.machine import Phase
from driftline.rules.requests import Requests
from driftline.settings import duration_text

if TYPE_CHECKING:
    from driftline.pipeline.instances import Instance
    from driftline.pipeline.judging import Judging

FORMAT = 2


def snapshot(judging: Judging, slots: list[Slot]) -> Blob:
    """All rule states."""
    asking = judging.asking
    data = {
        "slots": [[*slot.key] for slot in slots],
        "codes": [slot.code for slot in slots],
        "tags": [dict(slot.settings.tags) for slot in slots],
        "handled_ms": judging.handled_ms,
        "heard": judging.wall_clock.silences.rows(),
        "latest": to_rows(judging.latest),
        "instances": [instances.to_row(i) for i in judging.instances],
        "requests": [
            [code, r.opener, list(r.firing), list(r.waiting), r.cooldown_until_ms]
            for code, r in asking.requests.items()
        ],
        "triggers": [[*k, n, asking.trigger_last_ms.get(k)] for k, n in asking.triggers.items()],
    }  # fmt: skip
    return Blob(FORMAT, data, {})


def restore(judging: Judging, slots: list[Slot], blob: Blob) -> None:
    """Bring fresh rules to where the snapshot was taken.

    Slots are known by model and version: without a model that left the configuration, codes differ. Of one that
    left, what is open stays until it is told to be over.
    """
    if blob.format != FORMAT:
        return  # the rules begin anew, as with a new file
    data, now = blob.data, {slot.key: slot.code for slot in slots}
    judging.departed = _departed(data, now)
    now |= {slot.key: slot.code for slot in judging.departed}
    codes = {old: now[key] for old, key in _keys(data).items() if key in now}
    judging.handled_ms = data["handled_ms"]
    latest = from_rows(data["latest"])
    judging.latest.update({(codes[s], k, n): held for (s, k, n), held in latest.items() if s in codes})
    judging.wall_clock.silences.restore((codes[s], count) for s, count in data["heard"] if s in codes)
    keys = _restore_instances(judging, data["instances"], codes)
    asking = judging.asking
    for code, opener, firing, waiting, until in data["requests"]:
        if code in codes:
            asking.requests[codes[code]] = Requests(
                keys.get(opener), tuple(keys[k] for k in firing), tuple(keys[k] for k in waiting), until
            )
    for rule, model, version, severity, count, last in data["triggers"]:
        asking.triggers[rule, model, version, severity] = count
        if last is not None:
            asking.trigger_last_ms[rule, model, version, severity] = last


def _keys(data: Mapping[str, Any]) -> dict[int, tuple[str, str]]:
    """(model, version) by the code of then; once codes were places."""
    codes = data.get("codes", range(len(data["slots"])))
    return {code: (model, version) for code, (model, version) in zip(codes, data["slots"], strict=True)}


def _departed(data: Mapping[str, Any], now: Mapping[tuple[str, str], int]) -> list[Slot]:
    """Versions that are no more, and had a rule that fires or a request that is open."""
    read = [instances.from_row(row) for row in data["instances"]]
    busy = {i.slot for i in read if i.state.phase is Phase.FIRING}
    busy |= {code for code, opener, *_ in data["requests"] if opener is not None}
    keys = _keys(data)
    tags = dict(zip(keys, data.get("tags", [{}] * len(keys)), strict=True))
    gone = [code for code in keys if code in busy and keys[code] not in now]
    return [departed(-1 - n, *keys[code], tags=tags[code]) for n, code in enumerate(gone)]


def _restore_instances(judging: Judging, rows: list[dict[str, Any]], codes: dict[int, int]) -> dict[str, str]:
    """Old keys of the instances to new ones."""
    keys = {}
    for row in (r for r in rows if r["slot"] in codes):
        instance = instances.from_row(row)
        old = instance.key
        instance.slot = codes[row["slot"]]
        keys[old] = instance.key
        judging.instances.add(instance)
    return keys


def views(judging: Judging, slots: list[Slot]) -> tuple[RuleView, ...]:
    """Every instance, as it is shown."""
    of = {slot.code: slot for slot in slots}
    return tuple(_view(judging, i, of[i.slot]) for i in judging.instances)


def _view(judging: Judging, i: Instance, slot: Slot) -> RuleView:
    worst, state, rule = i.violations[0] if i.violations else None, i.state, judging.book.rule_of(slot, i)
    known = judging.book.find(slot, i.rule) is not None
    read = worst or next(iter(rule.spec.comparisons()), None)
    pending = known and state.phase is Phase.PENDING and state.active_since_ms is not None
    return RuleView(
        rule=i.name, model=slot.model.name, version=slot.version, instance=i.binding,
        severity=rule.spec.severity if known else i.episode.get("severity", ""), state=str(state.phase),
        active_since_ms=state.active_since_ms, fired_at_ms=state.fired_at_ms,
        value=worst.value if worst else None, threshold=worst.threshold if worst else None,
        insufficient=i.insufficient or _empty(judging, i, slot), last_judged_ms=state.last_judged_ms,
        then=rule.spec.then, condition=condition_text(rule) if known else i.episode.get("condition", ""),
        for_text=rule.spec.for_text,
        fires_at_ms=(state.active_since_ms or 0) + rule.effective_delay_ms if pending else None,
        metric=read.metric if read else None,
        window=duration_text(read.window_ms) if read and read.window_ms else None,
        of=_about(worst.dimension) if worst else None, low=worst.low if worst else None,
        high=worst.high if worst else None,
    )  # fmt: skip


def _about(dimension: Dimension) -> str | None:
    segment = "=".join(dimension.segment) if dimension.segment else None
    return " ".join(x for x in (dimension.feature, dimension.class_, segment, dimension.output) if x) or None


def _empty(judging: Judging, i: Instance, slot: Slot) -> bool:
    """Whether its window holds no event by now."""
    if i.finest is None or judging.handled_ms < (i.state.last_judged_ms or 0):
        return False
    kind, window = i.finest
    return held_at(slot, judging.latest, judging.handled_ms)(kind, window.length_ms) is None
