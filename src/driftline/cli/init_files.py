"""The files that ``driftline init`` writes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from driftline.cli.init_options import Choices
from driftline.onboarding import spans
from driftline.onboarding import study as studies
from driftline.onboarding.assumptions import assumptions
from driftline.onboarding.events import Clock, events_of
from driftline.onboarding.guess import Guess
from driftline.onboarding.study import Study
from driftline.onboarding.texts import Setup, config_text, rules_text, stream_lines, tests_text
from driftline.onboarding.windows import choose_windows, traffic
from driftline.onboarding.writing import write_all
from driftline.reference.build import build_profile
from driftline.reference.file import dump, with_id
from driftline.reference.options import BuildOptions
from driftline.reference.profile import Profile
from driftline.settings import DAY_MS, HOUR_MS, Task, duration_text


def names_of(choices: Choices) -> list[str]:
    """The files that may be written, in the order in which they are told."""
    model = choices.model
    found = [
        "driftline.yaml",
        f"references/{model}-{choices.version or '1'}.json",
        f"rules/{model}.yaml",
        f"tests/{model}.yaml",
    ]
    if choices.production or (choices.validated_rows and choices.validated_rows[1]):
        found += ["events/predictions.jsonl", "events/labels.jsonl"]
    return [*found, "sample.jsonl"] if choices.topic else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is known before anything is written."""

    setup: Setup
    profile: Profile
    clocks: tuple[Clock, Clock]
    """Of the validated rows and of production's."""
    remarks: tuple[str, ...]
    """What was assumed, and what is strange about the times."""


def planned(choices: Choices, found: Study, guess: Guess) -> Plan:
    """Read all that the files will say."""
    clocks = _clocks(choices, found, guess)
    times = clocks[0].times(found.table, guess.roles.time)
    profile = with_id(replace(_profile(choices, found, guess), time_span_ms=spans.span_of(times)))
    remarks = [f"assumed: {s}" for s in assumptions(found, guess, choices.wishes, clocks[0].label_delay_ms)]
    strange = list(spans.doubts(times, clocks[0].now_ms))
    if found.production is not None:
        times_after = clocks[1].times(found.production, guess.roles.time)
        strange += spans.production_doubts(times_after, clocks[1].now_ms)
    remarks += [f"warning: {s}" for s in strange]
    return Plan(
        setup=_setup(choices, found, guess, clocks[0], spans.usual_length_ms(times), profile), profile=profile,
        clocks=clocks, remarks=tuple(remarks),
    )  # fmt: skip


def write(choices: Choices, found: Study, guess: Guess, plan: Plan) -> list[str]:
    """Write all; the names, the configuration's first."""
    setup = plan.setup
    names = names_of(choices)
    files: dict[str, Iterable[bytes]] = {
        names[0]: [config_text(setup).encode()], names[1]: [dump(plan.profile)], names[2]: [rules_text(setup).encode()],
        names[3]: [tests_text(setup).encode()],
    }  # fmt: skip
    if choices.topic:
        files["sample.jsonl"] = [found.path.read_bytes()]
    if found.production is not None:
        produced = studies.for_production(guess, found.production)
        predictions, labels = events_of(
            found.production, produced, plan.clocks[1], model=setup.model, version=setup.version
        )
        files["events/predictions.jsonl"] = predictions.lines
        if labels.count:
            files["events/labels.jsonl"] = labels.lines
    write_all(choices.output, files)
    return list(files)


def _clocks(choices: Choices, found: Study, guess: Guess) -> tuple[Clock, Clock]:
    """Of the validated rows and of production's; rows without times end so that all labels are known now."""
    every_ms = choices.wishes.every_ms or 0
    after = found.production.rows if found.production is not None else 0
    delay_ms = DAY_MS if choices.wishes.label_delay_ms is None else choices.wishes.label_delay_ms
    now_ms = int(time.time() * 1000)
    start_ms = (now_ms - delay_ms) // HOUR_MS * HOUR_MS - every_ms * (found.table.rows + after)
    own = {"every_ms": every_ms, "label_delay_ms": delay_ms, "now_ms": now_ms}
    first = studies.clock_of(found.table, guess, start_ms=start_ms, **own)
    if found.production is None:
        return first, first
    second_ms = start_ms + every_ms * found.table.rows
    return first, studies.clock_of(found.production, guess, start_ms=second_ms, **own)


def _profile(choices: Choices, found: Study, guess: Guess) -> Profile:
    roles = guess.roles
    options = BuildOptions(
        model=choices.model or "", version=choices.version or "1", features=guess.features, categorical=guess.categorical,
        numeric=guess.numeric, prediction=roles.prediction, score=roles.score, label=roles.label,
        positive=guess.positive, task=guess.task,
        # Without labels nothing is measured at it: it stands in the configuration alone.
        threshold=guess.threshold if roles.label is not None else None, rows=choices.validated_rows or (0, None),
    )  # fmt: skip
    return build_profile(found.path, options)


def _setup(
    choices: Choices, found: Study, guess: Guess, clock: Clock, length_ms: int, profile: Profile
) -> Setup:
    delay_ms = studies.usual_delay_ms(found.table, guess, clock)
    counted = traffic(found.table.rows, length_ms, studies.positives(found.table, guess))
    metrics = profile.performance.get("metrics", {})
    metric = "rmse" if guess.task is Task.REGRESSION else "f1"
    value = metrics.get(metric)
    source = f"topic {choices.topic}" if choices.topic else found.path.name
    labels_known = guess.roles.label is not None
    labels_topic = choices.labels_topic if choices.topic else "labels"
    return Setup(
        source=source, model=choices.model or "", version=choices.version or "1", task=guess.task,
        positive=guess.positive, threshold=guess.threshold, labels_known=labels_known,
        label_delay=duration_text(delay_ms), label_horizon=duration_text(max(30 * DAY_MS, 3 * delay_ms)),
        features=guess.features,
        windows=choose_windows(counted, guess.task, labelled=labels_known and labels_topic is not None), traffic=counted,
        validated=value if isinstance(value, float) else None,
        bootstrap_servers=choices.bootstrap_servers or "localhost:9092", properties=_absolute(choices.properties),
        predictions_topic=choices.topic or "predictions",
        labels_topic=labels_topic,
        stream=stream_lines(choices.own_format, from_record=choices.from_record),
    )  # fmt: skip


def _absolute(properties: Mapping[str, str]) -> dict[str, str]:
    """Paths of secrets as the configuration, in another folder, finds them."""
    return {k: str(Path(v).absolute()) if k.endswith("_file") else v for k, v in properties.items()}
