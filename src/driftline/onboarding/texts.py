"""The files that a first configuration consists of, as text with the comments that a reader needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from driftline.config.formats import FormatShape
from driftline.onboarding.windows import PER_DAY_FOR_24H, Traffic, Windows, window_yaml
from driftline.settings import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """All that the texts tell of a model."""

    source: str
    """Where the data came from, for a comment."""
    model: str
    version: str
    task: Task
    positive: str | None
    threshold: float | None
    """Score from which on the positive class is meant; None: predictions have their class."""
    labels_known: bool
    label_delay: str
    label_horizon: str
    features: tuple[str, ...]
    windows: Windows
    traffic: Traffic
    validated: float | None
    """F1 (or RMSE) of the reference."""
    bootstrap_servers: str = "localhost:9092"
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)
    predictions_topic: str = "predictions"
    labels_topic: str | None = "labels"

    stream: tuple[str, str] = ("", "")
    """Further lines of the stream, and the section of its format, where its events are not canonical or have no time."""

    def rule(self, name: str) -> str:
        """A rule's name as YAML has it. It bears the model's, since names are unique over all models of a daemon."""
        return quoted(f"{self.model}-{name}")

    @property
    def has_labels(self) -> bool:
        """Whether performance is measured."""
        return self.labels_known and self.labels_topic is not None


def quoted(text: str) -> str:
    """A text as YAML reads it back, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)


def config_text(setup: Setup) -> str:
    """``driftline.yaml``."""
    s = setup
    positive = f"  positive: {quoted(s.positive)}\n" if s.positive is not None else ""
    if s.threshold is not None:
        too = "; the reference is measured with it too" if s.labels_known else ""
        positive += (
            f"  threshold: {s.threshold}    # {quoted(s.positive or '')} is meant from this score on{too}\n"
        )
    performance = f"    performance: [{window_yaml(s.windows.performance_days)}]\n" if s.has_labels else ""
    if s.has_labels:
        topics = f"\n    labels: [{quoted(s.labels_topic or '')}]"
        labels = f"{{delay: {s.label_delay}, horizon: {s.label_horizon}}}    # performance of a window is judged so long after its end"
    else:
        topics, labels = "", "none                 # no performance without labels"
    return f"""\
# Written by driftline init from {one_line(s.source)}. Every key is explained in docs/configuration.md.
# Check it with: driftline check-config driftline.yaml
kafka:
  bootstrap_servers: {quoted(s.bootstrap_servers)}    # or DRIFTLINE_KAFKA__BOOTSTRAP_SERVERS=host:9092
{_properties(s)}streams:
  main:
    predictions: [{quoted(s.predictions_topic)}]{topics}
{s.stream[0]}{s.stream[1]}models:
- match: {quoted(s.model)}
  stream: main
  task: {s.task}
{positive}  # {s.windows.reason}.
  windows:
    drift: [{window_yaml(s.windows.drift_days)}]
{performance}  references: "references/{{model}}-{{version}}.json"
  labels: {labels}
rule_files: [rules/*.yaml]
state: {{path: var/driftline.db}}
http: {{listen: "127.0.0.1:9464"}}
"""


def stream_lines(own: tuple[str, FormatShape] | None, *, from_record: bool) -> tuple[str, str]:
    """How a stream reads its events, where that is not the default; and the format."""
    stamp = (
        "    time: {from_record: true}    # events without a time have their record's\n"
        if from_record
        else ""
    )
    if own is None:
        return stamp, ""
    name, shape = own
    fields = shape.model_dump(exclude_none=True)
    written = "".join(
        f"    {field}: {json.dumps(where, ensure_ascii=False)}\n" for field, where in fields.items()
    )
    return f"    format: {quoted(name)}\n{stamp}", f"formats:\n  {quoted(name)}:\n{written}"


def _properties(setup: Setup) -> str:
    lines = [f"    {quoted(name)}: {quoted(value)}\n" for name, value in setup.properties.items()]
    return "".join(["  properties:\n", *lines]) if lines else ""


def rules_text(setup: Setup) -> str:
    """``rules/MODEL.yaml``."""
    parts = [
        _HEAD.format(model=one_line(setup.model)),
        *(_performance_rule(setup) if setup.has_labels else []),
    ]
    names = {name.replace("-", "_"): setup.rule(name) for name in _DRIFT_RULES}
    drift = (rule for rule, of_features in _DRIFT if setup.features or not of_features)
    parts += [
        rule.format(model=quoted(setup.model), window=setup.windows.drift, many=_at_least(setup), **names)
        for rule in drift
    ]
    return "".join(parts)


_HEAD = """\
# The first rules of {model}: change them as you learn. docs/rules.md has more, each with a test.
# `then: retrain` asks for a retraining on the trigger topic, `then: notify` only tells.
rules:
"""

