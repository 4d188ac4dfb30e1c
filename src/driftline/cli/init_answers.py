"""What ``driftline init`` says of its guess, and what it asks at a terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from driftline.cli import failure_text
from driftline.cli.option_values import span_of_time, threshold
from driftline.errors import ConfigError
from driftline.onboarding.guess import Guess
from driftline.onboarding.study import Study
from driftline.onboarding.wishes import NONE, Wishes
from driftline.reference.tables import Span
from driftline.settings import Task

_ASKED = (
    ("prediction_id", "Which is the prediction's id"), ("prediction", "Which is the model's answer"),
    ("score", "Which is its score"), ("label", "Which is the truth"),
    ("label_time", "Which is the time at which the truth became known"),
)  # fmt: skip


def ask(study: Study, wishes: Wishes) -> Wishes:
    """Ask for what was not said, each question with the guess as its default, until it fits together."""
    click.echo(f"columns: {', '.join(study.columns)}", err=True)
    click.echo(f"Enter takes what stands in brackets; {NONE} means that there is none.", err=True)
    while True:
        answered = _asked_meaning(study, _asked_columns(study, _asked_time(study, wishes)))
        try:
            study.guess(answered)
        except ConfigError as error:
            click.echo(failure_text(error), err=True)
        else:
            return answered


def ask_rows(rows: int) -> Span:
    """The rows that the model was validated on, from the first one."""
    question = "The first how many rows was it validated on? Those after them become events to replay"
    last = click.prompt(question, default=rows, type=click.IntRange(1, rows), err=True)
    return 0, None if last == rows else last


def _asked_time(study: Study, wishes: Wishes) -> Wishes:
    if wishes.time is None:
        default = study.roles(wishes).time or NONE
        wishes = replace(wishes, time=click.prompt("Which column is the time", default=default, err=True))
    if wishes.time == NONE and wishes.every_ms is None:
        question = "Rows without times: one how often (up to now)"
        every_ms = click.prompt(question, default="1m", value_proc=span_of_time, err=True)
        wishes = replace(wishes, every_ms=every_ms)
    return wishes


def _asked_columns(study: Study, wishes: Wishes) -> Wishes:
    for field, question in _ASKED:
        if getattr(wishes, field) is None:
            default = getattr(study.roles(wishes), field) or NONE
            answer: dict[str, Any] = {field: click.prompt(question, default=default, err=True)}
            wishes = replace(wishes, **answer)
    return wishes


def _asked_meaning(study: Study, wishes: Wishes) -> Wishes:
    guess = _tried(study, wishes)
    if wishes.task is None:
        default = str(guess.task if guess else Task.BINARY)
        task = click.prompt(
            "Which task", default=default, err=True, type=click.Choice([t.value for t in Task])
        )
        wishes = replace(wishes, task=Task(task))
    if wishes.task is Task.BINARY and wishes.positive is None:
        default = guess.positive if guess and guess.positive else NONE
        positive = click.prompt("Which class is the positive one", default=default, err=True)
        wishes = replace(wishes, positive=None if positive == NONE else positive)
    return _asked_threshold(_tried(study, wishes), wishes)


def _asked_threshold(guess: Guess | None, wishes: Wishes) -> Wishes:
    """Only where the score alone tells the class."""
    if guess is None or guess.threshold is None or wishes.threshold is not None:
        return wishes
    question = f"From which {guess.roles.score} on is {guess.positive} meant"
    found = click.prompt(question, default=str(guess.threshold), value_proc=threshold, err=True)
    return replace(wishes, threshold=found)


def _tried(study: Study, wishes: Wishes) -> Guess | None:
    try:
        return study.guess(wishes)
    except ConfigError:
        return None


def told(guess: Guess, study: Study) -> None:
    """The guess and its reasons, on stderr."""
    produced = f", {study.production.rows} of production" if study.production is not None else ""
    table = Table(
        "what",
        "guess",
        "why",
        box=SIMPLE,
        title_justify="left",
        title=escape(f"{study.path.name}: {study.table.rows} validated rows{produced}"),
    )
    for row in guess.why:
        table.add_row(*map(escape, row))
    console = Console(stderr=True)
    if not console.is_terminal:
        console.width = 140
    console.print(table)
