"""``driftline models``: models and versions seen, monitored or not."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from driftline.cli.state import seen
from driftline.config.parse import load_config
from driftline.store.sqlite import SqliteStore


@click.command("models", short_help="List the models and versions seen.")
@click.option(
    "--config", "config_path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def models(config_path: Path) -> None:
    """List the models and versions seen in the topics, monitored or not, from the state file."""
    path = Path(load_config(config_path, os.environ).state_path)
    if not path.exists():
        click.echo(f"no state yet: {path} is made by the first `driftline run`")
        return
    store = SqliteStore.peek(path)
    try:
        found = [model for _stream, model in seen(store.load())]
    finally:
        store.close()
    if not found:
        click.echo("no models seen yet")
        return
    Console().print(_table(found))


def _table(found: list[dict[str, object]]) -> Table:
    table = Table("model", "version", "monitored", "events")
    for model in sorted(found, key=lambda m: (str(m["model"]), str(m["version"]))):
        monitored = "yes" if model["monitored"] else "no"
        table.add_row(
            escape(str(model["model"])), escape(str(model["version"])), monitored, str(model["events"])
        )
    return table
