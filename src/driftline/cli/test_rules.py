"""``driftline test-rules``: users' unit tests of rules, run and told like any other tests."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from driftline.cli import failure_text
from driftline.cli.timeline_text import failure, key
from driftline.config.parse import load_config
from driftline.config.timelines import Test, read_timelines
from driftline.errors import ConfigError
from driftline.pipeline.margins import AS_THE_ENGINE
from driftline.rules.timeline import Happened, play


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test expected and what happened; they are the same if it passed."""

    test: Test
    happened: tuple[Happened, ...]

    @property
    def passed(self) -> bool:
        """No transition is missing, and none is too many."""
        wanted = Counter(key(e, then=e.then) for e in self.test.expected)
        given = Counter(key(h, then=_compared(self.test, h)) for h in self.happened)
        return wanted == given


def _compared(test: Test, happened: Happened) -> str | None:
    """What a firing asked for, where the test's own line about it says."""
    same = [e for e in test.expected if e == happened]
    return happened.then if any(e.then is not None for e in same) else None


@click.command("test-rules", short_help="Run unit tests of rules.")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--config", "config_path", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The configuration whose rules are tested, for files that name none.",
)  # fmt: skip
def test_rules(files: tuple[Path, ...], config_path: Path | None) -> int:
    """Play the timelines of FILES against their rules, and compare the transitions with the expected ones.

    Exit code 0: all passed; 1: some failed; 2: a file has mistakes, and nothing was run.
    """
    config = load_config(config_path, os.environ) if config_path else None
    read: list[tuple[Path, tuple[Test, ...]]] = []
    mistaken: list[ConfigError] = []
    for path in files:
        try:
            read.append((path, read_timelines(path, os.environ, config)))
        except ConfigError as error:
            mistaken.append(error)
    if mistaken:
        click.echo("\n".join(map(failure_text, mistaken)), err=True)
        return 2
    console = Console(highlight=False, soft_wrap=True)
    outcomes = [outcome for path, tests in read for outcome in _run(console, path, tests)]
    failed = sum(not outcome.passed for outcome in outcomes)
    passed = f"{len(outcomes) - failed} passed"
    console.print(f"{failed} failed, {passed}" if failed else passed, style="bold red" if failed else "green")
    return 1 if failed else 0


test_rules.__test__ = False  # type: ignore[attr-defined] # its name is a command's, not a test's


def run(test: Test) -> Outcome:
    """Play one test."""
    happened = play(test.timeline, AS_THE_ENGINE)
    return Outcome(test, tuple(h for h in happened if h.transition in test.only))


def _run(console: Console, path: Path, tests: tuple[Test, ...]) -> list[Outcome]:
    console.print(str(path), markup=False)
    outcomes = []
    for test in tests:
        outcome = run(test)
        outcomes.append(outcome)
        word, style = ("  ok    ", "green") if outcome.passed else ("  FAIL  ", "bold red")
        console.print(word, style=style, end="")
        console.print(test.name, markup=False)
        if not outcome.passed:
            console.print(failure(path, test, outcome.happened), markup=False)
    return outcomes
