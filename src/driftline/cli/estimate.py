"""``driftline estimate``: the series, memory and disk that a configuration will need, before it is started."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from driftline.config.model import Config
from driftline.config.parse import load_config
from driftline.pipeline.needs import Needs
from driftline.sizing import Line, Total, estimate_lines, estimate_total, join_bytes


@click.command(
    "estimate", short_help="Say how many series, how much memory and disk a configuration will need."
)
@click.option("--config", "path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--models", type=click.IntRange(1), help="Models of each entry with a glob [those with references]."
)
@click.option("--versions", type=click.IntRange(1), help="Versions of each model [those with references].")
@click.option(
    "--predictions-per-day", "a_day", type=click.FloatRange(0, min_open=True),
    help="Of each version [the reference's traffic, else 10000].",
)  # fmt: skip
@click.option("--partitions", type=click.IntRange(1), default=1, show_default=True, help="Of each topic.")
def estimate(
    path: Path, models: int | None, versions: int | None, a_day: float | None, partitions: int
) -> None:
    """Say how many series, how much memory and disk a configuration will need once its windows are full.

    From the layouts of the references that it names, and their traffic; labels for every prediction are
    taken for granted.
    """
    config = load_config(path, os.environ)
    lines = estimate_lines(config, models=models, versions=versions, a_day=a_day, partitions=partitions)
    total = estimate_total(lines, config.streams, partitions)
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(_table(lines, total))
    for remark in _remarks(config, lines, total):
        console.print(remark)


def _bytes_text(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} GiB"


def _table(lines: list[Line], total: Total) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in (
        "model",
        "versions",
        "features",
        "a day",
        "series",
        "memory",
        "of it ids",
        "disk",
    ):
        table.add_column(
            column,
            justify="left" if column == "model" else "right",
            overflow="fold",
            no_wrap=column != "model",
        )
    for line in lines:
        n, each = line.times, line.each
        table.add_row(
            line.match, f"{line.models} × {line.versions}", "–" if line.features is None else str(line.features),
            f"{line.a_day:,.0f}{' ?' if line.assumed else ''}", f"{n * each.series:,}",
            _bytes_text(n * _memory(each)), _bytes_text(n * each.join_rows * each.row_bytes),
            _bytes_text(n * each.disk_bytes),
        )  # fmt: skip
    table.add_row(*_rest(lines, total))
    table.title = f"{total.series:,} series, {_bytes_text(total.memory_bytes)} of memory, {_bytes_text(total.disk_bytes)} of disk"
    table.title_justify = "left"
    return table


def _rest(lines: list[Line], total: Total) -> tuple[str, ...]:
    """What is not a model's own, so that the columns add up: the daemon, and room in the tables to grow into."""
    each = [(line.times, line.each) for line in lines]
    series = total.series - sum(n * e.series for n, e in each)
    memory = total.memory_bytes - sum(n * _memory(e) for n, e in each)
    disk = total.disk_bytes - sum(n * e.disk_bytes for n, e in each)
    return "driftline itself", "", "", "", f"{series:,}", _bytes_text(memory), "", _bytes_text(disk)


def _memory(each: Needs) -> float:
    """Of one version: panes, where their data stands, and ids that wait for labels or tell copies."""
    return each.pane_bytes + each.index_bytes + each.join_rows * each.row_bytes


def _remarks(config: Config, lines: list[Line], total: Total) -> list[str]:
    found = ["Once all windows are full and every prediction has its label."]
    if any(line.assumed for line in lines):
        found.append("?: no reference tells the traffic; give --predictions-per-day.")
    if any(line.features is None for line in lines):
        found.append(
            "–: no reference was found, so features are not reckoned with; driftline reference build makes one."
        )
    if total.series > config.metrics.max_series:
        kept = f"{config.metrics.max_series:,}"
        found.append(
            f"More series than metrics.max_series, {kept}: the least drifted features will be suppressed."
        )
    for stream, size in join_bytes(lines).items():
        if size > config.limits.join_memory_bytes:
            found.append(_over(config, stream, size))
    return found


def _over(config: Config, stream: str, size: float) -> str:
    """Ids wait for their labels; those of models without labels are kept to tell copies."""
    if any(m.labels.enabled for m in config.models if m.stream == stream):
        what, remedy = "will wait for labels in", "labels.horizon, or set labels.sample"
    else:
        what, remedy = "will keep ids, to tell copies, in", "time.allowed_lateness"
    return f"Stream {stream} {what} {_bytes_text(size)}, more than limits.join_memory: raise it, or shorten {remedy}."
