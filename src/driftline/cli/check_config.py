"""``driftline check-config``: all mistakes at once, or what the configuration means."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from driftline.config.models import default_slide_ms
from driftline.config.parse import load_config
from driftline.rules.spec import comparisons
from driftline.settings import ModelSettings, Window, WindowKind, duration_text

if TYPE_CHECKING:
    from driftline.config.model import Config
    from driftline.rules.spec import Comparison, RuleSpec


@click.command("check-config")
@click.argument("file", type=click.Path(path_type=Path))
def check_config(file: Path) -> None:
    """Check FILE as the daemon would read it (with the environment); exit 2 if there are mistakes."""
    config = load_config(file, os.environ)
    console = Console(highlight=False, soft_wrap=True)
    for table in (_streams(config), _models(config), _rules(config)):
        console.print(table)
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
    table = _table("Rules", ("rule", "model", "for", "effective delay", "then"))
    steps = {s.name: s.time.step_ms for s in config.streams}
    for rule in config.rules:
        for model in config.models:
            if concerned(rule, model):
                delay_ms = effective_delay_ms(rule, model, steps[model.stream])
                shown = "wall clock" if delay_ms is None else duration_text(delay_ms)
                table.add_row(rule.name, model.match, rule.for_text or "–", shown, rule.then)
    return table


def concerned(rule: RuleSpec, model: ModelSettings) -> bool:
    """Whether a rule may be about a model of this entry (two globs: one matches the other)."""
    return any(fnmatchcase(model.match, glob) or fnmatchcase(glob, model.match) for glob in rule.models)


def effective_delay_ms(rule: RuleSpec, model: ModelSettings, step_ms: int) -> int | None:
    """Event time from the end of the first true window to the firing; None for a rule on the wall clock.

    ``for``, rounded up to the slide of the rule's finest window, and the labels' delay where it is about
    performance. N windows that do not overlap end N − 1 lengths apart.
    """
    found = [(c, w) for c in comparisons(rule.when) if (w := window_of(c, model, step_ms)) is not None]
    if not found:
        return None
    finest = min((w for _, w in found), key=lambda w: (w.slide_ms, w.length_ms))
    performance = any(c.kind is WindowKind.PERFORMANCE for c, _ in found)
    wait_ms = -(-rule.for_ms // finest.slide_ms) * finest.slide_ms
    if rule.for_windows is not None:
        wait_ms = (rule.for_windows - 1) * finest.length_ms
    return wait_ms + (model.labels.delay_ms if performance else 0)


def window_of(comparison: Comparison, model: ModelSettings, step_ms: int) -> Window | None:
    """The window that a comparison reads: the one it names, else the model's first of that kind."""
    drift = comparison.kind is WindowKind.DRIFT
    own = model.drift_windows if drift else model.performance_windows
    length_ms = comparison.window_ms
    if length_ms is None:
        return own[0] if own else None
    added = Window(length_ms, default_slide_ms(length_ms, step_ms)) if length_ms % step_ms == 0 else None
    return next((w for w in own if w.length_ms == length_ms), added)