_DRIFT_RULES = ("features-drift", "answers-drift", "values-missing", "silence")
_DRIFT = (
    ("""\
- name: {features_drift}
  models: {model}
  when: {{metric: psi, window: {window}, feature: "*", above: 0.25{many}}}
  for: 24h
""", True),
    ("""\
- name: {answers_drift}
  models: {model}
  when: {{metric: prediction_psi, window: {window}, above: 0.25}}
  for: 24h
""", False),
    ("""\
- name: {values_missing}
  models: {model}
  when: {{metric: missing_ratio, window: {window}, feature: "*", rise: 10 points, versus: reference}}
  for: 24h
""", True),
    ("""\
- name: {silence}             # by the wall clock
  models: {model}
  when: {{no_events_for: 24h}}
""", False),
)  # fmt: skip
"""Rules, and whether they are about features, which a model may not have."""


def _at_least(setup: Setup) -> str:
    return ", at_least: 2" if len(setup.features) > 1 else ""


def _performance_rule(setup: Setup) -> list[str]:
    window, model = setup.windows.performance, quoted(setup.model)
    validated = f" Validated: {setup.validated:.3f}." if setup.validated is not None else ""
    if setup.task is Task.REGRESSION:
        return [f"""\
# The error of the reference, a fifth more.{validated}
- name: {setup.rule("rmse-rose")}
  models: {model}
  when: {{metric: rmse, window: {window}, rise: 20 percent, versus: reference}}
  for: 48h
  severity: critical
  then: retrain
  cooldown: {max(3, setup.windows.performance_days)}d
"""]  # fmt: skip
    t = setup.traffic
    return [f"""\
# With confidence 0.95 the whole interval must be beyond the threshold, so the window must hold enough: 24 h need about
# {PER_DAY_FOR_24H:,} {t.counted} a day; below that take 72 h, and with few hundred a week 7 d or more.
# Here: about {t.counted_a_day:,.0f} a day.{validated}
- name: {setup.rule("f1-fell")}
  models: {model}
  when: {{metric: f1, window: {window}, drop: 5 points, versus: reference, confidence: 0.95}}
  for: 48h
  severity: critical
  then: retrain
  cooldown: {max(3, setup.windows.performance_days)}d
"""]  # fmt: skip


def tests_text(setup: Setup) -> str:
    """``tests/MODEL.yaml``: the rules above, played."""
    tests = [_drift_test(setup)]
    if setup.has_labels:
        tests.insert(0, _performance_test(setup))
    return (
        "# What the rules are meant to do: driftline test-rules tests/*.yaml\n"
        "config: ../driftline.yaml\nevery: 1h\ntests:\n" + "".join(tests)
    )


def _performance_test(setup: Setup) -> str:
    if setup.task is Task.REGRESSION:
        rule, metric, good, bad = setup.rule("rmse-rose"), "rmse", 10.0, 14.0
        reference, size = f"{good:g}", ""
    else:
        rule, metric, good, bad = setup.rule("f1-fell"), "f1", 0.9, 0.7
        reference, size = "{value: 0.9, n: 5000}", ", n: 2000"
    return f"""\
- name: two bad days ask for a retraining
  model: {quoted(setup.model)}
  samples: [{{metric: {metric}, reference: {reference}, values: "{good:g}x3 {bad:g}x60 {good:g}x3"{size}}}]
  expect:
  - {{at: 3h, started: {rule}}}
  - {{at: 51h, fired: {rule}, then: retrain}}
  - {{at: 63h, resolved: {rule}}}
- name: one good hour starts the clock again
  model: {quoted(setup.model)}
  samples: [{{metric: {metric}, reference: {reference}, values: "{bad:g}x40 {good:g} {bad:g}x40"{size}}}]
  only: [fired]
  expect: []
"""


def _drift_test(setup: Setup) -> str:
    moved = setup.features[:2]
    values = 'values: "0.05x2 0.4x30"'
    samples = "".join(f"\n  - {{metric: psi, feature: {quoted(name)}, {values}}}" for name in moved)
    if not moved:
        samples = f"\n  - {{metric: prediction_psi, {values}}}"
    rule = setup.rule("features-drift" if moved else "answers-drift")
    instance = "" if len(moved) != 1 else f", instance: {{feature: {quoted(moved[0])}}}"
    return f"""\
- name: what moved for a day is told
  model: {quoted(setup.model)}
  samples:{samples}
  expect:
  - {{at: 2h, started: {rule}{instance}}}
  - {{at: 26h, fired: {rule}, then: notify{instance}}}
"""


def one_line(text: str) -> str:
    """A text that ends no comment."""
    return " ".join(text.split())
