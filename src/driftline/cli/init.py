"""``driftline init``: from one's own data to a configuration that works."""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from driftline.cli.gathered import argument, gathered, option
from driftline.cli.init_answers import ask, ask_rows, told
from driftline.cli.init_options import Choices, choices_of, property_of
from driftline.cli.init_topic import read_topic
from driftline.cli.option_values import columns, rows, span_of_time
from driftline.errors import ConfigError, Problem
from driftline.onboarding import study as studies
from driftline.onboarding.events import Clock, events_of
from driftline.onboarding.guess import Guess
from driftline.onboarding.study import Study
from driftline.onboarding.texts import Setup, config_text, rules_text, tests_text
from driftline.onboarding.windows import choose_windows, traffic
from driftline.onboarding.writing import occupied, write_all
from driftline.reference.build import build_profile
from driftline.reference.file import dump, with_id
from driftline.reference.options import BuildOptions
from driftline.reference.profile import Profile
from driftline.settings import DAY_MS, HOUR_MS, Task, duration_text

_NAME = re.compile(r"[^./\\*?\[\]\x00-\x1f][^/\\*?\[\]\x00-\x1f]*")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("init", short_help="Write a first configuration from your own data.")
@argument("data", type=_FILE, required=False)
@option(
    "--validated-rows",
    type=rows,
    metavar="A:B",
    help="The rows of DATA that the model was validated on; those after them are production's.",
)
@option("--production", type=_FILE, help="A file of production's rows, with the same columns.")
@option("--topic", help="Read a sample of this topic of predictions instead of DATA.")
@option("--labels-topic", help="With --topic: where the labels are.")
@option("--bootstrap-servers", metavar="B", help="Kafka's host:port.  [localhost:9092]")
@option(
    "--property",
    "properties",
    type=property_of,
    multiple=True,
    metavar="NAME=VALUE",
    help="For librdkafka, as kafka.properties: security.protocol=SASL_SSL; may be repeated.",
)
@option(
    "--count",
    type=click.IntRange(100, 1_000_000),
    default=20_000,
    show_default=True,
    help="With --topic: so many of the newest events.",
)
@option("--model", help="Its name.  [the file's]")
@option("--version", help="Its version.  [1]")
@option("--task", type=click.Choice([task.value for task in Task]))
@option("--positive", help="The positive class of a binary task.")
@option("--time", metavar="COLUMN")
@option("--every", type=span_of_time, metavar="DURATION", help="For rows without times: one so often.")
@option("--id", "prediction_id", metavar="COLUMN")
@option(
    "--prediction", metavar="COLUMN", help="The predicted class or number.  [- for none, as for all columns]"
)
@option("--score", metavar="COLUMN", help="The positive class's probability.")
@option("--label", metavar="COLUMN", help="The true class or number.")
@option("--label-time", metavar="COLUMN", help="When the label became known.")
@option(
    "--label-delay",
    type=span_of_time,
    metavar="DURATION",
    help="Without such a column: so long after the prediction.  [1d]",
)
@option(
    "--features",
    type=columns,
    metavar="A,B",
    help="ALL features.  [the other columns, but for ids, times and texts]",
)
@option(
    "--categorical", type=columns, metavar="A,B", help="Features that are categories whatever they look like."
)
@option("--numeric", type=columns, metavar="A,B", help="Features that are numbers whatever they look like.")
@option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    show_default=True,
    help="The folder to write to.",
)
@option("--yes", is_flag=True, help="Ask nothing, on a terminal too.")
def init(data: Path | None, **options: Any) -> None:
    """Read DATA (CSV, Parquet, Arrow or JSON lines, .gz too) or a topic, and write what a first run needs.

    A configuration, a reference, rules and their tests; of production's rows also canonical events, so that
    `driftline replay` works at once. What was guessed is said, with the reason. Nothing is overwritten.
    """
    choices = choices_of(data, options, gathered(click.get_current_context()))
    with tempfile.TemporaryDirectory(prefix="driftline-") as name:
        folder = Path(name)
        choices = read_topic(choices, folder) if choices.topic else choices
        _write(*_settled(choices, folder))


def _study(choices: Choices, folder: Path) -> Study:
    folder.mkdir()
    return studies.study(
        choices.data or Path(), choices.validated_rows or (0, None), choices.production, folder
    )


def _wrong_names(choices: Choices) -> list[Problem]:
    return [
        Problem(option, f'"{name}" cannot name a file; leave out / \\ * ? [ ] and a dot at the beginning')
        for option, name in (("--model", choices.model), ("--version", choices.version or "1"))
        if name is not None and not _NAME.fullmatch(name)
    ]


def _names(choices: Choices) -> list[str]:
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


