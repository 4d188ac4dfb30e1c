"""Rules that can never be true, are always true, or are never judged; and parts of them without effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from driftline.config.doubts.conditions import condition_doubts, never_judged
from driftline.config.doubts.names import name_doubts, versions_doubts
from driftline.config.doubts.references import Found, of_rule
from driftline.config.doubts.traffic import unfilled
from driftline.config.messages import Place, unknown
from driftline.config.model import Config
from driftline.config.windows import concerned, window_of
from driftline.rules.resolve import of_model
from driftline.rules.spec import Combination, Condition, RuleSpec, Silence, comparisons
from driftline.settings import ModelSettings, WindowKind, duration_text, spoken_text

Doubt = tuple[Place, str]


def rule_doubts(config: Config, rule: RuleSpec, found: Mapping[str, Found]) -> Iterator[Doubt]:
    """Doubts about one rule, by itself and with the models that it concerns."""
    place = config.notes.places["rule", rule.name]
    yield from _effects(rule, place)
    for comparison in rule.comparisons():
        yield from (((*place, "when"), message) for message in condition_doubts(comparison))
    models = [m for m in config.models if concerned(rule, m)]
    yield from _names(config, rule, place)
    steps = {s.name: s.time.step_ms for s in config.streams}
    mine = {m.match: of_rule(rule, m, found[m.match]) for m in models}
    nowhere = {m.match: why for m in models if (why := _never(rule, m, steps[m.stream], mine[m.match]))}
    for model in models:
        # A rule for all models is for those that have its metric: it is meant so, unless none has.
        if model.match in nowhere and (rule.models != ("*",) or len(nowhere) == len(models)):
            yield (*place, "when"), nowhere[model.match]
        for message in _unfilled(rule, model, steps[model.stream], mine[model.match]):
            yield (*place, "when"), message
        yield from _unknown(rule, model, mine[model.match], place)
        yield from _durations(rule, model, steps[model.stream], place)


def _unknown(rule: RuleSpec, model: ModelSettings, found: Found, place: Place) -> Iterator[Doubt]:
    """Names that the references do not have, of statistics that the model has."""
    judged = [c for c in rule.comparisons() if never_judged(c, model, found) is None]
    for comparison in judged:
        yield from (((*place, "when"), message) for message in name_doubts(comparison, model, found))
    metrics = [c.metric for c in judged]
    for message in versions_doubts(rule.versions or (), metrics, found):
        yield (*place, "versions"), message


def _names(config: Config, rule: RuleSpec, place: Place) -> Iterator[Doubt]:
    known = [m.match for m in config.models]
    for name in rule.models:
        if not any(fnmatchcase(match, name) or fnmatchcase(name, match) for match in known):
            yield (*place, "models"), f'no entry under models is about "{name}"; {unknown(name, known)}'


def _effects(rule: RuleSpec, place: Place) -> Iterator[Doubt]:
    retrains = rule.then == "retrain"
    if rule.cooldown_ms and not retrains:
        yield (
            (*place, "cooldown"),
            "has no effect: only requests for retraining have one; write then: retrain",
        )
    if rule.unless is not None and not retrains:
        yield (*place, "unless"), "has no effect: it keeps from retraining, and this rule only notifies"
    if rule.no_data == "fire" and retrains:
        yield (
            (*place, "no_data"),
            "asks for a retraining where there is no data to train on; write hold, or then: notify",
        )
    if isinstance(rule.when, Silence) and rule.no_data != "hold":
        yield (*place, "no_data"), "has no effect: a rule on silence is not judged on windows"


def _never(rule: RuleSpec, model: ModelSettings, step_ms: int, found: Found) -> str | None:
    """Why the rule is never judged for a model, if it is not."""
    for comparison in rule.comparisons():
        why = never_judged(comparison, model, found)
        if why is not None:
            return f"{comparison.metric} of {model.match} is never judged: {why}"
        if window_of(comparison, model, step_ms) is None:
            return _without_window(of_model(comparison, model).kind, comparison.window_ms, model, step_ms)
    return None


def may_be_judged(condition: Condition, model: ModelSettings, step_ms: int, found: Found) -> bool:
    """Whether a condition may ever have a verdict of a model; for ``any``, one of its parts."""
    if isinstance(condition, Silence):
        return True
    if isinstance(condition, Combination):
        parts = (may_be_judged(part, model, step_ms, found) for part in condition.conditions)
        return any(parts) if condition.how == "any" else all(parts)
    windowed = window_of(condition, model, step_ms) is not None
    return windowed and never_judged(condition, model, found) is None


def _unfilled(rule: RuleSpec, model: ModelSettings, step_ms: int, found: Found) -> Iterator[str]:
    for comparison in rule.comparisons():
        window = window_of(comparison, model, step_ms)
        if window is not None and never_judged(comparison, model, found) is None:
            message = unfilled(model, found, comparison, window)
            if message is not None:
                yield message


def _without_window(kind: WindowKind, length_ms: int | None, model: ModelSettings, step_ms: int) -> str:
    if length_ms is None:
        return f"{model.match} has no {kind} window, so the rule is never judged; name one: window: 24h"
    near = max(1, round(length_ms / step_ms)) * step_ms
    return (
        f"a window of {duration_text(length_ms)} is no multiple of the step of {model.match}, "
        f"{duration_text(step_ms)}, so the rule is never judged; write {duration_text(near)}"
    )


def _durations(rule: RuleSpec, model: ModelSettings, step_ms: int, place: Place) -> Iterator[Doubt]:
    windows = [w for c in comparisons(rule.when) if (w := window_of(c, model, step_ms)) is not None]
    if not windows:
        return
    slide = min(w.slide_ms for w in windows)
    longest = max(windows, key=lambda w: w.length_ms)
    if rule.for_ms % slide:
        rounded = -(-rule.for_ms // slide) * slide
        yield (
            (*place, "for"),
            (
                f"{duration_text(rule.for_ms)} is no multiple of the slide of {model.match}, {duration_text(slide)}: "
                f"it fires after {spoken_text(rounded)}"
            ),
        )
    if 0 < rule.keep_firing_for_ms < slide:
        yield (
            (*place, "keep_firing_for"),
            (
                f"{duration_text(rule.keep_firing_for_ms)} is less than the slide of {model.match}, "
                f"{duration_text(slide)}: it has no effect"
            ),
        )
    if rule.then == "retrain" and 0 < rule.cooldown_ms < longest.length_ms:
        yield (
            (*place, "cooldown"),
            (
                f"{duration_text(rule.cooldown_ms)} is shorter than the window, {longest.name}: the next request is judged "
                f"on the same data; write {longest.name} or more"
            ),
        )
