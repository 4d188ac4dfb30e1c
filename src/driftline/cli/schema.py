"""``driftline schema``: the JSON Schemas of what people and programs write and read."""

from __future__ import annotations

from importlib.resources import files

import click


@click.group(
    "schema", short_help="Print the JSON Schemas of configurations, events, triggers and references."
)
def schema() -> None:
    """Print a JSON Schema (2020-12), for editors and subscribers."""


@schema.command("config")
def config() -> None:
    """The configuration file. In VS Code: # yaml-language-server: $schema=config.schema.json."""
    _print("config")


@schema.command("trigger")
def trigger() -> None:
    """The data of the events on the trigger topic."""
    _print("trigger")


@schema.command("reference")
def reference() -> None:
    """The reference file."""
    _print("reference")


@schema.command("prediction")
def prediction() -> None:
    """A prediction event, as producers write it."""
    _print("prediction")


@schema.command("label")
def label() -> None:
    """A label event."""
    _print("label")


@schema.command("features")
def features() -> None:
    """A features event."""
    _print("features")


def _print(name: str) -> None:
    text = files("driftline.schemas").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    click.echo(text, nl=False)
