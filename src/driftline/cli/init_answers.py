"""What ``driftline init`` says of its guess, and what it asks at a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from driftline.cli import failure_text
from driftline.errors import ConfigError
from driftline.onboarding.facts import Column
from driftline.onboarding.guess import Guess
from driftline.onboarding.study import Study
from driftline.onboarding.wishes import NONE, Wishes
from driftline.settings import Task

_ASKED = (
    ("time", "Which column is the time"), ("prediction_id", "Which is the prediction's id"),
    ("prediction", "Which is the model's answer"), ("score", "Which is its score"), ("label", "Which is the truth"),
    ("label_time", "Which is the time at which the truth became known"),
)  # fmt: skip


def ask(columns: Mapping[str, Column], wishes: Wishes, guess: Callable[[Wishes], Guess]) -> Wishes:
    """Ask for what was not said, each question with the guess as its default, until it fits together."""
    while True:
        answered = _asked(wishes, _tried(guess, wishes), columns)
        try:
            guess(answered)
        except ConfigError as error:
            click.echo(failure_text(error), err=True)
        else:
            return answered


def _tried(guess: Callable[[Wishes], Guess], wishes: Wishes) -> Guess | None:
    try:
        return guess(wishes)
    except ConfigError as error:
        click.echo(failure_text(error), err=True)
        return None


def _asked(wishes: Wishes, guess: Guess | None, columns: Mapping[str, Column]) -> Wishes:
    click.echo(
        f"columns: {', '.join(columns)}\nEnter takes what stands in brackets; {NONE} means that there is none.",
        err=True,
    )
    answers: dict[str, str] = {}
    for field, question in _ASKED:
        if getattr(wishes, field) is None:
            guessed = (getattr(guess.roles, field) if guess else None) or NONE
            answers[field] = click.prompt(question, default=guessed, err=True)
    wishes = replace(wishes, **answers)  # type: ignore[arg-type]
    if wishes.task is None:
        task = click.prompt(
            "Which task", default=str(guess.task if guess else Task.BINARY), err=True,
            type=click.Choice([t.value for t in Task]),
        )  # fmt: skip
        wishes = replace(wishes, task=Task(task))
    if wishes.task is Task.BINARY and wishes.positive is None:
        default = guess.positive if guess else None
        wishes = replace(
            wishes, positive=click.prompt("Which class is the positive one", default=default, err=True)
        )
    return wishes


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
