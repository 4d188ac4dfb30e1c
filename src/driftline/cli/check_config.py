"""``driftline check-config``: all mistakes at once, or what the configuration means."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from driftline.config.doubts import doubts
from driftline.config.model import Config
from driftline.config.parse import load_config
from driftline.config.windows import concerned, effective_delay_ms
from driftline.settings import Window, duration_text


@click.command("check-config")
@click.argument("file", type=click.Path(path_type=Path))
def check_config(file: Path) -> None:
    """Check FILE as the daemon would read it (with the environment); exit 2 if there are mistakes.

    Warnings are about what is valid and surely not meant; they do not change the exit code.
    """
    config = load_config(file, os.environ)
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for table in (_streams(config), _models(config), _rules(config)):
        console.print(table)
    for doubt in doubts(config):
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
        table.add_row(s.name, *topics, *map(duration_text, times))
    return table


def _windows(windows: Iterable[Window]) -> str:
    return ", ".join(f"{w.name} by {duration_text(w.slide_ms)}" for w in windows) or "–"


def _models(config: Config) -> Table:
    table = _table("Models", ("match", "stream", "task", "drift (window by slide)", "performance", "labels"))
    for m in config.models:
        wait = f"after {duration_text(m.labels.delay_ms)}" if m.labels.enabled else "none"
        table.add_row(
            m.match, m.stream, m.task, _windows(m.drift_windows), _windows(m.performance_windows), wait
        )
    return table


def _rules(config: Config) -> Table:
    title = "Default rules (rules: [] for none)" if config.notes.default_rules else "Rules"
    table = _table(title, ("rule", "model", "for", "effective delay", "then"))
    steps = {s.name: s.time.step_ms for s in config.streams}
    for rule in config.rules:
        for model in config.models:
            if concerned(rule, model):
                delay_ms = effective_delay_ms(rule, model, steps[model.stream])
                shown = "wall clock" if delay_ms is None else duration_text(delay_ms)
                table.add_row(rule.name, model.match, rule.for_text or "–", shown, rule.then)
    return table
