"""``driftline check-config``: all mistakes at once, or what the configuration means."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from driftline.cli.loading import load_for_kafka
from driftline.config.doubts import doubts, references_of
from driftline.config.doubts.references import Found, of_rule
from driftline.config.doubts.rules import may_be_judged
from driftline.config.model import Config
from driftline.config.windows import concerned, effective_delay_ms
from driftline.rules.spec import RuleSpec, Silence
from driftline.settings import ModelSettings, Window, spoken_text


@click.command("check-config")
@click.argument("file", type=click.Path(path_type=Path))
def check_config(file: Path) -> None:
    """Check FILE as the daemon would read it (with the environment); exit 2 if there are mistakes.

    Warnings are about what is valid and surely not meant; they do not change the exit code.
    """
    config = load_for_kafka(file, os.environ)
    console = Console(highlight=False, soft_wrap=True, markup=False)
    found = references_of(config)
    for table in (_streams(config), _models(config), _rules(config, found)):
        console.print(table)
    for doubt in doubts(config, found):
        console.print(f"warning: {doubt}")
    console.print(f"{file}: no mistakes")


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _streams(config: Config) -> Table:
    table = _table("Streams", ("stream", "predictions", "labels", "features", "step", "out of order", "late"))
    for s in config.streams:
        topics = (", ".join(t) or "–" for t in (s.predictions, s.labels, s.features))
        times = (s.time.step_ms, s.time.out_of_orderness_ms, s.time.allowed_lateness_ms)
        table.add_row(s.name, *topics, *map(spoken_text, times))
    return table


def _windows(windows: Iterable[Window]) -> str:
    return ", ".join(f"{w.name} by {spoken_text(w.slide_ms)}" for w in windows) or "–"


def _models(config: Config) -> Table:
    table = _table("Models", ("match", "stream", "task", "drift (window by slide)", "performance", "labels"))
    for m in config.models:
        wait = f"after {spoken_text(m.labels.delay_ms)}" if m.labels.enabled else "none"
        table.add_row(
            m.match, m.stream, m.task, _windows(m.drift_windows), _windows(m.performance_windows), wait
        )
    return table


def _rules(config: Config, found: Mapping[str, Found]) -> Table:
    title = "Default rules (rules: [] for none)" if config.notes.default_rules else "Rules"
    table = _table(title, ("rule", "model", "for", "effective delay", "then"))
    steps = {s.name: s.time.step_ms for s in config.streams}
    for rule in config.rules:
        models = [m for m in config.models if concerned(rule, m)]
        delays = [(m.match, _delay(rule, m, steps[m.stream], found[m.match])) for m in models]
        for match, delay in delays or [("–", "never judged")]:
            table.add_row(rule.name, match, rule.for_text or "–", delay, rule.then)
    return table


def _delay(rule: RuleSpec, model: ModelSettings, step_ms: int, found: Found) -> str:
    if isinstance(rule.when, Silence):
        return "wall clock"
    delay_ms = effective_delay_ms(rule, model, step_ms)
    judged = delay_ms is not None and may_be_judged(rule.when, model, step_ms, of_rule(rule, model, found))
    return spoken_text(delay_ms or 0) if judged else "never judged"
