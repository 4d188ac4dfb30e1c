"""The shape of a rule, for editors and for the documentation; ``rules.parse`` is what reads and checks rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from driftline.config.section import Section
from driftline.config.values import Duration, LongDuration, Name
from driftline.rules.catalogue import STATISTICS

_CHANGE = {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(points?|percent|%)\s*$"}
_FOR = {"type": "string", "pattern": r"^([0-9]+(ms|s|m|h|d|w)|\s*[1-9][0-9]*\s+windows?\s*)$"}
_VERSUS = {"type": "string", "pattern": "^(reference|previous window|version .+)$"}
_NAMES = {
    "anyOf": [_NAME := {"type": ["string", "integer"]}, {"type": "array", "items": _NAME, "minItems": 1}]
}
_ONE_OF: dict[str, Any] = {
    "oneOf": [{"required": [op]} for op in ("above", "below", "outside", "drop", "rise")]
}
CONDITION_MARK = "x-condition"
"""Stands where a condition belongs: pydantic takes no reference to what it does not make."""
_CONDITION = {"$ref": "#/$defs/Condition"}

Change = Annotated[str, WithJsonSchema(_CHANGE)]
Names = Annotated[Any, WithJsonSchema(_NAMES)]
Condition = Annotated[Any, WithJsonSchema({CONDITION_MARK: True})]
Metric = Annotated[str, WithJsonSchema({"enum": list(STATISTICS)})]


class ComparisonShape(Section):
    """A statistic against a threshold: exactly one of `above`, `below`, `outside`, `drop`, `rise`."""

    model_config = ConfigDict(json_schema_extra=_ONE_OF)

    metric: Metric
    """Name of the statistic."""
    window: LongDuration = Field(default=0)
    """Length of the window; without it the model's first of that kind. A window that the model has not is added to it."""
    feature: Name = Field(default="")
    """A feature, or a glob: each match is an instance of its own."""
    segment: Annotated[dict[str, Any], Field(min_length=1, max_length=1)] = Field(default={})
    """One segment, as `{region: nsw}` or `{region: "*"}`."""
    class_: Name = Field(default="", alias="class")
    """A class, or a glob."""
    average: Literal["binary", "macro", "micro", "weighted"] = Field(default="binary")
    """Of precision, recall and F1; without it the task's own: `binary`, or `macro`."""
    output: Name = Field(default="")
    """Of `prediction_psi` and `prediction_js_distance`: `score`, `class` or `value`."""
    above: float = Field(default=0)
    """True beyond this number."""
    below: float = Field(default=0)
    """True beyond this number."""
    outside: Annotated[list[float], Field(min_length=2, max_length=2)] = Field(default=[])
    """True below the first or above the second, as `[0.4, 0.6]`."""
    drop: Change = Field(default="")
    """Worsening of a statistic where higher is better, as `5 points` or `10 percent`; needs `versus`."""
    rise: Change = Field(default="")
    """Worsening of a statistic where lower is better; needs `versus`."""
    versus: Annotated[str, WithJsonSchema(_VERSUS)] = Field(default="")
    """What a drop or rise is compared with: `reference`, `previous window` or `version X`."""
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = Field(default=0.95)
    """The whole one-sided interval must be beyond the threshold."""
    at_least: Annotated[int, Field(ge=1)] = Field(default=1)
    """True where so many features, segments or classes are beyond it: one instance a version."""
    per_feature: dict[str, float] = Field(default={})
    """Thresholds of their own for features, as `{"zip_*": 0.4}`."""


class RuleShape(Section):
    """A condition held for a duration, and what happens then."""

    name: str
    """Unique over all files."""
    uid: str = Field(default="")
    """What the rule is known by where its name may change."""
    models: Names = Field(default="*")
    """Names or globs; omitted: all."""
    versions: Names = Field(default="")
    """Names or globs; omitted: every version seen in the last `active_for`."""
    active_for: Duration = Field(default=7 * 86_400_000)
    """A version without events for so long is not judged."""
    when: Condition
    """The condition: a comparison, `{all: […]}`, `{any: […]}`, or `{no_events_for: 2h}` (wall clock)."""
    for_: Annotated[str, WithJsonSchema(_FOR)] = Field(default="0s", alias="for")
    """How long it must hold: a duration, rounded up to the slide, or `3 windows` that do not overlap."""
    severity: Literal["info", "warning", "critical"] = Field(default="warning")
    """Reaches metrics and triggers."""
    then: Literal["notify", "retrain"] = Field(default="notify")
    """`retrain` asks for a retraining."""
    unless: Condition = Field(default=None)
    """If this holds when the rule fires, no retraining is asked for in that episode; it notifies instead."""
    cooldown: Duration = Field(default=0)
    """After a request is resolved its model version makes none for so long."""
    keep_firing_for: Duration = Field(default=0)
    """It resolves only so long after the last true instant."""
    no_data: Literal["hold", "reset", "fire"] = Field(default="hold")
    """What an instant with too little data, or none, does: nothing, end the episode, or count as true."""
    max_gap: Duration = Field(default=12 * 3_600_000)
    """A longer stretch without judgement ends a pending episode."""
    retract: bool = Field(default=True)
    """`false`: a request is not taken back when later labels show that it would not have been made."""
    retract_within: Duration = Field(default=86_400_000)
    """How long after it fired a request can be taken back."""
    enabled: bool = Field(default=True)
    """`false` switches the rule off."""


class SilenceShape(Section):
    """No events for a duration of wall time."""

    no_events_for: LongDuration
    """How long; it stands alone in a rule's `when`."""


def combination_schema() -> dict[str, Any]:
    """``{all: […]}`` and ``{any: […]}``, and the three kinds of conditions together."""
    several = {"type": "array", "items": _CONDITION, "minItems": 1}
    kinds = [
        {"type": "object", "properties": {how: several}, "required": [how], "additionalProperties": False}
        for how in ("all", "any")
    ]
    named = [{"$ref": f"#/$defs/{name}"} for name in ("ComparisonShape", "SilenceShape")]
    return {"description": "A condition of a rule.", "anyOf": [*named, *kinds]}