def _settled(choices: Choices, folder: Path) -> tuple[Choices, Study, Guess]:
    """The guess, after what a person at a terminal had to say about it; or all that is wrong, files included."""
    found = _study(choices, folder / "first")
    problems = [*choices.wrong, *_wrong_names(choices), *occupied(choices.output, _names(choices))]
    if not problems and sys.stdin.isatty() and sys.stderr.isatty() and not choices.yes:
        choices = replace(choices, wishes=ask(found, choices.wishes))
        if not (choices.topic or choices.production or choices.validated_rows):
            choices = replace(choices, validated_rows=ask_rows(found.table.rows))
            found = _study(choices, folder / "second")
    try:
        guess = found.guess(choices.wishes)
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems], error.source) from error
    if problems:
        raise ConfigError(problems, "what was to be written")
    told(guess, found)
    return choices, found, guess


def _write(choices: Choices, found: Study, guess: Guess) -> None:
    clocks = _clocks(choices, found, guess)
    span = studies.span_ms(found.table, guess, clocks[0])
    profile = with_id(replace(_profile(choices, found, guess), time_span_ms=span))
    setup = _setup(choices, found, guess, clocks[0], span, profile)
    names = _names(choices)
    files: dict[str, Iterable[bytes]] = {
        names[0]: [config_text(setup).encode()], names[1]: [dump(profile)], names[2]: [rules_text(setup).encode()],
        names[3]: [tests_text(setup).encode()],
    }  # fmt: skip
    if choices.topic:
        files["sample.jsonl"] = [found.path.read_bytes()]
    if found.production is not None:
        produced = studies.for_production(guess, found.production)
        predictions, labels = events_of(
            found.production, produced, clocks[1], model=setup.model, version=setup.version
        )
        files["events/predictions.jsonl"] = predictions.lines
        if labels.count:
            files["events/labels.jsonl"] = labels.lines
    write_all(choices.output, files)
    _say_what_next(choices, setup, list(files))


def _clocks(choices: Choices, found: Study, guess: Guess) -> tuple[Clock, Clock]:
    """Of the validated rows and of production's; rows without times end so that all labels are known now."""
    every_ms = choices.wishes.every_ms or 0
    after = found.production.rows if found.production is not None else 0
    delay_ms = DAY_MS if choices.label_delay is None else choices.label_delay
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
        positive=guess.positive, task=guess.task, rows=choices.validated_rows or (0, None),
    )  # fmt: skip
    return build_profile(found.path, options)


def _setup(
    choices: Choices, found: Study, guess: Guess, clock: Clock, span: tuple[int, int], profile: Profile
) -> Setup:
    delay_ms = studies.usual_delay_ms(found.table, guess, clock)
    counted = traffic(found.table.rows, max(span[1] - span[0], 1), studies.positives(found.table, guess))
    metrics = profile.performance.get("metrics", {})
    metric = "rmse" if guess.task is Task.REGRESSION else "f1"
    value = metrics.get(metric)
    source = f"topic {choices.topic}" if choices.topic else found.path.name
    return Setup(
        source=source, model=choices.model or "", version=choices.version or "1", task=guess.task,
        positive=guess.positive, labels_known=guess.roles.label is not None,
        label_delay=duration_text(delay_ms), label_horizon=duration_text(max(30 * DAY_MS, 3 * delay_ms)),
        features=guess.features,
        windows=choose_windows(counted, guess.task), traffic=counted,
        validated=value if isinstance(value, float) else None,
        bootstrap_servers=choices.bootstrap_servers or "localhost:9092", properties=_absolute(choices.properties),
        predictions_topic=choices.topic or "predictions",
        labels_topic=choices.labels_topic if choices.topic else "labels",
    )  # fmt: skip


def _absolute(properties: Mapping[str, str]) -> dict[str, str]:
    """Paths of secrets as the configuration, in another folder, finds them."""
    return {k: str(Path(v).absolute()) if k.endswith("_file") else v for k, v in properties.items()}


def _say_what_next(choices: Choices, setup: Setup, files: list[str]) -> None:
    """The commands that follow, ready to be pasted."""
    folder = choices.output

    def path(name: str) -> str:
        return shlex.quote(str(folder / name))

    config = path(files[0])
    say = [f"wrote {folder / name}" for name in files]
    say += ["", setup.windows.reason, "", "next:"]
    say += [f"  driftline check-config {config}", f"  driftline test-rules {path(files[3])}"]
    if choices.topic:
        say.append(f"  driftline replay --config {config} --from-kafka --episodes -")
    elif "events/predictions.jsonl" in files:
        labels = f" --labels {path('events/labels.jsonl')}" if "events/labels.jsonl" in files else ""
        events = f"--predictions {path('events/predictions.jsonl')}{labels}"
        say.append(f"  driftline replay --config {config} {events} --episodes -")
    else:
        say.append(
            "  (with --production FILE or --validated-rows A:B, events to replay would have been written too)"
        )
    say.append(f"  driftline run --config {config}")
    click.echo("\n".join(say))
