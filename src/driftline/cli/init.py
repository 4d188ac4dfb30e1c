"""``driftline init``: from one's own data to a configuration that works."""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from driftline.cli.gathered import argument, gathered, option
from driftline.cli.init_answers import ask, ask_rows, told
from driftline.cli.init_files import names_of, planned, write
from driftline.cli.init_options import Choices, choices_of, property_of
from driftline.cli.init_topic import read_topic
from driftline.cli.option_values import brokers, columns, features, rows, span_of_time, threshold, topic
from driftline.errors import ConfigError, Problem
from driftline.onboarding import study as studies
from driftline.onboarding.guess import Guess
from driftline.onboarding.study import Study
from driftline.onboarding.texts import Setup
from driftline.onboarding.writing import occupied
from driftline.settings import Task

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
@option("--topic", type=topic, help="Read a sample of this topic of predictions instead of DATA.")
@option("--labels-topic", type=topic, help="With --topic: where the labels are.")
@option(
    "--format",
    "own_format",
    type=_FILE,
    help="With --topic: a file with the one entry of `formats` by which its events are read, if not as driftline's.",
)
@option("--bootstrap-servers", type=brokers, metavar="B", help="Kafka's host:port.  [localhost:9092]")
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
@option(
    "--threshold",
    type=threshold,
    metavar="T",
    help="With a score and no prediction: the positive class is meant from this score on.  [0.5]",
)
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
    type=features,
    metavar="A,B",
    help="ALL features, - for none.  [the other columns, but for ids, times and texts]",
)
@option(
    "--categorical", type=columns, metavar="A,B", help="Features that are categories whatever they look like."
)
@option("--numeric", type=columns, metavar="A,B", help="Features that are numbers whatever they look like.")
@option(
    "--exclude",
    type=columns,
    metavar="A,B",
    help="Columns to leave out; globs too: 'raw_*'. What another option names is kept.",
)
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
        choices, found, guess = _settled(choices, folder)
        plan = planned(choices, found, guess)
        for remark in plan.remarks:
            click.echo(remark, err=True)
        _say_what_next(choices, plan.setup, write(choices, found, guess, plan))


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


def _settled(choices: Choices, folder: Path) -> tuple[Choices, Study, Guess]:
    """The guess, after what a person at a terminal had to say about it; or all that is wrong, files included."""
    found = _study(choices, folder / "first")
    problems = [*choices.wrong, *_wrong_names(choices), *occupied(choices.output, names_of(choices))]
    if not problems and sys.stdin.isatty() and sys.stderr.isatty() and not choices.yes:
        choices = replace(choices, wishes=ask(found, choices.wishes))
        if not (choices.topic or choices.production or choices.validated_rows):
            choices = replace(choices, validated_rows=ask_rows(found.table.rows))
            found = _study(choices, folder / "second")
    try:
        guess = found.guess(choices.wishes)
    except ConfigError as error:
        source = f"topic {choices.topic}" if choices.topic else error.source
        raise ConfigError([*problems, *error.problems], source) from error
    if problems:
        raise ConfigError(problems, "what was to be written")
    told(guess, found)
    return choices, found, guess


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
